#!/usr/bin/env python3
"""Kills everything under load and checks that every message is answered exactly once, in order.

A node under a restart loop, 200 chats that speak by three doors, real and slow documents among their messages;
meanwhile `kill -9` of the node and of its embedded server, and drills on sessions, gateway and every supervisor below
the root, at moments drawn from a seed, each with at least so many messages open. In the end every message must have
exactly one final reply, the finals of a chat turns 1, 2, 3, ... in the order of intake, and nothing may be left over.
Exit status 1 if not.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import msgspec
from daemon_under_test import DaemonUnderTest, ask_control, kill_server_left_behind, wait_for
from faults import Kill, schedule, strike
from ledger import Ledger
from listener import Listener
from load import Load
from messages_to_send import Conversation, real_documents
from node_in_a_loop import NodeInALoop
from rich.console import Console
from run_report import print_report
from verdict import Verdict

from actors.partition.keys import Keys

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from faults import Fault

PARTITIONS = 16
FOLLOWERS = 64
PRESSURE_S = 10.0
PRESSURE_AGAIN_S = 3.0
SESSIONS_SHOWN = 10


class Run:
    """One run: everything that is started here is ended here."""

    def __init__(self, options: argparse.Namespace, data_dir: Path) -> None:
        self.options = options
        self.data_dir = data_dir
        self.keys = Keys("unfailing", PARTITIONS)
        self.ledger = Ledger()
        self.documents_from, documents = real_documents()
        self.conversation = Conversation(options.seed, options.chats, documents)
        self.node_settings = {
            "DAEMON__SOFT_DEADLINE_S": options.soft_deadline, "DAEMON__HARD_DEADLINE_S": options.hard_deadline,
            "DAEMON__PARTITIONS": PARTITIONS, "DAEMON__LOG_LEVEL": options.log_level,
        }  # fmt: skip
        self.node = NodeInALoop(data_dir, self.node_settings)
        self.load = Load(data_dir, self.keys, self.conversation, self.ledger, options.rate)
        self.listener = Listener(data_dir, self.keys, self.conversation.chats, self.ledger)
        self.kills: list[Kill] = []
        self.short_of_open: list[str] = []
        self.verdict: Verdict | None = None
        self.drained_s = 0.0
        self.left_open = 0
        self.stories: list[str] = []
        self.exit_status: int | None = None
        self._chance = random.Random(f"{options.seed}:run")
        self._pressed_s = 0.0

    def __call__(self) -> bool:
        """Do it all; says whether every promise was kept."""
        options = self.options
        counts = {"node": options.nodes, "server": options.servers, "actor": options.actors}
        faults = schedule(options.seed, counts, options.calm, options.seconds)
        try:
            self.node.start()
            wait_for(self._is_up, "the node to be up", 60.0, every_s=0.05)
            self.listener.start()
            self.load.start()
            self._kill_all(faults)
            self._drain()
            return self._judge()
        finally:
            self.listener.stop()
            if self.node.starts:
                self.exit_status = self.node.end(45.0)
            kill_server_left_behind(self.data_dir)

    def _is_up(self) -> bool:
        with suppress(OSError, KeyError, ValueError):
            return len(ask_control(self.data_dir, {"do": "status"})["status"]["partitions"]) == PARTITIONS
        return False

    def _kill_all(self, faults: Sequence[Fault]) -> None:
        began_s = time.monotonic()
        self.began_s = time.time()
        for fault in faults:
            time.sleep(max(0.0, began_s + fault.at_s - time.monotonic()))
            self._press(fault)
            open_keys = self._open_now()
            what, at_s = strike(fault.what, self.data_dir, self.node, self._busy_chat)
            self.kills.append(Kill(what, at_s, len(open_keys), open_keys))
        time.sleep(max(0.0, began_s + self.options.seconds - time.monotonic()))

    def _press(self, fault: Fault) -> None:
        """Have enough messages open: somebody sends a slow document and goes on talking."""
        until_s = time.monotonic() + PRESSURE_S
        while len(self._open_now()) < self.options.open:
            if time.monotonic() > until_s:
                self.short_of_open.append(fault.what)
                return
            if time.monotonic() - self._pressed_s >= PRESSURE_AGAIN_S:
                self._pressed_s = time.monotonic()
                self.load.inject(self.conversation.slow_group(max(FOLLOWERS, self.options.open + 14)))
            time.sleep(0.02)

    def _open_now(self) -> set[tuple[str, str]]:
        self.listener.look()
        return self.ledger.open()

    def _busy_chat(self) -> str | None:
        chats = sorted({chat_id for chat_id, _ in self._open_now()})
        return self._chance.choice(chats) if chats else None

    def _drain(self) -> None:
        began_s = time.monotonic()
        all_in = self.load.end(self.options.drain)
        until_s = began_s + self.options.drain
        while (self._open_now() or self.ledger.owed()) and time.monotonic() < until_s:
            time.sleep(0.1)
        self.drained_s = time.monotonic() - began_s
        self.left_open = len(self._open_now()) + (not all_in)
        # The store is read once more: what is committed after the last final would be one too many.
        time.sleep(1.0)

    def _judge(self) -> bool:
        self.verdict = Verdict(self.data_dir, self.keys, self.conversation.chats, self.ledger, self.kills)
        violations = self.verdict.check(self.options.hard_deadline, self.options.grace)
        violations += [
            (f"fewer than {self.options.open} messages open at a kill of {what}", None) for what in self.short_of_open
        ]
        unsaid = len([message for message in self.ledger.all_said() if message.accepted_s is None])
        if unsaid:
            violations.append((f"{unsaid} messages were not taken in", None))
        violations += [(complaint, None) for complaint in self._compare_session_show()]
        self.stories = self.verdict.stories()
        return not violations

    def _compare_session_show(self) -> list[str]:
        """`session show` says the turn of the chat's last final reply."""
        daemon = DaemonUnderTest(self.data_dir, **self.node_settings)
        complaints = []
        for chat_id in self._chance.sample(self.conversation.chats, min(SESSIONS_SHOWN, self.options.chats)):
            finals = [heard.reply["turn"] for key, heard in self.ledger.finals.items() if key[0] == chat_id]
            done = daemon.command("session", "show", chat_id, "--json")
            shown = msgspec.json.decode(done.stdout)["turn"] if done.returncode == 0 else 0
            if shown != max(finals, default=0):
                complaints.append(f"session show {chat_id}: turn {shown}, its last final is {max(finals, default=0)}")
        return complaints


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options, with the defaults of the full run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add: Callable[..., object] = parser.add_argument
    add("--seconds", type=float, default=120.0, help="length of the load")
    add("--calm", type=float, default=12.0, help="seconds before the first kill")
    add("--chats", type=int, default=200)
    add("--rate", type=float, default=120.0, help="messages a second, beside those that keep messages open")
    add("--open", type=int, default=50, help="messages open at each kill, at least")
    add("--nodes", type=int, default=5, help="kills of the node")
    add("--servers", type=int, default=5, help="kills of the server")
    add("--actors", type=int, default=20, help="drills")
    add("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    add("--soft-deadline", type=float, default=8.0)
    add("--hard-deadline", type=float, default=30.0)
    add(
        "--grace",
        type=float,
        default=15.0,
        help="seconds that a final may be late, and five more for each kill meanwhile",
    )
    add("--drain", type=float, default=120.0, help="seconds for what is open in the end")
    add("--log-level", default="info")
    add("--data-dir", type=Path, help="kept afterwards; by default a temporary one, kept only after a violation")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Run, print, and return the exit status."""
    options = parse(arguments)
    console = Console(width=150, highlight=False)
    data_dir = (options.data_dir or Path(tempfile.mkdtemp(prefix="uk-", dir="/tmp"))).resolve()
    data_dir.mkdir(exist_ok=True)
    run = Run(options, data_dir)
    console.print(f"seed {options.seed}; documents from {run.documents_from}; data in {data_dir}")
    kept = False
    try:
        # After all that, the node still drains in good order.
        kept = run() and run.exit_status == 0
    finally:
        print_report(run, console)
        for what, key in run.verdict.violations[:40] if run.verdict else ():
            console.print(f"VIOLATION {what} {key or ''}", markup=False)
        for story in run.stories:
            console.print(story, markup=False)
        if kept and options.data_dir is None:
            shutil.rmtree(data_dir, ignore_errors=True)
        elif not kept:
            console.print(f"kept: {data_dir}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
