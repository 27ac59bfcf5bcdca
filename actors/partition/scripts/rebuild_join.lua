#!lua flags=allow-oom
-- Begin a rebuild of the store, or join the one that is under way.
--
-- KEYS  1 rebuild
-- ARGV  1 generation at least  2 the store's generation before ('0': it had none)  3... nodes whose files are wanted
--
-- Returns {generation, generation before}
-- Fields: g generation  w generation before  s 'offering' or 'done'  n:<node> 'wanted', 'offered' or 'forgiven'
local state = redis.call('HMGET', KEYS[1], 'g', 'w', 's')
local generation, before = tonumber(state[1] or '0'), state[2]
if state[3] ~= 'offering' or generation < tonumber(ARGV[1]) then
  -- One that knows a later generation begins anew, with everybody who was wanted before.
  local known = state[3] == 'offering' and redis.call('HKEYS', KEYS[1]) or {}
  generation, before = math.max(generation + 1, tonumber(ARGV[1])), state[3] == 'offering' and before or ARGV[2]
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'g', generation, 'w', before, 's', 'offering')
  for _, name in ipairs(known) do
    if string.sub(name, 1, 2) == 'n:' then redis.call('HSET', KEYS[1], name, 'wanted') end
  end
end
for i = 3, #ARGV do redis.call('HSETNX', KEYS[1], 'n:' .. ARGV[i], 'wanted') end
return {generation, tonumber(before)}
