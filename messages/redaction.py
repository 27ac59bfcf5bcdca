"""What must not be read: secrets and bulk, taken out of text that goes to operators.

Pure functions over text and plain data. Every pattern leaves enough to recognise what stood there, and nothing to use.

Weakness: a secret without a shape of its own (a bare word in a sentence) is not recognised; do not log such text.
"""

import dataclasses
import re
from collections.abc import Mapping, Sized
from typing import Any, Final

import msgspec

TEXT_CHARS_MAX: Final = 2000
LONG_TEXT_CHARS_MAX: Final = 16_000
ITEMS_MAX: Final = 50
DEPTH_MAX: Final = 6
_WORD_CHARS_MAX: Final = 400
HIDDEN: Final = "[hidden]"

_SECRET_KEY: Final = re.compile(
    r"(?:^|[_-])(?:authorization|api[_-]?key|password|passwd|secret|(?:access|refresh|bot|auth)?[_-]?token|cookie|"
    r"credentials|content_base64)$",
    re.IGNORECASE,
)
_LONG_KEYS: Final = frozenset(("exception", "traceback", "stack"))

# (what it is, what is left of it); in this order, the more exact first.
_PATTERNS: Final = (
    (re.compile(r"\b([a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s/:@\"']*):[^\s/\"']*@"), rf"\1:{HIDDEN}@"),
    (re.compile(r"\b(sk|pk|rk)-[A-Za-z0-9_-]{8,}"), rf"\1-{HIDDEN}"),
    (re.compile(r"\bwhsec_[A-Za-z0-9+/=_-]{8,}"), f"whsec_{HIDDEN}"),
    (re.compile(r"\b(gh[pousr]_|github_pat_|xox[abprs]-|AIza|AKIA|ASIA)[A-Za-z0-9_-]{8,}"), rf"\1{HIDDEN}"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"), HIDDEN),
    (re.compile(r"(?<!\d)\d{8,10}:[A-Za-z0-9_-]{35}"), HIDDEN),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL), HIDDEN),
    (re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{6,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (
        re.compile(
            r"((?:\b|_)(?:authorization|(?:x-)?api[_-]?key|password|passwd|secret|(?:access|refresh|auth)[_-]?token|token"
            r"|signature|cookie)[\"']?\s*[:=]\s*(?:(?-i:b)(?=[\"']))?[\"']?)(?!\[hidden\]|(?:bearer|basic)\s)[^\s\"'&,;(){}\[\]]+",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
)
# A text without any of these marks, and too short for bulk, is as it should be: most are, and the log is busy.
_MARKED: Final = re.compile(r"[:=]|[spr]k-|whsec_|gh[pousr]_|github_|xox|AIza|A[KS]IA|eyJ|BEGIN|[bB][eaEA][aAsS][rRiI]")
_BULK_CHARS_MIN: Final = 160
_BULK: Final = re.compile(r"[A-Za-z0-9+/_-]{160,}={0,2}")


def redact_text(text: str, chars_max: int = TEXT_CHARS_MAX) -> str:
    """Take secrets and base64 out of a text and clip it to chars_max characters, keeping beginning and end."""
    if len(text) < _BULK_CHARS_MIN and not _MARKED.search(text):
        return text
    if len(text) > 2 * chars_max:
        text = _cut_between_words(text, 2 * chars_max)
    for pattern, left in _PATTERNS:
        text = pattern.sub(left, text)
    return _clipped(_BULK.sub(_bulk_note, text), chars_max)


def redact(value: Any, key: str = "", depth: int = 0) -> Any:
    """Give plain data without secrets, bulk and endless nesting; other objects become their redacted repr.

    key: the name the value stands under; one that names a secret hides the value whatever it is.
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    if key and _SECRET_KEY.search(key):
        return HIDDEN if value else value
    if isinstance(value, str):
        return redact_text(value, LONG_TEXT_CHARS_MAX if key in _LONG_KEYS else TEXT_CHARS_MAX)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    return _redact_object(value, depth)


def _redact_object(value: Any, depth: int) -> Any:
    if depth >= DEPTH_MAX:
        return f"<{type(value).__name__}>"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
        return {"type": type(value).__name__, **_redact_object(fields, depth)}
    if isinstance(value, msgspec.Struct):
        return {"type": type(value).__name__, **_redact_object(msgspec.structs.asdict(value), depth)}
    if isinstance(value, Mapping):
        kept = {str(name): redact(item, str(name), depth + 1) for name, item in list(value.items())[:ITEMS_MAX]}
        return kept if len(value) <= ITEMS_MAX else {**kept, "...": _more(value)}
    if isinstance(value, list | tuple | set | frozenset):
        items = [redact(item, depth=depth + 1) for item in list(value)[:ITEMS_MAX]]
        return items if len(value) <= ITEMS_MAX else [*items, _more(value)]
    return redact_text(_safe_repr(value))


def redact_url(url: str) -> str:
    """Hide the password of an address; everything else stays readable."""
    return redact_text(url)


def _more(items: Sized) -> str:
    return f"<{len(items) - ITEMS_MAX} more>"


def _clipped(text: str, chars_max: int) -> str:
    if len(text) <= chars_max:
        return text
    head, tail = chars_max * 2 // 3, chars_max // 3
    return f"{text[:head]}<{len(text) - head - tail} characters>{text[-tail:]}"


def _cut_between_words(text: str, chars_max: int) -> str:
    """Bound the work of the patterns without cutting a secret in two, which none would recognise."""
    head, tail = text[: chars_max // 2], text[-chars_max // 2 :]
    head = head[: max(head.rfind(" "), head.rfind("\n"), len(head) - _WORD_CHARS_MAX)]
    starts = [position for position in (tail.find(" "), tail.find("\n")) if position >= 0]
    tail = tail[min([*starts, _WORD_CHARS_MAX]) :]
    return f"{head} <{len(text) - len(head) - len(tail)} characters> {tail}"


def _bulk_note(match: re.Match[str]) -> str:
    return f"<{len(match[0])} characters of base64>"


def _safe_repr(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001 - a report must not fail for what it reports
        return f"<{type(value).__name__}, whose repr raised {type(error).__name__}>"
