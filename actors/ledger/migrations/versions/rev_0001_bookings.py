"""The table of bookings.

Written out, not taken from tables.py: that is what the table is now, this is what it was made as.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it."""
    is_postgres = op.get_bind().dialect.name == "postgresql"
    text = sa.Text(collation="C") if is_postgres else sa.Text()
    amount = sa.Numeric() if is_postgres else sa.Text()
    op.create_table(
        "bookings",
        sa.Column("chat_id", text, primary_key=True),
        sa.Column("invoice_id", text, primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("number", text, nullable=False),
        sa.Column("supplier", text, nullable=False),
        sa.Column("seller_vat_id", text),
        sa.Column("content_digest", text, nullable=False),
        sa.Column("issue_date", sa.Date),
        sa.Column("due_date", sa.Date),
        sa.Column("currency", text),
        sa.Column("type", text, nullable=False),
        sa.Column("net", amount),
        sa.Column("tax", amount),
        sa.Column("gross", amount),
        sa.Column("size", text),
        sa.Column("is_paid", sa.Boolean, nullable=False),
        sa.Column("is_deleted", sa.Boolean, nullable=False),
        sa.Column("recorded_at", text, nullable=False),
        sa.Column("updated_at", text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("body_digest", sa.LargeBinary, nullable=False),
    )
    op.create_index("bookings_by_number", "bookings", ["chat_id", "number"])
    op.create_index("bookings_by_content", "bookings", ["chat_id", "content_digest"])
    op.create_index("bookings_by_issue_date", "bookings", ["chat_id", "issue_date"])
    op.create_index("bookings_by_due_date", "bookings", ["chat_id", "due_date"])


def downgrade() -> None:
    """Take it away, with everything in it."""
    op.drop_table("bookings")
