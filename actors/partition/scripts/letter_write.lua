#!lua flags=allow-oom
-- Write one managed dead letter: compared with what its index says, and set, under the partition's fence.
--
-- KEYS  1 lease  2 letters: id -> sealed bytes  3 index: id -> line  4 order: ids, by name  5 chats: `chat, id`, by name
--       6 keys: what no two share -> id  7 tally  8 groups: cause -> unfinished letters  9 samples: cause -> id
--       10 dead: the stream it came from  11 aside: id -> reason, bytes
--       12, 13 the lines it stood in before (`ready` beside `later`)  14 the line it stands in after
-- ARGV  1 fence  2 id  3 index line as the caller knows it ('' not there)  4 line after ('' removed)
--       5 bytes ('' as they are)  6 score in the line after  7 chat ('' none)  8 what no two share ('' nothing)
--       9 entry of the dead stream that it was made of ('' none)  10, 11 bounds: letters, bytes
--       12 why the bytes are set aside ('' they are not)
--
-- A line: revision|phase|turn|type|state|service|cause|enqueued at|token
-- Returns {'done'} | {'stale'} | {'changed'} | {'known', id} | {'full', letters, bytes}
if redis.call('HGET', KEYS[1], 'f') ~= ARGV[1] then return {'stale'} end
local id, expected, after, raw = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local chat, unique, entry, aside = ARGV[7], ARGV[8], ARGV[9], ARGV[12]
local before = redis.call('HGET', KEYS[3], id) or ''
if before ~= expected then return {'changed'} end
local known = unique ~= '' and redis.call('HGET', KEYS[6], unique)
if before == '' and known and known ~= id and redis.call('HEXISTS', KEYS[3], known) == 1 then return {'known', known} end
local rows = tonumber(redis.call('HGET', KEYS[7], 'rows') or '0')
local bytes = tonumber(redis.call('HGET', KEYS[7], 'bytes') or '0')
local old_bytes = before == '' and 0 or redis.call('HSTRLEN', KEYS[2], id)
local new_bytes = after == '' and 0 or (raw == '' and old_bytes or #raw)
if before == '' and (rows >= tonumber(ARGV[10]) or bytes + new_bytes > tonumber(ARGV[11])) then
  return {'full', rows, bytes}
end
for k = 12, 14 do redis.call('ZCARD', KEYS[k]) end
redis.call('ZCARD', KEYS[4]); redis.call('ZCARD', KEYS[5]); redis.call('ZCARD', KEYS[8])
redis.call('HLEN', KEYS[9]); redis.call('HLEN', KEYS[11]); redis.call('XLEN', KEYS[10])

local function parts(line)
  return string.match(line, '^[^|]*|([^|]*)|[^|]*|([^|]*)|([^|]*)|[^|]*|([^|]*)|')
end
local function count(line, by)
  local phase, kind, state, cause = parts(line)
  redis.call('HINCRBY', KEYS[7], 's:' .. state, by)
  redis.call('HINCRBY', KEYS[7], 't:' .. kind, by)
  if cause ~= '' and phase ~= 'done' then
    if tonumber(redis.call('ZINCRBY', KEYS[8], by, cause)) <= 0 then
      redis.call('ZREM', KEYS[8], cause)
      redis.call('HDEL', KEYS[9], cause)
    elseif by > 0 then
      redis.call('HSET', KEYS[9], cause, id)
    end
  end
end

if before ~= '' then
  count(before, -1)
  redis.call('ZREM', KEYS[12], id)
  redis.call('ZREM', KEYS[13], id)
end
redis.call('HINCRBY', KEYS[7], 'rows', (after == '' and 0 or 1) - (before == '' and 0 or 1))
redis.call('HINCRBY', KEYS[7], 'bytes', new_bytes - old_bytes)
if aside ~= '' then redis.call('HSET', KEYS[11], id, aside .. '\n' .. (redis.call('HGET', KEYS[2], id) or '')) end
if after == '' then
  redis.call('HDEL', KEYS[2], id)
  redis.call('HDEL', KEYS[3], id)
  redis.call('ZREM', KEYS[4], id)
  if chat ~= '' then redis.call('ZREM', KEYS[5], chat .. '\n' .. id) end
  if unique ~= '' and known == id then redis.call('HDEL', KEYS[6], unique) end
else
  count(after, 1)
  if raw ~= '' then redis.call('HSET', KEYS[2], id, raw) end
  redis.call('HSET', KEYS[3], id, after)
  redis.call('ZADD', KEYS[14], ARGV[6], id)
  if before == '' then
    redis.call('ZADD', KEYS[4], 0, id)
    if chat ~= '' then redis.call('ZADD', KEYS[5], 0, chat .. '\n' .. id) end
    if unique ~= '' then redis.call('HSET', KEYS[6], unique, id) end
  end
end
if entry ~= '' then redis.call('XDEL', KEYS[10], entry) end
return {'done'}
