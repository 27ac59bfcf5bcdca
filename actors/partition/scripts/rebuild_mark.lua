#!lua flags=allow-oom
-- Note that a node has offered its files, or is forgiven; the last one ends the rebuild.
--
-- KEYS  1 rebuild
-- ARGV  1 generation ('' whichever is under way)  2 node  3 'offered' or 'forgiven'
--
-- Returns {'stale'} (another rebuild, or none) | {'offering', nodes that are still wanted...} | {'done'}
local state = redis.call('HMGET', KEYS[1], 'g', 's')
if not state[1] or (ARGV[1] ~= '' and state[1] ~= ARGV[1]) then return {'stale'} end
if state[2] == 'done' then return {'done'} end
redis.call('HSET', KEYS[1], 'n:' .. ARGV[2], ARGV[3])
local all, missing = redis.call('HGETALL', KEYS[1]), {'offering'}
for i = 1, #all, 2 do
  if all[i + 1] == 'wanted' and string.sub(all[i], 1, 2) == 'n:' then missing[#missing + 1] = string.sub(all[i], 3) end
end
if #missing > 1 then return missing end
redis.call('HSET', KEYS[1], 's', 'done')
return {'done'}
