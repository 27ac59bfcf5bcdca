"""Waits, from everywhere they come in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervision.classification import waits
from supervision.error_classification import ErrorClassifier

WALL_S = 1_785_000_000.0  # Sat, 25 Jul 2026 17:20:00 GMT


def wall() -> float:
    """A clock that stands."""
    return WALL_S


classifier = ErrorClassifier(wall=wall)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("644ms", 0.644), ("1m20s", 80.0), ("34.337s", 34.337), ("7m12s", 432.0), ("28s", 28.0), ("1h2m3s", 3723.0),
        ("60 seconds", 60.0), ("2 minutes", 120.0), ("1 day", 86400.0), ("5", 5.0), (7, 7.0), (0.5, 0.5), ("0", 0.0),
        ("1 hour and 30 minutes", 5400.0), ("", None), ("soon", None), (True, None), (float("nan"), None), (-3, 0.0),
        ("inf", None), (None, None), ([], None),
    ],
)  # fmt: skip
def test_given_a_duration_when_read_then_it_is_seconds(said: Any, seconds: float | None) -> None:
    """Numbers, Go's durations, words."""
    assert waits.from_duration(said) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "Sat, 25 Jul 2026 17:21:30 GMT"}, 90.0),
        ({"retry-after": "Sat, 25 Jul 2026 17:00:00 GMT"}, 0.0),
        ({"retry-after-ms": "644", "retry-after": "60"}, 0.644),
        ({"x-ms-retry-after-ms": "1500"}, 1.5),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "6m0s"}, 1.0),
        (
            {
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "1m20s",
                "x-ratelimit-reset-requests": "1s",
            },
            80.0,
        ),
        ({"anthropic-ratelimit-requests-reset": "2026-07-25T17:20:45Z"}, 45.0),
        ({"x-ratelimit-reset": "1785000030"}, 30.0),
        ({"x-ratelimit-reset": "1785000012500"}, 12.5),
        ({"ratelimit-reset": "9"}, 9.0),
        ({"x-ratelimit-reset-after": "0.5"}, 0.5),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_given_headers_when_read_then_the_wait_is_found(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, milliseconds, dates, resets of the limit that is used up."""
    assert waits.from_headers(headers, wall) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("please try again in 34.337s. visit", 34.337),
        ("please try again in 6ms. contact", 0.006),
        ("please retry after 86400 seconds.", 86400.0),
        ("too many requests: retry after 291", 291.0),
        ("try again in 1m20s", 80.0),
        ("try again in 60 seconds. passed model", 60.0),
        ("please wait 20 s", 20.0),
        ("flood_wait_17", 17.0),
        ("rate limit resets in 5 minutes", 300.0),
        ("you will regain access on 2026-08-01", 6.5 * 86400 - 14400 - 1200 - 14400),
        ("quota resets at 2026-07-25t18:20:00z", 3600.0),
        ("you can retry your request, or contact us", None),
        ("limit 3, used 3, requested 1", None),
        ("version 2024-05-01-preview", None),
    ],
)
def test_given_prose_when_read_then_the_wait_is_found(text: str, seconds: float | None) -> None:
    """Sentences of providers, with durations and calendar dates."""
    found = waits.from_prose(text, wall)

    if text.startswith("you will regain"):
        assert found == pytest.approx(1785542400.0 - WALL_S)
    else:
        assert found == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ({"ok": False, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 7}}, 7.0),
        ({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "x", "details": [
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "28s"}]}}, 28.0),
        ({"error": "Model is currently loading", "estimated_time": 20.0}, 20.0),
        ({"message": "You are being rate limited.", "retry_after": 0.529}, 0.529),
        ('{"error": {"message": "{\\n \\"error\\": {\\"details\\": [{\\"retryDelay\\": \\"3s\\"}]}}"}}', 3.0),
    ],
)  # fmt: skip
def test_given_structured_details_when_classified_then_the_wait_is_found(body: Any, seconds: float) -> None:
    """RetryInfo, parameters.retry_after, estimated_time, JSON within JSON."""
    verdict = classifier.classify(body, {"http_status": 429})

    assert verdict.retry_after == pytest.approx(seconds)


def test_given_a_wait_of_a_day_when_classified_then_the_request_is_not_retried_within_a_turn() -> None:
    """A wait that outlasts every deadline is a parking."""
    verdict = classifier.classify(Exception("429 please retry after 86400 seconds"), "azure-openai")

    assert (verdict.is_retryable, verdict.retry_after, verdict.recovery.value) == (False, 86400.0, "park_until")


@given(value=st.text(max_size=90) | st.floats() | st.integers() | st.binary())
def test_given_anything_when_read_as_a_wait_then_it_is_sane_or_nothing(value: Any) -> None:
    """Finite, not negative, at most ten years."""
    readings = [waits.from_duration(value), waits.from_number(value)]
    if isinstance(value, str):
        readings += [waits.from_date(value, wall), waits.from_prose(value.lower(), wall)]
        readings += [waits.from_headers({"retry-after": value, "x-ratelimit-reset": value}, wall)]

    assert all(one is None or 0.0 <= one <= waits.WAIT_S_MAX for one in readings)
