"""An agent in a program of its own, as its users have it: plain asyncio, nothing patched. Killed when the test ends."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from daemon_under_test import DIE_WITH_PARENT, REPOSITORY, environment, wait_for

WAIT_S = 40.0


class Pending:
    """What an order came to, once it has."""

    def __init__(self) -> None:
        self.came = threading.Event()
        self.line: dict[str, Any] = {}
        self.began_s = time.monotonic()
        self.took_s = 0.0

    def result(self, timeout_s: float = WAIT_S) -> Any:
        """Wait for it; what the agent raised is an AssertionError here."""
        line = self._answer(timeout_s)
        assert "raised" not in line, line["raised"]
        return line["result"]

    def error(self, timeout_s: float = WAIT_S) -> str:
        """Wait for what the agent raised."""
        line = self._answer(timeout_s)
        assert "raised" in line, line
        return str(line["raised"])

    def _answer(self, timeout_s: float) -> dict[str, Any]:
        assert self.came.wait(timeout_s), f"nothing came within {timeout_s:g} s"
        return self.line


class AgentUnderTest:
    """One program with one agent. As a context it is initialized when entered, and killed when left."""

    def __init__(
        self,
        data_dir: Path,
        settings: Mapping[str, object] | None = None,
        *,
        initialize_s: float = 30.0,
        **options: object,
    ) -> None:
        """settings: environment variables of the program without their prefix; options: the agent's own."""
        data_dir.parent.mkdir(exist_ok=True)
        self.log = data_dir.parent / f"{data_dir.name}.agent.log"
        self.initialize_s = initialize_s
        self.follow_ups: list[dict[str, Any]] = []
        self.interims: list[dict[str, Any]] = []
        self._pending: dict[int, Pending] = {}
        self._count = 0
        self._lock = threading.Lock()
        arguments = json.dumps({"data_dir": str(data_dir), **options})
        program = [sys.executable, str(Path(__file__).with_name("agent_program.py")), arguments]
        with self.log.open("ab") as log:
            self.program = subprocess.Popen(
                [sys.executable, "-S", "-c", DIE_WITH_PARENT, *program],
                cwd=REPOSITORY, env={**environment(settings), "PYTHONPATH": str(REPOSITORY)},
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Self:
        self.order(do="initialize", timeout_s=self.initialize_s).result()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def order(self, **order: Any) -> Pending:
        """Tell it to do something; does not wait."""
        with self._lock:
            self._count += 1
            order["number"] = self._count
            pending = self._pending[self._count] = Pending()
            assert self.program.stdin is not None
            self.program.stdin.write(json.dumps(order).encode() + b"\n")
            self.program.stdin.flush()
        return pending

    def begin(self, chat: str, text: str = "hello", **more: object) -> Pending:
        """Begin to process a message; does not wait."""
        return self.order(do="process", user_id="u", chat_id=chat, message_text=text, **more)

    def process(self, chat: str, text: str = "hello", **more: object) -> dict[str, Any]:
        """Process a message and give the reply."""
        reply: dict[str, Any] = self.begin(chat, text, **more).result()
        return reply

    def health(self) -> dict[str, Any]:
        """How it is."""
        health: dict[str, Any] = self.order(do="health").result()
        return health

    def close(self) -> None:
        """Close the agent, and see the program end."""
        self.order(do="close").result()
        assert self.program.wait(WAIT_S) == 0

    def kill(self) -> None:
        """Kill -9, and wait until it is gone."""
        self.program.kill()
        self.program.wait(WAIT_S)

    def wait_for_follow_ups(self, count: int, timeout_s: float = WAIT_S) -> list[dict[str, Any]]:
        """Wait until so many follow-ups were handed to the program, and return them."""
        wait_for(lambda: len(self.follow_ups) >= count, f"{count} follow-ups", timeout_s)
        return self.follow_ups

    def said(self) -> str:
        """What it has logged."""
        return self.log.read_text(errors="replace")

    def _read(self) -> None:
        assert self.program.stdout is not None
        for line in self.program.stdout:
            what = json.loads(line)
            if "follow_up" in what:
                self.follow_ups.append(what["follow_up"])
            elif "interim" in what:
                self.interims.append(what["interim"])
            else:
                pending = self._pending[what["number"]]
                pending.line, pending.took_s = what, time.monotonic() - pending.began_s
                pending.came.set()


def daemon_pid(agent: AgentUnderTest) -> int:
    """The process id of the agent's own daemon."""
    return int(wait_for(lambda: agent.health()["daemon_pid"], "the agent's daemon"))


def answered(pending: list[Pending]) -> list[dict[str, Any]]:
    """Every reply, in the order in which the messages were sent."""
    return [one.result() for one in pending]


def processes_of(data_dir: Path) -> list[int]:
    """Processes that live on a data directory: its daemon, the daemon's server and readers."""
    wanted = str(data_dir).encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            if wanted in words and b"agent_program" not in words:
                found.append(int(entry.name))
    return found


def end_all(data_dir: Path) -> None:
    """Kill whatever a killed agent has left on its data directory, and what that starts meanwhile."""

    def none_is_left() -> bool:
        left = processes_of(data_dir)
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not left

    wait_for(none_is_left, f"the processes on {data_dir} to be gone")
