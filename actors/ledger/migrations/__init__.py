"""The ledger's schema, step by step, as Alembic reads it; `versions` holds one file a step."""
