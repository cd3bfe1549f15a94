-- Who may pass: passwords and an external service, as nginx asks them. One state for all routes of a worker; what a route
-- wants stands in its metadata and is read once. Any error here ends in 500: Envoy itself would let the request pass.
local METADATA, NETWORKS = "sealos.access", "envoy.filters.http.rbac"
local MOST, SLOW_A_SECOND, SLOW_BURST = 4096, 50, 100
local ELSEWHERE, PATIENCE = 10, 5000  -- how many slow checks one by another process is worth, and milliseconds for it

-- A table of at most 2 * MOST entries: when the young half is full, the old half goes.
local function bounded()
  local young, old, count = {}, {}, 0
  local function put(key, value)
    if count >= MOST then
      young, old, count = {}, young, 0
    end
    if young[key] == nil then
      count = count + 1
    end
    young[key] = value
  end
  local function get(key)
    local value = young[key]
    if value == nil then
      value = old[key]
      if value ~= nil then
        put(key, value)
      end
    end
    return value
  end
  return get, put
end

local known, know = bounded()
local passed, pass = bounded()
local failed, fail = bounded()  -- apart, so that guesses never push out those who know
local cached, cache = bounded()
local pepper = tostring({}) .. tostring(os.clock()) .. tostring(math.random())

local function unhexed(text)
  return (text:gsub("%x%x", function(two) return char(tonumber(two, 16)) end))
end

local function users_of(text)
  local users = {}
  for line in text:gmatch("[^\n]+") do
    local name, form, salt, own, verifier = line:match("^([^:]*):([^:]*):([^:]*):([^:]*):([^:]*)$")
    users[name] = {form = form, salt = unhexed(salt), pepper = own, verifier = unhexed(verifier)}
  end
  return users
end

local function learn(id, metadata)
  local config = {external = metadata:get("external"), realm = metadata:get("realm")}
  config.place, config.any = metadata:get("place"), metadata:get("any")
  local users = metadata:get("users")
  if users then
    config.users, config.hasher = users_of(users), metadata:get("hasher")
    config.slow, config.slow_at = SLOW_BURST, 0
  end
  know(id, config)
  return config
end

-- Text with holes ----------------------------------------------------------------------------------------------------

local function escaped(text)
  return (text:gsub("[^%w%-._~]", function(c)
    return ("%%%02X"):format(byte(c))
  end))
end

local function client_address(handle)
  local text = handle:streamInfo():downstreamRemoteAddress()
  return text:match("^%[(.*)%]:%d+$") or text:match("^(.*):%d+$") or text
end

local read = {
  ["host"] = function(handle) return (handle:headers():get(":authority") or ""):lower():gsub(":%d+$", "") end,
  ["authority"] = function(handle) return handle:headers():get(":authority") end,
  ["method"] = function(handle) return handle:headers():get(":method") end,
  ["scheme"] = function(handle) return handle:headers():get("x-forwarded-proto") end,
  ["protocol"] = function(handle) return handle:streamInfo():protocol() end,
  ["path"] = function(handle) return (handle:headers():get(":path") or ""):match("^[^?]*") end,
  ["path and query"] = function(handle) return handle:headers():get(":path") end,
  ["escaped path and query"] = function(handle) return escaped(handle:headers():get(":path") or "") end,
  ["query"] = function(handle) return (handle:headers():get(":path") or ""):match("%?(.*)$") end,
  ["request header"] = function(handle, name) return handle:headers():get(name) end,
  ["request id"] = function(handle) return handle:headers():get("x-request-id") end,
  ["client address"] = client_address,
  ["forwarded for"] = function(handle) return handle:headers():get("x-forwarded-for") end,
  ["query parameter"] = function(handle, name)
    local query = (handle:headers():get(":path") or ""):match("%?(.*)$") or ""
    for key, value in query:gmatch("([^&=]*)=?([^&]*)") do
      if key == name then
        return value
      end
    end
  end,
  ["cookie"] = function(handle, name)
    for key, value in (handle:headers():get("cookie") or ""):gmatch("%s*([^=;,]+)=([^;,]*)") do
      if key == name then
        return value
      end
    end
  end,
}

local function filled(template, handle)
  local found = {}
  for i, part in ipairs(template) do
    found[i] = type(part) == "string" and part or (read[part.of](handle, part.name)) or ""
  end
  return concat(found)
end

-- Passwords ----------------------------------------------------------------------------------------------------------

local slow = {["apr1"] = "$apr1$", ["1"] = "$1$"}
local cost = {["apr1"] = 1, ["1"] = 1, ["crypt"] = ELSEWHERE}
local nobody = {form = "sha", salt = "", pepper = "", verifier = ""}

-- crypt(3) by the process beside us: the hash, or nil where it has no time or does not answer.
local function hashed_elsewhere(handle, config, id, password, setting)
  local question = {[":method"] = "POST", [":path"] = "/", [":authority"] = "passwords", ["x-sealos-users"] = id}
  local options = {timeout_ms = PATIENCE, send_xff = false}
  local answer, hash = handle:httpCall(config.hasher, question, setting .. "\n" .. password, options)
  if answer[":status"] == "422" then
    return ""  -- no password becomes this
  end
  return answer[":status"] == "200" and hash or nil
end

-- What the form of a user's digest makes of a password, hashed again as the control plane has hashed the digest. Nil
-- where nobody could tell.
local function matches(handle, config, id, password, user)
  local found = password
  if user.form == "sha" then
    found = sha1(password)
  elseif user.form == "ssha" then
    found = sha1(password .. user.salt)
  elseif slow[user.form] then
    found = md5_crypt(password, user.salt:sub(1, 8), slow[user.form])
  elseif user.form == "crypt" then
    found = hashed_elsewhere(handle, config, id, password, user.salt)
    if not found then
      return nil
    end
  end
  return same(sha1(user.pepper .. found), user.verifier)
end

-- Slow digests take a millisecond or two each: a route may have so many of them checked a second by one worker, so that
-- guessing passwords of one host does not stop the others.
local function may_work(config, now, worth)
  config.slow = math.min(SLOW_BURST, config.slow + (now - config.slow_at) * SLOW_A_SECOND / 1000)
  config.slow_at = now
  if config.slow < worth then
    return false
  end
  config.slow = config.slow - worth
  return true
end

-- 200, 401, or 503 where too many passwords were tried.
local function password(handle, config, id)
  local header = handle:headers():get("authorization")
  local scheme, credentials = (header or ""):match("^(%a+)%s+(%S+)$")
  if not scheme or scheme:lower() ~= "basic" or #credentials > 1024 then
    return 401
  end
  local key = id .. sha1(pepper .. id .. credentials)
  if passed(key) then
    return 200
  elseif not failed(key) then
    local user, given = (decoded(credentials) or ""):match("^([^:]*):(.*)$")
    local known_user = user and config.users[user]
    -- An unknown user costs as much time as a known one.
    local compared = known_user or select(2, next(config.users)) or nobody
    if cost[compared.form] and not may_work(config, handle:timestamp(), cost[compared.form]) then
      return 503
    end
    local right = matches(handle, config, id, given or "", compared)
    if right == nil then
      return 503
    elseif right and known_user then
      pass(key, true)
      return 200
    end
    fail(key, true)
  end
  return 401
end

-- The external service -----------------------------------------------------------------------------------------------

local dropped = {
  ["connection"] = true, ["content-length"] = true, ["expect"] = true, ["host"] = true, ["http2-settings"] = true,
  ["keep-alive"] = true, ["proxy-connection"] = true, ["te"] = true, ["trailer"] = true, ["transfer-encoding"] = true,
  ["upgrade"] = true, ["x-forwarded-proto"] = true, ["x-sealos-scope"] = true,
}

-- Methods that may be repeated (RFC 9110, 9.2.2).
local again = {GET = true, HEAD = true, PUT = true, DELETE = true, OPTIONS = true, TRACE = true}

local function add(headers, name, value)
  local present = headers[name]
  if present == nil then
    headers[name] = value
  elseif type(present) == "table" then
    present[#present + 1] = value
  else
    headers[name] = {present, value}
  end
end

local function question(handle, external)
  local headers, asked = handle:headers(), {}
  for name, value in pairs(headers) do
    if sub(name, 1, 1) ~= ":" and not dropped[name] and sub(name, 1, 8) ~= "x-envoy-" then
      add(asked, name, value)
    end
  end
  local authority, path = headers:get(":authority"), headers:get(":path")
  local scheme, address = headers:get("x-forwarded-proto") or "http", client_address(handle)
  if external.method then
    asked["x-original-uri"], asked["x-scheme"] = path, scheme
  end
  asked["x-original-url"], asked["x-original-method"] = scheme .. "://" .. authority .. path, headers:get(":method")
  asked["x-sent-from"], asked["x-real-ip"], asked["x-forwarded-for"] = "nginx-ingress-controller", address, address
  asked["x-auth-request-redirect"] = external.redirect and filled(external.redirect, handle) or path
  for _, header in ipairs(external.headers or {}) do
    local value = filled(header.value, handle)
    asked[header.name] = value ~= "" and value or nil
  end
  asked[":method"], asked[":authority"] = external.method or "GET", external.authority
  -- What a client put into a variable may not end the request line.
  asked[":path"] = filled(external.path, handle):gsub("[^!-~]", escaped):gsub("#", "%%23")
  return asked
end

local function listed(value)
  return type(value) == "table" and value or {value}
end

local function lasts(answer, external)
  if answer["set-cookie"] or answer["vary"] or (answer["cache-control"] or ""):find("no%-cache") then
    return nil
  end
  local control = answer["cache-control"] or ""
  if control:find("no%-store") or control:find("private") then
    return nil
  end
  return external.cache[answer[":status"]] or external.cache["any"]
end

local function asked(handle, config, id)
  local external, key = config.external, nil
  if external.key then
    key = id .. "\0" .. config.place .. "\0" .. (read["host"](handle)) .. "\0" .. filled(external.key, handle)
    local entry = cached(key)
    if entry and entry.ends > handle:timestamp() then
      return entry
    end
  end
  local options = {timeout_ms = external.timeout, return_duplicate_headers = true, send_xff = false}
  local answer
  -- Envoy answers 503 where an address cannot be reached: another one may be.
  for _ = 1, again[external.method or "GET"] and 3 or 1 do
    answer = handle:httpCall(external.cluster, question(handle, external), nil, options)
    if answer[":status"] ~= "503" then
      break
    end
  end
  for name, value in pairs(answer) do
    if type(value) == "table" and name ~= "set-cookie" and name ~= "www-authenticate" then
      answer[name] = concat(value, ",")
    end
  end
  local found = {status = tonumber(answer[":status"]) or 500, cookies = listed(answer["set-cookie"]), copied = {}}
  found.challenges = listed(answer["www-authenticate"])
  for _, name in ipairs(external.copied or {}) do
    found.copied[name] = answer[name] and concat(listed(answer[name]), ",") or nil
  end
  if not (found.status >= 200 and found.status < 300) and found.status ~= 401 and found.status ~= 403 then
    found.status = 500
  end
  local seconds = key and lasts(answer, external)
  if seconds then
    found.ends = handle:timestamp() + seconds * 1000
    cache(key, found)
  end
  return found
end

-- The decision -------------------------------------------------------------------------------------------------------

local function refuse(handle, config, status, challenges, cookies)
  local headers = {[":status"] = tostring(status)}
  local external = config.external
  if status == 401 and external and external.signin then
    headers[":status"], headers["location"] = "302", filled(external.signin, handle)
    headers["set-cookie"] = #cookies > 0 and cookies or nil
  elseif status == 401 and #challenges > 0 then
    headers["www-authenticate"] = challenges
  elseif status == 503 then
    headers["retry-after"] = "1"
  end
  if external and external.always and #cookies > 0 then
    headers["set-cookie"] = cookies
  end
  handle:respond(headers, "")
end

-- Where the backend reads who the user is, nobody but the service may say it.
local function rewrite(handle, config, found)
  local headers = handle:headers()
  if config.users then
    headers:remove("authorization")
  end
  for _, name in ipairs(config.external and config.external.copied or {}) do
    local value = found and found.copied[name]
    if value then
      headers:replace(name, value)
    else
      headers:remove(name)
    end
  end
  if found and #found.cookies > 0 then
    local kept = {cookies = concat(found.cookies, "\n"), always = config.external.always or false}
    handle:streamInfo():dynamicMetadata():set(METADATA, "cookies", kept)
  end
end

local function decide(handle)
  local metadata = handle:metadata()
  local id = metadata:get("id")
  if not id and metadata:get("connections") then
    return  -- only requests in progress are counted
  end
  local config = known(id) or learn(id, metadata)
  if config.any then
    local notes = handle:streamInfo():dynamicMetadata():get(NETWORKS)
    if notes and notes["satisfy_shadow_engine_result"] == "allowed" then
      return rewrite(handle, config, nil)
    end
  end
  local worst, challenges, cookies = 403, {}, {}
  local function missed(status)
    worst = worst == 401 and worst or status
  end
  if config.users then
    local status = password(handle, config, id)
    if status == 200 and config.any then
      return rewrite(handle, config, nil)
    elseif status ~= 200 then
      challenges[1] = 'Basic realm="' .. config.realm .. '"'
      if not config.any or status == 503 then
        return refuse(handle, config, status, challenges, cookies)
      end
      missed(status)
    end
  end
  local found
  if config.external then
    found = asked(handle, config, id)
    if found.status ~= 401 and found.status ~= 403 and found.status >= 300 then
      return refuse(handle, config, found.status, challenges, found.cookies)
    elseif found.status >= 300 then
      missed(found.status)
      cookies = found.cookies
      for _, challenge in ipairs(found.challenges) do
        challenges[#challenges + 1] = challenge
      end
      return refuse(handle, config, config.any and worst or found.status, challenges, cookies)
    end
  elseif config.any then
    return refuse(handle, config, worst, challenges, cookies)
  end
  rewrite(handle, config, found)
end

function envoy_on_request(handle)
  local fine, problem = pcall(decide, handle)
  if not fine then
    handle:logErr("access: " .. tostring(problem))
    handle:respond({[":status"] = "500"}, "")
  end
end

-- nginx adds the cookies of the service to answers of these statuses only, unless it is told to add them always.
local usual = {}
for status in ("200 201 204 206 301 302 303 304 307 308"):gmatch("%d+") do
  usual[status] = true
end

function envoy_on_response(handle)
  local mine = handle:streamInfo():dynamicMetadata():get(METADATA)
  local kept = mine and mine["cookies"]
  if not kept or not (kept.always or usual[handle:headers():get(":status")]) then
    return
  end
  for cookie in kept.cookies:gmatch("[^\n]+") do
    handle:headers():add("set-cookie", cookie)
  end
end
