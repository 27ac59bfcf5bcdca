"""Any history of the queue: what was accepted is there, is run by one at a time, and is never run when it is done."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from dead_letters.bench_world import DeskUnderTest, HandWorld
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from supervision.dead_letter_queue import DeadItem, ItemFilter, ItemState, Leased
from supervision.dead_letters.records import ATTEMPTS_KEPT_MAX, FINISHED

KINDS = ("webhook", "ledger", "sms")
AWAY = ConnectionRefusedError(111, "Connection refused")
ERRORS = (AWAY, TimeoutError("no answer"), "400 Bad Request: field missing", ValueError("a bug"), None)


class Queue(RuleBasedStateMachine):
    """The queue beside a model of it: state and number of attempts of each item."""

    ids = Bundle("ids")
    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="udl-"))
        self.world = HandWorld(7)
        self.known: dict[str, DeadItem] = {}
        self.keys: dict[tuple[str, str], str] = {}
        self.running: dict[str, float] = {}
        self.tokens = 0
        self._open()

    def _open(self) -> None:
        self.queue = DeskUnderTest(self.folder / "letters.db", self.world)
        self.queue.register("webhook", service="receiver")
        self.queue.register("ledger", check=lambda _payload: False)
        self.queue.register("sms", delivery="neither")

    def teardown(self) -> None:
        """The next history begins with nothing."""
        self.queue.close()
        shutil.rmtree(self.folder)

    def _look(self, item_id: str) -> DeadItem:
        item = self.queue.desk.get(item_id)
        assert item is not None, "an accepted item is gone"
        return item

    @rule(
        target=ids,
        kind=st.sampled_from(KINDS),
        key=st.none() | st.sampled_from("abc"),
        error=st.sampled_from(ERRORS),
        priority=st.sampled_from(range(4)),
    )
    def enqueue(self, kind: str, key: str | None, error: object, priority: int) -> str:
        """The same type and key is the same item, unless that is done: then too."""
        item = self.queue.desk.new_item(
            kind, {"n": len(self.known)}, error, priority=priority, idempotency_key=key, context={}
        )
        answers: list[Any] = []
        self.queue.desk.insert(item, lambda ok, value: answers.append((ok, value)))
        (ok, item_id), = answers  # fmt: skip
        assert ok
        expected = self.keys.get((kind, key)) if key is not None else None
        assert item_id == (expected or item.item_id)
        if key is not None:
            self.keys[kind, key] = item_id
        self.known[item_id] = self._look(item_id)
        return str(item_id)

    @rule(target=leases, count=st.integers(1, 5))
    def take(self, count: int) -> list[Leased]:
        """What is leased is due, not done, and nobody else's."""
        self.tokens += 1
        wants = self.queue.desk.wants(count)
        taken = self.queue.desk.take(wants, f"token-{self.tokens}")
        self.queue.desk.taken(wants, taken)
        for leased in taken.leased:
            item = leased.item
            assert item.state in (ItemState.QUEUED, ItemState.RETRYING)
            assert item.due_at_s <= self.world.wall()
            assert self.running.get(item.item_id, 0.0) <= self.world.wall(), "leased twice"
            self.running[item.item_id] = self.world.wall() + 30.0
        assert len({leased.item.item_id for leased in taken.leased}) == len(taken.leased) <= count
        return list(taken.leased)

    @rule(batch=consumes(leases), error=st.sampled_from((*ERRORS, *ERRORS, KeyboardInterrupt())))
    def finish(self, batch: list[Leased], error: BaseException | str | None) -> None:
        """An outcome counts while its lease holds, and not after."""
        for leased in batch:
            before = self._look(leased.item.item_id)
            failure = RuntimeError(error) if isinstance(error, str) else error
            after = self.queue.desk.barred(leased) or self.queue.desk.settled(leased, failure, 0.1)
            (held,) = self.queue.store.finish_many([after])
            item = self._look(leased.item.item_id)
            if held:
                assert item == after.item
                assert item.attempts_made >= before.attempts_made
                self.running.pop(item.item_id, None)
            else:
                assert item == before
            self.known[item.item_id] = item

    @rule(seconds=st.sampled_from((0.5, 5.0, 61.0, 600.0)))
    def pass_time(self, seconds: float) -> None:
        """The clock goes on."""
        self.world.passed_s += seconds

    @rule()
    def crash(self) -> None:
        """The process dies and comes back on the same file: leases stand until their time is over."""
        self.queue.store.close()
        self._open()

    @rule(item_id=ids)
    def replay(self, item_id: str) -> None:
        """A new round, unless it is done or being tried."""
        before = self._look(item_id)
        report = self.queue.office.replay(item_id, None, is_dry_run=False, by="ada", progress=None)
        item = self._look(item_id)
        if report.count:
            assert before.state not in FINISHED
            assert (item.round, item.attempts_made) == (before.round + 1, before.attempts_made)
            assert item.notes[-1].what == "replayed"
        else:
            assert item == before
        self.known[item_id] = item

    @rule(item_id=ids)
    def discard(self, item_id: str) -> None:
        """Gone for good, with who and why."""
        before = self._look(item_id)
        done = self.queue.office.discard(item_id, "not needed", "ada")
        item = self._look(item_id)
        assert item.state is ItemState.DISCARDED if done else item == before
        self.known[item_id] = item

    @rule(state=st.sampled_from(ItemState))
    def list_them(self, state: ItemState) -> None:
        """A filter gives what it names, each once, in pages."""
        seen: list[str] = []
        after = ""
        while page := self.queue.desk.page(ItemFilter(state=state), after, 2):
            seen += [item.item_id for item in page]
            after = seen[-1]
        assert seen == sorted(item_id for item_id in self.known if self._look(item_id).state is state)

    @invariant()
    def nothing_is_lost(self) -> None:
        """Each item is there, whole; what is done stays done; the counts add up."""
        facts = self.queue.store.facts()
        assert facts.items == len(self.known) == sum(facts.by_state.values())
        for item_id, known in self.known.items():
            item = self._look(item_id)
            assert item.revision >= known.revision
            assert len(item.attempts) <= ATTEMPTS_KEPT_MAX
            if known.state in FINISHED:
                assert item.state is known.state
            self.known[item_id] = item


Queue.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestQueue = Queue.TestCase
