-- Takes Max-Age from the cookie of the session: its end stands in the value, which the gateway looks at, and the browser
-- keeps it for as long as it runs. The name of the cookie (`cookie`) is put in front.
function envoy_on_response(handle)
  local headers = handle:headers()
  local found, changed = {}, false
  for index = 0, headers:getNumValues("set-cookie") - 1 do
    local old = headers:getAtIndex("set-cookie", index)
    local new = old
    if old:sub(1, #cookie + 1) == cookie .. "=" then
      new = old:gsub(";%s*[Mm][Aa][Xx]%-[Aa][Gg][Ee]=[^;]*", "")
    end
    changed = changed or new ~= old
    found[#found + 1] = new
  end
  if not changed then
    return
  end
  headers:remove("set-cookie")
  for _, text in ipairs(found) do
    headers:add("set-cookie", text)
  end
end
