"""What `doctor` says of the ledger and the spreadsheet: whether they are reached, and are what this program knows."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Final

from actors.console.findings import Finding
from actors.ledger.ledger import FILE_NAME, in_a_line
from actors.ledger.problems import DriverMissing, LedgerTooNew
from actors.node_directory import node_paths
from messages.redaction import redact_url
from supervision import world as world_module
from supervision.world import WaitTimeout

if TYPE_CHECKING:
    from actors.settings import Settings

_TRY_S: Final = 15.0


def ledger(settings: Settings) -> Finding:
    """Whether the ledger can be opened, without making or changing anything in it."""
    url = settings.ledger.url
    path = node_paths(settings.daemon.data_dir).root / FILE_NAME
    where = redact_url(url) if url else f"SQLite, {path.name} in the data directory"
    version = None
    try:
        if url or path.exists():
            version = world_module.current().run_in_thread(_version, url, path, pool="doctor", timeout_s=_TRY_S)
    except DriverMissing as error:
        return Finding("ledger", "missing", str(error), "pip install 'unfailing[postgres]'")
    except LedgerTooNew as error:
        return Finding("ledger", "missing", str(error), "run the version of the program that wrote it")
    except WaitTimeout:
        return Finding("ledger", "missing", f"{where}: no answer in {_TRY_S:g} s", "check the server and the network")
    except Exception as error:  # noqa: BLE001 - every failure to open it is the finding
        mend = "check the address, the password and the network" if url else "it is set aside and rebuilt at the start"
        return Finding("ledger", "missing" if url else "warning", f"{where}: {in_a_line(error)}", mend)
    if not url and settings.daemon.redis_url:
        mend = "with several nodes, give all of them one by [ledger] url"
        return Finding("ledger", "warning", f"{where}: each node of this store has a ledger of its own", mend)
    made = f"schema {version}" if version is not None else "made at the first start"
    return Finding("ledger", "ok", f"{where} ({made})")


def _version(url: str, path: Path) -> str | None:
    """In a native thread. Raises DriverMissing, LedgerTooNew, and what the database raises."""
    from actors.ledger.database import Database, Place
    from actors.ledger.schema import checked_version

    database = Database(Place(url, path), writes=False)
    try:
        return database.transact(checked_version)
    finally:
        database.close()


def spreadsheet(settings: Settings) -> Finding:
    """Whether the credentials can be used; Google itself is not asked."""
    sheets = settings.sheets
    if not sheets.spreadsheet:
        return Finding("spreadsheet", "ok", "a file in the data directory, invoices.csv")
    if importlib.util.find_spec("gspread") is None:
        detail = "Google Sheets is configured, and its client is not installed"
        return Finding("spreadsheet", "missing", detail, "pip install 'unfailing[sheets]'")
    try:
        email = world_module.current().run_in_thread(_account, sheets.credentials_file, pool="doctor", timeout_s=_TRY_S)
    except Exception as error:  # noqa: BLE001 - every failure to read it is the finding
        return Finding("spreadsheet", "missing", in_a_line(error), "make a new key of the service account")
    return Finding("spreadsheet", "ok", f"Google Sheets, as {email}, with whom the spreadsheet has to be shared")


def _account(file: str) -> str:
    """In a native thread. Raises Misconfigured."""
    from actors.spreadsheet.google import credentials_of

    return str(credentials_of(file).service_account_email)
