"""Whether the store is what this node knew it to be, and what a rebuild waits for. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from supervision.keeping.sealed import Position


class Verdict(Enum):
    """What is to be done about the store."""

    HOLD = auto()  # it is what it was
    ADOPT = auto()  # others have raised its generation, or this node is new to it
    REBUILD = auto()  # it lost something, or somebody is rebuilding it


@dataclass(frozen=True, slots=True)
class StoreView:
    """What the store says of itself. generation: None where it has none. rebuilding: a rebuild is under way.

    rebuilt: the generation of the last rebuild, 0 for none. heads: version by chat, for the chats that were asked
    about; 0 where there is no head.
    """

    generation: int | None
    rebuilding: bool = False
    rebuilt: int = 0
    heads: Mapping[str, int] | None = None


def judge(
    view: StoreView, noted: int | None, newest: Sequence[tuple[str, Position]] = (), *, repaired: bool = False
) -> tuple[Verdict, str]:
    """What to do, and why, in words for operators.

    noted: the generation that this node has on its disk, None on a new disk. newest: the chats that its file has
    committed last, which a store that was set back is the first to lack. repaired: the store's own file was damaged.
    """
    if view.rebuilding:
        return Verdict.REBUILD, "a rebuild is under way"
    if noted is None:
        return Verdict.ADOPT, "this node is new here"
    if view.generation is None:
        return Verdict.REBUILD, "the store came back empty"
    if view.generation < noted:
        return Verdict.REBUILD, f"the store is of generation {view.generation}, and {noted} is known here"
    if repaired:
        return Verdict.REBUILD, "the store's file was damaged and repaired"
    heads = view.heads or {}
    ahead = [
        chat
        for chat, position in newest
        if position.generation == view.generation and chat in heads and heads[chat] < position.version
    ]
    if ahead:
        return Verdict.REBUILD, f"the store was set back: it lacks what was committed of {len(ahead)} chats"
    if view.generation > noted:
        return Verdict.ADOPT, "the store's generation was raised"
    return Verdict.HOLD, ""


def missing_words(missing: Sequence[str]) -> str:
    """What an operator can do about nodes that do not offer their files."""
    commands = "; ".join(f"run.py node forgive {node}" for node in missing)
    return f"start them, or go on without what they alone have: {commands}"
