"""The examples of this repository, as the tests use them."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "examples" / "files"


def content(name: str) -> bytes:
    """Bytes of one example."""
    return (FOLDER / name).read_bytes()


def expected() -> dict[str, dict[str, Any] | None]:
    """What a reader has to find in each example, in the protocol's form; None for nothing."""
    loaded: dict[str, dict[str, Any] | None] = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))
    return loaded
