"""The daemon's dead letters: taken from the partitions' streams, kept beside them, and healed."""
