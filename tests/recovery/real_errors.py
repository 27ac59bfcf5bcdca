"""The real errors of the shared data, made into what a program meets: exceptions with attributes, or plain facts."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any


def shared_data() -> Path:
    """The folder with the shared real data; it may not exist."""
    default = Path(__file__).resolve().parents[3] / "shared" / "data"
    return Path(os.environ.get("UNFAILING_SHARED_DATA", str(default)))


@dataclass(frozen=True)
class RealError:
    """One row of bodies.jsonl."""

    row: dict[str, Any]

    @property
    def id(self) -> str:
        """Its name in the data set."""
        return str(self.row["id"])

    @property
    def text(self) -> str:
        """The body as a text."""
        body = self.row["body"]
        return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)

    def facts(self, *, provider: bool = True) -> dict[str, Any]:
        """All that was seen, as a context mapping."""
        known = {key: self.row[key] for key in ("http_status", "headers", "body", "exception_type")}
        return known | ({"provider": self.row["provider"]} if provider else {})

    def exception(self) -> BaseException:
        """An exception of the class and with the attributes that the client library would have given it."""
        row = self.row
        kind = _class(row["exception_type"] or "builtins.Exception")
        error = kind(self.text)
        if row["http_status"] is not None:
            response = SimpleNamespace(status_code=row["http_status"], headers=row["headers"], text=self.text)
            for name, value in (("status_code", row["http_status"]), ("response", response), ("body", row["body"])):
                setattr(error, name, value)
        return error


def _class(qualified: str) -> type[BaseException]:
    module, _, name = qualified.replace("\\", ".").rpartition(".")
    if module in ("", "builtins") and isinstance(getattr(__builtins__, name, None), type):
        return getattr(__builtins__, name)  # type: ignore[no-any-return]
    base = BaseException if qualified == "gevent.timeout.Timeout" else Exception
    return type(name, (base,), {"__module__": module or "builtins"})


def rows() -> Iterator[RealError]:
    """Every row of the data set; none where the data is missing."""
    path = shared_data() / "errors" / "bodies.jsonl"
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            yield RealError(json.loads(line))
