"""No secret and no bulk passes; everything else stays readable."""

import time
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.redaction import HIDDEN, TEXT_CHARS_MAX, redact, redact_text, redact_url

SECRETS = {
    "openai key": ("failed with sk-proj-abcDEF123456_-789 in it", "abcDEF123456"),
    "webhook secret": ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8G"),
    "bearer": ("Authorization: Bearer abc.def-123456", "abc.def"),
    "basic": ("headers={'authorization': 'Basic dXNlcjpwYXNz'}", "dXNlcjpw"),
    "bare header": ("authorization=abcdef123", "abcdef123"),
    "url with user and password": ("redis://user:hunter2@db.example:6379/0", "hunter2"),
    "url with password alone": ("cannot connect to rediss://:hunter2@db.example", "hunter2"),
    "url with a password of signs": ("postgresql://u:p@ss:w0rd@db.example/x", "w0rd"),
    "query": ("GET https://x.example/?a=1&api_key=abcdef&token=ghijkl", "abcdef"),
    "second of the query": ("GET https://x.example/?a=1&api_key=abcdef&token=ghijkl", "ghijkl"),
    "json": ('{"password": "hunter2", "user": "u"}', "hunter2"),
    "repr of bytes": ("{b'secret': b'hunter2'}", "hunter2"),
    "environment": ("OPENAI_API_KEY=abcdefghij", "abcdefghij"),
    "github": ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghij"),
    "google": ("key AIzaSyA1234567890abcdef", "1234567890"),
    "aws": ("AKIAIOSFODNN7EXAMPLE", "IOSFODNN7"),
    "jwt": ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc123", "eyJzdWIi"),
    "telegram": ("https://api.telegram.org/bot123456789:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr/getMe", "AAbbCC"),
    "private key": ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----", "MIIEow"),
    "private key cut": ("-----BEGIN PRIVATE KEY-----\nMIIEow", "MIIEow"),
}


@pytest.mark.parametrize(("text", "secret"), SECRETS.values(), ids=SECRETS.keys())
def test_given_a_secret_when_redacted_then_it_is_gone(text: str, secret: str) -> None:
    """Also within longer text, on either side of a cut, and when redacted twice."""
    assert secret in text

    once = redact_text(text)
    surrounded = redact_text("x " * 3000 + text + " y" * 3000)

    assert secret not in once
    assert HIDDEN in once
    assert secret not in surrounded
    assert secret not in redact_text(once)


@pytest.mark.parametrize("before", range(1900, 2110, 5))
def test_given_a_key_at_the_cut_when_redacted_then_no_part_of_it_is_left(before: int) -> None:
    """Wherever a long text is cut."""
    key = "sk-" + "".join(f"k{number:02d}" for number in range(30))

    redacted = redact_text("x " * (before // 2) + key + " " + "y" * 2100)

    assert not any(f"k{number:02d}" in redacted for number in range(30))


@pytest.mark.parametrize(
    "text",
    [
        "restarting sessions/789 after 3 crashes",
        "ValueError: invoice 2026-031 has 3 lines, net 1,190.00 EUR",
        "task-1 took 3.2 s; risk-free; ask-me",
        "max_tokens: 100, prompt tokens 45",
        "http://127.0.0.1:8000/v1/chat/completions",
        "a1b2c3d4" * 8,
        "Bears and basics",
        'File "/srv/app/actors/session/shell.py", line 12, in on_receive',
    ],
)
def test_given_text_without_a_secret_when_redacted_then_unchanged(text: str) -> None:
    """An operator needs every word of it."""
    assert redact_text(text) == text


def test_given_bulk_when_redacted_then_its_size_is_said() -> None:
    """Base64, long text and bytes."""
    assert redact_text("x=" + "QUJD" * 100) == "x=<400 characters of base64>"
    assert redact(b"abc") == "<3 bytes>"
    assert len(redact_text("word " * 10_000)) <= TEXT_CHARS_MAX + 40


@dataclass(frozen=True)
class _Login:
    user: str
    password: str


class _Hostile:
    def __repr__(self) -> str:
        raise RuntimeError("no")


def test_given_nested_data_when_redacted_then_every_level_is() -> None:
    """By the name a value stands under as well as by its shape."""
    value = {
        "headers": [{"Authorization": "x", "X-Api-Key": "y", "accept": "z"}],
        "login": _Login("ada", "hunter2"),
        "turn": 7,
        "none": None,
        "api_key": "",
        "set": frozenset({1}),
        "odd": _Hostile(),
        "openai_api_key": "abc",
        "tokens": 45,
    }

    assert redact(value) == {
        "headers": [{"Authorization": HIDDEN, "X-Api-Key": HIDDEN, "accept": "z"}],
        "login": {"type": "_Login", "user": "ada", "password": HIDDEN},
        "turn": 7,
        "none": None,
        "api_key": "",
        "set": [1],
        "odd": "<_Hostile, whose repr raised RuntimeError>",
        "openai_api_key": HIDDEN,
        "tokens": 45,
    }


def test_given_endless_data_when_redacted_then_bounded() -> None:
    """In breadth, in depth and round in circles."""
    circle: dict[str, Any] = {}
    circle["self"] = circle
    wide = redact(list(range(1000)))
    deep = str(redact(circle))

    assert len(wide) == 51
    assert wide[-1] == "<950 more>"
    assert len(redact(dict.fromkeys(map(str, range(1000))))) == 51
    assert len(deep) < 200


@given(st.text(max_size=500), st.text(max_size=500))
def test_given_any_text_around_a_key_when_redacted_then_the_key_is_gone(before: str, after: str) -> None:
    """Whatever stands around it, apart from what would make it another word."""
    redacted = redact_text(f"{before} sk-abcdefghijklmnop {after}")

    assert "sk-abcdefghijklmnop" not in redacted


@pytest.mark.parametrize(
    "text", ["a" * 200_000, ":" * 200_000, "a://" * 50_000, "password" * 25_000, "-----BEGIN " * 9000]
)
def test_given_text_made_to_be_slow_when_redacted_then_quick(text: str) -> None:
    """No pattern backtracks for ever."""
    started_s = time.perf_counter()

    redact_text(text)

    assert time.perf_counter() - started_s < 1.0


def test_given_an_address_when_redacted_then_only_the_password_is_hidden() -> None:
    """The host is what an operator looks for."""
    assert redact_url("redis://u:pw@db.example:6379/1") == f"redis://u:{HIDDEN}@db.example:6379/1"
    assert redact_url("redis://db.example:6379/1") == "redis://db.example:6379/1"
