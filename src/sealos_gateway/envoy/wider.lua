-- As next.lua, where a wildcard may stand for several labels: one step from a name to the wildcard above it, or from a
-- wildcard to the next wider one; from the last one to any host.
function envoy_on_request(handle)
  if handle:virtualHost():metadata():get("known") then
    return
  end
  local headers = handle:headers()
  local gateway, host = headers:get("x-sealos-scope"):match("^([^|]*)|(.*)$")
  local parent = host:gsub("^%*%.", ""):match("^[^*.][^.]*%.(.+)$")
  headers:replace("x-sealos-scope", gateway .. "|" .. (parent and "*." .. parent or "*"))
  handle:clearRouteCache()
end
