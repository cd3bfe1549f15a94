-- Runs only where no route was known when the request came. If it was loaded since, leave;
-- otherwise there is no such scope: after a host try "*.<parent>", after that "*" (any host).
function envoy_on_request(handle)
  if handle:virtualHost():metadata():get("known") then
    return
  end
  local headers = handle:headers()
  local gateway, host = headers:get("x-sealos-scope"):match("^([^|]*)|(.*)$")
  local parent = host:match("^[^*.][^.]*%.(.+)$")
  headers:replace("x-sealos-scope", gateway .. "|" .. (parent and "*." .. parent or "*"))
  handle:clearRouteCache()
end
