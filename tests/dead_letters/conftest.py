"""Fixtures of the dead letters' tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def at_work(valkey: Any, tmp_path: Path) -> Iterator[Any]:
    """A node's letters on an empty server: see `LettersAtWork`."""
    from dead_letters.letters_at_work import letters_at_work

    with letters_at_work(valkey.url, valkey.client(), tmp_path) as letters:
        yield letters
