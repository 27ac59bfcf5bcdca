"""How long the other side asks us to wait, from everywhere it may say so.

Headers (seconds, milliseconds, HTTP dates, resets of rate limits), structured fields of bodies, durations in prose
("644ms", "1m20s", "try again in 20s") and calendar dates. The wall clock comes in as an argument.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

WAIT_S_MAX: Final = 10 * 365 * 86400.0

_UNIT_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_UNIT: Final = r"(?:ms|msecs?|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)(?![a-z])"
_PART: Final = re.compile(rf"(\d+(?:\.\d+)?)\s*({_UNIT})", re.IGNORECASE)
_WHOLE: Final = re.compile(rf"\s*(?:\d+(?:\.\d+)?\s*{_UNIT}[\s,]*(?:and\s+)?)+", re.IGNORECASE)

# Such as: try again in 34.337s / retry after 60 seconds / please wait 20 s / Retry-After: 7 / available in 1m20s
_PROSE: Final = re.compile(
    r"(?:again|retry[-_ ]?after|retry|wait|resets?|available|back)"
    r"\W{0,3}(?:in|after|for|within|of|is)?\W{0,3}(?:about|approximately|around|at least|another)?\s{0,2}"
    rf"((?:\d+(?:\.\d+)?\s?{_UNIT}[\s,]{{0,2}}(?:and\s)?){{1,4}}|\d+(?:\.\d+)?(?![\d.:-]))",
)
_TRIGGERS: Final = ("again", "retry", "wait", "reset", "available in", "back in")
_FLOOD: Final = re.compile(r"flood_wait_(\d+)")
_DATE: Final = re.compile(
    r"(?:regain|reset|resets|until|again|available|retry|resume|renew|access|expires?|refresh)[^\d\n]{0,40}?"
    r"(\d{4}-\d{2}-\d{2})(?:[t ](\d{2}:\d{2}(?::\d{2})?)(?:\.\d+)?\s?(z|utc|gmt|[+-]\d{2}:?\d{2})?)?",
)

_RESETS_BY_PAIR: Final = (
    ("x-ratelimit-reset-requests", "x-ratelimit-remaining-requests"),
    ("x-ratelimit-reset-tokens", "x-ratelimit-remaining-tokens"),
    ("anthropic-ratelimit-requests-reset", "anthropic-ratelimit-requests-remaining"),
    ("anthropic-ratelimit-tokens-reset", "anthropic-ratelimit-tokens-remaining"),
    ("anthropic-ratelimit-input-tokens-reset", "anthropic-ratelimit-input-tokens-remaining"),
    ("anthropic-ratelimit-output-tokens-reset", "anthropic-ratelimit-output-tokens-remaining"),
    ("x-ratelimit-reset", "x-ratelimit-remaining"),
    ("ratelimit-reset", "ratelimit-remaining"),
)
_EPOCH_S_MIN: Final = 1_000_000_000.0
_EPOCH_MS_MIN: Final = 1_000_000_000_000.0


def sane(seconds: float) -> float | None:
    """A wait that can be used: finite, not negative, at most ten years."""
    if not math.isfinite(seconds):
        return None
    return min(max(seconds, 0.0), WAIT_S_MAX)


def from_number(value: object) -> float | None:
    """Seconds in a number or a string of one ("7", "0.5"); None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return sane(float(value)) if abs(value) < WAIT_S_MAX else None
    if isinstance(value, str) and len(value) <= 24:  # noqa: PLR2004 - longer than any number of seconds
        try:
            return sane(float(value))
        except ValueError:
            return None
    return None


def from_duration(value: object) -> float | None:
    """Seconds in "644ms", "1m20s", "28s", "2 minutes" or a plain number; None for anything else."""
    plain = from_number(value)
    if plain is not None or not isinstance(value, str) or len(value) > 80:  # noqa: PLR2004 - no duration is so long
        return plain
    if not _WHOLE.fullmatch(value):
        return None
    return _sum_of_parts(value)


def _sum_of_parts(text: str) -> float | None:
    total = 0.0
    for amount, unit in _PART.findall(text):
        key = "ms" if unit[:2].lower() == "ms" or unit[:5].lower() == "milli" else unit[0].lower()
        total += float(amount) * _UNIT_S[key]
    return sane(total)


def from_date(value: str, wall: Callable[[], float]) -> float | None:
    """Seconds until an HTTP date or an ISO 8601 time; 0.0 where it has passed; None where it is no date."""
    try:
        moment = datetime.fromisoformat(value) if value[:4].isdigit() else parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return sane(moment.timestamp() - wall())
    except (OverflowError, ValueError, OSError):
        return None


def from_headers(headers: Mapping[str, str], wall: Callable[[], float]) -> float | None:
    """The wait that headers (lower-case names) ask for; None where they say nothing."""
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        if name in headers:
            milliseconds = from_number(headers[name])
            if milliseconds is not None:
                return milliseconds / 1000.0
    for name in ("retry-after", "x-retry-after", "x-ratelimit-reset-after", "x-rate-limit-reset-after"):
        value = headers.get(name)
        if value is not None:
            wait = from_duration(value.strip())
            wait = from_date(value.strip(), wall) if wait is None else wait
            if wait is not None:
                return wait
    return _from_resets(headers, wall)


def _from_resets(headers: Mapping[str, str], wall: Callable[[], float]) -> float | None:
    """The reset of the limit that is used up; of several unknown ones the nearest."""
    spent: list[float] = []
    open_: list[float] = []
    for reset_name, remaining_name in _RESETS_BY_PAIR:
        value = headers.get(reset_name)
        if value is None:
            continue
        wait = _from_reset(value.strip(), wall)
        if wait is None:
            continue
        remaining = from_number(headers.get(remaining_name, ""))
        (spent if remaining is not None and remaining <= 0 else open_).append(wait)
    if spent:
        return max(spent)
    return min(open_) if open_ else None


def _from_reset(value: str, wall: Callable[[], float]) -> float | None:
    """A reset is a duration, a time, or seconds or milliseconds since the epoch."""
    try:
        number = float(value)
    except ValueError:
        wait = from_duration(value)
        return from_date(value, wall) if wait is None else wait
    if number >= _EPOCH_MS_MIN:
        return sane(number / 1000.0 - wall())
    if number >= _EPOCH_S_MIN:
        return sane(number - wall())
    return sane(number)


def from_prose(text: str, wall: Callable[[], float]) -> float | None:
    """The wait named in a lower-case sentence, as a duration or as a date; None where there is none."""
    if any(trigger in text for trigger in _TRIGGERS):
        for found in _PROSE.finditer(text):
            amount = found.group(1)
            wait = sane(float(amount)) if amount.replace(".", "", 1).isdigit() else _sum_of_parts(amount)
            if wait is not None:
                return wait
    if "flood_wait_" in text:
        flood = _FLOOD.search(text)
        if flood:
            return sane(float(flood.group(1)))
    if "20" in text and "-" in text:
        return _from_calendar(text, wall)
    return None


def _from_calendar(text: str, wall: Callable[[], float]) -> float | None:
    found = _DATE.search(text)
    if found is None:
        return None
    day, clock, zone = found.groups()
    offset = "+00:00" if zone in (None, "z", "utc", "gmt") else zone
    return from_date(f"{day}T{clock or '00:00:00'}{offset}", wall)
