"""What the doctor says of the ledger and the spreadsheet."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from typing import TYPE_CHECKING

import msgspec
import pytest
from tcp_proxy import free_port

from actors.console import doctor_ledger
from actors.settings import DaemonSettings, LedgerSettings, Settings, SheetsSettings

if TYPE_CHECKING:
    from pathlib import Path

    from actors.ledger.ledger import Ledger

pytestmark = pytest.mark.xdist_group("postgres")


def settings_of(folder: Path, url: str = "", sheets: SheetsSettings | None = None) -> Settings:
    """As configured."""
    return Settings(DaemonSettings(str(folder)), ledger=LedgerSettings(url), sheets=sheets or SheetsSettings())


def test_given_a_ledger_that_opens_when_looked_at_then_it_is_ok(
    file_ledger: Ledger, ledger_url: str, tmp_path: Path
) -> None:
    """In a file, in a server that has no tables yet, and before the first start."""
    in_file = doctor_ledger.ledger(settings_of(tmp_path))
    in_server = doctor_ledger.ledger(settings_of(tmp_path, ledger_url))
    nowhere = doctor_ledger.ledger(settings_of(tmp_path / "new"))

    assert [found.level for found in (in_file, in_server, nowhere)] == ["ok", "ok", "ok"]
    assert "schema 0001" in in_file.detail
    assert "made at the first start" in in_server.detail
    assert not (tmp_path / "new").exists()


def test_given_a_store_of_several_nodes_when_looked_at_then_a_file_for_each_is_a_warning(tmp_path: Path) -> None:
    """A chat that moves to another node would not find its bookings there."""
    shared = msgspec.structs.replace(
        settings_of(tmp_path), daemon=DaemonSettings(str(tmp_path), redis_url="redis://127.0.0.1")
    )

    found = doctor_ledger.ledger(shared)

    assert (found.level, "[ledger] url" in found.mend) == ("warning", True)


def test_given_a_ledger_that_cannot_be_opened_when_looked_at_then_the_password_is_not_shown(tmp_path: Path) -> None:
    """It says what failed, and where."""
    found = doctor_ledger.ledger(settings_of(tmp_path, f"postgresql://u:hunter2@127.0.0.1:{free_port()}/x"))

    assert found.level == "missing"
    assert "hunter2" not in found.detail
    assert "127.0.0.1" in found.detail


def test_given_a_schema_of_a_later_program_when_looked_at_then_it_says_which_to_run(
    file_ledger: Ledger, tmp_path: Path
) -> None:
    """Before the daemon refuses it."""
    with contextlib.closing(sqlite3.connect(file_ledger.path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    found = doctor_ledger.ledger(settings_of(tmp_path))

    assert (found.level, "9999" in found.detail) == ("missing", True)


def test_given_credentials_when_looked_at_then_it_says_whose_they_are_or_that_they_are_none(tmp_path: Path) -> None:
    """The key itself is not shown."""
    broken = tmp_path / "key.json"
    broken.write_text(json.dumps({"private_key": "hunter2"}))

    found = doctor_ledger.spreadsheet(settings_of(tmp_path, sheets=SheetsSettings("sheet-1", str(broken))))
    none = doctor_ledger.spreadsheet(settings_of(tmp_path))

    assert (found.level, none.level) == ("missing", "ok")
    assert "hunter2" not in found.detail
