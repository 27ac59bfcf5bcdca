"""A partition of the intake: its keys, its scripts, its table of open messages, its owner."""
