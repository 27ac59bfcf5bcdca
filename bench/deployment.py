"""A daemon as its own process, on its embedded server, in a directory that is gone afterwards."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from redis import Redis

from actors.partition.keys import Keys
from bench.measuring import ROOT

PARTITIONS = 16
START_S = 30.0
LOOK_S = 0.01

# How many entries the partitions have ever taken in, and how many are left: one command, whatever there is.
_PROGRESS = """
local added, left = 0, 0
for i = 1, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 1 then
    local info = redis.call('XINFO', 'STREAM', KEYS[i])
    for j = 1, #info, 2 do
      if info[j] == 'entries-added' then added = added + info[j + 1] end
      if info[j] == 'length' then left = left + info[j + 1] end
    end
  end
end
return {added, left}
"""


class Deployment:
    """One daemon and its server. code: the checkout whose run.py is started, to compare two of them in one run."""

    def __init__(self, appendfsync: str, code: Path = ROOT) -> None:
        """Start it, and wait until it owns every partition. Raises RuntimeError with its log when it does not."""
        self.appendfsync = appendfsync
        self.keys = Keys("unfailing", PARTITIONS)
        self.data_dir = Path(tempfile.mkdtemp(prefix="unfailing-bench-"))
        self._log = (self.data_dir / "bench.log").open("wb")
        began_s = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, str(code / "run.py"), "daemon", "--data-dir", str(self.data_dir)],
            env={**os.environ, "UNFAILING_DAEMON__APPENDFSYNC": appendfsync},
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, cwd=code,
        )  # fmt: skip
        self.socket = self.data_dir / "valkey.sock"
        try:
            self._wait_until_up()
        except BaseException:
            self.close()
            raise
        self.start_s = time.perf_counter() - began_s
        self.client = self.connect()
        self.server = psutil.Process(int(self.client.info("server")["process_id"]))
        self.daemon = psutil.Process(self.process.pid)
        self._progress = self.client.register_script(_PROGRESS)

    def __enter__(self) -> Self:
        """The daemon is up."""
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        """Stop it and remove its directory."""
        self.close()

    def connect(self) -> Redis:
        """A client of the daemon's server."""
        return Redis(unix_socket_path=str(self.socket))

    def progress(self) -> tuple[int, int]:
        """How many messages the partitions have taken in so far, and how many of them are not settled."""
        added, left = self._progress(keys=[self.keys.partition(number).intake for number in range(PARTITIONS)])
        return int(added), int(left)

    def wait_settled(self, added: int, timeout_s: float = 300.0) -> float:
        """Wait until the partitions have taken in so many and settled all; returns the time by perf_counter.

        What is settled has its final reply committed: the commit deletes the entry. Costs the server one short script
        every LOOK_S.
        """
        until_s = time.perf_counter() + timeout_s
        while time.perf_counter() < until_s:
            taken, left = self.progress()
            if taken >= added and not left:
                return time.perf_counter()
            time.sleep(LOOK_S)
        raise RuntimeError(f"{self.progress()} after {timeout_s:g} s, wanted {added} settled\n{self.log()}")

    def turns(self, chats: list[str]) -> int:
        """The sum of the chats' turns, which is the number of their final replies."""
        pipe = self.client.pipeline(transaction=False)
        for chat in chats:
            pipe.hget(self.keys.partition(self.keys.partition_of(chat)).head(chat), "t")
        return sum(int(turn or 0) for turn in pipe.execute())

    def cpu_s(self) -> tuple[float, float]:
        """Processor seconds of the daemon (without its children) and of the server so far."""
        return _cpu_s(self.daemon), _cpu_s(self.server)

    def settle_down(self) -> None:
        """Wait until the server does not rewrite its append-only file."""
        while self.client.info("persistence")["aof_rewrite_in_progress"]:
            time.sleep(0.1)

    def log(self) -> str:
        """What the daemon has said, the last lines of it."""
        return "\n".join((self.data_dir / "bench.log").read_text(errors="replace").splitlines()[-20:])

    def close(self) -> None:
        """Stop the daemon, then its server, and remove the directory."""
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._log.close()
        shutil.rmtree(self.data_dir, ignore_errors=True)

    def _wait_until_up(self) -> None:
        until_s = time.perf_counter() + START_S
        while time.perf_counter() < until_s and self.process.poll() is None:
            with contextlib.suppress(Exception), self.connect() as client:
                pipe = client.pipeline(transaction=False)
                for number in range(PARTITIONS):
                    pipe.hget(self.keys.partition(number).lease, "f")
                if all(pipe.execute()):
                    return
            time.sleep(LOOK_S)
        raise RuntimeError(f"the daemon did not start:\n{self.log()}")


def message(chat: str, message_id: str) -> bytes:
    """A small text message as the protocol has it."""
    return json.dumps({"message_id": message_id, "chat_id": chat, "user_id": chat, "text": "Hello"}).encode()


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
