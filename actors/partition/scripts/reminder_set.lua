#!lua flags=allow-oom
-- Keep a reminder, or take it back; a later revision stands, whatever comes when.
-- KEYS 1 reminders  2 their records; ARGV 1 chat and key  2 revision  3 when it is looked at, in milliseconds  4 record
-- Returns 'set' | 'known' (this revision, or a later one, was there before)
redis.call('ZCARD', KEYS[1])
local known = redis.call('HGET', KEYS[2], ARGV[1])
if known and tonumber(string.match(known, '^%d+') or '0') >= tonumber(ARGV[2]) then return 'known' end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2] .. '|' .. ARGV[4])
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
return 'set'
