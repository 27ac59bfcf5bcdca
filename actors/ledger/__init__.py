"""The ledger: every booking of every chat, in SQLite beside the node or in PostgreSQL for all nodes.

`asking` is how a conversation reads it, `writer` is the actor that writes it, `target` is how the relay hands it
effects. The database itself is asked in native threads only (`lane`), and SQLAlchemy is imported there at first use.
"""
