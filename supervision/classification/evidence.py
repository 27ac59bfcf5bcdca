"""What can be seen of an error, gathered without importing any library and without ever raising.

An error stands on others: its cause, its context, the original that a wrapper carries, the members of a group. All of
them are looked at, outermost first, within bounds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from supervision.classification.bodies import Body, bounded, status_in_prose
from supervision.classification.names import (
    TELLING,
    ClassFacts,
    Domain,
    domain_of_words,
    facts_of_class,
    facts_of_name,
)

CHAIN_MAX: Final = 12

_INNER: Final = ("orig", "original_error", "original_exception", "reason", "inner", "inner_exception", "last_exception")
_STATUS_NAMES: Final = ("status_code", "http_status", "status", "code", "http_code", "error_code")
_BODY_NAMES: Final = ("body", "response_body", "json_body", "details", "http_body", "text", "content", "message")
_RESPONSE_BODY_NAMES: Final = ("_content", "_text", "text", "body", "content", "data")

_WORD: Final = re.compile(r"[A-Za-z_][\w.\\]{4,120}")
_CLASS_ENDINGS: Final = ("Error", "Exception", "Timeout", "Violation", "Failure", "Detected", "Shutdown", "DiskFull",
                         "Canceled", "Connections", "Disconnected", "Refused", "Denied")  # fmt: skip
_ERRNO: Final = re.compile(
    r"(?:\[(?:win)?error |\[errno |errno[ =:]{1,2}|error:? \(|\bos error |\breset(?:error)?\("
    r"|\brefused(?:error)?\(|^\(|>\(|"
    r"\berror (?=\d+ connect))(-?\d{1,5})\b"
)
_MISSING: Final = object()


class Evidence:
    """All that rules look at. Texts are lower-case; codes, words and names come outermost first."""

    __slots__ = (
        "_errnos", "_named", "body", "codes", "domain", "errors", "facts", "headers", "numbers", "provider", "raw",
        "sqlite_code", "sqlstate", "status", "text", "vendor_code", "wait_s", "wall",
    )  # fmt: skip

    def __init__(self, wall: Callable[[], float]) -> None:
        self.wall = wall
        self.errors: list[object] = []
        self.facts: list[ClassFacts] = []
        self._named: list[ClassFacts] | None = None
        self.body = Body()
        self.codes: frozenset[str] = frozenset()
        self.headers: dict[str, str] = {}
        self.status: int | None = None
        self.numbers: list[int] = []
        self._errnos: list[int] | None = None
        self.sqlstate: str | None = None
        self.sqlite_code: int | None = None
        self.vendor_code: int | None = None
        self.wait_s: float | None = None
        self.domain: Domain | None = None
        self.provider = ""
        self.raw = ""
        self.text = ""

    @property
    def named(self) -> list[ClassFacts]:
        """Classes named in the text: logs and wrappers carry errors as words. Looked for when first asked."""
        if self._named is None:
            words = [word for word in _WORD.findall(self.raw, 0, 1024) if word.endswith(_CLASS_ENDINGS)]
            self._named = [facts for facts in map(facts_of_name, words[:6]) if facts.code]
        return self._named

    @property
    def errnos(self) -> list[int]:
        """Numbers of the operating system: of the errors themselves, else those that the text names."""
        if self._errnos is None:
            self._errnos = self.numbers or [int(number) for number in _ERRNO.findall(self.text, 0, 2048)[:3]]
        return self._errnos


def gather(error: object, context: object, wall: Callable[[], float]) -> Evidence:
    """All evidence of one error.

    context: a mapping (provider, service, http_status, headers, body, exception_type, operation) or a word such as
    "openai" or "download"; anything else is ignored.
    """
    found = Evidence(wall)
    texts: list[str] = []
    _read_context(found, context, texts)
    found.errors = _chain(error)
    for one in found.errors:
        _read_error(found, one, texts)
    raw = "\n".join(dict.fromkeys(texts))
    found.raw = bounded(raw)
    found.text = found.raw.lower()
    found.codes = frozenset(found.body.codes)
    _settle_status(found)
    _settle_domain(found)
    return found


def attribute(thing: object, name: str) -> object:
    """An attribute, or None where there is none or where looking at it fails, in whatever way."""
    try:
        return getattr(thing, name, None)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - nothing here waits, so what is raised comes from the property itself
        return None


def text_of(thing: object) -> str:
    """str() that never fails and never returns more than a bounded piece."""
    if isinstance(thing, str):
        return bounded(thing)
    if isinstance(thing, bytes | bytearray):
        return bytes(thing[:4096]).decode("utf-8", "replace")
    try:
        return bounded(str(thing))
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - see attribute()
        return ""


def _chain(error: object) -> list[object]:
    """The error and all that it stands on, each once."""
    seen: dict[int, object] = {}
    waiting: list[object] = [error]
    while waiting and len(seen) < CHAIN_MAX:
        one = waiting.pop(0)
        if one is None or id(one) in seen:
            continue
        seen[id(one)] = one
        if isinstance(one, BaseException):
            waiting.extend(_beneath(one))
    return list(seen.values())


def _beneath(error: BaseException) -> Iterable[object]:
    cause = error.__cause__
    if cause is not None:
        yield cause
    held = attribute(error, "__dict__")
    if isinstance(held, dict):
        for name in _INNER:
            inner = held.get(name)
            if isinstance(inner, BaseException):
                yield inner
    arguments = error.args
    if isinstance(arguments, tuple):
        for argument in arguments[:4]:
            if isinstance(argument, BaseException):
                yield argument
                reason = attribute(argument, "reason")
                if isinstance(reason, BaseException):
                    yield reason
    if cause is None and not error.__suppress_context__ and error.__context__ is not None:
        yield error.__context__


def _read_context(found: Evidence, context: object, texts: list[str]) -> None:
    if isinstance(context, str):
        found.provider = context.lower()
        return
    if not isinstance(context, Mapping):
        return
    try:
        words = [context.get(name) for name in ("provider", "service", "operation", "category")]
        found.provider = " ".join(str(word) for word in words if word is not None)[:200].lower()
        for name in ("http_status", "status_code", "status"):
            _take_status(found, context.get(name))
        _read_headers(found, context.get("headers"))
        body = context.get("body")
        kind = context.get("exception_type")
        if isinstance(kind, str):
            found.facts.append(facts_of_name(kind))
    except Exception:  # noqa: BLE001 - a mapping of somebody else's making
        return
    if body is not None:
        found.body.read(body)
        if isinstance(body, str | bytes):
            texts.append(text_of(body))
        texts.extend(found.body.messages)


def _read_error(found: Evidence, error: object, texts: list[str]) -> None:
    if not isinstance(error, BaseException):
        found.body.read(error)
        if isinstance(error, str | bytes):
            texts.append(text_of(error))
        texts.extend(found.body.messages)
        return
    facts = facts_of_class(type(error))
    found.facts.append(facts)
    seen = _attributes(error, facts.attributes)
    _read_numbers(found, error, seen)
    body = _read_http(found, seen) if seen else None
    messages_before = len(found.body.messages)
    if body is not None:
        found.body.read(body)
    if not (isinstance(body, Mapping) and len(found.body.messages) > messages_before):
        text = text_of(error)
        if body is None and "{" in text:
            found.body.read(text)
        texts.append(text)
    texts.extend(found.body.messages)


def _attributes(error: BaseException, on_class: tuple[str, ...]) -> dict[str, object]:
    """The telling attributes that an error has, on itself or through its class."""
    held = attribute(error, "__dict__")
    seen = {name: held[name] for name in TELLING if name in held} if isinstance(held, dict) and held else {}
    for name in on_class:
        if name not in seen:
            seen[name] = attribute(error, name)
    return seen


def _read_numbers(found: Evidence, error: BaseException, seen: Mapping[str, object]) -> None:
    number = seen.get("errno")
    if isinstance(number, int) and not isinstance(number, bool):
        found.numbers.append(number)
    if found.sqlstate is None:
        for name in ("sqlstate", "pgcode"):
            state = seen.get(name)
            if isinstance(state, str) and len(state) == 5:  # noqa: PLR2004 - the length of every SQLSTATE
                found.sqlstate = state.upper()
    code = seen.get("sqlite_errorcode")
    if isinstance(code, int):
        found.sqlite_code = code
    arguments = error.args
    if found.vendor_code is None and len(arguments) > 1 and isinstance(arguments[0], int):
        found.vendor_code = arguments[0]


def _read_http(found: Evidence, seen: Mapping[str, object]) -> object:
    """Status, headers and body of an HTTP error; the body, or None."""
    for name in _STATUS_NAMES:
        if name in seen:
            _take_status(found, seen[name])
    _read_headers(found, seen.get("headers"))
    _take_wait(found, seen.get("retry_after"))
    body = next((seen[name] for name in _BODY_NAMES if name in seen and _is_body(seen[name])), None)
    response = seen.get("response")
    if response is None or isinstance(response, str | bytes | int | float):
        return body if body is not None else response
    if isinstance(response, Mapping):
        return _read_botocore(found, response, body)
    for name in ("status_code", "status"):
        if found.status is None:
            _take_status(found, attribute(response, name))
    _read_headers(found, attribute(response, "headers"))
    return body if body is not None and not isinstance(body, str) else (_body_of(response) or body)


def _is_body(value: object) -> bool:
    return isinstance(value, str | bytes | Mapping | list) and len(value) > 0


def _read_botocore(found: Evidence, response: Mapping[object, object], body: object) -> object:
    """Botocore's ClientError carries {"Error": {"Code", "Message"}, "ResponseMetadata": {"HTTPStatusCode", ...}}."""
    metadata = response.get("ResponseMetadata")
    if isinstance(metadata, Mapping):
        _take_status(found, metadata.get("HTTPStatusCode"))
        _read_headers(found, metadata.get("HTTPHeaders"))
    return response if body is None or isinstance(body, str) else body


def _body_of(response: object) -> object:
    """The body that a response has read already: asking an unread one for it would go to the network."""
    held = attribute(response, "__dict__")
    for name in _RESPONSE_BODY_NAMES:
        value = held.get(name, _MISSING) if isinstance(held, dict) else _MISSING
        if isinstance(value, str | bytes | Mapping) and len(value) > 0:
            return value
    if isinstance(held, dict) and "_content" in held:
        return None  # requests: False until it is read
    text = attribute(response, "text")
    return text if isinstance(text, str) and text else None


def _take_status(found: Evidence, value: object) -> None:
    if found.status is not None or isinstance(value, bool):
        return
    if isinstance(value, str) and len(value) == 3 and value.isdigit():  # noqa: PLR2004 - an HTTP status
        value = int(value)
    if isinstance(value, int) and 100 <= value <= 599:  # noqa: PLR2004 - the range of HTTP statuses
        found.status = int(value)
    elif isinstance(value, str) and 3 < len(value) < 60:  # noqa: PLR2004 - a word such as RESOURCE_EXHAUSTED
        found.body.codes.append(value.lower().replace(" ", "_"))


def _take_wait(found: Evidence, value: object) -> None:
    if found.wait_s is None and isinstance(value, int | float) and not isinstance(value, bool):
        found.wait_s = float(value) if 0 <= value < 1e9 else None  # noqa: PLR2004 - no wait is thirty years


def _read_headers(found: Evidence, headers: object) -> None:
    if headers is None or isinstance(headers, str | bytes | int):
        return
    try:
        items = headers if isinstance(headers, list | tuple) else headers.items()  # type: ignore[attr-defined]
        for key, value in list(items)[:64]:
            name = key if isinstance(key, str) else key.decode("latin-1")
            found.headers.setdefault(name.lower(), value if isinstance(value, str) else text_of(value))
    except Exception:  # noqa: BLE001 - headers of somebody else's making
        return


def _settle_status(found: Evidence) -> None:
    if found.status is None:
        found.status = found.body.status
    if found.status is None:
        found.status = status_in_prose(found.text)
    if found.status is None:
        found.status = next((facts.status for facts in found.facts if facts.status), None)


def _settle_domain(found: Evidence) -> None:
    """Whose error it is: the caller says, else the outermost class that tells, else the classes the text names."""
    found.domain = domain_of_words(found.provider) if found.provider else None
    if found.domain is None:
        found.domain = next((facts.domain for facts in found.facts if facts.domain is not None), None)
    if found.domain is None:
        found.domain = next((facts.domain for facts in found.named if facts.domain is not None), None)
