"""Fixtures of the tests of files: whole nodes on a real server, as the turn's tests have them."""

from turn.conftest import folder, person, start_node

__all__ = ["folder", "person", "start_node"]
