#!lua flags=allow-oom
-- Say a reminder that is due, or strike what is left of one, at once or not at all.
-- KEYS 1 lease  2 reminders  3 their records  4 replies of the chat
-- ARGV 1 fence  2 chat and key  3 the record as it was read  4 reply ('' strikes the reminder)  5 reply channel
--      6 until when, in milliseconds, it is remembered that it was said
-- Returns 'done' | 'changed' (it was taken back, moved or said meanwhile) | 'stale'
local REPLIES_TTL_S, REPLIES_MAX = 1209600, 1000
if redis.call('HGET', KEYS[1], 'f') ~= ARGV[1] then return 'stale' end
redis.call('ZCARD', KEYS[2])
if redis.call('HGET', KEYS[3], ARGV[2]) ~= ARGV[3] then return 'changed' end
if ARGV[4] == '' then
  redis.call('ZREM', KEYS[2], ARGV[2])
  redis.call('HDEL', KEYS[3], ARGV[2])
  return 'done'
end
redis.call('XADD', KEYS[4], 'MAXLEN', '~', REPLIES_MAX, '*', 'r', ARGV[4])
redis.call('EXPIRE', KEYS[4], REPLIES_TTL_S)
redis.call('HSET', KEYS[3], ARGV[2], string.match(ARGV[3], '^%d+') .. '|')
redis.call('ZADD', KEYS[2], ARGV[6], ARGV[2])
redis.call('PUBLISH', ARGV[5], ARGV[4])
return 'done'
