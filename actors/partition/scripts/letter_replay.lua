#!lua flags=allow-oom
-- Take a dead letter's message in again, as owed work under an id of its own: its static reply was given long ago.
--
-- KEYS  1 lease  2 intake  3 owed  4 entries of this week  5 entries of last week  6 blobs: who refers to which
-- ARGV  1 fence  2 week as the caller believes it  3 chat  4 message id  5 digest  6 body  7... digests of its blobs
--
-- Returns {'stale'} | {'week', week} | {'known'} (it was taken in before) | {'done', entry}
local ENTRIES_TTL_S = 1209600
if redis.call('HGET', KEYS[1], 'f') ~= ARGV[1] then return {'stale'} end
local week = math.floor(tonumber(redis.call('TIME')[1]) / 604800)
if tonumber(ARGV[2]) ~= week then return {'week', week} end
local chat, id, digest = ARGV[3], ARGV[4], ARGV[5]
if redis.call('HEXISTS', KEYS[4], id) == 1 or redis.call('HEXISTS', KEYS[5], id) == 1 then return {'known'} end
redis.call('HLEN', KEYS[3]); redis.call('ZCARD', KEYS[6])
local entry = redis.call('XADD', KEYS[2], '*', 'm', ARGV[6], 'i', id, 'd', digest, 'w', week)
redis.call('HSET', KEYS[4], id, 'w' .. digest .. '|' .. entry .. '|1||0|')
if redis.call('TTL', KEYS[4]) < 0 then redis.call('EXPIRE', KEYS[4], ENTRIES_TTL_S) end
redis.call('HSET', KEYS[3], entry, chat .. '\n' .. id)
for i = 7, #ARGV do
  local reference = ARGV[i] .. '\n' .. chat .. '\n'
  redis.call('ZADD', KEYS[6], 0, reference .. id)
  redis.call('ZREM', KEYS[6], reference .. string.gsub(id, '#r%d+$', '') .. '#dead')
end
return {'done', entry}
