#!lua flags=allow-oom
-- Keep the outcome of one costly step of a turn until the turn is committed.
-- KEYS 1 lease  2 journal; ARGV 1 fence  2 step  3 outcome. Returns 'done' or 'stale'.
local JOURNAL_TTL_S = 1209600
if redis.call('HGET', KEYS[1], 'f') ~= ARGV[1] then return 'stale' end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
redis.call('EXPIRE', KEYS[2], JOURNAL_TTL_S)
return 'done'
