#!lua flags=allow-oom
-- Write records of what is in hand, under the fence: raised counts of attempts and suspicion.
-- KEYS 1 lease  2 hand; ARGV 1 fence, then chat, record, ... Returns 'done' or 'stale'.
if redis.call('HGET', KEYS[1], 'f') ~= ARGV[1] then return 'stale' end
redis.call('HLEN', KEYS[2])
for i = 2, #ARGV, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', KEYS[2], ARGV[i]) else redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
end
return 'done'
