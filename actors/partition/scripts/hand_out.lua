#!lua flags=allow-oom
-- Hand out up to sixteen messages: register those that came straight into the partition, write what is in hand,
-- and return what their sessions need to begin.
--
-- KEYS  1 lease  2 intake  3 hand  4 blobs  5 owed; then for each item: head, entries of its week, entries of the week before, replies
-- ARGV  1 fence  2 week as the caller believes it; then for each item:
--       mode ('hand' or 'register')  straight ('1': came straight in, its week is this one)  chat  entry  message id
--       digest  version the living session has ('' none)  record for hand  reply channel
--       digests of its blobs, joined by commas
--       the static reply that its person was shown while the store was away ('' none): with the record it becomes the
--       message's final, without a turn and without being published, and the work is owed
--
-- Returns {'stale'} | {'week', week} | {'ok', item, ...}, an item being
--         {'go', state, week, version, interim, snapshot or '', turn}   handed out (or registered)
--         {'settled'}     it was answered before: the entry is gone
--         {'repeated'}    a copy of a message that is open or answered: the entry is gone
--         {'reused'}      its id stands for other content: the caller rejects it
--         {'broken', why} one of its keys cannot be read; nothing was written for it
--
-- Everything is read before anything is written, and one chat's broken key harms no other chat.
local ENTRIES_TTL_S = 1209600
local REPEAT_MS = 5000
local REPLIES_MAX = 1000
local KEYS_EACH, ARGS_EACH, FIRST_KEY = 4, 11, 6
local RECORD = '^[ows][^|]*|[^|]*|[^|]*|[^|]*|%d+|'

if redis.call('HGET', KEYS[1], 'f') ~= ARGV[1] then return {'stale'} end
local time = redis.call('TIME')
local week = math.floor(tonumber(time[1]) / 604800)
if tonumber(ARGV[2]) ~= week then return {'week', week} end
redis.call('XLEN', KEYS[2])
redis.call('HLEN', KEYS[3])
redis.call('ZCARD', KEYS[4])
redis.call('HLEN', KEYS[5])

local function read(k, straight, id)
  local head = redis.pcall('HMGET', KEYS[k], 'v', 't')
  if head.err then return nil, head.err end
  if (head[1] and not tonumber(head[1])) or (head[2] and not tonumber(head[2])) then return nil, 'ERR its head holds no numbers' end
  local record = redis.pcall('HGET', KEYS[k + 1], id)
  if type(record) == 'table' and record.err then return nil, record.err end
  local key, record_week = KEYS[k + 1], week
  if straight and not record then
    record = redis.pcall('HGET', KEYS[k + 2], id)
    if type(record) == 'table' and record.err then return nil, record.err end
    if record then key, record_week = KEYS[k + 2], week - 1 end
  end
  if record and not string.find(record, RECORD) then return nil, 'ERR the record of this message cannot be read' end
  local length = redis.pcall('XLEN', KEYS[k + 3])
  if type(length) == 'table' and length.err then return nil, length.err end
  return {head = head, record = record, key = key, week = record_week}
end

local function repeat_replies(found, k, id, channel)
  local head, entry, interim, nonce, repeated, replies =
    string.match(found.record, '^([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|(.*)$')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  if string.sub(head, 1, 1) == 'o' or replies == '' or now - tonumber(repeated) < REPEAT_MS then return end
  redis.call('HSET', found.key, id, head .. '|' .. entry .. '|' .. interim .. '|' .. nonce .. '|' .. now .. '|' .. replies)
  for reply in string.gmatch(replies, '[^,]+') do
    local body = redis.call('XRANGE', KEYS[k + 3], reply, reply)
    if body[1] then
      redis.call('XADD', KEYS[k + 3], 'MAXLEN', '~', REPLIES_MAX, '*', 'r', body[1][2][2])
      redis.call('PUBLISH', channel, body[1][2][2])
    end
  end
end

local found, faults = {}, {}
local count = (#ARGV - 2) / ARGS_EACH
for i = 1, count do
  local a = 2 + (i - 1) * ARGS_EACH
  local item, fault = read(FIRST_KEY + (i - 1) * KEYS_EACH, ARGV[a + 2] == '1', ARGV[a + 5])
  found[i], faults[i] = item or false, fault or false
end

local answer = {'ok'}
for i = 1, count do
  local a, k = 2 + (i - 1) * ARGS_EACH, FIRST_KEY + (i - 1) * KEYS_EACH
  local mode, straight, chat, entry, id = ARGV[a + 1], ARGV[a + 2] == '1', ARGV[a + 3], ARGV[a + 4], ARGV[a + 5]
  local digest, known, hand, channel = ARGV[a + 6], ARGV[a + 7], ARGV[a + 8], ARGV[a + 9]
  local item = found[i]
  -- An item of this very call may have registered the same id: look again, the key's type is known by now.
  local record = item and (item.record or redis.call('HGET', item.key, id))
  if item then item.record = record end
  if not item then
    answer[#answer + 1] = {'broken', faults[i]}
  elseif record and straight and string.match(record, '^[^|]*|([^|]*)|') ~= entry then
    if string.sub(record, 2, 1 + #digest) ~= digest then
      answer[#answer + 1] = {'reused'}
    else
      repeat_replies(item, k, id, channel)
      redis.call('XDEL', KEYS[2], entry)
      answer[#answer + 1] = {'repeated'}
    end
  elseif record and string.sub(record, 1, 1) == 's' then
    redis.call('XDEL', KEYS[2], entry)
    if (redis.call('HGET', KEYS[3], chat) or ''):match('^[^|]*') == entry then redis.call('HDEL', KEYS[3], chat) end
    answer[#answer + 1] = {'settled'}
  else
    local state, interim = 'o', '0'
    if record then
      state, interim = string.sub(record, 1, 1), string.match(record, '^[^|]*|[^|]*|([^|]*)|')
    else
      local shown, said = ARGV[a + 11], ''
      if shown ~= '' then
        state, said = 'w', redis.call('XADD', KEYS[k + 3], 'MAXLEN', '~', REPLIES_MAX, '*', 'r', shown)
        if redis.call('TTL', KEYS[k + 3]) < 0 then redis.call('EXPIRE', KEYS[k + 3], ENTRIES_TTL_S) end
        redis.call('HSET', KEYS[5], entry, chat .. '\n' .. id)
      end
      redis.call('HSET', item.key, id, state .. digest .. '|' .. entry .. '|0||0|' .. said)
      if redis.call('TTL', item.key) < 0 then redis.call('EXPIRE', item.key, ENTRIES_TTL_S) end
      for blob in string.gmatch(ARGV[a + 10], '[^,]+') do
        redis.call('ZADD', KEYS[4], 0, blob .. '\n' .. chat .. '\n' .. id)
      end
    end
    local version, snapshot = item.head[1] or '0', ''
    if mode == 'hand' then
      redis.call('HSET', KEYS[3], chat, hand)
      if version ~= known then snapshot = redis.call('HGET', KEYS[k], 's') or '' end
    end
    answer[#answer + 1] = {'go', state, item.week, version, interim, snapshot, item.head[2] or '0'}
  end
end
return answer
