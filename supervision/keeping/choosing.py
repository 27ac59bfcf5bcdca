"""Which of several layers' records wins, who has to be told, and when a save counts. Pure.

The library's rule: the newest valid record wins, by generation, epoch and version. (Where a shared store leads, as in
the daemon, that store is asked first and the others only when it is empty.)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from messages.codec import decode
from messages.errors import CodecError
from supervision.keeping.sealed import Damaged, Position, Sealed, position_of, unseal
from supervision.keeping.session_state import SessionState


@dataclass(frozen=True, slots=True)
class Flawed:
    """Bytes that a layer is to set aside."""

    layer: str
    key: str
    damage: Damaged


@dataclass(frozen=True, slots=True)
class Choice:
    """What the layers hold of one key, judged.

    winner: the newest valid record, with its bytes; None where there is none. state: what it holds, None for a deleted
    session. head: the highest place any of them claims, never below the winner's; the next save goes beyond it. behind:
    layers that lack the winner. flawed: what is to be set aside.
    """

    key: str
    winner: Sealed | None
    raw: bytes
    state: SessionState | None
    head: Position
    behind: tuple[str, ...]
    flawed: tuple[Flawed, ...]

    @property
    def is_older(self) -> bool:
        """Whether something newer than the winner was there and cannot be read."""
        return bool(self.flawed) and (self.winner is None or self.head > self.winner.position)


def opened(key: str, raw: bytes) -> tuple[Sealed, SessionState | None]:
    """Read one record to the end. Raises Damaged; bytes of a schema nobody here knows are `future`."""
    sealed = unseal(key, raw)
    if sealed.is_gone:
        return sealed, None
    try:
        state = decode(sealed.body)
    except CodecError as error:
        # The checksum fits, so these are the bytes that were written, by a program that knows more than this one.
        raise Damaged("future", raw, error.detail) from error
    if not isinstance(state, SessionState) or state.session_id != key:
        raise Damaged("foreign", raw, f"a {type(state).__name__} that is not of this session")
    return sealed, state


def choose(key: str, held: Mapping[str, Sequence[bytes]]) -> Choice:
    """Judge what each layer holds of a key: its generations, newest first."""
    best: tuple[Sealed, bytes, SessionState | None] | None = None
    newest_of: dict[str, Position | None] = {}
    head = Position()
    flawed: list[Flawed] = []
    for layer, generations in held.items():
        newest_of[layer] = None
        for raw in generations:
            head = max(head, position_of(raw)) if newest_of[layer] is None else head
            if best is not None and raw == best[1]:
                newest_of[layer] = best[0].position
                break
            try:
                sealed, state = opened(key, raw)
            except Damaged as damage:
                flawed.append(Flawed(layer, key, damage))
                continue
            newest_of[layer] = sealed.position
            if best is None or sealed.position > best[0].position:
                best = (sealed, raw, state)
            break
    if best is None:
        return Choice(key, None, b"", None, _believable(head, flawed), (), tuple(flawed))
    winner, raw, state = best
    behind = tuple(layer for layer, position in newest_of.items() if position != winner.position)
    head = max(winner.position, _believable(head, flawed))
    return Choice(key, winner, raw, state, head, behind, tuple(flawed))


_STEP_MAX = 1 << 32


def _believable(head: Position, flawed: Sequence[Flawed]) -> Position:
    """A damaged header may claim anything; a place no session ever reaches is not believed."""
    return Position() if flawed and max(head) > _STEP_MAX else head


SaveVerdict = Literal["saved", "behind", "failed"]


def judge_save(
    outcomes: Mapping[str, Position | Exception | None], durable: Collection[str]
) -> tuple[SaveVerdict, Position]:
    """Whether a save counts, from what each layer said: None for written, what stands there instead, or an error.

    It counts when a durable layer has it (any layer, where none is durable). It is behind when a layer that answered
    holds something newer, whatever the others say: written there, it would lose against that on the next load.
    Returns the verdict, and how far ahead the others are.
    """
    ahead = [said for said in outcomes.values() if isinstance(said, Position)]
    if ahead:
        return "behind", max(ahead)
    written = {layer for layer, said in outcomes.items() if said is None}
    counts = written & set(durable) if durable else written
    return ("saved" if counts else "failed"), Position()
