"""What `doctor` finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at and how it is. level: ok, warning (works, but less than it could) or missing."""

    what: str
    level: str
    detail: str
    mend: str = ""
