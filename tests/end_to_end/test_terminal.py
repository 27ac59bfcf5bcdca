import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from daemon_under_test import REPOSITORY, DaemonUnderTest, environment

EXAMPLE = REPOSITORY / "examples" / "files" / "invoice-en.factur-x.pdf"


class Terminal:
    """A person's terminal with `run.py chat` in it."""

    def __init__(self, daemon: DaemonUnderTest, chat_id: str) -> None:
        self._master, slave = pty.openpty()
        command = [sys.executable, str(REPOSITORY / "run.py"), "chat", chat_id, "--data-dir", str(daemon.data_dir)]
        surroundings = {**environment(), "TERM": "xterm", "COLUMNS": "160"}
        self.process = subprocess.Popen(
            command, cwd=REPOSITORY, env=surroundings, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)
        self.seen = ""

    def type(self, line: str) -> None:
        """Type a line."""
        os.write(self._master, f"{line}\n".encode())

    def wait_for(self, text: str, timeout_s: float = 60.0) -> None:
        """Read the screen until something new stands there."""
        until_s = time.monotonic() + timeout_s
        read = ""
        while text not in read:
            assert time.monotonic() < until_s, f"waited for {text!r}, saw {self.seen!r}"
            if select.select([self._master], [], [], 0.1)[0]:
                read += os.read(self._master, 65536).decode(errors="replace")
        self.seen += read

    def close(self) -> None:
        """Close the window."""
        self.process.kill()
        self.process.wait(10)
        os.close(self._master)


@pytest.fixture
def terminal(daemon: DaemonUnderTest) -> Iterator[Terminal]:
    """A terminal that is closed in the end."""
    opened = Terminal(daemon, "at-the-terminal")
    yield opened
    opened.close()


def test_given_a_person_at_a_terminal_when_they_chat_then_they_are_answered_and_may_leave(
    daemon: DaemonUnderTest, terminal: Terminal
) -> None:
    """Words, a file, a file that is not there, more words, goodbye."""
    terminal.wait_for("> ")
    terminal.type("Hello!")
    terminal.wait_for("turn 1")

    terminal.type(f"/file {EXAMPLE}")
    terminal.wait_for("turn 2")
    terminal.type("/file /nowhere/at-all.pdf")
    terminal.wait_for("no such file")
    terminal.type("status of my last invoice")
    terminal.wait_for("turn 3")
    terminal.type("/quit")

    assert terminal.process.wait(20) == 0
    assert "Traceback" not in terminal.seen
    assert daemon.status()["sessions"] >= 1


def test_given_words_in_a_pipe_when_chat_reads_them_then_it_answers_and_ends_with_the_input(
    daemon: DaemonUnderTest,
) -> None:
    """`echo Hello | run.py chat`."""
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "run.py"), "chat", "in-a-pipe", "--data-dir", str(daemon.data_dir)],
        cwd=REPOSITORY, env=environment(), input="Hello!\nhelp\n", capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "turn 1" in done.stdout
    assert "turn 2" in done.stdout
