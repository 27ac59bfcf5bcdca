"""When what is killed, drawn from a seed, and the killing."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon_under_test import ask_control, server_pid
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from node_in_a_loop import NodeInALoop

SUPERVISORS = (
    "storage", "intake", "intake/partitions", "services", "services/documents", "sessions", "operations",
)  # fmt: skip
A_SESSION = "sessions/*"
OTHERS = (A_SESSION, "intake/gateway", A_SESSION, "intake/gateway", A_SESSION, "storage/leases", "intake/reader")
# So many kills follow the one before them closely, into the middle of its recovery.
DOUBLE_BLOWS_SHARE = 0.15
DOUBLE_BLOW_S = 0.4
REACH_S = 20.0


@dataclass(frozen=True, slots=True)
class Fault:
    """at_s: seconds from the beginning of the load. what: node, server, or the path of an actor."""

    at_s: float
    what: str


@dataclass(slots=True)
class Kill:
    """A fault that was done. at_s: the wall clock's time. open_count: messages accepted and not answered at that."""

    what: str
    at_s: float
    open_count: int
    open_keys: set[tuple[str, str]]


def schedule(seed: int, counts: dict[str, int], from_s: float, to_s: float) -> list[Fault]:
    """Spread the kills over the time. counts: of `node`, `server` and `actor`."""
    chance = random.Random(f"{seed}:faults")
    supervisors = chance.sample(SUPERVISORS, len(SUPERVISORS))
    others = [*OTHERS, *chance.choices((*SUPERVISORS, *OTHERS), k=max(0, counts["actor"]))]
    actors = [*supervisors, *others][: counts["actor"]]
    what = ["node"] * counts["node"] + ["server"] * counts["server"] + actors
    chance.shuffle(what)
    slot_s = (to_s - from_s) / max(1, len(what))
    faults: list[Fault] = []
    for number, name in enumerate(what):
        at_s = from_s + (number + chance.uniform(0.2, 0.8)) * slot_s
        if faults and chance.random() < DOUBLE_BLOWS_SHARE:
            at_s = faults[-1].at_s + chance.uniform(0.05, DOUBLE_BLOW_S)
        faults.append(Fault(at_s, name))
    return faults


def strike(what: str, data_dir: Path, node: NodeInALoop, busy_chat: Callable[[], str | None]) -> tuple[str, float]:
    """Kill it, waiting until it is there to be killed; returns what it was, and when (wall clock)."""
    until_s = time.monotonic() + REACH_S
    while time.monotonic() < until_s:
        with suppress(OSError, RedisError, ValueError):
            if what == "node":
                return what, node.kill()
            if what == "server":
                pid = server_pid(data_dir)
                at_s = time.time()
                os.kill(pid, signal.SIGKILL)
                return what, at_s
            path = what.replace("*", busy_chat() or "nobody")
            at_s = time.time()
            if ask_control(data_dir, {"do": "kill", "path": path, "reason": "drill"}, timeout_s=5.0)["ok"]:
                return path, at_s
        time.sleep(0.02)
    raise AssertionError(f"{what} could not be killed within {REACH_S:g} s: it never came up")
