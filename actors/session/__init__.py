"""A session: one conversation, its machine (one turn) and its actor."""
