-- Requests in progress for each client of an object (nginx' limit_conn). Nothing tells Lua that a request has ended when
-- its client went away, but then its handle is garbage: so the handles are counted, in tables that do not keep them
-- alive, and before anybody is turned away the garbage is collected. That makes the count exact for one worker.
local PAUSES, SPARE = 4, 1024
local live, clients, sweep_at, next_collection = {}, 0, SPARE, 0

local function client_of(handle)
  local text = handle:streamInfo():downstreamRemoteAddress()
  local six = text:match("^%[(.*)%]:%d+$")
  if not six then
    return text:match("^(.*):%d+$") or text
  end
  -- Whoever has one IPv6 address has all of its /64: the first four groups, if they are written out.
  local a, b, c, d = six:match("^(%x+):(%x+):(%x+):(%x+):")
  return a and a .. ":" .. b .. ":" .. c .. ":" .. d or six
end

-- For a fifth of the time at most: whoever is at his limit must not buy a collection with each of his requests. What it
-- costs is counted in processor time, or a worker that had to wait for its turn would not collect for long.
local function collect(handle)
  local now = tonumber(handle:timestampString(EnvoyTimestampResolution.MICROSECOND))
  if now >= next_collection then
    local began = os.clock()
    collectgarbage()
    collectgarbage()  -- what had a finalizer goes in the second round
    local cost = (os.clock() - began) * 1e6
    next_collection = now + (1 + PAUSES) * cost
  end
end

local function number(set)
  local found = 0
  for _ in pairs(set) do
    found = found + 1
  end
  return found
end

local function sweep(handle)
  collect(handle)
  clients = 0
  for key, entry in pairs(live) do
    if next(entry.set) == nil then
      live[key] = nil
    else
      clients = clients + 1
    end
  end
  sweep_at = 2 * clients + SPARE
end

local function is_over(handle, metadata)
  local limit = metadata:get("connections")
  if not limit then
    return nil
  end
  local notes = handle:streamInfo():dynamicMetadata():get("envoy.filters.http.rbac")
  if notes and notes["connections_shadow_engine_result"] == "allowed" then
    return nil
  end
  local key = limit.zone .. "\0" .. client_of(handle)
  local entry = live[key]
  if not entry then
    if clients >= sweep_at then
      sweep(handle)
    end
    entry = {set = setmetatable({}, {__mode = "k"}), most = 0}
    live[key], clients = entry, clients + 1
  end
  if entry.most >= limit.most then
    collect(handle)
    entry.most = number(entry.set)
    if entry.most >= limit.most then
      return limit.status
    end
  end
  entry.set[handle], entry.most = true, entry.most + 1
  return nil
end

function envoy_on_request(handle)
  if refused(handle) then
    return
  end
  local fine, status = pcall(is_over, handle, handle:metadata())
  if not fine then
    handle:logErr("connections: " .. tostring(status))
  elseif status then
    handle:respond({[":status"] = tostring(status)}, "")
  end
end
