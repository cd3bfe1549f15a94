-- The last step where a wildcard may stand for several labels: any host.
function envoy_on_request(handle)
  if handle:virtualHost():metadata():get("known") then
    return
  end
  local headers = handle:headers()
  headers:replace("x-sealos-scope", headers:get("x-sealos-scope"):match("^([^|]*)|") .. "|*")
  handle:clearRouteCache()
end
