#!lua flags=allow-oom
-- Show that a lease is alive.
-- KEYS 1 lease; ARGV 1 fence. Returns the new beat, or 0 when the lease is another's.
if redis.call('HGET', KEYS[1], 'f') ~= ARGV[1] then return 0 end
return redis.call('HINCRBY', KEYS[1], 'b', 1)
