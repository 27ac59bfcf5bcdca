#!lua flags=allow-oom
-- Let go of a lease in good order: whoever takes it next suspects nobody.
-- KEYS 1 lease; ARGV 1 fence. Returns 1, or 0 when it was another's. Afterwards there is no fence to be equal to.
if redis.call('HGET', KEYS[1], 'f') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'f')
redis.call('HSET', KEYS[1], 'r', '1')
return 1
