"""Documents sent to a running daemon, while other chats talk with it: who was answered, how soon, at what memory."""

from __future__ import annotations

import base64
import json
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from daemon_under_test import DaemonUnderTest, wait_for
from hostile_cases import HostileCase, ordinary, scanned

IN_FLIGHT = 4
ANSWER_S = 150.0
TALK_EVERY_S = 0.1
TALKERS = 20


@dataclass
class Report:
    """What came of one round."""

    sent: int = 0
    finals: Counter[str] = field(default_factory=Counter)
    unanswered: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    slowest: str = ""
    talk_s: list[float] = field(default_factory=list)
    talk_unanswered: int = 0

    def talk_p99_s(self) -> float:
        """The 99th percentile of how long other chats waited."""
        ranked = sorted(self.talk_s)
        return ranked[min(len(ranked) - 1, int(0.99 * len(ranked)))] if ranked else 0.0


class Ears:
    """Hears every final reply of a daemon, and when."""

    def __init__(self, daemon: DaemonUnderTest) -> None:
        self._client = daemon.client()
        self._heard: dict[tuple[str, str], tuple[float, dict[str, Any]]] = {}
        self._followed: set[tuple[str, str]] = set()
        self._pubsub = self._client.pubsub(ignore_subscribe_messages=True)
        self._pubsub.psubscribe("unfailing:replies:*")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(5.0)
        self._pubsub.close()
        self._client.close()

    def final(self, chat_id: str, message_id: str) -> tuple[float, dict[str, Any]] | None:
        """The final reply and when it came, once it has."""
        return self._heard.get((chat_id, message_id))

    def owed(self) -> list[str]:
        """The chats whose final reply promised more, which has not come."""
        return [
            chat_id
            for (chat_id, message_id), (_, reply) in list(self._heard.items())
            if reply["answered_by"] == "static" and (chat_id, message_id) not in self._followed
        ]

    def _listen(self) -> None:
        while not self._ended.is_set():
            heard = self._pubsub.get_message(timeout=0.2)
            if heard is not None and heard["type"] == "pmessage":
                reply = json.loads(heard["data"])
                if reply["kind"] == "follow_up":
                    self._followed.add((reply["chat_id"], reply["message_id"]))
                if reply["kind"] in ("final", "rejected"):
                    self._heard.setdefault((reply["chat_id"], reply["message_id"]), (time.monotonic(), reply))


def send_round(daemon: DaemonUnderTest, ears: Ears, name: str, cases: Iterable[HostileCase]) -> Report:
    """Send the documents, a few at a time, each in a chat of its own, while others talk; wait for all."""
    report = Report()
    talking = threading.Event()
    talk = threading.Thread(target=_talk, args=(daemon, ears, name, talking, report), daemon=True)
    talk.start()
    waiting: deque[tuple[HostileCase, str, float]] = deque()
    with daemon.client() as client:
        for number, case in enumerate(cases):
            while len(waiting) >= IN_FLIGHT:
                _settle(waiting, ears, report)
            chat_id = f"{name}-{number}"
            content = base64.b64encode(case.content).decode()
            attachment = {"name": case.name, "content_base64": content}
            message = {"message_id": "m", "chat_id": chat_id, "user_id": "u", "attachments": [attachment]}
            client.xadd("unfailing:intake", {"m": json.dumps(message)})
            report.sent += 1
            waiting.append((case, chat_id, time.monotonic()))
        while waiting:
            _settle(waiting, ears, report)
    talking.set()
    talk.join(30.0)
    until_s = time.monotonic() + ANSWER_S
    while (owed := ears.owed()) and time.monotonic() < until_s:
        time.sleep(0.05)
    report.unanswered += [f"no follow-up: {chat_id}" for chat_id in owed]
    return report


def _settle(waiting: deque[tuple[HostileCase, str, float]], ears: Ears, report: Report) -> None:
    """Take those that are answered off the line; those that are not by the limit are noted."""
    for case, chat_id, sent_s in list(waiting):
        heard = ears.final(chat_id, "m")
        if heard is None and time.monotonic() < sent_s + ANSWER_S:
            continue
        waiting.remove((case, chat_id, sent_s))
        if heard is None:
            report.unanswered.append(f"{case.kind}: {case.name} ({chat_id})")
            continue
        took_s = heard[0] - sent_s
        report.finals[_outcome(heard[1])] += 1
        if took_s > report.slowest_s:
            report.slowest_s, report.slowest = took_s, f"{case.kind}: {case.name}"
    time.sleep(0.005)


def _outcome(reply: dict[str, Any]) -> str:
    if reply["kind"] == "rejected":
        return f"rejected: {reply['error']['code']}"
    if reply["answered_by"] == "static":
        return "still reading, a follow-up comes"
    return "an invoice" if reply["data"].get("invoice") or reply["data"].get("invoices") else "told why not"


def _talk(daemon: DaemonUnderTest, ears: Ears, name: str, ended: threading.Event, report: Report) -> None:
    """Other chats, at an even pace whatever the answers do."""
    sent: list[tuple[str, str, float]] = []
    with daemon.client() as client:
        number = 0
        while not ended.wait(TALK_EVERY_S):
            chat_id, message_id = f"{name}-talk-{number % TALKERS}", f"t-{number}"
            message = {"message_id": message_id, "chat_id": chat_id, "user_id": "u", "text": "help"}
            sent.append((chat_id, message_id, time.monotonic()))
            client.xadd("unfailing:intake", {"m": json.dumps(message)})
            number += 1
    until_s = time.monotonic() + 20.0
    while time.monotonic() < until_s and any(
        ears.final(chat_id, message_id) is None for chat_id, message_id, _ in sent
    ):
        time.sleep(0.02)
    for chat_id, message_id, sent_s in sent:
        heard = ears.final(chat_id, message_id)
        if heard is None:
            report.talk_unanswered += 1
        else:
            report.talk_s.append(heard[0] - sent_s)


def readers(daemon: DaemonUnderTest) -> list[psutil.Process]:
    """The reader processes that live now."""
    assert daemon.process is not None
    return [
        child
        for child in psutil.Process(daemon.process.pid).children(recursive=True)
        if "invoices.reader_main" in " ".join(child.cmdline())
    ]


def memory_mb(daemon: DaemonUnderTest) -> float:
    """What the daemon and its readers occupy, without the store."""
    assert daemon.process is not None
    processes = [psutil.Process(daemon.process.pid), *readers(daemon)]
    return sum(process.memory_info().rss for process in processes) / 1e6


def recycle_readers(daemon: DaemonUnderTest) -> None:
    """Have every reader process replaced by a fresh one, as happens by itself after a number of documents."""
    before = {reader.pid for reader in readers(daemon)}
    for reader in readers(daemon):
        reader.kill()
    warm_up(daemon, f"recycled-{time.monotonic_ns()}", len(before))
    wait_for(lambda: not before & {reader.pid for reader in readers(daemon)}, "fresh readers", 60.0)


def warm_up(daemon: DaemonUnderTest, name: str, count: int) -> None:
    """Have every reader read something, so that memory is compared between readers in the same state."""
    with Ears(daemon) as ears:
        send_round(daemon, ears, name, [*ordinary() * count, scanned()])
