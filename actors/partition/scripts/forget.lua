#!lua flags=allow-oom
-- Forget a chat: everything of it that the store holds, but for a tombstone with its version.
--
-- KEYS  1 lease  2 forgotten  3 head  4 replies  5 journal  6 hand  7 outbox  8 dead  9 reminders  10 their records
--       11... entries of every living week
-- ARGV  1 fence  2 chat
--
-- Returns {'done', version} | {'busy'} (a message of the chat is in hand) | {'stale'}
-- The head keeps the raised version alone: a commit that began before, and an older copy in a file, are stale for ever.
if redis.call('HGET', KEYS[1], 'f') ~= ARGV[1] then return {'stale'} end
local chat = ARGV[2]
if redis.call('HEXISTS', KEYS[6], chat) == 1 then return {'busy'} end
local version = tonumber(redis.call('HGET', KEYS[3], 'v') or '0') + 1
redis.call('HLEN', KEYS[2])

local function strike(stream)
  local from = '-'
  while true do
    local page = redis.call('XRANGE', stream, from, '+', 'COUNT', 500)
    for _, entry in ipairs(page) do
      for i = 1, #entry[2], 2 do
        if entry[2][i] == 'c' and entry[2][i + 1] == chat then redis.call('XDEL', stream, entry[1]) end
      end
    end
    if #page < 500 then return end
    from = '(' .. page[#page][1]
  end
end
strike(KEYS[7])
strike(KEYS[8])

redis.call('DEL', KEYS[3], KEYS[4], KEYS[5])
for _, member in ipairs(redis.call('ZRANGE', KEYS[9], 0, -1)) do
  if string.sub(member, 1, #chat + 1) == chat .. '\n' then
    redis.call('ZREM', KEYS[9], member)
    redis.call('HDEL', KEYS[10], member)
  end
end
for k = 11, #KEYS do redis.call('DEL', KEYS[k]) end
redis.call('HSET', KEYS[3], 'v', version, 't', 0)
redis.call('HSET', KEYS[2], chat, version)
return {'done', version}
