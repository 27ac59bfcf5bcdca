#!lua flags=allow-oom
-- All writes of a turn, at once or not at all.
--
-- KEYS  1 lease  2 intake  3 hand  4 owed  5 entries of the entry's week  6 head  7 replies  8 journal
--       with effects, dead letters or blobs:  9 outbox  10 dead  11 blobs: who refers to which
--       12... the message's blobs, where they are kept here (else none)
-- ARGV  1 operation  2 fence  3 chat  4 message id  5 entry id ('' none)  6 nonce of this attempt
--       7 version the turn began at  8 snapshot ('' none)  9 reply channel  10 digest
--       11 count of replies  12 count of effects  13 count of dead letters  14 count of blobs
--       then for each reply: 't' (takes the turn number) or 'p' (plain), text before the number, text after it;
--       then the effects, the dead letters, the digests of the message's blobs
--
--  operation   writes                                                          deletes the entry
--  final       head, snapshot, settled, replies, outbox; - journal, hand        yes
--  interim     reply, interim sent                                              no
--  static      turn, reply, owed and its index                                  no
--  settle      version, snapshot, settled, replies, outbox; - journal, hand, index   yes
--  follow_up   replies only                                                     no
--  poison      turn and reply (a plain one if owed), dead letter, settled; - journal, hand, index   yes
--  reject      reply, dead letter; with a digest: said once under id and digest  yes
--
-- Returns {'done', turn, digests of blobs that nobody refers to any more...} | {'mine'} | {'answered'} | {'owed'} | {'stale'}
--
-- Writes nothing unless it writes all: a script is not rolled back when a later call of it fails, so the fence and
-- every argument are checked, and each key read with a command of its type, before the first write. It publishes last.
local REPLIES_TTL_S, REPLIES_TTL_MIN_S, REPLIES_MAX = 1209600, 1123200, 1000
local ENTRIES_TTL_S = 1209600
-- A door stores a blob before it refers to it: what is let go of here stays a while, and the door's copy refreshes it.
local FREED_BLOB_TTL_S = 3600
local FIXED = 14
local KNOWN = {final = 1, interim = 1, static = 1, settle = 1, follow_up = 1, poison = 1, reject = 1}

local op, fence, chat, id, entry, nonce = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local began, snapshot, channel, digest = ARGV[7], ARGV[8], ARGV[9], ARGV[10]
local reply_count, effect_count = tonumber(ARGV[11]), tonumber(ARGV[12])
local dead_count, blob_count = tonumber(ARGV[13]), tonumber(ARGV[14])
if not KNOWN[op] then return redis.error_reply('ERR commit: unknown operation') end
if not (reply_count and effect_count and dead_count and blob_count)
    or #ARGV ~= FIXED + 3 * reply_count + effect_count + dead_count + blob_count then
  return redis.error_reply('ERR commit: arguments do not add up')
end
local numbered = 0
for i = FIXED + 1, FIXED + 3 * reply_count, 3 do
  if ARGV[i] == 't' then numbered = numbered + 1 elseif ARGV[i] ~= 'p' then return redis.error_reply('ERR commit: unknown reply') end
end
if numbered > 1 or (op ~= 'poison' and (numbered == 1) ~= (op == 'final' or op == 'static')) then
  return redis.error_reply('ERR commit: one final reply takes the turn, and no other')
end

-- What is kept of the chat may be the very thing that cannot be read: a refusal needs none of it.
local record = op == 'reject' and redis.pcall('HGET', KEYS[5], id) or redis.call('HGET', KEYS[5], id)
if type(record) == 'table' then record = false end
local state, known_digest, known_entry, interim, known_nonce, repeated, known_replies = 'o', digest, entry, '0', '', '0', ''
if record then
  state = string.sub(record, 1, 1)
  known_digest, known_entry, interim, known_nonce, repeated, known_replies =
    string.match(record, '^.([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|(.*)$')
  if not known_replies then
    if op ~= 'reject' then return redis.error_reply('ERR commit: the record of this message cannot be read') end
    record, state, known_entry, known_replies = false, 'o', entry, ''
  end
end
local ends = op == 'final' or op == 'settle' or op == 'poison'

if (ends or op == 'static') and state == 's' then
  if ends and known_nonce == nonce then return {'mine'} end
  if entry ~= '' then redis.call('XDEL', KEYS[2], entry) end
  return {'answered'}
end
if op == 'static' and state == 'w' then return {known_nonce == nonce and 'mine' or 'owed'} end
if op == 'interim' and interim == '1' then return {'mine'} end
if op == 'interim' and state ~= 'o' then return {state == 's' and 'answered' or 'owed'} end
-- A door rejects what never became an entry, and a door owns nothing.
local from_a_door = op == 'reject' and entry == ''
if not from_a_door and fence ~= redis.call('HGET', KEYS[1], 'f') then return {'stale'} end
if numbered == 1 and state == 'w' then return {'owed'} end
if numbered == 0 and ends and state == 'o' then return {'stale'} end

local version, turn = '0', 0
if op ~= 'reject' then
  local head = redis.call('HMGET', KEYS[6], 'v', 't')
  version, turn = head[1] or '0', tonumber(head[2] or '0')
  if not (tonumber(version) and turn) then return redis.error_reply('ERR commit: the head holds no numbers') end
  if (op == 'final' or op == 'settle') and version ~= began then return {'stale'} end
end
redis.call('XLEN', KEYS[2])
redis.call('HLEN', KEYS[3])
redis.call('HLEN', KEYS[4])
local length = op == 'reject' and redis.pcall('XLEN', KEYS[7]) or redis.call('XLEN', KEYS[7])
local appends = type(length) == 'number'
if effect_count > 0 then redis.call('XLEN', KEYS[9]) end
if dead_count > 0 then redis.call('XLEN', KEYS[10]) end
if blob_count > 0 then redis.call('ZCARD', KEYS[11]) end
if op == 'reject' and entry ~= '' and #redis.call('XRANGE', KEYS[2], entry, entry) == 0 then return {'mine'} end
if op == 'reject' and digest ~= '' then
  -- The id is another message's: its record stays; the refusal is remembered beside it, under id and digest.
  local said = id .. '\n' .. digest
  if redis.call('HEXISTS', KEYS[5], said) == 1 then
    if entry ~= '' then redis.call('XDEL', KEYS[2], entry) end
    return {'mine'}
  end
  redis.call('HSET', KEYS[5], said, 'r')
  if redis.call('TTL', KEYS[5]) < 0 then redis.call('EXPIRE', KEYS[5], ENTRIES_TTL_S) end
end

-- From here on it writes.
local takes_turn = numbered == 1
local bodies = {}
if takes_turn then turn = turn + 1 end
local reply_ids = known_replies
for i = 1, reply_count do
  local a = FIXED + (i - 1) * 3
  local body = ARGV[a + 2]
  if ARGV[a + 1] == 't' then body = body .. turn .. ARGV[a + 3] end
  bodies[i] = body
  if appends then
    local reply_id = redis.call('XADD', KEYS[7], 'MAXLEN', '~', REPLIES_MAX, '*', 'r', body)
    reply_ids = reply_ids == '' and reply_id or reply_ids .. ',' .. reply_id
  end
end
if reply_count > 0 and appends and redis.call('TTL', KEYS[7]) < REPLIES_TTL_MIN_S then
  redis.call('EXPIRE', KEYS[7], REPLIES_TTL_S)
end

if op == 'final' or op == 'settle' then
  if takes_turn then
    redis.call('HSET', KEYS[6], 'v', version + 1, 't', turn, 's', snapshot)
  else
    redis.call('HSET', KEYS[6], 'v', version + 1, 's', snapshot)
  end
elseif takes_turn then
  redis.call('HSET', KEYS[6], 't', turn)
end

-- A refused entry that was registered is settled: the same message again gets the same refusal.
local refused = op == 'reject' and entry ~= '' and record and known_entry == entry
local next_state = ((ends or refused) and 's') or (op == 'static' and 'w') or state
if op ~= 'reject' and op ~= 'follow_up' then
  if op == 'interim' then interim = '1' else known_nonce = nonce end
end
if refused or (op ~= 'reject' and (record or op ~= 'follow_up')) then
  local base = next_state .. known_digest .. '|' .. known_entry .. '|' .. interim .. '|' .. known_nonce
  redis.call('HSET', KEYS[5], id, base .. '|' .. repeated .. '|' .. reply_ids)
  if not record then redis.call('EXPIRE', KEYS[5], ENTRIES_TTL_S) end
end
if op == 'static' then redis.call('HSET', KEYS[4], entry, chat .. '\n' .. id) end

local argument = FIXED + 3 * reply_count
for i = 1, effect_count do redis.call('XADD', KEYS[9], '*', 'c', chat, 'e', ARGV[argument + i]) end
argument = argument + effect_count
for i = 1, dead_count do redis.call('XADD', KEYS[10], '*', 'c', chat, 'd', ARGV[argument + i]) end
argument = argument + dead_count

local answer = {'done', turn}
if ends then
  redis.call('HDEL', KEYS[3], chat)
  if state == 'w' then redis.call('HDEL', KEYS[4], entry) end
  if redis.call('EXISTS', KEYS[8]) == 1 then redis.pcall('DEL', KEYS[8]) end
  for i = 1, blob_count do
    local blob = ARGV[argument + i]
    redis.call('ZREM', KEYS[11], blob .. '\n' .. chat .. '\n' .. id)
    -- What becomes a dead letter keeps its files until somebody has decided about it (`letter_replay.lua`).
    if op == 'poison' then redis.call('ZADD', KEYS[11], 0, blob .. '\n' .. chat .. '\n' .. string.gsub(id, '#r%d+$', '') .. '#dead') end
    local others = redis.call('ZRANGEBYLEX', KEYS[11], '[' .. blob .. '\n', '(' .. blob .. '\11', 'LIMIT', 0, 1)
    if #others == 0 then
      answer[#answer + 1] = blob
      if KEYS[11 + i] then redis.pcall('EXPIRE', KEYS[11 + i], FREED_BLOB_TTL_S) end
    end
  end
end
if entry ~= '' and op == 'reject' and string.match(redis.call('HGET', KEYS[3], chat) or '', '^[^|]*') == entry then
  redis.call('HDEL', KEYS[3], chat)
end
if entry ~= '' and (ends or op == 'reject') then redis.call('XDEL', KEYS[2], entry) end
for i = 1, reply_count do redis.call('PUBLISH', channel, bodies[i]) end
return answer
