-- Changes where a backend's answer leads to: Location, Refresh, Set-Cookie. `locations`, `domains` and `paths` (lists of
-- pairs) are put in front. As nginx does: the first pair that fits is the one.
local function by_prefix(text, pairs_)
  for _, pair in ipairs(pairs_) do
    if text:sub(1, #pair[1]) == pair[1] then
      return pair[2] .. text:sub(#pair[1] + 1)
    end
  end
  return text
end

local function by_domain(text)
  local dot, rest = text:match("^(%.?)(.*)$")
  for _, pair in ipairs(domains) do
    if rest:lower() == pair[1]:lower() then
      return dot .. pair[2]
    end
  end
  return text
end

local function attribute(part)
  local head, name, value = part:match("^(([^=%s]+)%s*=%s*)(.*)$")
  if head and name:lower() == "domain" then
    return head .. by_domain(value)
  elseif head and name:lower() == "path" then
    return head .. by_prefix(value, paths)
  end
  return part
end

-- RFC 6265, 4.1.1: the first part is the cookie itself, attributes follow and have any letter case. Where nothing is
-- changed the text stays as it is, else the parts are joined as nginx joins them.
local function cookie(text)
  local parts, changed = {}, false
  for part in text:gmatch("[^;]+") do
    local old = part:match("^%s*(.-)%s*$")
    local new = #parts == 0 and old or attribute(old)
    changed = changed or new ~= old
    parts[#parts + 1] = new
  end
  return changed and table.concat(parts, "; ") or text
end

local function location(headers)
  local old = headers:get("location")
  if old then
    headers:replace("location", by_prefix(old, locations))
  end
  local refresh = headers:get("refresh")
  local start = refresh and select(2, refresh:lower():find("url=", 1, true))
  if start then
    headers:replace("refresh", refresh:sub(1, start) .. by_prefix(refresh:sub(start + 1), locations))
  end
end

function envoy_on_response(handle)
  local headers = handle:headers()
  if #locations > 0 then
    location(headers)
  end
  local count = headers:getNumValues("set-cookie")
  if count == 0 or #domains + #paths == 0 then
    return
  end
  local found = {}
  for index = 0, count - 1 do
    found[#found + 1] = cookie(headers:getAtIndex("set-cookie", index))
  end
  headers:remove("set-cookie")
  for _, text in ipairs(found) do
    headers:add("set-cookie", text)
  end
end
