-- For redirects of hosts that stand for several: Envoy takes the Host header for the target, with the port in it.
function envoy_on_request(handle)
  if refused(handle) then
    return
  end
  local note = handle:streamInfo():dynamicMetadata():get("sealos.scope")
  if note and note["name"] then
    handle:headers():replace(":authority", note["name"])
  end
end
