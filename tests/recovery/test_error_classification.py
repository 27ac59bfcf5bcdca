"""Classification of real errors, of documented shapes, and of the ways in which errors stand on one another."""

from __future__ import annotations

import errno
import json
import socket
import sqlite3
import ssl
from types import SimpleNamespace
from typing import Any

import pytest

from recovery.known_shapes import SHAPES
from recovery.real_errors import RealError, rows
from supervision.error_classification import (
    Cause,
    ClassifiedError,
    ErrorCategory,
    ErrorClassifier,
    ErrorSeverity,
    RecoveryAction,
    error_classifier,
)

# Labels that we judge otherwise; why stands in docs/decisions/0040-disputed-error-labels.md.
DISPUTED = {"sheets-500-perm": "a documented transient answer, whose cause that day showed later and elsewhere"}

REAL = list(rows())
needs_data = pytest.mark.skipif(not REAL, reason="the shared data set of real errors is not here")


def _as_exception(error: RealError) -> ClassifiedError:
    return error_classifier.classify(error.exception(), {"provider": error.row["provider"]})


def _as_facts(error: RealError) -> ClassifiedError:
    return error_classifier.classify(Exception(error.text), error.facts())


@needs_data
@pytest.mark.real_data
@pytest.mark.parametrize("seen_as", [_as_exception, _as_facts], ids=["exception", "facts"])
@pytest.mark.parametrize("error", REAL, ids=[one.id for one in REAL])
def test_given_a_real_error_when_classified_then_category_and_retryability_are_as_labelled(
    error: RealError, seen_as: Any
) -> None:
    """Every row of the data set is right, except the disputed ones, which are visibly otherwise."""
    verdict = seen_as(error)

    categories = error.row["categories"]
    assert categories is None or verdict.category.value in categories
    if error.id in DISPUTED:
        assert verdict.is_retryable is not error.row["retryable"]
    else:
        assert verdict.is_retryable is error.row["retryable"]


@needs_data
@pytest.mark.real_data
def test_given_real_errors_without_a_provider_when_classified_then_retryability_still_holds() -> None:
    """Who reports an error without saying whose it is loses a category here and there, hardly ever the decision."""
    judged = [(error, error_classifier.classify(error.exception())) for error in REAL]

    wrong = [error.id for error, verdict in judged if verdict.is_retryable is not error.row["retryable"]]
    assert len(wrong) <= 3, wrong


@pytest.mark.parametrize("error", SHAPES, ids=[shape.id for shape in SHAPES])
def test_given_a_documented_shape_when_classified_then_category_and_retryability_are_right(error: RealError) -> None:
    """The providers' own documentation is followed, not the sentences of one data set."""
    verdicts = [_as_exception(error), _as_facts(error)]

    judged = [(verdict.category.value in error.row["categories"], verdict.is_retryable) for verdict in verdicts]
    assert judged == [(True, error.row["retryable"])] * 2


def _openai_error(status: int, body: Any, headers: dict[str, str] | None = None) -> Exception:
    """An error of the real openai client, with a real response."""
    import httpx2
    import openai

    request = httpx2.Request("POST", "https://api.openai.com/v1/chat/completions")
    response = httpx2.Response(status, headers=headers or {}, json=body, request=request)
    return openai.OpenAI(api_key="-")._make_status_error_from_response(response)


def test_given_two_answers_of_status_429_when_classified_then_a_rate_and_a_spent_quota_differ() -> None:
    """One is waited for, with the server's hint; the other parks the account and goes to the next tier."""
    rate = _openai_error(429, {"error": {"code": "rate_limit_exceeded", "message": "slow"}}, {"Retry-After": "7"})
    quota = _openai_error(429, {"error": {"code": "insufficient_quota", "type": "insufficient_quota", "message": "x"}})

    waits, parks = error_classifier.classify(rate), error_classifier.classify(quota)

    assert (waits.cause, waits.is_retryable, waits.retry_after) == (Cause.RATE_LIMIT, True, 7.0)
    assert (parks.cause, parks.is_retryable, parks.max_retries) == (Cause.QUOTA_EXCEEDED, False, 0)
    assert parks.recovery is RecoveryAction.PARK_ACCOUNT
    assert parks.severity is ErrorSeverity.HIGH


@pytest.mark.parametrize(
    ("beneath", "cause", "retryable"),
    [
        (ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed certificate"), Cause.TLS, False),
        (socket.gaierror(-3, "Temporary failure in name resolution"), Cause.DNS, True),
        (socket.gaierror(-2, "Name or service not known"), Cause.DNS_UNKNOWN_NAME, False),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), Cause.CONNECTION, True),
    ],
    ids=["tls", "dns", "unknown name", "refused"],
)
def test_given_a_connection_error_of_openai_when_classified_then_its_cause_beneath_decides(
    beneath: Exception, cause: Cause, *, retryable: bool
) -> None:
    """All of them say "Connection error." at the top."""
    import httpx2
    import openai

    middle = httpx2.ConnectError(str(beneath))
    middle.__cause__ = beneath
    error = openai.APIConnectionError(request=httpx2.Request("POST", "https://x"))
    error.__cause__ = middle

    verdict = error_classifier.classify(error)

    assert (verdict.cause, verdict.is_retryable) == (cause, retryable)


def test_given_a_wrapped_error_when_classified_then_the_cause_is_followed() -> None:
    """`raise X from error`, an `orig` attribute and a mere context all lead to what happened."""

    class LedgerError(Exception):
        pass

    locked = sqlite3.OperationalError("database is locked")
    from_cause = LedgerError("could not file")
    from_cause.__cause__ = locked
    carried = LedgerError("could not file")
    carried.orig = locked  # type: ignore[attr-defined]
    try:
        try:
            raise locked
        except sqlite3.OperationalError:
            raise LedgerError("could not file")  # noqa: B904 - the context is the subject
    except LedgerError as error:
        in_context = error

    verdicts = [error_classifier.classify(one) for one in (from_cause, carried, in_context)]

    assert [(one.category, one.cause) for one in verdicts] == [(ErrorCategory.DATABASE, Cause.DB_LOCKED)] * 3


def test_given_a_group_when_classified_then_it_is_as_bad_as_its_worst_member() -> None:
    """A group is retryable only if all of it is, and waits for the longest hint."""
    passing = ExceptionGroup("all pass", [TimeoutError("x"), ConnectionResetError("y")])
    mixed = ExceptionGroup(
        "one does not", [TimeoutError("x"), ExceptionGroup("in", [sqlite3.IntegrityError("UNIQUE")])]
    )

    verdicts = [error_classifier.classify(one) for one in (passing, mixed)]

    assert [one.is_retryable for one in verdicts] == [True, False]
    assert verdicts[1].cause is Cause.CONSTRAINT
    assert verdicts[1].original is mixed


def test_given_sqlite_codes_when_classified_then_locked_full_and_constraint_differ() -> None:
    """The library's own errors, raised by the library."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE invoice (number TEXT UNIQUE)")
    database.execute("INSERT INTO invoice VALUES ('1')")

    with pytest.raises(sqlite3.IntegrityError) as duplicate:
        database.execute("INSERT INTO invoice VALUES ('1')")
    full = sqlite3.OperationalError("database or disk is full")

    assert error_classifier.classify(duplicate.value).cause is Cause.CONSTRAINT
    verdict = error_classifier.classify(full)
    assert (verdict.cause, verdict.severity, verdict.is_retryable) == (Cause.DISK_FULL, ErrorSeverity.CRITICAL, False)


def test_given_a_translated_text_with_a_code_when_classified_then_the_code_counts() -> None:
    """PostgreSQL speaks the language of its operator."""

    class RefusedError(Exception):
        sqlstate = "40001"

    error = RefusedError("Zugriff konnte nicht serialisiert werden wegen paralleler Aktualisierung")

    verdict = error_classifier.classify(error, "postgresql")

    assert (verdict.cause, verdict.is_retryable) == (Cause.DB_SERIALIZATION, True)


@pytest.mark.parametrize("kind", ["gevent.Timeout", "greenlet.GreenletExit", "asyncio.CancelledError"])
def test_given_signals_of_the_runtime_when_classified_then_a_timeout_is_one_and_cancellation_is_not(kind: str) -> None:
    """They are BaseExceptions, told apart by their qualified names."""
    module, name = kind.split(".")
    error = type(name, (BaseException,), {"__module__": module})()

    verdict = error_classifier.classify(error)

    expected = (Cause.TIMEOUT, True) if name == "Timeout" else (Cause.CANCELLED, False)
    assert (verdict.cause, verdict.is_retryable) == expected


def test_given_a_subclass_of_a_known_class_when_classified_then_it_is_known_by_its_ancestor() -> None:
    """Programs derive their own errors from those of libraries."""

    class OurTimeoutError(TimeoutError):
        pass

    verdict = error_classifier.classify(OurTimeoutError("the supplier's service is slow"))

    assert (verdict.category, verdict.cause) == (ErrorCategory.NETWORK, Cause.TIMEOUT)


@pytest.mark.parametrize("error", [KeyError("total"), TypeError("x"), ZeroDivisionError(), AssertionError()])
def test_given_a_bug_of_our_own_when_classified_then_it_is_never_retried(error: Exception) -> None:
    """The same code stumbles the same way."""
    verdict = error_classifier.classify(error, "database")

    assert (verdict.cause, verdict.is_retryable, verdict.category) == (Cause.BUG, False, ErrorCategory.UNKNOWN)


def test_given_a_bug_that_follows_an_outage_when_classified_then_the_bug_counts() -> None:
    """A KeyError while handling a timeout is a KeyError."""
    try:
        try:
            raise TimeoutError("slow")
        except TimeoutError:
            {}["missing"]
    except KeyError as error:
        verdict = error_classifier.classify(error)

    assert verdict.cause is Cause.BUG


def test_given_a_rule_of_ones_own_when_registered_then_it_is_asked_first() -> None:
    """Newest first; a rule that fails is passed over."""
    classifier = ErrorClassifier(wall=lambda: 0.0)
    classifier.register(lambda found: Cause.RATE_LIMIT if "beiß nicht" in found.text else None)

    @classifier.register
    def broken(_: Any) -> Cause | None:
        raise RuntimeError("a bad rule")

    verdicts = classifier.classify(Exception("Beiß nicht so schnell")), classifier.classify(TimeoutError("x"))

    assert [one.cause for one in verdicts] == [Cause.RATE_LIMIT, Cause.TIMEOUT]


def test_given_a_verdict_when_classified_again_then_it_is_itself() -> None:
    """What was classified at the edge travels on as data."""
    first = error_classifier.classify(TimeoutError("x"))

    assert error_classifier.classify(first) is first


def test_given_a_secret_in_an_error_when_told_then_neither_people_nor_operators_see_it() -> None:
    """People see a template, operators a detail with the secret masked."""
    error = Exception("401 Incorrect API key provided: sk-proj-abcDEF1234567890. https://u:hunter2@host/x?api_key=zzz")

    verdict = error_classifier.classify(error, "openai")

    assert all(secret not in verdict.technical_detail for secret in ("abcDEF", "hunter2", "zzz"))
    assert "401" in verdict.technical_detail
    assert "401" not in verdict.user_message
    assert "key" not in verdict.user_message.lower()


def test_given_a_streamed_response_not_yet_read_when_classified_then_nothing_is_fetched() -> None:
    """Looking at a body must not go to the network."""
    touched: list[str] = []

    class Unread:
        status_code = 503
        headers: dict[str, str] = {}  # noqa: RUF012 - as a response has it

        def __init__(self) -> None:
            self._content = False

        @property
        def text(self) -> str:
            touched.append("text")
            return ""

    error = Exception("failed")
    error.response = Unread()  # type: ignore[attr-defined]

    verdict = error_classifier.classify(error)

    assert (verdict.status, verdict.is_retryable, touched) == (503, True, [])


def test_given_headers_of_odd_kinds_when_classified_then_they_are_read_or_ignored() -> None:
    """Pairs, bytes, mappings; anything else is no obstacle."""
    for headers in ([("Retry-After", "3")], {b"retry-after": b"3"}, {"RETRY-AFTER": "3"}):
        error = Exception("Too Many Requests")
        error.response = SimpleNamespace(status_code=429, headers=headers, text="")  # type: ignore[attr-defined]
        assert error_classifier.classify(error).retry_after == 3.0

    error = Exception("Too Many Requests")
    error.response = SimpleNamespace(status_code=429, headers=42, text=json.dumps({}))  # type: ignore[attr-defined]
    assert error_classifier.classify(error).is_retryable
