#!lua flags=allow-oom
-- Take an archived session's memory out of the store; its version and turn stay, as they never go back.
-- KEYS 1 lease  2 head  3 hand  4 replies; ARGV 1 fence  2 chat  3 version that was archived
-- Returns 'done' | 'stale' | 'moved' (it has gone on meanwhile, or is at work)
if redis.call('HGET', KEYS[1], 'f') ~= ARGV[1] then return 'stale' end
if redis.call('HGET', KEYS[2], 'v') ~= ARGV[3] or redis.call('HEXISTS', KEYS[3], ARGV[2]) == 1 then return 'moved' end
redis.call('HDEL', KEYS[2], 's')
redis.call('DEL', KEYS[4])
return 'done'
