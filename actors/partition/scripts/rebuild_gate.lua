#!lua flags=allow-oom
-- Close a partition for a rebuild, whoever holds it, or open it again.
-- KEYS 1 lease; ARGV 1 'close' or 'open'  2 generation of the rebuild. Returns 1 when it is so, 0 for another rebuild's.
local closed, least = redis.call('HGET', KEYS[1], 'x'), redis.call('HGET', KEYS[1], 'g')
if ARGV[1] == 'close' then
  if tonumber(least or '0') > tonumber(ARGV[2]) then return 0 end
  -- It is closed once: a partition that was opened by this rebuild stays open.
  if least ~= ARGV[2] then
    redis.call('HDEL', KEYS[1], 'f')
    redis.call('HSET', KEYS[1], 'x', ARGV[2], 'g', ARGV[2])
  end
  return 1
end
if closed and closed ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[1], 'x')
return 1
