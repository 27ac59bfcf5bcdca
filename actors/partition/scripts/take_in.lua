#!lua
-- Take one message into its partition, once per id.
--
-- KEYS  1 intake  2 entries of this week  3 entries of last week  4 replies of the chat  5 blobs: who refers to which
-- ARGV  1 week as the caller believes it  2 message id  3 digest (24 hex)  4 body  5 reply channel  6 chat
--       7... digests of the message's blobs
--
-- Returns {'new', entry id}      the entry was added
--         {'open', entry id}     the same message is being worked on: nothing was written
--         {'again', n}           it was answered: its n replies were appended and published again (0: too soon)
--         {'reused', week}       the id stands for other content; the caller rejects it, once
--         {'week', week}         the caller's week is not the server's; it calls again with this one
--
-- An entry's record: state (o open, w owed, s settled) digest | entry | interim | nonce | repeated at | reply ids
-- It has no allow-oom: a full server refuses what comes in, and lets out what is in.
local ENTRIES_TTL_S = 1209600
local REPEAT_MS = 5000

local time = redis.call('TIME')
local week = math.floor(tonumber(time[1]) / 604800)
if tonumber(ARGV[1]) ~= week then return {'week', week} end

local id, digest = ARGV[2], ARGV[3]
local key = KEYS[2]
local record = redis.call('HGET', KEYS[2], id)
if not record then
  record = redis.call('HGET', KEYS[3], id)
  if record then key = KEYS[3] end
end

if not record then
  redis.call('ZCARD', KEYS[5])
  local entry = redis.call('XADD', KEYS[1], '*', 'm', ARGV[4], 'i', id, 'd', digest, 'w', week)
  redis.call('HSET', KEYS[2], id, 'o' .. digest .. '|' .. entry .. '|0||0|')
  if redis.call('TTL', KEYS[2]) < 0 then redis.call('EXPIRE', KEYS[2], ENTRIES_TTL_S) end
  for i = 7, #ARGV do redis.call('ZADD', KEYS[5], 0, ARGV[i] .. '\n' .. ARGV[6] .. '\n' .. id) end
  return {'new', entry}
end

local state = string.sub(record, 1, 1)
local entry, interim, nonce, repeated, replies = string.match(record, '^.[^|]*|([^|]*)|([^|]*)|([^|]*)|([^|]*)|(.*)$')
if not replies then return redis.error_reply('ERR take_in: the record of this message cannot be read') end
if string.sub(record, 2, 1 + #digest) ~= digest then return {'reused', week} end
if state == 'o' or replies == '' then return {'open', entry} end

local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
if now - tonumber(repeated) < REPEAT_MS then return {'again', 0} end
local bodies = {}
for reply in string.gmatch(replies, '[^,]+') do
  local found = redis.call('XRANGE', KEYS[4], reply, reply)
  if found[1] then bodies[#bodies + 1] = found[1][2][2] end
end
redis.call('HSET', key, id, state .. digest .. '|' .. entry .. '|' .. interim .. '|' .. nonce .. '|' .. now .. '|' .. replies)
for _, body in ipairs(bodies) do redis.call('XADD', KEYS[4], 'MAXLEN', '~', 1000, '*', 'r', body) end
for _, body in ipairs(bodies) do redis.call('PUBLISH', ARGV[5], body) end
return {'again', #bodies}
