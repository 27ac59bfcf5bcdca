"""Saving and loading one session over all layers, by callbacks: for tasks, threads, greenlets and actors alike.

Nothing here waits. Layers answer from threads of their own; the decisions are those of `choosing`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from messages.codec import encode
from supervision.keeping.choosing import Choice, choose, judge_save
from supervision.keeping.events import OnEvent, OperatorEvent
from supervision.keeping.layers import Entry
from supervision.keeping.runner import Runner
from supervision.keeping.sealed import Position, seal
from supervision.keeping.session_state import SessionState
from supervision.world_lane import Done

HEADS_MAX: Final = 200_000
TRIES_MAX: Final = 8


class StateError(Exception):
    """The root of what saving and loading raise."""


class NotSaved(StateError):  # noqa: N818 - what happened
    """No durable layer took the state: it is not kept. Attribute: reasons, by layer."""

    def __init__(self, session_id: str, reasons: dict[str, Exception]) -> None:
        super().__init__(f"{session_id}: " + "; ".join(f"{layer}: {error!r}" for layer, error in reasons.items()))
        self.reasons = reasons


class StaleState(StateError):  # noqa: N818 - what happened
    """Somebody else saved the session meanwhile. Attributes: session_id, expected and found, versions."""

    def __init__(self, session_id: str, expected: int, found: int) -> None:
        super().__init__(f"{session_id} is at version {found}, not {expected}")
        self.session_id, self.expected, self.found = session_id, expected, found


class StateUnavailable(StateError):  # noqa: N818 - what happened
    """No layer that could know the session can be read now, so nobody may say that there is none."""


class CoreWorld(Protocol):
    """What the core needs of the world."""

    def wall(self) -> float:
        """Unix seconds."""

    def lock(self) -> AbstractContextManager[Any]:
        """A lock between threads."""


class _Ticket:
    """Answers still to come for one question. Invariant: `_missing` counts them, and the hand that holds the ticket."""

    def __init__(self, answers: int, lock: AbstractContextManager[Any]) -> None:
        self.said: dict[str, Any] = {}
        self._missing = answers + 1
        self._finish: Callable[[dict[str, Any]], object] = len
        self._lock = lock

    def note(self, layer: str) -> Done:
        """What to call with a layer's answer."""

        def done(ok: bool, value: Any) -> None:  # noqa: ARG001, FBT001 - a lane's answer; an error is its value
            self.said[layer] = value
            self._one_less()

        return done

    def hand_in(self, finish: Callable[[dict[str, Any]], object]) -> None:
        """Have finish called with all answers, at once where they are there."""
        self._finish = finish
        self._one_less()

    def _one_less(self) -> None:
        with self._lock:
            self._missing -= 1
            is_last = self._missing == 0
        if is_last:
            self._finish(self.said)


@dataclass(frozen=True, slots=True)
class _Wish:
    """A record to write. make: from its place and Unix time to its body and what the caller gets."""

    key: str
    make: Callable[[Position, float], tuple[bytes, Any]]
    expected: int | None
    is_gone: bool = False


class StateCore:
    """The layers as one. memory: the runner whose layer is asked first, if any; others: the rest, durable or not.

    generation, epoch: set by who owns the sessions where a shared store counts them; 0 in a program of its own.
    """

    def __init__(self, memory: Runner | None, others: Sequence[Runner], world: CoreWorld, on_event: OnEvent) -> None:
        if memory is None and not others:
            raise ValueError("a state manager needs at least one layer")
        self.memory = memory
        self.others = tuple(others)
        self.runners: tuple[Runner, ...] = (*(() if memory is None else (memory,)), *others)
        self.durable = frozenset(runner.layer.name for runner in others if runner.layer.is_durable)
        self.generation = 0
        self.epoch = 0
        self._world = world
        self._on_event = on_event
        self._lock = world.lock()
        self._heads: OrderedDict[str, Position] = OrderedDict()  # Invariant: the place last given out for a key.

    def save(self, state: SessionState, expected_version: int | None, done: Done) -> None:
        """Save a state as the next version; done(True, the state as saved) or done(False, the error).

        expected_version: what the session must be at, None for whatever it is at.
        """

        def make(position: Position, at_s: float) -> tuple[bytes, SessionState]:
            at = datetime.fromtimestamp(at_s, UTC)
            saved = replace(state, version=position.version, created_at=state.created_at or at, updated_at=at)
            return encode(saved, verified=True), saved

        self._write(_Wish(state.session_id, make, expected_version), done, TRIES_MAX)

    def delete(self, key: str, done: Done) -> None:
        """Leave a tombstone; done(True, None) or done(False, the error)."""
        self._write(_Wish(key, lambda _position, _at_s: (b"", None), None, is_gone=True), done, TRIES_MAX)

    def load(self, key: str, done: Done) -> None:
        """Find the newest valid state; done(True, it or None) or done(False, StateUnavailable)."""
        state = self._remembered(key)
        if state is not None:
            done(True, state)  # noqa: FBT003 - a lane's answer
            return
        self._look(key, done, lambda choice: choice.state)

    def _write(self, wish: _Wish, done: Done, tries: int) -> None:
        with self._lock:
            head = self._heads.get(wish.key)
            is_stale = head is not None and wish.expected not in (None, head.version)
            if head is not None and not is_stale:
                # Given out and handed to the lanes under one lock, so that a later place never reaches a layer first.
                try:
                    entry, result, ticket = self._sent(wish, head)
                except Exception as error:  # noqa: BLE001 - a state that cannot be written down
                    done(False, error)  # noqa: FBT003 - a lane's answer
                    return
        if head is None:
            self._look(wish.key, lambda ok, value: self._found(wish, done, tries, ok=ok, value=value), lambda _: None)
        elif is_stale:
            done(False, StaleState(wish.key, wish.expected or 0, head.version))  # noqa: FBT003 - a lane's answer
        else:
            ticket.hand_in(lambda said: self._judged(wish, entry, result, said, done, tries))

    def _found(self, wish: _Wish, done: Done, tries: int, *, ok: bool, value: Any) -> None:
        if ok:
            self._write(wish, done, tries)
        else:
            done(False, value)  # noqa: FBT003 - a lane's answer

    def _sent(self, wish: _Wish, head: Position) -> tuple[Entry, Any, _Ticket]:
        position = Position(max(self.generation, head.generation), max(self.epoch, head.epoch), head.version + 1)
        at_s = self._world.wall()
        body, result = wish.make(position, at_s)
        entry = Entry(wish.key, position, seal(wish.key, position, at_s, body, is_gone=wish.is_gone), wish.is_gone)
        self._remember_head(wish.key, position)
        first = self.others or self.runners
        ticket = _Ticket(len(first), self._world.lock())
        for runner in first:
            done = ticket.note(runner.layer.name)
            try:
                runner.put(entry, done)
            except Exception as error:  # noqa: BLE001 - a lane that is full or closed is a layer that failed
                done(False, error)  # noqa: FBT003 - a lane's answer
        return entry, result, ticket

    def _judged(self, wish: _Wish, entry: Entry, result: Any, said: dict[str, Any], done: Done, tries: int) -> None:
        verdict, ahead = judge_save(said, self.durable)
        if verdict == "behind":
            with self._lock:
                self._remember_head(wish.key, max(ahead, self._heads.get(wish.key, ahead)))
            if wish.expected is not None:
                done(False, StaleState(wish.key, wish.expected, ahead.version))  # noqa: FBT003 - a lane's answer
                return
            if tries > 1:
                self._write(wish, done, tries - 1)
                return
        if verdict != "saved":
            reasons = {layer: answer for layer, answer in said.items() if isinstance(answer, Exception)}
            done(False, NotSaved(wish.key, reasons))  # noqa: FBT003 - a lane's answer
            return
        for runner in self.others:
            if isinstance(said.get(runner.layer.name), Exception):
                runner.owe(entry)
        self._remember(entry)
        done(True, result)  # noqa: FBT003 - a lane's answer

    def _look(self, key: str, done: Done, result: Callable[[Choice], Any]) -> None:
        """Ask every layer but memory (memory alone, where there is nothing else), and mend what is found wanting."""
        asked = self.others or self.runners
        ticket = _Ticket(len(asked), self._world.lock())
        for runner in asked:
            note = ticket.note(runner.layer.name)
            try:
                if runner is self.memory:
                    with self._lock:
                        runner.read(lambda layer: layer.get(key), note)
                else:
                    runner.read(lambda layer: layer.get(key), note)
            except Exception as error:  # noqa: BLE001 - a lane that is full or closed is a layer that failed
                note(False, error)  # noqa: FBT003 - a lane's answer

        def judged(said: dict[str, Any]) -> None:
            held = {layer: answer for layer, answer in said.items() if not isinstance(answer, Exception)}
            choice = choose(key, held)
            if choice.winner is None and len(held) < len(said):
                away = ", ".join(layer for layer in said if layer not in held)
                done(False, StateUnavailable(f"{key} is unknown where one could look; away: {away}"))  # noqa: FBT003
                return
            self.mend(choice)
            done(True, result(choice))  # noqa: FBT003 - a lane's answer

        ticket.hand_in(judged)

    def mend(self, choice: Choice) -> None:
        """Have damaged bytes set aside, bring up the layers that are behind, and remember the winner."""
        by_name = {runner.layer.name: runner for runner in self.runners}
        for flawed in choice.flawed:
            self._set_aside(by_name[flawed.layer], flawed.key, flawed.damage.raw, str(flawed.damage))
        if choice.is_older:
            self._on_event(OperatorEvent(
                "state_generation_before_used" if choice.winner else "state_lost", "error",
                "the session goes on from there" if choice.winner else "a backup is looked into by recover_sessions",
                {"session": choice.key, "head": tuple(choice.head),
                 "used": None if choice.winner is None else tuple(choice.winner.position)},
            ))  # fmt: skip
        with self._lock:
            self._remember_head(choice.key, max(choice.head, self._heads.get(choice.key, choice.head)))
        if choice.winner is None:
            return
        entry = Entry(choice.key, choice.winner.position, choice.raw, choice.winner.is_gone)
        for layer in choice.behind:
            if by_name[layer] is not self.memory:
                by_name[layer].owe(entry)
        self._remember(entry)

    def forget_heads(self, keys: Sequence[str]) -> None:
        """Nothing is known of these any more."""
        with self._lock:
            for key in keys:
                self._heads.pop(key, None)

    def _set_aside(self, runner: Runner, key: str, raw: bytes, reason: str) -> None:
        at_s = self._world.wall()
        self._on_event(OperatorEvent(
            "state_record_set_aside", "error", "its bytes are kept; the generation before it is used",
            {"layer": runner.layer.name, "session": key, "reason": reason, "size_bytes": len(raw)},
        ))  # fmt: skip
        with suppress(Exception):  # seen again, and set aside, at the next load
            runner.read(lambda layer: layer.set_aside(key, raw, reason, at_s), lambda _ok, _value: None)

    def _remembered(self, key: str) -> SessionState | None:
        if self.memory is None:
            return None
        with self._lock:
            generations = self.memory.layer.get(key)
        choice = choose(key, {self.memory.layer.name: generations})
        if choice.flawed:
            self.mend(choice)
        return choice.state

    def _remember(self, entry: Entry) -> None:
        if self.memory is not None and self.others:
            with self._lock, suppress(MemoryError):
                self.memory.layer.put_many([entry])

    def _remember_head(self, key: str, head: Position) -> None:
        self._heads[key] = head
        self._heads.move_to_end(key)
        if len(self._heads) > HEADS_MAX:
            self._heads.popitem(last=False)
