"""The classifier: gather evidence, ask the rules of its domain, judge the wait, give a verdict. It never raises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from supervision.classification import databases, documents, models, services, transport, waits
from supervision.classification.evidence import Evidence, attribute, gather
from supervision.classification.names import Domain
from supervision.classification.verdicts import (
    Cause,
    ClassifiedError,
    ErrorCategory,
    ErrorSeverity,
    verdict,
)

GROUP_MEMBERS_MAX: Final = 8

Rule = Callable[[Evidence], Cause | ClassifiedError | None]
"""A rule of one's own: sees the evidence, and returns a cause, a whole verdict, or None to leave it to the others."""

_CATEGORY: Final[dict[Domain, ErrorCategory]] = {
    Domain.MODEL: ErrorCategory.AI_MODEL,
    Domain.DATABASE: ErrorCategory.DATABASE,
    Domain.STORE: ErrorCategory.DATABASE,
    Domain.DOCUMENT: ErrorCategory.DOCUMENT_PROCESSING,
    Domain.TELEGRAM: ErrorCategory.THIRD_PARTY,
    Domain.SHEETS: ErrorCategory.THIRD_PARTY,
    Domain.CONVERTER: ErrorCategory.THIRD_PARTY,
    Domain.WEBHOOK: ErrorCategory.WEBHOOK,
    Domain.DOWNLOAD: ErrorCategory.FILE_DOWNLOAD,
    Domain.INPUT: ErrorCategory.USER_INPUT,
}
_RULES: Final[dict[Domain, Callable[[Evidence], Cause]]] = {
    Domain.MODEL: models.cause_of_model,
    Domain.DATABASE: databases.cause_of_database,
    Domain.STORE: databases.cause_of_store,
    Domain.DOCUMENT: documents.cause_of_document,
    Domain.TELEGRAM: services.cause_of_telegram,
    Domain.SHEETS: services.cause_of_sheets,
    Domain.CONVERTER: services.cause_of_converter,
    Domain.WEBHOOK: services.cause_of_webhook,
    Domain.DOWNLOAD: services.cause_of_http,
    Domain.INPUT: lambda _: Cause.USER_INPUT,
}
_CATEGORY_OF_CAUSE: Final[dict[Cause, ErrorCategory]] = {
    **dict.fromkeys((Cause.OUT_OF_MEMORY, Cause.FD_LIMIT, Cause.DISK_FULL, Cause.DISK_IO), ErrorCategory.MEMORY),
    **dict.fromkeys(
        (Cause.QUOTA_EXCEEDED, Cause.BUDGET_EXCEEDED, Cause.CONTEXT_LENGTH, Cause.CONTENT_FILTER, Cause.MODEL_NOT_FOUND,
         Cause.INVALID_MODEL_OUTPUT, Cause.INSUFFICIENT_MEMORY, Cause.EMPTY_RESPONSE, Cause.INVALID_RESPONSE),
        ErrorCategory.AI_MODEL),
    **dict.fromkeys((Cause.PDF_CORRUPT, Cause.NOT_A_PDF, Cause.PDF_ENCRYPTED, Cause.DOCUMENT_TYPE, Cause.OCR_FAILED,
                     Cause.DOCUMENT_TOO_LARGE), ErrorCategory.DOCUMENT_PROCESSING),
    Cause.USER_INPUT: ErrorCategory.USER_INPUT,
    **dict.fromkeys((Cause.TIMEOUT, Cause.CONNECTION, Cause.DNS, Cause.DNS_UNKNOWN_NAME, Cause.TLS,
                     Cause.STREAM_INTERRUPTED,
                     Cause.BAD_GATEWAY, Cause.GATEWAY_TIMEOUT, Cause.SERVER_ERROR, Cause.OVERLOADED, Cause.RATE_LIMIT,
                     Cause.NOT_FOUND, Cause.AUTH), ErrorCategory.NETWORK),
    **dict.fromkeys((Cause.CONSTRAINT, Cause.DB_CONNECTION_LIMIT, Cause.DB_DEADLOCK, Cause.DB_SERIALIZATION,
                     Cause.DB_LOCKED,
                     Cause.DB_QUERY_TIMEOUT, Cause.DB_SHUTDOWN, Cause.DB_UNAVAILABLE, Cause.DB_READONLY,
                     Cause.DB_CORRUPT,
                     Cause.DB_STATEMENT, Cause.STORE_BUSY, Cause.STORE_LOADING, Cause.STORE_OUT_OF_MEMORY,
                     Cause.STORE_READONLY, Cause.STORE_UNAVAILABLE, Cause.STORE_MOVED), ErrorCategory.DATABASE),
}  # fmt: skip
_WAITABLE: Final = frozenset({
    Cause.RATE_LIMIT, Cause.QUOTA_EXCEEDED, Cause.BUDGET_EXCEEDED, Cause.OVERLOADED, Cause.SERVER_ERROR,
    Cause.BAD_GATEWAY,
    Cause.GATEWAY_TIMEOUT, Cause.BANNED_FOR_NOW, Cause.CONFLICT, Cause.TIMEOUT, Cause.RESOURCE_BUSY, Cause.STORE_BUSY,
    Cause.STORE_LOADING, Cause.UNKNOWN,
})  # fmt: skip
_RESET_HEADERS_COUNT: Final = frozenset({Cause.RATE_LIMIT, Cause.QUOTA_EXCEEDED})
_WORSE: Final = (
    ErrorSeverity.TRANSIENT,
    ErrorSeverity.LOW,
    ErrorSeverity.MEDIUM,
    ErrorSeverity.HIGH,
    ErrorSeverity.CRITICAL,
)


class ErrorClassifier:
    """Turns any error into a ClassifiedError. Thread-safe; rules are asked newest first.

    wall: seconds since the epoch, for waits that are given as dates; None for the plain world's clock.
    """

    def __init__(self, wall: Callable[[], float] | None = None) -> None:
        self._wall = wall if wall is not None else _plain_wall
        self._rules: tuple[Rule, ...] = ()

    def register(self, rule: Rule) -> Rule:
        """Ask this rule before all others; it returns its argument, so that it serves as a decorator."""
        self._rules = (rule, *self._rules)
        return rule

    def classify(self, error: object, context: Mapping[str, object] | str | None = None) -> ClassifiedError:
        """What an error means. Never raises, whatever the error is; takes 10 to 30 microseconds.

        context: a provider's name ("openai", "redis", "webhook"), or a mapping with any of provider, service,
        operation, http_status, headers, body, exception_type.
        """
        try:
            return self._classify(error, context, 0)
        except Exception:  # noqa: BLE001 - the last wall: an error of the classifier must not hide the error classified
            return verdict(ErrorCategory.UNKNOWN, Cause.UNKNOWN, error)

    def _classify(self, error: object, context: object, depth: int) -> ClassifiedError:
        if isinstance(error, ClassifiedError):
            return error
        if isinstance(error, BaseExceptionGroup) and depth < 3:  # noqa: PLR2004 - groups in groups in groups
            return self._classify_group(error, context, depth)
        found = gather(error, context, self._wall)
        for rule in self._rules:
            answer = _asked(rule, found)
            if isinstance(answer, ClassifiedError):
                return answer
            if answer is not None:
                return _judged(found, answer, error)
        return _judged(found, _cause(found), error)

    def _classify_group(self, group: BaseExceptionGroup[BaseException], context: object, depth: int) -> ClassifiedError:
        """A group is as bad as its worst member, retryable if all are, after the longest wait of any."""
        members = [self._classify(member, context, depth + 1) for member in group.exceptions[:GROUP_MEMBERS_MAX]]
        worst = max(members, key=lambda one: (not one.is_retryable, _WORSE.index(one.severity)))
        named = [one.retry_after for one in members if one.retry_after is not None]
        return verdict(worst.category, worst.cause, group, retry_after=max(named) if named else None,
                       retryable=worst.is_retryable, status=worst.status)  # fmt: skip


def _plain_wall() -> float:
    from supervision.world_library import library_world

    return library_world().wall()


def _asked(rule: Rule, found: Evidence) -> Cause | ClassifiedError | None:
    try:
        answer = rule(found)
    except Exception:  # noqa: BLE001 - a rule of somebody else's must not make classifying fail
        return None
    return answer if isinstance(answer, Cause | ClassifiedError) else None


def _cause(found: Evidence) -> Cause:
    """The cause, by the rules of the error's domain; by what can be guessed where nobody tells the domain."""
    if any(facts.cause is Cause.CANCELLED for facts in found.facts[:1]):
        return Cause.CANCELLED
    domain = found.domain if found.domain is not None else _guess_domain(found)
    found.domain = domain
    if _is_plain_bug(found):
        return Cause.BUG
    return _cause_without_domain(found) if domain is None else _RULES[domain](found)


def _is_plain_bug(found: Evidence) -> bool:
    """Whether a TypeError or its like stands at the top, with no cause of another kind: our own mistake.

    At a model it is no bug but the usual sign of an answer of another shape.
    """
    if found.domain is Domain.MODEL or not found.facts:
        return False
    return found.facts[0].cause is Cause.BUG and attribute(found.errors[0], "__cause__") is None


def _guess_domain(found: Evidence) -> Domain | None:
    """Whose error it is by its shape alone."""
    text = found.text
    body = found.body
    if '"ok": false' in text or '"ok":false' in text or any(code.startswith("error_code:") for code in found.codes):
        return Domain.TELEGRAM
    if databases.redis_word(found.raw[:80]) and found.status is None and not body.codes:
        return Domain.STORE
    if found.sqlstate is not None or found.sqlite_code is not None or "sqlstate" in text:
        return Domain.DATABASE
    if "sheets.googleapis.com" in text or "spreadsheet" in text:
        return Domain.SHEETS
    if "discord" in text or "webhook" in text:
        return Domain.WEBHOOK
    for phrases, domain in _DOMAIN_PROSE:
        if any(phrase in text for phrase in phrases):
            return domain
    if body.codes and ("message" in text or body.messages):
        return Domain.MODEL
    return None


_DOMAIN_PROSE: Final = (
    (("redis", "valkey"), Domain.STORE),
    (("flood_wait",), Domain.TELEGRAM),
    (("duplicate key value", "deadlock detected", "could not serialize", "statement timeout",
      "terminating connection because",
      "database is locked", "database system is", "no such table", "connection slots", "constraint failed",
      "postmaster"),
     Domain.DATABASE),
    (("%pdf", "pdf", "eof marker"), Domain.DOCUMENT),
    (("openai", "anthropic", "claude", "gemini", "llm", "api key", "tokens", "the model", "model ", "prompt",
      "completion",
      "ollama", "finish_reason", "quota", "overloaded", "rate limit", "budget"), Domain.MODEL),
)  # fmt: skip


def _cause_without_domain(found: Evidence) -> Cause:
    top = found.facts[0] if found.facts else None
    if found.provider and found.status is None and top is not None and top.cause is Cause.INVALID_RESPONSE:
        return Cause.INVALID_STATE  # whoever it is that stored this, it is no model's answer
    if top is not None and top.cause is not None and not top.vague:
        return top.cause
    status = transport.cause_of_status(found)
    if status is not None and found.status is not None and found.status >= 400:  # noqa: PLR2004
        return status
    way = transport.cause_on_the_way(found)
    if way is not None:
        return way
    machine = transport.cause_of_machine(found)
    if machine is not None:
        return machine
    firm = next((facts.cause for facts in (*found.facts, *found.named) if facts.cause is not None), None)
    if firm is not None:
        return firm
    return transport.cause_in_prose(found.text) or _cause_of_unknown_name(found) or Cause.UNKNOWN


_NAME_PARTS: Final = (
    ("timeout", Cause.TIMEOUT), ("ratelimit", Cause.RATE_LIMIT), ("toomanyrequests", Cause.RATE_LIMIT), ("throttl",
                                                                                                         Cause.RATE_LIMIT),
    ("overload", Cause.OVERLOADED), ("unavailable", Cause.OVERLOADED), ("disconnect", Cause.CONNECTION), ("connection",
                                                                                                          Cause.CONNECTION),
    ("connect", Cause.CONNECTION), ("network", Cause.CONNECTION), ("unauthorized", Cause.AUTH), ("authentication",
                                                                                                 Cause.AUTH),
    ("permission", Cause.PERMISSION), ("forbidden", Cause.PERMISSION), ("notfound", Cause.NOT_FOUND), ("conflict",
                                                                                                       Cause.CONFLICT),
    ("badrequest", Cause.INVALID_REQUEST), ("validation", Cause.INVALID_REQUEST), ("invalid", Cause.INVALID_REQUEST),
)  # fmt: skip


def _cause_of_unknown_name(found: Evidence) -> Cause | None:
    """A class nobody listed still has a name, and names follow customs."""
    for facts in found.facts[:2]:
        for part, cause in _NAME_PARTS:
            if part in facts.code:
                return cause
    return None


def _judged(found: Evidence, cause: Cause, error: object) -> ClassifiedError:
    wait_s = _wait(found, cause) if cause in _WAITABLE else None
    return verdict(_category(found, cause), cause, error, retry_after=wait_s, retryable=_overruled(found, cause),
                   status=found.status, service="" if found.domain is None else found.domain.value)  # fmt: skip


def _category(found: Evidence, cause: Cause) -> ErrorCategory:
    domain = found.domain
    if cause is Cause.USER_INPUT:
        return ErrorCategory.USER_INPUT
    if cause is Cause.OUT_OF_MEMORY and domain is not Domain.MODEL:
        return ErrorCategory.MEMORY
    if domain is not None and cause not in (Cause.BUG, Cause.CANCELLED):
        return _CATEGORY[domain]
    return _CATEGORY_OF_CAUSE.get(cause, ErrorCategory.UNKNOWN)


def _wait(found: Evidence, cause: Cause) -> float | None:
    """The wait, from the surest place that names one."""
    headers = found.headers
    if headers:
        counts = cause in _RESET_HEADERS_COUNT or "retry-after" in headers or "retry-after-ms" in headers
        wait_s = waits.from_headers(headers, found.wall) if counts else None
        if wait_s is not None:
            return wait_s
    if found.wait_s is not None:
        return found.wait_s
    if found.body.wait_s is not None:
        return found.body.wait_s
    return waits.from_prose(found.text, found.wall) if found.text else None


def _overruled(found: Evidence, cause: Cause) -> bool | None:
    """The provider's own word on retrying, where only the status spoke."""
    should = found.headers.get("x-should-retry") if found.headers else None
    if should == "false" and cause in _WAITABLE:
        return False
    return None
