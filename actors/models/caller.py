"""The caller of one tier: asks its models over HTTP, a bounded number of calls at once, each within its time.

It decides nothing: whom to ask, for how long and whether again is the chain's business. A call is a task of its own;
the caller answers when it ends, and ends it when its time is over, whatever the client is doing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import urlsplit

from actors.logs import actor_logger
from actors.models.clients import ClientPool
from supervision.actor import GeventActor
from supervision.supervisor import ChildSpec
from supervision.tiers.clients import model_of
from supervision.world_library import CallTimeout

if TYPE_CHECKING:
    from actors.node import Node
    from actors.settings import ModelSettings
    from supervision.actor import Reply
    from supervision.fallback_chain import ChainRequest, ModelConfig
    from supervision.world import Task, Timer

CALLS_MAX: Final = 128
WAITING_MAX: Final = 2000


@dataclass(frozen=True, slots=True)
class CallModel:
    """Ask one model. by_s: monotonic; an answer that comes later helps nobody."""

    config: ModelConfig
    request: ChainRequest
    by_s: float


class CallerBusy(Exception):  # noqa: N818 - named after what is the case
    """So many calls wait for this tier that one more would not be made in time."""


@dataclass(eq=False, slots=True)
class _Call:
    message: CallModel
    reply: Reply
    task: Task | None = None
    timer: Timer | None = None


@dataclass(frozen=True, slots=True)
class _Ended:
    call: _Call


class ModelCaller(GeventActor):
    """One tier's caller."""

    on_failure_timeout_s: ClassVar[float | None] = 2.0

    def __init__(self, node: Node, tier: str, models: tuple[ModelSettings, ...]) -> None:
        """models: of this tier, by whose names the chain asks."""
        super().__init__()
        self._node = node
        self._tier = tier
        self._pools = {name_of(model): ClientPool(model) for model in models}
        self._running: set[_Call] = set()
        self._waiting: deque[_Call] = deque()

    def on_start(self) -> None:
        """Be found; the clients are made meanwhile, in a native thread."""
        self._log = actor_logger(self)
        self._node.names[f"model/{self._tier}"] = self.actor_ref
        self._node.world.spawn(self._prepare, name=f"clients of {self._tier}")

    def _prepare(self) -> None:
        for name, pool in self._pools.items():
            try:
                self._node.world.run_in_thread(pool.prepare, pool="models")
            except Exception as error:  # noqa: BLE001 - the first call makes it then, or says why it cannot
                self._log.warning(
                    "a model's client could not be made", model=name, reason=repr(error), next="tried at its first call"
                )

    def on_stop(self) -> None:
        """End what runs; who asked hears that the caller is gone."""
        for call in list(self._running):
            self._end(call)
        for pool in self._pools.values():
            pool.close()

    def on_failure(self, *_: Any) -> None:
        """The same, after a crash."""
        self.on_stop()

    def on_receive(self, message: Any) -> Any:
        """A call, or the end of one."""
        match message:
            case CallModel():
                self._take(message)
            case _Ended():
                self._running.discard(message.call)
                self._begin_waiting()
            case _:
                return super().on_receive(message)
        return None

    def _take(self, message: CallModel) -> None:
        reply = self.defer_reply()
        if reply is None:
            return
        call = _Call(message, reply)
        if len(self._waiting) >= WAITING_MAX:
            reply.fail(CallerBusy(self._tier))
            return
        self._waiting.append(call)
        self._begin_waiting()

    def _begin_waiting(self) -> None:
        while self._waiting and len(self._running) < CALLS_MAX:
            call = self._waiting.popleft()
            left_s = call.message.by_s - self.world.now()
            if left_s <= 0:
                call.reply.fail(CallTimeout())
                continue
            self._running.add(call)
            call.timer = self._node.world.call_later(left_s, self._late, call)
            call.task = self._node.world.spawn(self._call, call, name=f"call of {call.message.config.name}")

    def _late(self, call: _Call) -> None:
        """The client's own timeout is per read: this is the deadline of the whole call."""
        if call in self._running:
            call.reply.fail(CallTimeout())
            self._end(call)

    def _end(self, call: _Call) -> None:
        if call.timer is not None:
            call.timer.cancel()
        if call.task is not None:
            call.task.kill()

    def _call(self, call: _Call) -> None:
        """Ask the model; a task of its own."""
        message = call.message
        pool = self._pools[message.config.name]
        lent = None
        try:
            lent = pool.borrow()
            model = model_of(replace(message.config, client=lent.client))
            left_s = message.by_s - self.world.now()
            call.reply.set(model.ask(message.request, max(left_s, 0.01), lambda: call not in self._running))
        except Exception as error:  # noqa: BLE001 - the chain classifies it
            call.reply.fail(error)
        finally:
            if lent is not None:
                pool.give_back(lent)
            if call.timer is not None:
                call.timer.cancel()
            if self.actor_ref.is_alive():
                self.actor_ref.tell(_Ended(call))


def name_of(model: ModelSettings) -> str:
    """What a model is called among breakers: its name and whose it is, since two servers may have one of that name."""
    host = urlsplit(model.base_url).netloc.rpartition("@")[2]
    return f"{model.name}@{host}"


def supervised(node: Node, tier: str, models: tuple[ModelSettings, ...]) -> ChildSpec:
    """The caller of one tier."""
    return ChildSpec(id=tier, start=partial(ModelCaller.start, node, tier, models), shutdown_s=3.0)
