"""Any history of owners, attempts and lost answers, committed on a real server, against a model of what may be told."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from real_store import CHAT, RealStore, message, open_store, reply

from actors.partition.commits import Commit, Fenced, Operation
from messages.records import Reply

MESSAGES = st.integers(0, 4).map(lambda number: f"m-{number}")


@dataclass
class Known:
    """What the model knows of a message. state: as the store has it, o, w or s."""

    entry: Fenced
    state: str = "o"
    interim: bool = False
    nonce: str = ""
    said: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Attempt:
    """A session that was handed the message: under which fence, and where its memory stood."""

    message_id: str
    fence: str
    version: int
    nonce: str


class Histories(RuleBasedStateMachine):
    """Everybody may come too late, twice, or with an old lease; the store keeps every promise all the same."""

    shop: RealStore
    attempts = Bundle("attempts")

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, Known] = {}
        self.version = self.turn = 0
        self.finals: list[tuple[int, str]] = []
        self.nonces = 0

    @initialize()
    def begin(self) -> None:
        """Nothing is there but a lease."""
        self.shop.redis.flushall()
        self.fences = [self.shop.own()]

    @rule()
    def another_owner(self) -> None:
        """The lease is taken anew; whoever works goes on under the old fence."""
        self.fences.append(self.shop.own(incarnation=f"i-{len(self.fences)}"))

    @rule(message_id=MESSAGES)
    def taken_in(self, message_id: str) -> None:
        """Once for its id."""
        taken = self.shop.take_in(message(message_id))
        known = self.known.get(message_id)
        assert (taken.how == "new") == (known is None)
        if known is None:
            self.known[message_id] = Known(self.shop.fenced(message(message_id), taken.entry_id))

    @rule(target=attempts, message_id=MESSAGES)
    def handed_out(self, message_id: str) -> Any:
        """A session begins with what the store has."""
        known = self.known.get(message_id)
        if known is None:
            return multiple()
        handed = self.shop.hand_out(self.shop.wanted(message(message_id), known.entry.entry_id))
        assert isinstance(handed, list)
        if known.state == "s":
            assert handed[0].status == "settled"
            return multiple()
        assert (handed[0].version, handed[0].turn) == (self.version, self.turn)
        assert (handed[0].owed, handed[0].interim_sent) == (known.state == "w", known.interim)
        self.nonces += 1
        return Attempt(message_id, self.fences[-1], self.version, f"attempt{self.nonces}")

    @rule(attempt=attempts, owed=st.booleans())
    def session_commits(self, attempt: Attempt, owed: bool) -> None:  # noqa: FBT001 - drawn
        """As final or as settle, whatever it believes; for the first time or again, because the answer was lost."""
        operation = "settle" if owed else "final"
        expected = self._expected_of_session(attempt, operation)
        known = self.known[attempt.message_id]
        kind = "follow_up" if owed else "final"
        commit = Commit(
            Operation(operation), replace(known.entry, fence=attempt.fence), attempt.nonce, attempt.version,
            attempt.nonce.encode(), **self._replies(kind, attempt.message_id, numbered=not owed),
        )  # fmt: skip

        self._commits(commit, expected)

        if expected == "done":
            self.version += 1
            self._settled(known, attempt.nonce, operation)

    def _expected_of_session(self, attempt: Attempt, operation: str) -> str:
        known = self.known[attempt.message_id]
        if known.state == "s":
            return "mine" if known.nonce == attempt.nonce else "answered"
        if attempt.fence != self.fences[-1]:
            return "stale"
        if operation == "final" and known.state == "w":
            return "owed"
        if operation == "settle" and known.state == "o":
            return "stale"
        return "done" if attempt.version == self.version else "stale"

    @rule(message_id=MESSAGES, fence=st.integers(1, 3), operation=st.sampled_from(["interim", "static", "poison"]))
    def owner_speaks(self, message_id: str, fence: int, operation: str) -> None:
        """The owner, or one that was."""
        known = self.known.get(message_id)
        if known is None:
            return
        self.nonces += 1
        nonce, shown = f"owner{self.nonces}", self.fences[-min(fence, len(self.fences))]
        numbered = operation == "static" or (operation == "poison" and known.state == "o")
        kind = {"interim": "interim", "static": "final"}.get(operation, "final" if numbered else "follow_up")
        expected = self._expected_of_owner(known, operation, shown)
        commit = Commit(
            Operation(operation), replace(known.entry, fence=shown), nonce,
            **self._replies(kind, message_id, numbered=numbered),
        )  # fmt: skip

        self._commits(commit, expected)

        if expected == "done":
            self._owner_spoke(known, nonce, operation)

    def _expected_of_owner(self, known: Known, operation: str, shown: str) -> str:
        if known.state == "s" and not (operation == "interim" and known.interim):
            return "answered"
        if operation == "static" and known.state == "w":
            return "owed"
        if operation == "interim" and (known.interim or known.state == "w"):
            return "mine" if known.interim else "owed"
        return "done" if shown == self.fences[-1] else "stale"

    def _owner_spoke(self, known: Known, nonce: str, operation: str) -> None:
        if operation == "interim":
            known.interim = True
        elif operation == "static":
            self._final(known)
            known.state, known.nonce = "w", nonce
        else:
            self._settled(known, nonce, "final" if known.state == "o" else "settle")

    def _settled(self, known: Known, nonce: str, operation: str) -> None:
        if operation == "final":
            self._final(known)
        known.state, known.nonce = "s", nonce

    def _final(self, known: Known) -> None:
        self.turn += 1
        self.finals.append((self.turn, known.entry.message_id))

    def _replies(self, kind: Any, message_id: str, *, numbered: bool) -> dict[str, Any]:
        said = reply(kind, message_id=message_id)
        return {"numbered": said} if numbered else {"plain": (said,)}

    def _commits(self, commit: Commit, expected: str) -> None:
        outcome = self.shop.answer(lambda done: self.shop.store.submit_commit(commit, done)).outcome
        assert outcome == expected, (commit, expected)

    @invariant()
    def turns_are_contiguous_and_each_message_has_one_final(self) -> None:
        """1, 2, 3, ... in that order; what was said again has its old reply id, and receivers drop it."""
        first_said: dict[str, Reply] = {}
        for one in self.shop.replies():
            first_said.setdefault(one.reply_id, one)
        said = [(one.turn, one.message_id) for one in first_said.values() if one.kind == "final"]
        assert said == self.finals
        assert [turn for turn, _ in said] == list(range(1, len(said) + 1))
        assert len({message_id for _, message_id in said}) == len(said)

    @invariant()
    def what_is_in_the_stream_is_what_is_left_to_do(self) -> None:
        """Entries of settled messages are gone, all others are there; the index names what is owed."""
        left = {known.entry.entry_id for known in self.known.values() if known.state != "s"}
        owed = {known.entry.entry_id.encode() for known in self.known.values() if known.state == "w"}
        assert set(self.shop.open_entries()) == left
        assert set(self.shop.redis.hkeys(self.shop.names().owed)) == owed

    @invariant()
    def the_head_goes_on_and_never_back(self) -> None:
        """Its version counts the states, its turn the finals."""
        assert self.shop.head(CHAT)[:2] == (self.version, self.turn)


@pytest.mark.rule("C2", "C3", "T4", "K3", "D1")
def test_given_any_history_when_committed_then_the_store_keeps_every_promise(valkey: Any) -> None:
    """Drawn by hypothesis: takeovers, late and repeated commits, statics and poison in any order."""
    client: redis.Redis = valkey.client()
    with open_store(valkey.url, client) as shop:
        Histories.shop = shop

        run_state_machine_as_test(
            Histories,
            settings=settings(
                settings(), max_examples=40, stateful_step_count=40, deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )  # fmt: skip
