#!lua flags=allow-oom
-- Take a partition's lease: a new fence, unless somebody else's lease is alive.
--
-- KEYS  1 lease
-- ARGV  1 node  2 incarnation  3 generation  4 nonce  5, 6 fence and beat that stood still ('' '' none seen)
--
-- Returns {'taken', fence, how} or {'held', fence, beat, node}; how is
--         'clean'   nobody held it, or it was let go of in good order
--         'own'     this incarnation held it already
--         'dead'    its holder died with what it had in hand
--
-- Fields: f fence  e epoch  b beat  n node  i incarnation  r released
-- A lease of this node's earlier incarnation is free at once: the lock on its data directory says that it is dead.
-- x: closed by the rebuild of that generation; g: the least generation that may hold it
local gate = redis.call('HMGET', KEYS[1], 'x', 'g')
if gate[1] or tonumber(gate[2] or '0') > tonumber(ARGV[3]) then return {'held', '', '', ''} end
local lease = redis.call('HMGET', KEYS[1], 'f', 'e', 'b', 'n', 'i', 'r')
local fence, epoch, beat, node, incarnation, released = lease[1], lease[2], lease[3], lease[4], lease[5], lease[6]
local how = 'dead'
if not fence or released == '1' then
  how = 'clean'
elseif node == ARGV[1] then
  if incarnation == ARGV[2] then how = 'own' end
elseif ARGV[5] == '' or fence ~= ARGV[5] or beat ~= ARGV[6] then
  return {'held', fence, beat, node}
end
epoch = tonumber(epoch or '0') + 1
fence = ARGV[3] .. ':' .. epoch .. ':' .. ARGV[4]
redis.call('HSET', KEYS[1], 'f', fence, 'e', epoch, 'b', '0', 'n', ARGV[1], 'i', ARGV[2], 'r', '0')
return {'taken', fence, how}
