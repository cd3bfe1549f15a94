-- Digests of passwords as they stand in htpasswd files: MD5 (RFC 1321) with the thousand rounds of apr1 and of crypt's
-- $1$, SHA-1 (RFC 3174), and base64. Put in front of access.lua; no state.
local band, bor, bxor, bnot = bit.band, bit.bor, bit.bxor, bit.bnot
local lshift, rshift, rol, tobit = bit.lshift, bit.rshift, bit.rol, bit.tobit
local byte, char, rep, sub = string.byte, string.char, string.rep, string.sub
local floor, concat = math.floor, table.concat

local sines, turns, word = {}, {}, {}
for i = 0, 63 do
  sines[i] = tobit(floor(math.abs(math.sin(i + 1)) * 4294967296))
  turns[i] = ({{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}})[floor(i / 16) + 1][i % 4 + 1]
end

local function little(value)
  return char(band(value, 255), band(rshift(value, 8), 255), band(rshift(value, 16), 255), rshift(value, 24))
end

local function big(value)
  return char(rshift(value, 24), band(rshift(value, 16), 255), band(rshift(value, 8), 255), band(value, 255))
end

local function padded(text)
  return text .. "\128" .. rep("\0", (55 - #text) % 64)
end

local function md5(text)
  local data = padded(text) .. little(#text * 8) .. "\0\0\0\0"
  local a0, b0, c0, d0 = 0x67452301, tobit(0xefcdab89), tobit(0x98badcfe), 0x10325476
  for at = 1, #data, 64 do
    for i = 0, 15 do
      local w, x, y, z = byte(data, at + 4 * i, at + 4 * i + 3)
      word[i] = bor(w, lshift(x, 8), lshift(y, 16), lshift(z, 24))
    end
    local a, b, c, d = a0, b0, c0, d0
    for i = 0, 63 do
      local f, g
      if i < 16 then
        f, g = bor(band(b, c), band(bnot(b), d)), i
      elseif i < 32 then
        f, g = bor(band(d, b), band(bnot(d), c)), band(5 * i + 1, 15)
      elseif i < 48 then
        f, g = bxor(b, c, d), band(3 * i + 5, 15)
      else
        f, g = bxor(c, bor(b, bnot(d))), band(7 * i, 15)
      end
      f = tobit(tobit(f + a) + tobit(sines[i] + word[g]))
      a, d, c, b = d, c, b, tobit(b + rol(f, turns[i]))
    end
    a0, b0, c0, d0 = tobit(a0 + a), tobit(b0 + b), tobit(c0 + c), tobit(d0 + d)
  end
  return little(a0) .. little(b0) .. little(c0) .. little(d0)
end

local spread = {}
local function sha1(text)
  local data = padded(text) .. "\0\0\0\0" .. big(#text * 8)
  local h0, h1, h2, h3, h4 = 0x67452301, tobit(0xefcdab89), tobit(0x98badcfe), 0x10325476, tobit(0xc3d2e1f0)
  for at = 1, #data, 64 do
    for i = 0, 15 do
      local w, x, y, z = byte(data, at + 4 * i, at + 4 * i + 3)
      spread[i] = bor(lshift(w, 24), lshift(x, 16), lshift(y, 8), z)
    end
    for i = 16, 79 do
      spread[i] = rol(bxor(spread[i - 3], spread[i - 8], spread[i - 14], spread[i - 16]), 1)
    end
    local a, b, c, d, e = h0, h1, h2, h3, h4
    for i = 0, 79 do
      local f, k
      if i < 20 then
        f, k = bor(band(b, c), band(bnot(b), d)), 0x5a827999
      elseif i < 40 then
        f, k = bxor(b, c, d), 0x6ed9eba1
      elseif i < 60 then
        f, k = bor(band(b, c), band(b, d), band(c, d)), 0x8f1bbcdc
      else
        f, k = bxor(b, c, d), 0xca62c1d6
      end
      local sum = tobit(tobit(rol(a, 5) + f) + tobit(e + tobit(k)) + spread[i])
      a, b, c, d, e = sum, a, rol(b, 30), c, d
    end
    h0, h1, h2, h3, h4 = tobit(h0 + a), tobit(h1 + b), tobit(h2 + c), tobit(h3 + d), tobit(h4 + e)
  end
  return big(h0) .. big(h1) .. big(h2) .. big(h3) .. big(h4)
end

local sixty_four = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
local six_bits = {}
for i = 1, 64 do
  six_bits[byte(sixty_four, i)] = i - 1
end

-- nil for what is not base64.
local function decoded(text)
  text = text:gsub("=+$", "")
  local found, buffer, bits = {}, 0, 0
  for i = 1, #text do
    local value = six_bits[byte(text, i)]
    if not value then
      return nil
    end
    buffer, bits = bor(lshift(band(buffer, 0xffffff), 6), value), bits + 6
    if bits >= 8 then
      bits = bits - 8
      found[#found + 1] = char(band(rshift(buffer, bits), 255))
    end
  end
  return concat(found)
end

local itoa = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
local function crypt64(value, length)
  local found = ""
  for _ = 1, length do
    found = found .. sub(itoa, band(value, 63) + 1, band(value, 63) + 1)
    value = rshift(value, 6)
  end
  return found
end

-- The digest of apr1 (`magic` "$apr1$") and of crypt's MD5 (`magic` "$1$"), without magic and salt.
local function md5_crypt(password, salt, magic)
  local context, final = password .. magic .. salt, md5(password .. salt .. password)
  local left = #password
  while left > 0 do
    context, left = context .. sub(final, 1, left), left - 16
  end
  local length = #password
  while length > 0 do
    context = context .. (length % 2 == 1 and "\0" or sub(password, 1, 1))
    length = floor(length / 2)
  end
  final = md5(context)
  for i = 0, 999 do
    local odd = i % 2 == 1
    final = md5(
      (odd and password or final)
        .. (i % 3 ~= 0 and salt or "")
        .. (i % 7 ~= 0 and password or "")
        .. (odd and final or password)
    )
  end
  local found = ""
  for _, three in ipairs({{1, 7, 13}, {2, 8, 14}, {3, 9, 15}, {4, 10, 16}, {5, 11, 6}}) do
    local x, y, z = byte(final, three[1]), byte(final, three[2]), byte(final, three[3])
    found = found .. crypt64(bor(lshift(x, 16), lshift(y, 8), z), 4)
  end
  return found .. crypt64(byte(final, 12), 2)
end

-- Takes the same time wherever two texts of equal length differ.
local function same(one, other)
  if #one ~= #other then
    return false
  end
  local difference = 0
  for i = 1, #one do
    difference = bor(difference, bxor(byte(one, i), byte(other, i)))
  end
  return difference == 0
end
