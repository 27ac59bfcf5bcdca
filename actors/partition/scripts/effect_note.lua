#!lua flags=allow-oom
-- Record what became of an attempt at an effect that stays in the outbox.
-- KEYS 1 lease  2 outbox  3 attempts; ARGV 1 fence  2 entry id  3 record (see effect_begin.lua)
-- Returns 'done' | 'gone' | 'stale'
if redis.call('HGET', KEYS[1], 'f') ~= ARGV[1] then return 'stale' end
if #redis.call('XRANGE', KEYS[2], ARGV[2], ARGV[2]) == 0 then
  redis.call('HDEL', KEYS[3], ARGV[2])
  return 'gone'
end
redis.call('HSET', KEYS[3], ARGV[2], ARGV[3])
return 'done'
