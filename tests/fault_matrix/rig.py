"""Everything a node works with, each part a process or a disk of its own, so that one of them can break under load."""

from __future__ import annotations

import os
import random
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

for folder in ("", "actors", "chaos", "fault_matrix", "models"):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / folder))

from disks import Disk, small_disk
from model_server import ModelServer, model_server
from node_in_a_loop import NodeInALoop
from postgres import PostgresServer, postgres_server
from real_server import RealServer
from tcp_proxy import TcpProxy, free_port, tcp_proxy
from webhook_receiver import WebhookReceiver, webhook_receiver

from actors.partition.keys import Keys

if TYPE_CHECKING:
    from collections.abc import Mapping

PARTITIONS = 16
DISK_MB = 96
HOST = "127.0.0.1"


class Rig:
    """A node under a restart loop, its store, ledger, webhook receiver and model server, behind proxies."""

    def __init__(self, folder: Path, *, ledger: str, seed: int, settings: Mapping[str, object] | None = None) -> None:
        """folder: empty, with a short path. ledger: `postgres` or `sqlite`, on a disk of its own."""
        self.folder = folder
        self.keys = Keys("unfailing", PARTITIONS)
        self.chance = random.Random(seed)
        self._ledger = ledger
        self._settings = settings or {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        enter = self._stack.enter_context
        try:
            self.folder.chmod(0o755)
            self.node_disk: Disk = enter(small_disk(self.folder / "node", DISK_MB))
            self.store_disk: Disk = enter(small_disk(self.folder / "store", DISK_MB))
            self.ledger_disk: Disk = enter(small_disk(self.folder / "ledger", DISK_MB))
            self._start_store()
            self.receiver: WebhookReceiver = enter(webhook_receiver(free_port(), self.folder / "deliveries.jsonl"))
            self.receiver_proxy: TcpProxy = enter(tcp_proxy(self.receiver.port))
            self.models: ModelServer = enter(model_server())
            self.model_proxy: TcpProxy = enter(tcp_proxy(self.models.port))
            self._start_ledger()
            log = self.folder / "node.log"
            (self.store_dir / "node.log").symlink_to(log)
            self.node = NodeInALoop(self.data_dir, self.node_settings(), log)
            self._stack.callback(self._end_node)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def data_dir(self) -> Path:
        """The node's."""
        return self.node_disk.folder

    @property
    def store_dir(self) -> Path:
        """Where the store keeps its files and its socket."""
        return self.store_disk.folder

    @property
    def ledger_url(self) -> str:
        """As the node is told it; empty for a file in its data directory."""
        return f"postgresql://postgres@{HOST}:{self.ledger_proxy.port}/postgres" if self._ledger == "postgres" else ""

    @property
    def ledger_file(self) -> Path:
        """The ledger, where it is a file."""
        return self.ledger_disk.folder / "ledger.sqlite3"

    @property
    def direct_ledger_url(self) -> str:
        """As the test reaches it, past the proxy."""
        if self._ledger == "postgres":
            return f"postgresql+psycopg://postgres@{HOST}:{self.postgres.port}/postgres"
        return f"sqlite:///{self.ledger_file}"

    def node_settings(self) -> dict[str, object]:
        """As environment variables without their prefix."""
        return {
            "DAEMON__PARTITIONS": PARTITIONS,
            "DAEMON__REDIS_URL": f"redis://{HOST}:{self.store_proxy.port}",
            "WEBHOOK__URL": f"http://{HOST}:{self.receiver_proxy.port}/hook",
            "WEBHOOK__ALLOW_PRIVATE": "true",
            "LEDGER__URL": self.ledger_url,
            "MODELS__0__NAME": "model-primary",
            "MODELS__0__BASE_URL": f"http://{HOST}:{self.model_proxy.port}/v1",
            "MODELS__0__API_KEY_ENV": "",
            "MODELS__0__TIMEOUT_S": 5,
            "BREAKERS__WEBHOOK__RECOVERY_TIMEOUT_S": 5,
            "BREAKERS__DATABASE__RECOVERY_TIMEOUT_S": 5,
            **self._settings,
        }

    def _start_store(self) -> None:
        port = free_port()
        self.store = RealServer(
            self.store_dir, "--unixsocket", str(self.store_dir / "valkey.sock"), "--bind", HOST,
            "--aof-load-truncated", "yes", "--auto-aof-rewrite-percentage", "0", port=port,
        )  # fmt: skip
        self._stack.callback(self._kill_store)
        self.store.start()
        self.store_proxy: TcpProxy = self._stack.enter_context(tcp_proxy(port))

    def _kill_store(self) -> None:
        self.store.kill()

    def _start_ledger(self) -> None:
        if self._ledger != "postgres":
            # It lies in the data directory; its disk is another's.
            (self.data_dir / self.ledger_file.name).symlink_to(self.ledger_file)
            return
        folder = self.ledger_disk.folder
        folder.chmod(0o755)
        self.postgres: PostgresServer = self._stack.enter_context(postgres_server(folder / "pg", free_port()))
        self.ledger_proxy: TcpProxy = self._stack.enter_context(tcp_proxy(self.postgres.port))

    def _end_node(self) -> None:
        if self.node.starts:
            self.node.end(45.0)

    def signal_node(self, number: int) -> None:
        """Send the node that runs now a signal."""
        process = self.node.running()
        assert process is not None
        os.kill(process.pid, number)

    def hang_store(self) -> None:
        """Let the store's process stand still."""
        self.store.signal(signal.SIGSTOP)

    def wake_store(self) -> None:
        """Let it go on."""
        self.store.signal(signal.SIGCONT)

    def start_store_again(self) -> None:
        """Start it if it has ended."""
        assert self.store.process is not None
        if self.store.process.poll() is not None:
            self.store.start()

    def store_files(self) -> list[Path]:
        """The store's increments, the one that is written to last."""
        return sorted(self.store_dir.glob("appendonlydir/*.aof"))

    def files_of_the_node(self, pattern: str) -> list[Path]:
        """What the node keeps, by pattern, largest first."""
        found = [path for path in self.data_dir.glob(pattern) if path.is_file() and not path.is_symlink()]
        return sorted(found, key=lambda path: -path.stat().st_size)

    def status(self) -> dict[str, Any]:
        """The node's tree."""
        from daemon_under_test import ask_control

        answer: dict[str, Any] = ask_control(self.data_dir, {"do": "status"})["status"]
        return answer
