"""Kills a node at every step of recording an invoice, and counts what is there afterwards.

    python tests/effects/kill_every_step.py [KILLS]      200 unless told otherwise

Each kill has a message of its own: a question in words that the rules do not know, for which a model is paid, then an
invoice. The node dies at the next step of the list, is started again, and ends what was begun: one final reply a
message in their turns' order, one row in the ledger, one event at the receiver by its id, one row in the sheet. Prints
what it counted; exit status 1 when anything is missing or twice.
"""

import base64
import csv
import json
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests"))
sys.path.insert(1, str(REPOSITORY))

import redis
from daemon_under_test import DIE_WITH_PARENT, environment, kill_server_left_behind, short_folder, wait_for
from effects.receiver import Receiver, receiver
from effects.stepping import PLAN, STEPS
from models.model_server import ModelServer, model_server
from turn.real_nodes import Person

PROGRAM = Path(__file__).with_name("stepping_daemon.py")
INVOICE = REPOSITORY / "examples" / "files" / "invoice-en.cii.xml"
PARTITIONS = 4
UP_S, ENDS_S = 60.0, 60.0
QUESTION = "quxly frobnicate the wibble, would you kindly?"


class Node:
    """A daemon that dies at the step it is told, on a data directory of its own."""

    def __init__(self, data_dir: Path, hook_url: str, model_url: str) -> None:
        self.data_dir = data_dir
        self.log = data_dir / "daemon.log"
        self.steps_file = data_dir / "steps"
        self._settings = {
            "DAEMON__PARTITIONS": PARTITIONS, "READERS__COUNT": 1, "OCR__ENABLED": "false", "WEBHOOK__URL": hook_url,
            "WEBHOOK__ALLOW_PRIVATE": "true", "MODELS__0__NAME": "m", "MODELS__0__BASE_URL": model_url,
            "MODELS__0__API_KEY_ENV": "",
        }  # fmt: skip
        self.process: subprocess.Popen[bytes]

    def start(self, *, die_at: str = "") -> None:
        """Start it; it may be dead before it is up."""
        known = self.log.stat().st_size if self.log.exists() else 0
        surroundings = {**environment(self._settings), PLAN: die_at, STEPS: str(self.steps_file)}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-S", "-c", DIE_WITH_PARENT, sys.executable, str(PROGRAM), "daemon", "--data-dir",
                 str(self.data_dir)],
                cwd=REPOSITORY, env=surroundings, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        wait_for(lambda: self._is_up(known) or self.is_dead(), "the node to be up", UP_S)

    def _is_up(self, known: int) -> bool:
        with self.log.open("rb") as log:
            log.seek(known)
            return b"the node is up" in log.read()

    def is_dead(self) -> bool:
        """Whether it has killed itself. Fails when it ended in another way."""
        status = self.process.poll()
        assert status in (None, -signal.SIGKILL), self.log.read_text(errors="replace")[-3000:]
        return status is not None

    def stop(self) -> None:
        """Kill it, and its server."""
        self.process.kill()
        self.process.wait(10.0)
        kill_server_left_behind(self.data_dir)

    def client(self) -> "redis.Redis":
        """A client of its server."""
        return redis.Redis(unix_socket_path=str(self.data_dir / "valkey.sock"), socket_timeout=10.0)


@dataclass
class Counted:
    """What was there after all kills. wrong: chat and step, with what was not as it must be.

    in_memory: kills while a model was being asked, or while its answer was in the dead process's memory alone: such an
    answer nobody has, so it is asked for once more.
    """

    kills: int = 0
    steps: int = 0
    not_reached: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    model_calls: Counter[str] = field(default_factory=Counter)
    in_memory: int = 0
    deliveries: int = 0
    events: int = 0

    def lines(self) -> list[str]:
        """For people."""
        return [
            f"{self.kills} kills at {self.steps} different steps; {len(self.not_reached)} steps were not reached",
            f"{self.deliveries} deliveries of {self.events} events",
            f"model calls a question: {dict(self.model_calls)}; {self.in_memory} kills during a call",
            *(f"WRONG: {one}" for one in self.wrong),
        ]


class Killing:
    """One run."""

    def __init__(self, node: Node, there: Receiver, models: ModelServer) -> None:
        self.node = node
        self.there = there
        self.models = models
        self.counted = Counted()
        self._calls_before = 0

    def go(self, kills: int, steps: Sequence[str] = ()) -> Counted:
        """Learn the steps, unless they are given, then die at one after the other."""
        self.models.expect({"type": "reply", "text": "I would rather talk about invoices.", "times": None})
        steps = steps or self._steps()
        self.counted.steps = min(kills, len(steps))
        places = [f"{steps[number % len(steps)]}:chat-{number}" for number in range(kills)]
        self.node.start(die_at=places[0])
        for place, following in zip(places, [*places[1:], ""], strict=True):
            self._one(place, following)
            if self.counted.kills % 10 == 0:
                print(*self.counted.lines(), sep="\n", file=sys.stderr, flush=True)  # noqa: T201 - it takes a while
        self.counted.deliveries = len(self.there.came)
        self.counted.events = len(self.there.ids)
        return self.counted

    def _steps(self) -> list[str]:
        """The steps of one message's way, in order, each with its number."""
        self.node.start()
        self._send("trace")
        self._ends("trace")
        self.node.process.kill()
        self.node.process.wait(10.0)
        return self._passed("trace")

    def _passed(self, chat_id: str) -> list[str]:
        """The steps that a chat's messages have passed so far, in order."""
        lines = [line.rpartition(":") for line in self.node.steps_file.read_text().splitlines()]
        return list(dict.fromkeys(step for step, _, chat in lines if chat == chat_id))

    def _one(self, place: str, following: str) -> None:
        """Die at one place, and look what there is in the end; the node that mends it is to die at the following."""
        step, _, chat_id = place.rpartition(":")
        asked_before, was_in_memory = self.models.requests(), False
        self._send(chat_id)
        try:
            wait_for(lambda: self.node.is_dead() or self._is_settled(chat_id), f"the end of {chat_id}", ENDS_S)
            if self.node.is_dead():
                self.counted.kills += 1
                passed = self._passed(chat_id)
                was_in_memory = "before model:1" in passed and "after journal:1" not in passed
                self.counted.in_memory += was_in_memory
            else:
                self.counted.not_reached.append(step)
                self.node.process.kill()
                self.node.process.wait(10.0)
            self.node.start(die_at=following)
            self._ends(chat_id)
        except AssertionError as error:
            self.counted.wrong.append(f"{chat_id}, killed {step}: {error}")
        calls = self.models.requests() - asked_before
        self.counted.model_calls[str(calls)] += 1
        if calls > 1 + was_in_memory:
            self.counted.wrong.append(f"{chat_id}, killed {step}: {calls} model calls")
        self.counted.wrong += [f"{chat_id}, killed {step}: {what}" for what in self._wrong(chat_id)]

    def _send(self, chat_id: str) -> None:
        with closing(self.node.client()) as client:
            person = Person(client, PARTITIONS)
            attachment = {"name": "march.xml", "content_base64": base64.b64encode(self._invoice(chat_id)).decode()}
            for message_id, fields in (
                ("m-1", {"text": QUESTION}),
                ("m-2", {"text": None, "attachments": [attachment]}),
            ):
                said = {"message_id": message_id, "chat_id": chat_id, "user_id": "456", **fields}
                raw = json.dumps({name: value for name, value in said.items() if value is not None}).encode()
                client.xadd(person.keys.front, {"m": raw})

    def _invoice(self, chat_id: str) -> bytes:
        return INVOICE.read_bytes()

    def _ends(self, chat_id: str) -> None:
        wait_for(lambda: self._is_settled(chat_id), f"{chat_id} to be settled", ENDS_S)

    def _is_settled(self, chat_id: str) -> bool:
        try:
            with closing(self.node.client()) as client:
                person = Person(client, PARTITIONS)
                if len(person.known(chat_id, "final")) < 2:
                    return False
                partition = person.keys.partition(person.keys.partition_of(chat_id))
                waiting = client.xrange(partition.outbox)
                return all(fields[b"c"] != chat_id.encode() for _, fields in waiting)
        except redis.RedisError:
            return False

    def _wrong(self, chat_id: str) -> list[str]:
        """What is not as it must be, of one chat."""
        with closing(self.node.client()) as client:
            person = Person(client, PARTITIONS)
            finals = person.finals(chat_id)
            partition = person.keys.partition(person.keys.partition_of(chat_id))
            dead = client.xlen(partition.dead)
        found = {
            "finals": (finals, [(1, "m-1"), (2, "m-2")]),
            "ledger rows": (self._ledger_rows(chat_id), 1),
            "sheet rows": (self._sheet_rows(chat_id), 1),
            "events": (len({one.event_id for one in self.there.came if one.event["data"]["chat_id"] == chat_id}), 1),
            "dead letters": (dead, 0),
        }
        return [f"{name}: {there!r}, not {wanted!r}" for name, (there, wanted) in found.items() if there != wanted]

    def _ledger_rows(self, chat_id: str) -> int:
        with closing(sqlite3.connect(self.node.data_dir / "ledger.sqlite3")) as ledger:
            return int(ledger.execute("SELECT count(*) FROM bookings WHERE chat_id = ?", (chat_id,)).fetchone()[0])

    def _sheet_rows(self, chat_id: str) -> int:
        with (self.node.data_dir / "invoices.csv").open(newline="", encoding="utf-8-sig") as sheet:
            return sum(chat_id in row for row in csv.reader(sheet))


def kill_at_every_step(kills: int, steps: Sequence[str] = ()) -> Counted:
    """The whole run, on servers of its own; steps: these alone."""
    with short_folder("uk-") as folder, receiver() as there, model_server() as models:
        data_dir = folder / "n"
        data_dir.mkdir()
        node = Node(data_dir, there.url, models.base_url)
        try:
            return Killing(node, there, models).go(kills, steps)
        finally:
            node.stop()


if __name__ == "__main__":
    result = kill_at_every_step(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
    print("\n".join(result.lines()))  # noqa: T201 - it is what this program is for
    sys.exit(1 if result.wrong else 0)
