#!lua flags=allow-oom
-- An effect leaves the outbox: done, or, with a dead letter, given up.
-- KEYS 1 lease  2 outbox  3 attempts  4 dead; ARGV 1 fence  2 entry id, then for a dead letter: 3 chat  4 its bytes
-- Returns 'done' | 'gone' (it had left before: no second dead letter) | 'stale'
if redis.call('HGET', KEYS[1], 'f') ~= ARGV[1] then return 'stale' end
redis.call('HLEN', KEYS[3])
if ARGV[4] then redis.call('XLEN', KEYS[4]) end
local left = redis.call('XDEL', KEYS[2], ARGV[2])
redis.call('HDEL', KEYS[3], ARGV[2])
if left == 0 then return 'gone' end
if ARGV[4] then redis.call('XADD', KEYS[4], '*', 'c', ARGV[3], 'd', ARGV[4]) end
return 'done'
