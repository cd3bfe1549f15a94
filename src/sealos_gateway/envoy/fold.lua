-- Runs only where no route is known yet: a host in other letter case, or with the dot of the root at its end, is the same
-- host. `allowed` is put in front: Envoy itself refuses other upgrade types only where it knows the route when the request
-- comes. What is no host at all (two Host headers, `user@host`, a port that is no number) must not match a wildcard.
-- A port stays out of the key: an address of IPv6 has colons, and then only any host can be meant.
function envoy_on_request(handle)
  local headers = handle:headers()
  local upgrade = headers:get("upgrade")
  if upgrade and not allowed[upgrade:lower()] then
    handle:respond({[":status"] = "403"}, "")
    return
  end
  local key = headers:get("x-sealos-scope")
  local gateway, host = key:match("^([^|]*)|(.*)$")
  local name = host:match("^([%w%._-]*):?%d*$") or host:match("^(%[[%x:%.]+%]):?%d*$")
  if not name then
    handle:respond({[":status"] = "400"}, "")
    return
  end
  name = name:lower():gsub("%.$", "")
  handle:streamInfo():dynamicMetadata():set("sealos.scope", "name", name)
  local folded = gateway .. "|" .. name
  if folded ~= key then
    headers:replace("x-sealos-scope", folded)
    handle:clearRouteCache()
  end
end
