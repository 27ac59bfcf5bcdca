#!lua flags=allow-oom
-- Let go of a lease in good order: whoever takes it next suspects nobody.
-- KEYS 1 lease; ARGV 1 fence. Returns 1, or 0 when it was another's. No fence equals the empty one.
if redis.call('HGET', KEYS[1], 'f') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'f', '', 'r', '1')
return 1
