"""Crashing an actor on purpose, to see the tree recover."""


class Drilled(Exception):  # noqa: N818 - what happened to the actor
    """An operator crashed this actor as a drill; no message is to blame."""
