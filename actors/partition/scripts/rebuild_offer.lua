#!lua flags=allow-oom
-- Offer what a node's file has of one chat to a store that is being rebuilt: the newest wins, records are united.
--
-- KEYS  1 lease  2 head  3 replies  4 forgotten  5 intake  6 owed  7 outbox  8 effects that are in the outbox, or were
--       9... entries of each week that a record is of
-- ARGV  1 chat  2 generation of this rebuild  3 the store's generation before  4, 5, 6 the offer's generation, epoch,
--       version  7 its turn  8 snapshot  9 '1': the chat was forgotten at that version  10 count of records
--       11 count of effects
--       then for each record: which of the entries' keys (from 1)  message id  state  digest  entry  nonce  week
--       message ('' none)  count of replies  the replies; then for each effect: its id, its bytes
--
-- Returns 'newer' (the head is this offer's now) | 'older' | 'stale' (this rebuild is over, or another began)
local ENTRIES_TTL_S, REPLIES_TTL_S, REPLIES_MAX = 1209600, 1209600, 1000
if redis.call('HGET', KEYS[1], 'x') ~= ARGV[2] then return 'stale' end
local chat, rebuild = ARGV[1], ARGV[2]
local generation, epoch, version = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local turn, gone = tonumber(ARGV[7]), ARGV[9] == '1'
local head = redis.call('HMGET', KEYS[2], 'v', 't', 'o')
local known_version, known_turn = tonumber(head[1] or '-1'), tonumber(head[2] or '0')
-- What stands there was offered in this rebuild, or is the store's own and of no epoch that one could compare.
local known_generation, known_epoch, known_gone = tonumber(ARGV[3]), epoch, '0'
if head[3] then
  local by, g, e, was_gone = string.match(head[3], '^(%d+):(%d+):(%d+):(%d)$')
  if by == rebuild then known_generation, known_epoch, known_gone = tonumber(g), tonumber(e), was_gone end
end
-- A tombstone's epoch is not its owner's: between it and a snapshot the version decides.
if gone or known_gone == '1' then known_epoch = epoch end
local newer = known_version < 0
if not newer and generation ~= known_generation then newer = generation > known_generation
elseif not newer and epoch ~= known_epoch then newer = epoch > known_epoch
elseif not newer then newer = version > known_version end

local origin = rebuild .. ':' .. ARGV[4] .. ':' .. ARGV[5] .. ':' .. ARGV[9]
if gone then
  if not newer then return 'older' end
  redis.call('DEL', KEYS[2], KEYS[3])
  for k = 9, #KEYS do redis.call('DEL', KEYS[k]) end
  redis.call('HSET', KEYS[2], 'v', version, 't', 0, 'o', origin)
  redis.call('HSET', KEYS[4], chat, version)
  return 'newer'
end
local forgotten = tonumber(redis.call('HGET', KEYS[4], chat) or '-1')
if version < forgotten and generation <= known_generation then return 'older' end
if newer and version >= 0 then
  redis.call('HSET', KEYS[2], 'v', version, 't', math.max(turn, known_turn), 's', ARGV[8], 'o', origin)
elseif turn > known_turn then
  redis.call('HSET', KEYS[2], 't', turn)
end

local RANK = {o = 1, w = 2, s = 3}
local a = 11
for _ = 1, tonumber(ARGV[10]) do
  local entries, id, state, digest = KEYS[8 + tonumber(ARGV[a + 1])], ARGV[a + 2], ARGV[a + 3], ARGV[a + 4]
  local entry, nonce, week, message, count = ARGV[a + 5], ARGV[a + 6], ARGV[a + 7], ARGV[a + 8], tonumber(ARGV[a + 9])
  local record = redis.call('HGET', entries, id)
  local known_entry, known_replies = nil, ''
  if record then known_entry, known_replies = string.match(record, '^[^|]*|([^|]*)|[^|]*|[^|]*|[^|]*|(.*)$') end
  if not record or RANK[state] > (RANK[string.sub(record, 1, 1)] or 0) then
    local said, ids = {}, known_replies or ''
    for reply in string.gmatch(ids, '[^,]+') do
      local body = redis.call('XRANGE', KEYS[3], reply, reply)
      if body[1] then said[body[1][2][2]] = true end
    end
    for i = 1, count do
      local body = ARGV[a + 9 + i]
      if not said[body] then
        local reply = redis.call('XADD', KEYS[3], 'MAXLEN', '~', REPLIES_MAX, '*', 'r', body)
        ids = ids == '' and reply or ids .. ',' .. reply
      end
    end
    local stands = known_entry and #redis.call('XRANGE', KEYS[5], known_entry, known_entry) > 0
    if state == 's' and stands then redis.call('XDEL', KEYS[5], known_entry) end
    if state == 's' and known_entry then redis.call('HDEL', KEYS[6], known_entry) end
    if state == 'w' then
      if stands then entry = known_entry
      elseif message ~= '' then
        entry = redis.call('XADD', KEYS[5], '*', 'm', message, 'i', id, 'd', digest, 'w', week)
      end
      redis.call('HSET', KEYS[6], entry, chat .. '\n' .. id)
    end
    redis.call('HSET', entries, id, state .. digest .. '|' .. entry .. '|1|' .. nonce .. '|0|' .. ids)
    redis.call('EXPIRE', entries, ENTRIES_TTL_S)
  end
  a = a + 9 + count
end
if redis.call('EXISTS', KEYS[3]) == 1 then redis.call('EXPIRE', KEYS[3], REPLIES_TTL_S) end
for _ = 1, tonumber(ARGV[11]) do
  if redis.call('HSETNX', KEYS[8], ARGV[a + 1], rebuild) == 1 then
    redis.call('XADD', KEYS[7], '*', 'c', chat, 'e', ARGV[a + 2])
  end
  a = a + 2
end
if redis.call('EXISTS', KEYS[8]) == 1 then redis.call('EXPIRE', KEYS[8], ENTRIES_TTL_S) end
return newer and 'newer' or 'older'
