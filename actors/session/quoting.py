"""How what others wrote stands in a request to a model: as data between marks, none of which it can contain. Pure."""

from __future__ import annotations

from typing import Any

import msgspec


def as_data(value: Any) -> str:
    """The value as JSON between <data> and </data>."""
    text = msgspec.json.encode(value).decode().replace("<", "\\u003c").replace(">", "\\u003e")
    return f"<data>\n{text}\n</data>"
