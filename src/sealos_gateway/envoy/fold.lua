-- Runs only where no route is known yet: a host in other letter case is the same host. `allowed` is put in front:
-- Envoy itself refuses other upgrade types only where it knows the route when the request comes. What is no host at all
-- (two Host headers, `user@host`) must not match a wildcard.
function envoy_on_request(handle)
  local headers = handle:headers()
  local upgrade = headers:get("upgrade")
  if upgrade and not allowed[upgrade:lower()] then
    handle:respond({[":status"] = "403"}, "")
    return
  end
  local key = headers:get("x-sealos-scope")
  local host = key:match("|(.*)$")
  if host:find("[^%w%._-]") and not host:match("^%[[%x:%.]+%]$") then
    handle:respond({[":status"] = "400"}, "")
    return
  end
  local folded = key:lower()
  if folded ~= key then
    headers:replace("x-sealos-scope", folded)
    handle:clearRouteCache()
  end
end
