#!lua flags=allow-oom
-- Lease the next dead letters of some types, those first whose turn it is.
--
-- KEYS  1 lease  2 letters  3 index  4 leased; then for each type: later, ready, asleep
-- ARGV  1 fence  2 now  3 until when they are leased  4 token  5 at most  6 '1': also those whose time has not come, and
--       those that sleep until their service returns
--
-- Returns {'stale'} | {'ok', when the next is due or '', id, line, bytes, ...}
-- Due ones move from `later`, where they stand by their time, to `ready`, where they stand by their turn; the index
-- goes on saying `later`. Ids without a letter are what a forgotten chat has left: they are struck.
local PROMOTED_MAX = 1000
if redis.call('HGET', KEYS[1], 'f') ~= ARGV[1] then return {'stale'} end
local now, until_s, token, at_most, sleeping = ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6] == '1'
redis.call('HLEN', KEYS[2]); redis.call('ZCARD', KEYS[4])

local function turn_of(id)
  local line = redis.call('HGET', KEYS[3], id)
  return line and tonumber(string.match(line, '^[^|]*|[^|]*|([^|]*)|'))
end

local found, due = {}, false
local function take_from(key, by_turn)
  local page = redis.call('ZRANGE', key, 0, at_most - 1, 'WITHSCORES')
  for i = 1, #page, 2 do
    local turn = by_turn and tonumber(page[i + 1]) or turn_of(page[i])
    if turn then found[#found + 1] = {turn, page[i], key} else redis.call('ZREM', key, page[i]) end
  end
end

for k = 5, #KEYS, 3 do
  local later, ready, asleep = KEYS[k], KEYS[k + 1], KEYS[k + 2]
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', later, '-inf', now, 'LIMIT', 0, PROMOTED_MAX)) do
    local turn = turn_of(id)
    redis.call('ZREM', later, id)
    if turn then redis.call('ZADD', ready, turn, id) end
  end
  if at_most > 0 then
    take_from(ready, true)
    if sleeping then
      take_from(later, false)
      take_from(asleep, true)
    end
  end
  local first = redis.call('ZRANGE', later, 0, 0, 'WITHSCORES')
  if first[2] and (not due or tonumber(first[2]) < tonumber(due)) then due = first[2] end
end
table.sort(found, function(a, b) return a[1] < b[1] or (a[1] == b[1] and a[2] < b[2]) end)

local answer, taken = {'ok', due or ''}, 0
for _, one in ipairs(found) do
  if taken >= at_most then break end
  local id, key = one[2], one[3]
  local line, raw = redis.call('HGET', KEYS[3], id), redis.call('HGET', KEYS[2], id)
  redis.call('ZREM', key, id)
  if line and raw then
    local revision, rest = string.match(line, '^([^|]*)|[^|]*|(.*|)[^|]*$')
    line = revision .. '|leased|' .. rest .. token
    redis.call('HSET', KEYS[3], id, line)
    redis.call('ZADD', KEYS[4], until_s, id)
    answer[#answer + 1], answer[#answer + 2], answer[#answer + 3] = id, line, raw
    taken = taken + 1
  end
end
return answer
