-- Replaces a response by what the backend for error pages says. `statuses`, `cluster` and `sent` are put in front.
-- What the client asked for is remembered on the way in: the path may be rewritten later.
function envoy_on_request(handle)
  local headers = handle:headers()
  handle:streamInfo():dynamicMetadata():set("sealos.error_pages", "asked", {
    uri = headers:get("x-envoy-original-path") or headers:get(":path") or "/",
    accept = headers:get("accept") or "",
    id = headers:get("x-request-id") or "",
  })
end

function envoy_on_response(handle)
  local status = handle:headers():get(":status")
  if not statuses[status] then
    return
  end
  local asked = (handle:streamInfo():dynamicMetadata():get("sealos.error_pages") or {})["asked"] or {}
  local request = {
    [":method"] = "GET", [":path"] = "/", [":authority"] = "error-pages",
    ["x-code"] = status, ["x-format"] = asked.accept, ["x-original-uri"] = asked.uri, ["x-request-id"] = asked.id,
  }
  for name, value in pairs(sent) do
    request[name] = value
  end
  handle:body(true) -- hold the old page: it would pass by while the call is under way
  local ok, headers, body = pcall(function() return handle:httpCall(cluster, request, nil, 5000) end)
  if not ok or not headers or not headers[":status"] then
    return
  end
  local response = handle:headers()
  handle:body(true):setBytes(body or "")
  response:replace(":status", headers[":status"])
  response:replace("content-type", headers["content-type"] or "text/html")
  response:replace("content-length", tostring(#(body or "")))
  response:remove("content-encoding")
  response:remove("etag")
  response:remove("last-modified")
end
