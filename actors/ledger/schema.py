"""The schema of the ledger: brought up to date by Alembic when the database is opened, by one node at a time.

Alembic is imported only where there is something to do. A schema that is newer than the program is refused: an older
program would write rows that the newer one's columns are missing from.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from actors.ledger.problems import LedgerTooNew

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

HEAD: Final = "0001"
# All nodes' key of the one lock; PostgreSQL wants a number.
_LOCK_KEY: Final = 0x6C_65_64_67_65_72
_MIGRATIONS: Final = Path(__file__).parent / "migrations"


def bring_up_to_date(connection: Connection) -> bool:
    """Make or change the tables where they are older; whether anything was done. Within a transaction of the caller.

    On SQLite that transaction must hold the write lock already. Raises LedgerTooNew, and what the database raises.
    """
    if version_of(connection) == HEAD:
        return False
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK_KEY)))
    found = version_of(connection)
    if found == HEAD:
        return False
    _upgrade(connection, found)
    return True


def version_of(connection: Connection) -> str | None:
    """The schema's version in the database; None in an empty one."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def checked_version(connection: Connection) -> str | None:
    """The same, refused where it is later than this program. Changes nothing. Raises LedgerTooNew."""
    found = version_of(connection)
    if found is not None and found > HEAD:
        raise LedgerTooNew(found, HEAD)
    return found


def _upgrade(connection: Connection, found: str | None) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    # It tells every plugin that it loads; what is done is told by whoever opens the ledger.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    if found is not None and found not in known:
        raise LedgerTooNew(found, HEAD)

    def steps(revision: Any, _context: Any) -> Any:
        return scripts._upgrade_revs(HEAD, revision)  # noqa: SLF001 - what alembic's own `upgrade` command calls

    with EnvironmentContext(config, scripts, fn=steps) as environment:
        environment.configure(connection=connection)
        with environment.begin_transaction():
            environment.run_migrations()
