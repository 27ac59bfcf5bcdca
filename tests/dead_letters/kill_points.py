"""Kills a process with -9 at random points of enqueue, lease, finish and replay, and looks at what its file holds.

    .venv/bin/python tests/dead_letters/kill_points.py --points 1000 --seed 7

A point is a process that works on the queue and says what was acknowledged; it is killed after a random number of
acknowledgements and a random moment more. Then every acknowledged change has to be there, no item torn, no index wrong,
and whatever was leased has to come back. Prints one JSON object; exit status 1 when something was missing.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from dead_letters.bench_world import DeskUnderTest, HandWorld

from supervision.dead_letter_queue import ItemFilter, Leased, Want
from supervision.dead_letters.records import FINISHED

ACKS_MAX = 24
LATER_S_MAX = 0.004
POINTS_A_FILE = 50
AWAY = ConnectionRefusedError(111, "Connection refused")


def main(argv: list[str] | None = None) -> int:
    """Run the points."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--points", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args(argv)
    chance, counts, problems = Random(arguments.seed), Counter[str](), list[str]()
    began_s = time.monotonic()
    done = 0
    while done < arguments.points:
        with tempfile.TemporaryDirectory(prefix="udk-") as folder:
            acknowledged: dict[str, dict[str, Any]] = {}
            for _ in range(min(POINTS_A_FILE, arguments.points - done)):
                passed_s = done * 1000.0
                point = _killed_at_random(Path(folder), chance, passed_s, acknowledged)
                counts.update(point)
                problems += [f"point {done}: {problem}" for problem in _verified(Path(folder), passed_s, acknowledged)]
                done += 1
    report = {
        "points": done, "seed": arguments.seed, "killed_during": dict(counts), "problems": problems[:20],
        "problem_count": len(problems), "took_s": round(time.monotonic() - began_s, 1),
    }  # fmt: skip
    sys.stdout.write(json.dumps(report) + "\n")
    return 1 if problems else 0


def _killed_at_random(
    folder: Path, chance: Random, passed_s: float, acknowledged: dict[str, dict[str, Any]]
) -> list[str]:
    """Let a process work, kill it; note what it acknowledged. Returns what it was about to do when it died."""
    seed = chance.getrandbits(32)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            _work(folder, seed, passed_s, writer)
        finally:
            os._exit(1)
    os.close(writer)
    wanted, later_s = chance.randrange(ACKS_MAX), chance.uniform(0.0, LATER_S_MAX)
    try:
        begun = _listened(reader, wanted, acknowledged)
        time.sleep(later_s)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        last = _listened(reader, None, acknowledged)
    finally:
        os.close(reader)
    return [last or begun or "open"]


def _listened(reader: int, wanted: int | None, acknowledged: dict[str, dict[str, Any]]) -> str:
    """Take in acknowledgements, so many or all to the end; the last thing that was begun."""
    begun, seen, rest = "", 0, b""
    while wanted is None or seen < wanted:
        if not select.select([reader], [], [], 20.0)[0]:
            raise TimeoutError("the worker has stopped by itself")
        chunk = os.read(reader, 1 if wanted is not None else 65_536)
        if not chunk:
            break
        rest += chunk
        *lines, rest = rest.split(b"\n")
        for line in lines:
            said = json.loads(line)
            if "begins" in said:
                begun = said["begins"]
            else:
                acknowledged[said["id"]] = said
                seen += 1
    return begun


def _work(folder: Path, seed: int, passed_s: float, writer: int) -> None:
    """What the killed process does, for ever."""
    chance = Random(seed)
    world = HandWorld(seed)
    world.passed_s = passed_s
    queue = _opened(folder, world)
    for number in range(1_000_000):
        what = chance.choice(("enqueue", "enqueue", "run", "run", "replay"))
        os.write(writer, json.dumps({"begins": what}).encode() + b"\n")
        for item_id in _done(queue, what, chance, number):
            item = queue.desk.get(item_id)
            if item is not None:
                said = {"id": item_id, "revision": item.revision, "state": item.state.value, "payload": item.payload}
                os.write(writer, json.dumps(said).encode() + b"\n")
        world.passed_s += 0.01


def _done(queue: DeskUnderTest, what: str, chance: Random, number: int) -> Iterator[str]:
    if what == "enqueue":
        items = [
            queue.desk.new_item("webhook", {"n": number, "text": "x" * chance.randrange(3000)},
                                chance.choice((None, AWAY, ValueError("bug"))), priority=chance.randrange(4),
                                idempotency_key=None, context={})
            for _ in range(chance.randrange(1, 4))
        ]  # fmt: skip
        yield from map(str, queue.store.insert_many(items))
    elif what == "run":
        taken = queue.desk.take([Want(("webhook",), 3)], f"token-{number}")
        for leased in taken.leased:
            error = chance.choice((None, None, AWAY, ValueError("bug")))
            queue.store.finish_many([_settled(queue, leased, error)])
            yield leased.item.item_id
    else:
        for item in queue.desk.page(ItemFilter(), "", 4):
            queue.office.replay(item.item_id, None, is_dry_run=False, by="kill", progress=None)
            yield item.item_id


def _settled(queue: DeskUnderTest, leased: Leased, error: Exception | None) -> Leased:
    return queue.desk.settled(leased, error, 0.1)


def _opened(folder: Path, world: HandWorld) -> DeskUnderTest:
    queue = DeskUnderTest(folder / "letters.db", world)
    queue.register("webhook")
    return queue


def _verified(folder: Path, passed_s: float, acknowledged: dict[str, dict[str, Any]]) -> list[str]:
    """What is wrong with the file that a killed process has left; nothing, if all is well."""
    world = HandWorld(1)
    world.passed_s = passed_s
    queue = _opened(folder, world)
    problems = [f"{event.name}: {dict(event.facts)}" for event in queue.events]
    for item_id, said in acknowledged.items():
        item = queue.desk.get(item_id)
        if item is None or item.revision < said["revision"] or item.payload != said["payload"]:
            problems.append(f"{item_id} was acknowledged as {said['revision']} and is {item and item.revision}")
        elif said["state"] in FINISHED and item.state.value != said["state"]:
            problems.append(f"{item_id} was {said['state']} and is {item.state.value}")
    # Far enough ahead for every lease to be over: nothing may stay leased, and what is open can be run.
    world.passed_s += 999.0
    queue.desk.take([Want(("webhook",), 0)], "nobody")
    facts = queue.store.facts()
    if facts.leased:
        problems.append(f"{facts.leased} leases never end")
    if facts.items < len(acknowledged):
        problems.append(f"{facts.items} items of {len(acknowledged)} acknowledged ones")
    for item_id in acknowledged:
        item = queue.desk.get(item_id)
        if item is not None:
            acknowledged[item_id] |= {"revision": item.revision, "state": item.state.value}
    queue.close()
    return problems


if __name__ == "__main__":
    sys.exit(main())
