"""What the ledger is asked and told, as SQL. `find` means what invoices.book.matches and in_order mean."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from actors.ledger.rows import FileMalformed, booking_of, clean, key_of, row_of, size_key
from actors.ledger.tables import EXACT, bookings
from invoices.book import folded, matches

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy.engine import Connection
    from sqlalchemy.sql.elements import ColumnElement

    from invoices.book import Booking, BookQuery

_KEYS: Final = ("chat_id", "invoice_id")
_BOOKING: Final = (bookings.c.chat_id, bookings.c.invoice_id, bookings.c.body, bookings.c.body_digest)
_PAGE_ROWS: Final = 500


@dataclass(frozen=True, slots=True)
class Total:
    """Exact sums over the bookings of one currency and type ("invoice", "credit_note"). Absent amounts add nothing."""

    currency: str | None
    type: str
    count: int
    net: Decimal
    tax: Decimal
    gross: Decimal


def check(connection: Connection) -> None:
    """Have SQLite look at its file as a whole. Raises FileMalformed."""
    if connection.dialect.name == "sqlite":
        answer = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
        if answer != "ok":
            raise FileMalformed(answer)


def put(connection: Connection, records: Sequence[Booking]) -> None:
    """Book them, each unless its revision or a later one is there: in any order and any number of times."""
    # In the order of the keys, so that two nodes that write the same rows wait for each other instead of both.
    rows = sorted((row_of(booking) for booking in records), key=lambda row: (row["chat_id"], row["invoice_id"]))
    newest = {(row["chat_id"], row["invoice_id"]): row for row in sorted(rows, key=lambda row: int(row["revision"]))}
    ordered = [newest[key] for key in sorted(newest)]
    if ordered:
        connection.execute(_upsert(connection.dialect.name), ordered)


def _upsert(dialect: str) -> Any:
    insert: Any = postgresql.insert(bookings) if dialect == "postgresql" else sqlite.insert(bookings)
    changed = {column.name: insert.excluded[column.name] for column in bookings.c if column.name not in _KEYS}
    return insert.on_conflict_do_update(
        index_elements=list(_KEYS), set_=changed, where=insert.excluded.revision > bookings.c.revision
    )


def find(connection: Connection, chat_id: str, query: BookQuery) -> tuple[Booking, ...]:
    """The bookings of a chat that match, in the query's order. Raises RowDamaged."""
    statement = (
        sa.select(*_BOOKING)
        .where(*_conditions(chat_id, query, connection.dialect.name))
        .order_by(*_order(query))
        .limit(query.at_most)
    )
    found = (booking_of(dict(row)) for row in connection.execute(statement).mappings())
    # What PostgreSQL cannot hold (NUL) was searched for as something else.
    return tuple(booking for booking in found if matches(booking, query))


def totals(connection: Connection, chat_id: str, query: BookQuery) -> tuple[Total, ...]:
    """Exact sums over all that match, however many they are; the query's order and number mean nothing here."""
    columns = (bookings.c.currency, bookings.c.type, bookings.c.net, bookings.c.tax, bookings.c.gross)
    statement = sa.select(*columns).where(*_conditions(chat_id, query, connection.dialect.name))
    sums: defaultdict[tuple[str | None, str], list[Any]] = defaultdict(lambda: [0, Decimal(0), Decimal(0), Decimal(0)])
    for currency, kind, *amounts in connection.execute(statement):
        sum_of = sums[currency, kind]
        sum_of[0] += 1
        sum_of[1:] = [EXACT.add(so_far, amount or 0) for so_far, amount in zip(sum_of[1:], amounts, strict=True)]
    return tuple(Total(*key, *sums[key]) for key in sorted(sums, key=lambda key: (key[0] or "", key[1])))


def revision_of(connection: Connection, chat_id: str, invoice_id: str) -> int:
    """The revision that is booked; 0 when there is none."""
    statement = sa.select(bookings.c.revision).where(
        bookings.c.chat_id == clean(chat_id), bookings.c.invoice_id == clean(invoice_id)
    )
    return int(connection.execute(statement).scalar() or 0)


def forget(connection: Connection, chat_id: str) -> int:
    """Delete everything of a chat; how many bookings that were."""
    return int(connection.execute(sa.delete(bookings).where(bookings.c.chat_id == clean(chat_id))).rowcount)


def _conditions(chat_id: str, query: BookQuery, dialect: str) -> list[ColumnElement[bool]]:
    columns = bookings.c
    which: list[ColumnElement[bool]] = [columns.chat_id == clean(chat_id)]
    if query.invoice_ids:
        which.append(columns.invoice_id.in_([clean(invoice_id) for invoice_id in query.invoice_ids]))
    else:
        which.append(columns.is_deleted.is_(False))
    which += _sames(query, dialect)
    which += _days(columns.issue_date, query.issued_from, query.issued_to)
    which += _days(columns.due_date, query.due_from, query.due_to)
    if query.amount_min is not None and query.amount_min > 0:
        which.append(columns.size >= size_key(query.amount_min))
    elif query.amount_min is not None:
        which.append(columns.size.is_not(None))
    if query.amount_max is not None:
        which.append(columns.size <= size_key(query.amount_max) if query.amount_max >= 0 else sa.false())
    return which


def _sames(query: BookQuery, dialect: str) -> Iterator[ColumnElement[bool]]:
    columns = bookings.c
    if query.number is not None:
        yield columns.number == key_of(query.number.casefold())
    if query.supplier is not None and folded(query.supplier):
        yield _contains(columns.supplier, clean(folded(query.supplier)), dialect)
    for column, wanted in (
        (columns.seller_vat_id, query.seller_vat_id), (columns.content_digest, query.content_digest),
        (columns.currency, query.currency), (columns.type, query.type),
    ):  # fmt: skip
        if wanted is not None:
            yield column == clean(wanted)
    if query.is_paid is not None:
        yield columns.is_paid.is_(query.is_paid)


def _contains(column: ColumnElement[str], text: str, dialect: str) -> ColumnElement[bool]:
    """Without LIKE, which knows wildcards and, on SQLite, no difference between A and a."""
    position = sa.func.strpos if dialect == "postgresql" else sa.func.instr
    found: ColumnElement[bool] = position(column, text) > 0
    return found


def _days(column: ColumnElement[Any], first: dt.date | None, last: dt.date | None) -> Iterator[ColumnElement[bool]]:
    if first is not None:
        yield column >= first
    if last is not None:
        yield column <= last


def _order(query: BookQuery) -> tuple[ColumnElement[Any], ...]:
    columns = bookings.c
    if query.order == "due":
        return (sa.func.coalesce(columns.due_date, sa.literal(dt.date.max, sa.Date)), columns.recorded_at,
                columns.invoice_id)  # fmt: skip
    issued = sa.func.coalesce(columns.issue_date, sa.literal(dt.date.min, sa.Date))
    return (issued.desc(), columns.recorded_at.desc(), columns.invoice_id.desc())
