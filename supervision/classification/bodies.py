"""Reading the body of a failed answer, whatever it is: JSON, JSON inside a string, a Python repr, HTML, prose, bytes.

Machine words (codes, types, reasons, statuses) are kept apart from sentences, because rules trust the former first.
Everything is bounded: depth, number of nodes, characters looked at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from supervision.classification import waits

TEXT_CHARS_MAX: Final = 4096
JSON_CHARS_MAX: Final = 65536
NODES_MAX: Final = 200
DEPTH_MAX: Final = 8
CODE_CHARS_MAX: Final = 80

_CODE_KEYS: Final = frozenset({
    "code", "type", "status", "reason", "error_code", "errorcode", "error_type", "@type", "__type", "quotaid",
    "quotametric", "finish_reason", "finishreason", "blockreason", "block_reason", "stop_reason", "name", "error",
    "error_status", "limit_source", "grpc_status",
})  # fmt: skip
_STATUS_KEYS: Final = frozenset({
    "code", "status", "error_code", "status_code", "statuscode", "http_status", "raw_status_code", "httpstatus",
})  # fmt: skip
_MESSAGE_KEYS: Final = frozenset({
    "message", "msg", "detail", "details", "description", "error", "error_message", "errormessage", "raw",
    "error_description", "title", "body", "cause", "reason", "msgs", "errors",
})  # fmt: skip
_WAIT_S_KEYS: Final = frozenset({
    "retry_after", "retryafter", "retrydelay", "retry_delay", "retry_after_seconds", "estimated_time",
    "resets_in_seconds", "retry-after", "wait_seconds",
})  # fmt: skip
_WAIT_MS_KEYS: Final = frozenset({"retry_after_ms", "retryafterms", "retry-after-ms"})

_PAIR: Final = re.compile(
    r"""["']?\b(@type|__type|code|type|status|reason|error_code|error_type|status_code|errorCode|quotaId|retryDelay"""
    r"""|retry_after|estimated_time|finish_reason)["']?\s{0,4}[:=]\s{0,4}["']?([\w@./ -]{1,80})""",
)
_PAIRED: Final = re.compile(r"""["']:|(?:code|type|status|reason)=""")
_THREE_DIGITS: Final = re.compile(r"[1-5]\d\d")
_STATUS_WORDS: Final = re.compile(
    r"(?:^|\bhttp(?:/\d(?:\.\d)?)?[ :]{1,2}|\bcode[ :=]{1,3}|\bstatus(?:[ _]code)?[ :=]{1,3}|\berror[ :]{1,3}|<title>"
    r"|<h1>|\bwith status )\(?([1-5]\d\d)\b(?![.\d])",
)


class Body:
    """What was found in a body. codes are lower-case, with blanks as underscores; messages keep their case."""

    __slots__ = ("_nodes", "codes", "messages", "nested_statuses", "status", "wait_s")

    def __init__(self) -> None:
        self.codes: list[str] = []
        self.messages: list[str] = []
        self.status: int | None = None
        self.nested_statuses: list[int] = []
        self.wait_s: float | None = None
        self._nodes = 0

    def read(self, value: object, depth: int = 0) -> None:
        """Take in one value of any type; unknown types are ignored."""
        if self._nodes >= NODES_MAX or depth > DEPTH_MAX:
            return
        self._nodes += 1
        if isinstance(value, str):
            self._read_text(value, depth)
        elif isinstance(value, Mapping):
            for key, item in value.items():
                self._read_field(key, item, depth)
        elif isinstance(value, bytes | bytearray | memoryview):
            self._read_text(bytes(value[:JSON_CHARS_MAX]).decode("utf-8", "replace"), depth)
        elif isinstance(value, list | tuple):
            for item in value[:20]:
                self.read(item, depth + 1)

    def _read_field(self, key: object, item: object, depth: int) -> None:
        name = key.lower() if isinstance(key, str) else ""
        if item is None or isinstance(item, bool):
            return
        if isinstance(item, str):
            self._read_string_field(name, item, depth)
        elif isinstance(item, int | float):
            if name in _STATUS_KEYS:
                self._add_status(int(item) if abs(item) < 1e6 else 0)  # noqa: PLR2004 - any bound above 599 will do
                self.codes.append(f"{name}:{item:g}"[:CODE_CHARS_MAX])
            elif name in _WAIT_S_KEYS:
                self._add_wait(waits.from_number(item))
            elif name in _WAIT_MS_KEYS:
                self._add_wait(_thousandth(waits.from_number(item)))
        else:
            self.read(item, depth + 1)

    def _read_string_field(self, name: str, item: str, depth: int) -> None:
        if name in _CODE_KEYS and 0 < len(item) <= CODE_CHARS_MAX:
            if name in _STATUS_KEYS and item.isdigit() and len(item) == 3:  # noqa: PLR2004 - an HTTP status
                self._add_status(int(item))
            self._add_code(item)
        if name in _WAIT_S_KEYS:
            self._add_wait(waits.from_duration(item))
        elif name in _WAIT_MS_KEYS:
            self._add_wait(_thousandth(waits.from_number(item)))
        elif name in _MESSAGE_KEYS:
            self._read_text(item, depth + 1)

    def _read_text(self, text: str, depth: int) -> None:
        stripped = text.strip()[:JSON_CHARS_MAX]
        if not stripped:
            return
        if stripped[0] in '{["' and depth <= DEPTH_MAX and len(text) <= JSON_CHARS_MAX:
            parsed = _json(stripped)
            if parsed is not None:
                self.read(parsed, depth + 1)
                return
        self.messages.append(bounded(stripped))
        if "{" in stripped or _PAIRED.search(stripped, 0, TEXT_CHARS_MAX):
            self._read_embedded(stripped, depth)

    def _read_embedded(self, text: str, depth: int) -> None:
        """Structure inside prose: `Error code: 429 - {...}`, SSE chunks, reprs, broken or cut JSON."""
        start = text.find("{")
        if start >= 0:
            end = text.rfind("}")
            parsed = _json(text[start : end + 1]) if end > start else None
            if isinstance(parsed, Mapping):
                self.read(parsed, depth + 1)
                return
        for name, word in _PAIR.findall(bounded(text)):
            self._read_string_field(name.lower(), word.strip(), DEPTH_MAX)

    def _add_code(self, word: str) -> None:
        code = word.strip().lower().replace(" ", "_")
        if code:
            self.codes.append(code)

    def _add_status(self, status: int) -> None:
        if 100 <= status <= 599:  # noqa: PLR2004 - the range of HTTP statuses
            if self.status is None:
                self.status = status
            self.nested_statuses.append(status)

    def _add_wait(self, seconds: float | None) -> None:
        if seconds is not None and self.wait_s is None:
            self.wait_s = seconds


def bounded(text: str) -> str:
    """Head and tail of a text: errors say what they are at one of the ends."""
    if len(text) <= TEXT_CHARS_MAX:
        return text
    return text[: TEXT_CHARS_MAX - 1024] + "\n" + text[-1024:]


def status_in_prose(text: str) -> int | None:
    """The HTTP status that a lower-case sentence or page names: "http 429", "error code: 503", "<title>502 bad"."""
    found = _STATUS_WORDS.search(text, 0, 1024) if _THREE_DIGITS.search(text, 0, 512) else None
    return int(found.group(1)) if found else None


def _json(text: str) -> object:
    try:
        parsed: object = json.loads(text)
    except (ValueError, RecursionError, MemoryError):
        return None
    return parsed


def _thousandth(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000.0
