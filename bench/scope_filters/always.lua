-- Candidate A, for the measurement only: fold the key of every request and look its parent up among the wildcards.
local wildcards = { ["*.a.com"] = true }

function envoy_on_request(handle)
  local headers = handle:headers()
  local key = headers:get("x-sealos-scope")
  local folded = key:lower()
  local listener, parent = folded:match("^([^|]*)|[^.]*%.(.+)$")
  if parent and wildcards["*." .. parent] then
    folded = listener .. "|*." .. parent
  end
  if folded ~= key then
    headers:replace("x-sealos-scope", folded)
    handle:clearRouteCache()
  end
end
