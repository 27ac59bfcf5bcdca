"""The outbox's scripts, as the relay and the actors of the targets call them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from actors.effects.attempts import Attempts
from actors.partition.dead_letter import DeadLetter
from actors.partition.store import SCRIPTS, fields_of
from actors.store_errors import StoreError
from messages.codec import encode
from messages.light import light_record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors.effects.lines import Waiting
    from actors.effects.records import Effect
    from actors.node import Node

PAGE_MAX: Final = 500


@light_record
class Begun:
    """The word to begin: the effect's bytes, what was known before, and the record with this attempt in it."""

    body: bytes
    before: Attempts | None
    record: Attempts


def begin(node: Node, waiting: Waiting, fence: str, target: str) -> Begun | None:
    """Record that an attempt begins; None when the effect has left the outbox, or the fence is void.

    Raises StoreError: then it was not begun, or is to be taken for an attempt of which nothing was heard.
    """
    keys = node.store.keys.partition(waiting.partition)
    at_ms = int(node.world.wall() * 1000)
    answer = node.store.call_script(
        SCRIPTS["effect_begin"], (keys.lease, keys.outbox, keys.attempts), (fence, waiting.entry_id, target, at_ms)
    )
    if answer[0] != b"go":
        return None
    before = Attempts.unpack(answer[1].decode(errors="replace"))
    return Begun(answer[2], before, begun_after(before, target, at_ms))


def begun_after(before: Attempts | None, target: str, at_ms: int) -> Attempts:
    """The record as `effect_begin.lua` has written it."""
    from actors.effects.attempts import State

    if before is None:
        return Attempts(State.BEGUN, target, at_ms=at_ms)
    silent = before.silent + 1 if before.state is State.BEGUN else 0
    return Attempts(State.BEGUN, target, before.begun + 1, before.counted, silent, at_ms)


def submit_note(node: Node, waiting: Waiting, fence: str, record: Attempts, done: Callable[[Any], None]) -> None:
    """Record what became of an attempt; `done` gets b"done", b"gone", b"stale" or a StoreError."""
    keys = node.store.keys.partition(waiting.partition)
    node.store.submit_script(
        SCRIPTS["effect_note"], (keys.lease, keys.outbox, keys.attempts), (fence, waiting.entry_id, record.pack()), done
    )


def submit_end(
    node: Node, waiting: Waiting, fence: str, letter: DeadLetter | None, done: Callable[[Any], None]
) -> None:
    """Have the effect leave the outbox, with a dead letter if it is given up; answers as `submit_note`."""
    keys = node.store.keys.partition(waiting.partition)
    arguments: list[Any] = [fence, waiting.entry_id]
    if letter is not None:
        arguments += (waiting.chat_id, encode(letter))
    node.store.submit_script(
        SCRIPTS["effect_end"], (keys.lease, keys.outbox, keys.attempts, keys.dead), arguments, done
    )


def letter_of(effect: Effect, reason: str, detail: str, at: str, attempts: int) -> DeadLetter:
    """An effect that is given up. Its bytes stay whole, however many: they are what a replay does."""
    return DeadLetter(reason, detail, at, effect.chat_id, effect.message_id, encode(effect), attempts)


def submit_page(node: Node, partition: int, after_id: str, done: Callable[[Any], None]) -> None:
    """Read the next entries of an outbox; `done` gets pairs of id and fields, at most PAGE_MAX, or a StoreError."""
    outbox = node.store.keys.partition(partition).outbox

    def read(answer: Any) -> None:
        done(answer if isinstance(answer, StoreError) else _entries(answer))

    node.store.submit(outbox, ("XRANGE", outbox, f"({after_id}", "+", "COUNT", PAGE_MAX), read)


def _entries(answer: Sequence[Any]) -> tuple[tuple[str, dict[bytes, bytes]], ...]:
    return tuple((entry_id.decode(), fields_of(flat)) for entry_id, flat in answer)
