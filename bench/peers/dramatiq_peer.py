"""dramatiq on the same server: workers as its command line starts them (a process a core, eight threads each)."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from redis import Redis

from bench.measuring import ROOT
from bench.producer import ready_producer

SENDER = "bench.peers.dramatiq_work"
LOOK_S = 0.02


def run(socket: Path, count: int, chats: int) -> float:
    """Messages a second of `count` messages of `chats` chats, from the first one sent to the last one answered."""
    environment = {**os.environ, "BENCH_SOCKET": str(socket)}
    with Redis(unix_socket_path=str(socket)) as store, _workers(environment):
        _send_and_wait(store, chats, chats, environment)  # until all workers have begun to work
        return count / _send_and_wait(store, count, chats, environment)


def _send_and_wait(store: Redis, count: int, chats: int, environment: Mapping[str, str]) -> float:
    before = _answered(store, chats)
    with ready_producer(SENDER, count, chats, env=environment) as producer:
        began_s = time.perf_counter()
        producer.communicate("go\n")
        while _answered(store, chats) < before + count:
            time.sleep(LOOK_S)
        return time.perf_counter() - began_s


def _answered(store: Redis, chats: int) -> int:
    pipe = store.pipeline(transaction=False)
    for number in range(chats):
        pipe.hget(f"bench:dramatiq:head:chat-{number}", "t")
    return sum(int(turn or 0) for turn in pipe.execute())


@contextmanager
def _workers(environment: Mapping[str, str]) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", "dramatiq", SENDER, "--path", str(ROOT)],
        env=environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)
