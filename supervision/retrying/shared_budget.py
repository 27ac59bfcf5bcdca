"""One retry budget for all nodes, counted in Redis; each node's own while Redis is away.

The script works with any client that has `eval` (redis-py, valkey, their clusters: it touches one key). Requests are
counted here and told to Redis with the next question, so a request costs no round trip; only an extra one does.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Final, Protocol

from supervision.retrying.budget import SLOTS, BudgetPolicy, LocalRetryBudget

SCRIPT: Final = """
-- KEYS[1] the counters of one service: a hash of r<slot> (requests) and x<slot> (extras).
-- ARGV[1] requests to add; [2] extras asked for (0 or 1); [3] ratio; [4] floor; [5] seconds a slot; [6] slots.
-- Returns 1 where the extra may be sent, else 0. The server's clock counts, so nodes need not agree on theirs.
local width, slots = tonumber(ARGV[5]), tonumber(ARGV[6])
local slot = math.floor(tonumber(redis.call('TIME')[1]) / width)
if tonumber(ARGV[1]) > 0 then redis.call('HINCRBY', KEYS[1], 'r' .. slot, ARGV[1]) end
local requests, extras, old = 0, 0, {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local number = tonumber(string.sub(all[i], 2))
  if number <= slot - slots then old[#old + 1] = all[i]
  elseif string.sub(all[i], 1, 1) == 'r' then requests = requests + tonumber(all[i + 1])
  else extras = extras + tonumber(all[i + 1]) end
end
if #old > 0 then redis.call('HDEL', KEYS[1], unpack(old)) end
local allowed = 0
if ARGV[2] == '1' and extras + 1 <= math.max(tonumber(ARGV[4]), tonumber(ARGV[3]) * requests) then
  redis.call('HINCRBY', KEYS[1], 'x' .. slot, 1)
  allowed = 1
end
redis.call('EXPIRE', KEYS[1], math.ceil(width * slots) + 60)
return allowed
"""

AWAY_S: Final = 1.0
"""After a failure Redis is not asked again for so long: an extra request must not wait for a dead server twice."""


class EvalClient(Protocol):
    """Any Redis client, sync or asyncio. Give it short timeouts: a question is asked while a call waits."""

    def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Any:
        """Run a script; its answer, or something to await."""


class SharedRetryBudget:
    """The budget of one service over all nodes. Falls back to this node's own counts while Redis does not answer.

    key: where the counters live, e.g. "unfailing:budget:openai". Local counts go on all the time, extras that Redis
    allowed included, so the fallback starts from what was really sent.
    """

    def __init__(self, client: EvalClient, key: str, policy: BudgetPolicy | None = None) -> None:
        self.policy = policy or BudgetPolicy()
        self.local = LocalRetryBudget(self.policy)
        self._client = client
        self._key = key
        self._unsent = 0
        self._away_until_s = 0.0

    def note_request(self, now_s: float) -> None:
        """A request that somebody wanted is sent."""
        self.local.note_request(now_s)
        self._unsent += 1

    def take(self, now_s: float) -> bool:
        """Ask for one extra request, over a sync client; True spends it."""
        if now_s < self._away_until_s:
            return self.local.take(now_s)
        sent, self._unsent = self._unsent, 0
        try:
            return self._settle(self._ask(sent, 1), now_s)
        except Exception:  # noqa: BLE001 - whatever keeps Redis from answering, the local count decides
            return self._without_redis(sent, now_s)

    async def take_async(self, now_s: float) -> bool:
        """As take, over an asyncio client."""
        if now_s < self._away_until_s:
            return self.local.take(now_s)
        sent, self._unsent = self._unsent, 0
        try:
            answer = self._ask(sent, 1)
            return self._settle(await answer if isinstance(answer, Awaitable) else answer, now_s)
        except Exception:  # noqa: BLE001 - as in take
            return self._without_redis(sent, now_s)

    def flush(self) -> None:
        """Tell Redis the requests counted since the last question; raises what the client raises."""
        sent, self._unsent = self._unsent, 0
        if sent:
            self._ask(sent, 0)

    def _ask(self, requests: int, extras: int) -> Any:
        policy = self.policy
        return self._client.eval(SCRIPT, 1, self._key, str(requests), str(extras), str(policy.ratio), str(policy.floor),
                                 str(policy.window_s / SLOTS), str(SLOTS))  # fmt: skip

    def _settle(self, answer: Any, now_s: float) -> bool:
        allowed = int(answer) == 1
        if allowed:
            self.local.note_extra(now_s)
        return allowed

    def _without_redis(self, unsent: int, now_s: float) -> bool:
        self._unsent += unsent
        self._away_until_s = now_s + AWAY_S
        return self.local.take(now_s)
