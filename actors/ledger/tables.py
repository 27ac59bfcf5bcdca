"""The ledger's table as SQLAlchemy has it, the same on SQLite and PostgreSQL. Importing this imports SQLAlchemy."""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

# Sums are exact or an error, never rounded.
EXACT: Final = Context(prec=2000, traps=[Inexact, InvalidOperation])


class ExactDecimal(TypeDecorator[Decimal]):
    """NUMERIC on PostgreSQL; its own text on SQLite, which would make a float of it."""

    impl = sa.Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """By the database."""
        return dialect.type_descriptor(sa.Numeric() if dialect.name == "postgresql" else sa.Text())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """As the column's own type wants it."""
        return value if value is None or dialect.name == "postgresql" else format(value, "f")

    def process_result_value(self, value: Any, _dialect: Dialect) -> Decimal | None:
        """A Decimal again."""
        return None if value is None else Decimal(value)


class CodePoints(TypeDecorator[str]):
    """Text that is ordered and compared by code points, as Python and SQLite do; PostgreSQL is told to."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """By the database."""
        return dialect.type_descriptor(sa.Text(collation="C") if dialect.name == "postgresql" else sa.Text())


metadata: Final = sa.MetaData()

bookings: Final = sa.Table(
    "bookings",
    metadata,
    sa.Column("chat_id", CodePoints, primary_key=True),
    sa.Column("invoice_id", CodePoints, primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("number", CodePoints, nullable=False),
    sa.Column("supplier", CodePoints, nullable=False),
    sa.Column("seller_vat_id", CodePoints),
    sa.Column("content_digest", CodePoints, nullable=False),
    sa.Column("issue_date", sa.Date),
    sa.Column("due_date", sa.Date),
    sa.Column("currency", CodePoints),
    sa.Column("type", CodePoints, nullable=False),
    sa.Column("net", ExactDecimal),
    sa.Column("tax", ExactDecimal),
    sa.Column("gross", ExactDecimal),
    sa.Column("size", CodePoints),
    sa.Column("is_paid", sa.Boolean, nullable=False),
    sa.Column("is_deleted", sa.Boolean, nullable=False),
    sa.Column("recorded_at", CodePoints, nullable=False),
    sa.Column("updated_at", CodePoints, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("body_digest", sa.LargeBinary, nullable=False),
    sa.Index("bookings_by_number", "chat_id", "number"),
    sa.Index("bookings_by_content", "chat_id", "content_digest"),
    sa.Index("bookings_by_issue_date", "chat_id", "issue_date"),
    sa.Index("bookings_by_due_date", "chat_id", "due_date"),
)
