#!lua flags=allow-oom
-- Record that an attempt at an effect begins, before it does.
-- KEYS 1 lease  2 outbox  3 attempts; ARGV 1 fence  2 entry id  3 target  4 when, in milliseconds
-- Returns {'go', the record before ('' none), the effect} | {'gone'} | {'stale'}
-- A record: state (b begun, f failed and not done, u failed with unknown outcome) | target | attempts begun |
-- those that count against the policy | attempts in a row of which nothing was heard again | when
if redis.call('HGET', KEYS[1], 'f') ~= ARGV[1] then return {'stale'} end
local found = redis.call('XRANGE', KEYS[2], ARGV[2], ARGV[2])
local before = redis.call('HGET', KEYS[3], ARGV[2]) or ''
if #found == 0 then
  if before ~= '' then redis.call('HDEL', KEYS[3], ARGV[2]) end
  return {'gone'}
end
local body = ''
for i = 1, #found[1][2], 2 do
  if found[1][2][i] == 'e' then body = found[1][2][i + 1] end
end
local state, begun, counted, silent = string.match(before, '^(.)|[^|]*|(%d+)|(%d+)|(%d+)|')
silent = state == 'b' and silent + 1 or 0
local record = 'b|' .. ARGV[3] .. '|' .. ((begun or 0) + 1) .. '|' .. (counted or 0) .. '|' .. silent .. '|' .. ARGV[4]
redis.call('HSET', KEYS[3], ARGV[2], record)
return {'go', before, body}
