"""What an actor costs: GeventActor against Pykka's ThreadingActor, a bare gevent queue, and Erlang/OTP if there is one.

    python bench/actors_bench.py [--rounds N] [--quick] [--json FILE]

All contestants take turns in one run, because this kind of machine drifts by a factor of 2 to 4: only the ratios
within a round mean anything. Printed are the medians over the rounds, and the smallest and largest in brackets.
Every ask of ours has its deadline of 5 s; Pykka's and gevent's have none, which is their faster way. A crash is
reported in full on both sides, and the report is dropped at the last moment.
"""

from __future__ import annotations

import argparse
import functools
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import actors_contestants as contestants_of
from bench.measuring import ratios, setting, spread

if TYPE_CHECKING:
    from collections.abc import Callable


def _unwritten(_logger: object, _name: str, event: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Let every report be made, and hand it to a logger that writes nothing."""
    return (event,), {}


def _contest(name: str, contestants: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Let all take turns; who begins changes with each round."""
    figures: dict[str, list[float]] = {contestant: [] for contestant in contestants}
    order = list(contestants)
    for number in range(rounds):
        print(f"\r{name}: round {number + 1} of {rounds}   ", end="", file=sys.stderr, flush=True)
        turn = number % len(order)
        for contestant in order[turn:] + order[:turn]:
            figures[contestant].append(contestants[contestant]())
    return figures


UNITS = {
    "tell": "messages a second until the last is handled",
    "ask": "asks a second, one after another",
    "start": "actors a second",
    "crash": "microseconds from crash to the successor's answer",
    "memory": "bytes of an idle actor",
}
# How many times as good ours is to be.
GOALS = {
    ("tell", "pykka"): 8.0,
    ("tell", "gevent"): 0.5,
    ("ask", "pykka"): 3.0,
    ("start", "pykka"): 100.0,
    ("crash", "pykka"): 10.0,
    ("start", "otp"): 1.0,
    ("crash", "otp"): 0.5,
    ("memory", "otp"): 2.0,
}


def main() -> None:
    """Run all contests and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="a tenth of the work")
    parser.add_argument("--json", type=Path, help="write all figures there")
    options = parser.parse_args()
    structlog.configure(
        processors=[_unwritten], logger_factory=structlog.ReturnLoggerFactory(), cache_logger_on_first_use=True
    )
    size = 0.1 if options.quick else 1
    has_otp = shutil.which("escript") is not None

    def many(count: int) -> int:
        return max(10, int(count * size))

    plan: dict[str, dict[str, Callable[[], float]]] = {
        "tell": {
            "ours": functools.partial(contestants_of.tell_ours, many(200_000)),
            "pykka": functools.partial(contestants_of.tell_pykka, many(50_000)),
            "gevent": functools.partial(contestants_of.tell_gevent, many(200_000)),
            "otp": functools.partial(contestants_of.otp, "tell", many(1_000_000)),
        },
        "ask": {
            "ours": functools.partial(contestants_of.ask_ours, many(50_000)),
            "pykka": functools.partial(contestants_of.ask_pykka, many(10_000)),
            "gevent": functools.partial(contestants_of.ask_gevent, many(50_000)),
            "otp": functools.partial(contestants_of.otp, "ask", many(200_000)),
        },
        "start": {
            "ours": functools.partial(contestants_of.start_ours, many(10_000)),
            "pykka": functools.partial(contestants_of.start_pykka, many(2_000)),
            "gevent": functools.partial(contestants_of.start_gevent, many(10_000)),
            "otp": functools.partial(contestants_of.otp, "start", many(10_000)),
        },
        "crash": {
            "ours": functools.partial(contestants_of.crash_ours, many(2_000)),
            "pykka": functools.partial(contestants_of.crash_pykka, many(500)),
            "otp": functools.partial(contestants_of.otp, "crash", many(2_000)),
        },
        "memory": {
            "ours": functools.partial(contestants_of.memory_ours, many(1_000_000)),
            "otp": functools.partial(contestants_of.otp, "memory", many(200_000)),
        },
    }
    figures = {
        what: _contest(
            what,
            {name: run for name, run in contestants.items() if has_otp or name != "otp"},
            1 if what == "memory" else options.rounds,
        )
        for what, contestants in plan.items()
    }
    _print(figures, options.rounds)
    if options.json:
        options.json.write_text(json.dumps(figures))


def _print(figures: dict[str, dict[str, list[float]]], rounds: int) -> None:
    print("\r" + setting(["pykka", "gevent", "greenlet"]))
    print(f"{rounds} rounds; figures are medians (least to greatest)")
    for what, contest in figures.items():
        print(f"\n{what}, {UNITS[what]}")
        less_is_better = what in {"crash", "memory"}
        scale = 1e6 if what == "crash" else 1
        for name, values in contest.items():
            line = f"  {name:7} {spread([value * scale for value in values])!s:45}"
            if name != "ours":
                better, worse = (values, contest["ours"]) if less_is_better else (contest["ours"], values)
                line += f" ours is {ratios(better, worse)} times as good"
                goal = GOALS.get((what, name))
                line += f"; goal {goal:g}" if goal else ""
            print(line)
    print(f"\nA million idle actors: goal 2,000 bytes each; measured {figures['memory']['ours'][0]:,.0f}.")


if __name__ == "__main__":
    main()
