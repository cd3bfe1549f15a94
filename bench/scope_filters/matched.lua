-- Candidate B, for the measurement only: the matcher has found the wildcard, this writes its key.
function envoy_on_request(handle)
  local headers = handle:headers()
  local listener = headers:get("x-sealos-scope"):match("^[^|]*")
  headers:replace("x-sealos-scope", listener .. "|*.a.com")
  handle:clearRouteCache()
end
