"""A server that speaks as Google Sheets does, and a node's parts that write to it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

for folder in ("fault_matrix", "ledger", "spreadsheet"):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / folder))

from sheets_server import ID, SheetsServer, sheets_server
from tcp_proxy import free_port

from actors.settings import SheetsSettings

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def google(tmp_path: Path) -> Iterator[SheetsServer]:
    """A server with an empty spreadsheet."""
    with sheets_server(free_port(), tmp_path) as server:
        yield server


@pytest.fixture
def settings_of_google(google: SheetsServer) -> SheetsSettings:
    """What leads there."""
    return SheetsSettings(ID, str(google.credentials), google.url)
