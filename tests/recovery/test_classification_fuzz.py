"""The classifier never raises, whatever the error is made of, and never takes long over it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recovery.known_shapes import SHAPES
from recovery.real_errors import RealError, rows
from supervision.error_classification import ClassifiedError, error_classifier

BODIES = [error.text for error in rows()] + [shape.text for shape in SHAPES]

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.binary(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["error", "message", "code", "status", "type", "retry_after", "x"]), inner)
    ),
    max_leaves=12,
)


def _judged(verdict: object) -> None:
    assert isinstance(verdict, ClassifiedError)
    assert verdict.max_retries >= 0
    assert verdict.is_retryable or verdict.max_retries == 0
    assert verdict.retry_after is None or 0.0 <= verdict.retry_after < 1e9
    assert isinstance(verdict.technical_detail, str)
    assert isinstance(verdict.message_key, str)


@given(error=anything, context=anything)
def test_given_anything_at_all_when_classified_then_there_is_a_verdict(error: Any, context: Any) -> None:
    """Not even an exception needs to come in."""
    _judged(error_classifier.classify(error, context))


@given(body=anything, status=st.integers(-10, 1000) | st.text(max_size=5) | st.none(), headers=anything)
def test_given_any_attributes_when_classified_then_there_is_a_verdict(body: Any, status: Any, headers: Any) -> None:
    """Attributes may be of any type."""
    error = Exception(body)
    for name, value in (
        ("body", body),
        ("status_code", status),
        ("headers", headers),
        ("response", body),
        ("errno", status),
    ):
        setattr(error, name, value)

    _judged(error_classifier.classify(error, {"provider": status, "headers": headers, "body": body}))


@settings(max_examples=400)
@given(body=st.sampled_from(BODIES), cut=st.integers(0, 4000), at=st.integers(0, 4000), noise=st.binary(max_size=6))
def test_given_a_mutated_real_body_when_classified_then_there_is_a_verdict(
    body: str, cut: int, at: int, noise: bytes
) -> None:
    """Cut anywhere, with any bytes put in anywhere, as text and as bytes."""
    raw = body.encode()
    mutated = raw[:at] + noise + raw[at : len(raw) - cut if cut < len(raw) else len(raw)]

    _judged(error_classifier.classify(mutated, {"provider": "openai", "http_status": 429}))
    _judged(error_classifier.classify(Exception(mutated.decode("utf-8", "replace"))))
    _judged(error_classifier.classify(Exception(mutated)))


@pytest.mark.parametrize("raised", [ValueError("x"), SystemExit(1), GeneratorExit(), RecursionError()])
def test_given_properties_and_texts_that_raise_when_classified_then_there_is_a_verdict(raised: BaseException) -> None:
    """An error may be hostile to whoever looks at it."""

    class HostileError(Exception):
        @property
        def status_code(self) -> int:
            raise raised

        response = body = headers = errno = code = status_code

        def __str__(self) -> str:
            raise raised

    verdict = error_classifier.classify(HostileError())

    assert isinstance(verdict, ClassifiedError)
    if isinstance(raised, Exception):
        assert "HostileError" in verdict.technical_detail


def test_given_errors_that_stand_on_each_other_in_a_circle_when_classified_then_it_ends() -> None:
    """Causes may form a ring, and groups may be deep."""
    first, second = Exception("a"), Exception("b")
    first.__cause__, second.__cause__ = second, first
    deep: Exception = TimeoutError("at the bottom")
    for level in range(50):
        deep = ExceptionGroup(f"level {level}", [deep])

    _judged(error_classifier.classify(first))
    _judged(error_classifier.classify(deep))


@pytest.mark.parametrize(
    "body",
    [
        "x" * 1_000_000,
        b"\xff\xfe" * 500_000,
        "{" * 100_000,
        "[" * 100_000,
        '{"error":' * 20_000,
        "code: " * 200_000,
        "try again in " * 80_000,
        "limit " * 100_000 + "requested 5",
        "9" * 1_000_000,
        '{"error": {"message": "' + "rate limit " * 90_000 + '"}}',
        "-" * 500_000 + "20",
        "a." * 400_000 + "Error",
    ],
    ids=[
        "text",
        "bytes",
        "braces",
        "brackets",
        "nested",
        "pairs",
        "waits",
        "limits",
        "digits",
        "json",
        "dashes",
        "names",
    ],
)
def test_given_a_megabyte_when_classified_then_it_takes_milliseconds(body: Any) -> None:
    """No regular expression runs away, and only a bounded part is looked at."""
    error = Exception(body)
    error.body = body  # type: ignore[attr-defined]
    error_classifier.classify(error, "openai")

    begun = time.process_time()
    _judged(error_classifier.classify(error, "openai"))
    _judged(error_classifier.classify(body, {"http_status": 429}))

    assert time.process_time() - begun < 0.2


@given(text=st.text(alphabet="0123456789 .msh-:again in retry after wait reset2026-09-01TZ", max_size=80))
def test_given_any_prose_about_waiting_when_classified_then_the_wait_is_sane(text: str) -> None:
    """Never negative, never infinite."""
    _judged(error_classifier.classify(Exception(f"429 {text}"), "openai"))


def test_given_a_row_of_the_data_when_built_then_it_is_an_exception() -> None:
    """The tests' own builder holds for every row."""
    assert all(isinstance(error.exception(), BaseException) for error in (*rows(), RealError(_ROW)))


_ROW = {"id": "x", "provider": "x", "http_status": 500, "headers": {}, "exception_type": None, "body": "x"}
