"""How a target that has a writer, an actor, gets an effect written, and what it means when that does not answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pykka

from actors.drill import Drilled
from actors.effects.target import NotDone
from actors.native_lane import LaneHangs, LaneLate

if TYPE_CHECKING:
    from actors.node import Node


def ask_writer(node: Node, name: str, message: Any, deadline_s: float, ended: type[Exception]) -> None:
    """Ask the writer of that name, and wait until it is written.

    ended: what is raised when the writer is gone and nobody knows whether it has written. Raises NotDone where it
    certainly has not, LaneLate, and what the writer answers.
    """
    writer = node.whereis(name)
    if writer is None:
        raise NotDone(f"the {name}'s writer is being restarted") from ended("no writer")
    try:
        writer.ask(message, timeout=deadline_s)
    except pykka.Timeout:
        raise LaneLate(f"the {name} had not written it after {deadline_s:g} s") from None
    except (pykka.ActorDeadError, Drilled) as error:
        raise ended(f"the {name}'s writer has ended meanwhile; it may be written") from error
    except LaneHangs as error:
        raise NotDone(str(error)) from error
