"""The sender of the measurements, a process of its own: prepares its messages, waits for a word, and sends.

    python -m bench.producer SOCKET DOOR COUNT CHATS SEED PREFIX

Doors: partition, front, channel. Prints `ready`, reads a line, sends in pipelines of 256 as fast as it can, and prints
how many seconds that took. Commands are packed beforehand and answers only counted: the sender is not what is measured,
and it shares the processors with what is.
"""

import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import hiredis

from actors.partition.keys import Keys
from actors.redis_connection.wire import pack
from bench.deployment import PARTITIONS, message
from bench.measuring import ROOT

BATCH = 256


@contextmanager
def ready_producer(
    module: str, *arguments: object, env: Mapping[str, str] | None = None
) -> Iterator["subprocess.Popen[str]"]:
    """Such a process, ready: it has prepared its messages and waits for a line."""
    with subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=env,
    ) as process:  # fmt: skip
        if process.stdout is None or process.stdout.readline().strip() != "ready":
            raise RuntimeError(f"{module} did not start")
        yield process


def commands(door: str, count: int, chats: int, seed: int, prefix: str) -> Iterator[tuple[str | bytes, ...]]:
    """The commands that bring `count` messages to the door: each chat once a round, in an order drawn from the seed.

    By rounds, because otherwise the end would measure how long the longest queue of one chat takes.
    """
    keys = Keys("unfailing", PARTITIONS)
    draw, order = random.Random(seed), list(range(chats))
    for number in range(count):
        if number % chats == 0:
            draw.shuffle(order)
        chat = f"chat-{order[number % chats]}"
        body = message(chat, f"{prefix}-{number}")
        if door == "partition":
            yield "XADD", keys.partition(keys.partition_of(chat)).intake, "*", "m", body
        elif door == "front":
            yield "XADD", keys.front, "*", "m", body
        else:
            yield "PUBLISH", keys.inbox, body


def _await_answers(connection: socket.socket, count: int) -> None:
    reader = hiredis.Reader()
    while count:
        received = connection.recv(65_536)
        if not received:
            raise RuntimeError("the server hung up")
        reader.feed(received)
        while (answer := reader.gets()) is not False:
            if isinstance(answer, hiredis.ReplyError):
                raise answer
            count -= 1


def main(path: str, door: str, count: str, chats: str, seed: str, prefix: str) -> None:
    """Do what the module says."""
    prepared = [pack(command) for command in commands(door, int(count), int(chats), int(seed), prefix)]
    pipelines = [b"".join(prepared[start : start + BATCH]) for start in range(0, len(prepared), BATCH)]
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        print("ready", flush=True)
        sys.stdin.readline()
        began_s = time.perf_counter()
        for start in range(0, len(prepared), BATCH):
            connection.sendall(pipelines[start // BATCH])
            _await_answers(connection, len(prepared[start : start + BATCH]))
    print(time.perf_counter() - began_s, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
