-- Runs only where no route is known yet: a host in other letter case is the same host.
function envoy_on_request(handle)
  local headers = handle:headers()
  local key = headers:get("x-sealos-scope")
  local folded = key:lower()
  if folded ~= key then
    headers:replace("x-sealos-scope", folded)
    handle:clearRouteCache()
  end
end
