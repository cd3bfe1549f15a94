-- Answers 400 where the Host header is no host with or without a port: `a.com:80,b.com` is what Envoy makes of two Host
-- headers, `a.com:80@b.com` is b.com to whoever builds a URL of it, and a backend would read it as it stands. In front of the
-- first program of each chain, and no program of its own: each has a virtual machine per thread and connection manager.
local function refused(handle)
  local host = handle:headers():get(":authority")
  if not (host:match("^[%w%._-]*:?%d*$") or host:match("^%[[%x:%.]+%]:?%d*$")) then
    handle:respond({[":status"] = "400"}, "")
    return true
  end
  return false
end
