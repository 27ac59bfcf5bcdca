"""What can be wrong with a ledger beside what its database says. Imports no database."""

from __future__ import annotations

from messages.errors import UnfailingError


class LedgerTooNew(UnfailingError):  # noqa: N818 - said as the operator reads it
    """The database was written by a later version of the program."""

    def __init__(self, found: str, known: str) -> None:
        super().__init__(
            f"the ledger's schema is {found}, and this program knows none after {known}: run the version that wrote "
            "it, or give this one a ledger of its own ([ledger] url)"
        )


class DriverMissing(UnfailingError):  # noqa: N818 - said as the operator reads it
    """The ledger is a PostgreSQL, and its client is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "[ledger] url names a PostgreSQL, whose client is not installed: pip install unfailing[postgres]"
        )


class LedgerNotOpen(ConnectionError):  # noqa: N818 - what is the case
    """The ledger has not been opened yet, or is being rebuilt; nothing was asked."""
