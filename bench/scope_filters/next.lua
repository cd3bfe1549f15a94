-- Runs only where no route was known when the request came. If it was loaded since, leave;
-- else there is no such scope: try "*.<parent>" after a host, and "*" after that.
function envoy_on_request(handle)
  if handle:virtualHost():metadata():get("known") then
    return
  end
  local headers = handle:headers()
  local listener, host = headers:get("x-sealos-scope"):match("^([^|]*)|(.*)$")
  local parent = host:match("^[^*.][^.]*%.(.+)$")
  headers:replace("x-sealos-scope", listener .. "|" .. (parent and "*." .. parent or "*"))
  handle:clearRouteCache()
end
