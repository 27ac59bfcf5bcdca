"""People read whole, friendly sentences, and never a word about the machine."""

import re
import subprocess
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.templates import FAILURES, TEMPLATES, VALUES
from messages.user_messages import UserMessage, UserMessageManager, catalogue, key_for_error, safe_words

ROOT = Path(__file__).parents[2]
WORDS = UserMessageManager()

ISSUED = [
    "ai_model_timeout",
    "ai_model_rate_limit",
    "ai_model_unavailable",
    "document_corrupted",
    "document_too_large",
    "document_ocr_failed",
    "document_encrypted",
    "document_wrong_type",
    "database_connection",
    "database_timeout",
    "network_error",
    "download_failed",
    "webhook_failed",
    "cloudconvert_failed",
    "google_sheets_failed",
    "user_input_invalid",
    "unknown_command",
    "recovering",
    "using_fallback",
    "state_recovered",
]

HOSTILE = [
    'Traceback (most recent call last):\n  File "/srv/app/x.py", line 3, in f\nValueError: boom',
    "ConnectionError: [Errno 111] Connection refused",
    "redis.exceptions.ConnectionError",
    "OperationalError near line 7",
    "sk-abcdefghijklmnop",
    "redis://:hunter2@10.0.0.1:6379/0",
    "10.0.0.1",
    "postgresql",
    "/etc/passwd",
    "C:\\Windows\\system32",
    "SELECT iban FROM invoices",
    "<script>alert(1)</script>",
    '{"error": {"code": 429}}',
    "{file_name}",
    "{0.__class__.__mro__}",
    "%s %(x)s",
    "HTTP status 503 from model",
    "0x7f3a2b",
    "gevent.timeout.Timeout",
    "__init__",
    "password is hunter2",
    "a" * 10_000,
    "line one\nline two",
    "bell\x07 and nul\0",
    "\u202eevil",
    "\ud800",
    "",
    "   ",
    None,
    True,
    float("nan"),
    float("inf"),
    -1,
    10**400,
    b"bytes",
    ["list"],
    {"a": 1},
    object(),
    ValueError("boom"),
]
LEAKS = re.compile(
    r"traceback|exception|error|errno|line \d|0x|sk-|redis|hunter|\d+\.\d+\.\d+\.\d+|postgres|/etc|\\|select|<|>|[{}]"
    r"|%[s(]|http|status|timeout\.|__|password is|a{50}|\n|\x07|\0|\u202e|\ud800|nan|inf\b|bytes|list"
    r"|object|boom|none|true",
    re.IGNORECASE,
)


def _texts(message: UserMessage) -> list[str]:
    return [message.text, *([message.follow_up] if message.follow_up else []), *(b.label for b in message.buttons)]


@pytest.mark.parametrize("key", ISSUED)
def test_given_a_case_of_failure_when_asked_for_then_text_emoji_button_and_follow_up(key: str) -> None:
    """Every case has all four."""
    message = WORDS.get_message(key)

    assert message.text
    assert message.emoji
    assert message.buttons
    assert message.follow_up


def test_given_a_slow_model_when_asked_for_then_the_promised_words() -> None:
    """The text that others rely on."""
    assert WORDS.get_message("ai_model_timeout").text.startswith("I'm taking a bit longer than usual")


def test_given_all_templates_when_counted_then_the_failures_are_whole() -> None:
    """More than twenty, each complete, and the keys that the daemon asks for among them."""
    for key in FAILURES:
        template = TEMPLATES[key]
        assert (template.emoji, template.buttons, template.follow_up) >= ("", (), "")
        assert template.buttons
        assert template.follow_up
    codes = ("invalid_message", "too_large", "id_reused", "unreadable", "overloaded")

    assert len(TEMPLATES) > 20
    assert {"interim", "static_final", "poison", *(f"rejected_{code}" for code in codes)} <= WORDS.keys()


@pytest.mark.parametrize("key", sorted(TEMPLATES))
def test_given_a_template_when_read_then_short_plain_and_only_known_placeholders(key: str) -> None:
    """As a person would say it: two or three sentences, no word of the trade."""
    template = TEMPLATES[key]
    texts = [template.text, template.follow_up or ""]

    for text in texts:
        assert len(text) <= 320
        assert set(re.findall(r"\{(\w*)\}", text)) <= set(VALUES)
        assert not re.search(
            r"server|exception|retry|queue|actor|snapshot|fail|\berror\b|null|invalid", text, re.IGNORECASE
        )
    assert not re.search(r"  |\s$", template.text)
    assert template.text.rstrip("\"')")[-1] in ".!?"


@pytest.mark.parametrize("key", sorted(TEMPLATES))
def test_given_hostile_values_when_rendered_then_nothing_of_them_is_shown(key: str) -> None:
    """Whatever somebody passes by mistake: a traceback, a key, an address, an object."""
    plain = _texts(WORDS.get_message(key))

    for value in HOSTILE:
        shown = _texts(WORDS.get_message(key, **dict.fromkeys(VALUES, value), detail=value, error=value))

        for text, usual in zip(shown, plain, strict=True):
            assert text == usual
            assert not LEAKS.search(text)


@given(st.text(max_size=100) | st.integers() | st.floats() | st.binary(max_size=10) | st.none())
def test_given_any_value_when_rendered_then_one_short_line_of_text(value: Any) -> None:
    """Nothing raises, nothing grows."""
    for key in ("document_not_an_invoice", "unknown_command", "ai_model_rate_limit", "document_too_large"):
        text = WORDS.get_message(key, **dict.fromkeys(VALUES, value)).text

        assert len(text) < 500
        assert text.isprintable()
        assert "{" not in text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("march.pdf", "march.pdf"),
        ("  Rechnung   Nr. 7 (Kopie).pdf ", "Rechnung Nr. 7 (Kopie).pdf"),
        ("invoice_2026-031 #2.xml", "invoice_2026-031 #2.xml"),
        ("請求書.pdf", "請求書.pdf"),
        ("UBL Order", None),
        ("no dot", None),
        ("something happened in the engine room", None),
        ("Error report.pdf", "Error report.pdf"),
        ("a/b.pdf", None),
        ("x" * 61, None),
        (7, None),
    ],
)
def test_given_words_when_checked_then_file_names_pass_and_the_rest_does_not(
    value: object, expected: str | None
) -> None:
    """Strict, yet a person recognises their own file."""
    assert safe_words(value) == expected


@pytest.mark.parametrize(
    ("wait_s", "expected"),
    [
        (0.4, "in a moment"),
        (1, "in a moment"),
        (1.2, "about 2 seconds"),
        (30, "about 30 seconds"),
        (50, "about a minute"),
        (90, "about 2 minutes"),
        (3_000, "about an hour"),
        (7_200, "about 2 hours"),
        (10**9, "in a moment"),
        (0, "in a moment"),
        (None, "in a moment"),
    ],
)
def test_given_a_wait_when_rendered_then_as_people_say_it(wait_s: float | None, expected: str) -> None:
    """Rounded up: better early than late."""
    assert expected in WORDS.get_message("ai_model_rate_limit", wait=wait_s).text


def test_given_a_file_name_when_rendered_then_it_stands_in_the_text() -> None:
    """And a sentence begins with a capital, whatever the value."""
    text = WORDS.get_message("document_not_an_invoice", file_name="march.xml", what="UBL Order").text

    assert "march.xml" in text
    assert "UBL Order" in text


def test_given_an_unknown_key_when_asked_for_then_the_general_words() -> None:
    """A missing text is no reason not to answer."""
    assert WORDS.get_message("no such key") == WORDS.get_message("recovering")


class _Category(Enum):
    AI_MODEL = 1
    DOCUMENT_PROCESSING = 2
    DATABASE = 3
    NETWORK = 4
    WEBHOOK = 5
    MEMORY = 6
    USER_INPUT = 7
    FILE_DOWNLOAD = 8
    THIRD_PARTY = 9
    UNKNOWN = 10


@dataclass
class _Classified:
    category: Any
    cause: Any = None
    retry_after: Any = None


@pytest.mark.parametrize(
    ("classified", "key"),
    [
        (_Classified(_Category.AI_MODEL, "timeout"), "ai_model_timeout"),
        (_Classified(_Category.AI_MODEL, "rate_limit"), "ai_model_rate_limit"),
        (_Classified(_Category.AI_MODEL, "auth"), "ai_model_unavailable"),
        (_Classified(_Category.DOCUMENT_PROCESSING, "pdf_encrypted"), "document_encrypted"),
        (_Classified(_Category.DOCUMENT_PROCESSING), "document_corrupted"),
        (_Classified(_Category.DATABASE, "db_locked"), "database_timeout"),
        (_Classified(_Category.DATABASE), "database_connection"),
        (_Classified(_Category.NETWORK), "network_error"),
        (_Classified(_Category.WEBHOOK), "webhook_failed"),
        (_Classified(_Category.FILE_DOWNLOAD), "download_failed"),
        (_Classified(_Category.THIRD_PARTY), "cloudconvert_failed"),
        (_Classified(_Category.USER_INPUT), "user_input_invalid"),
        (_Classified(_Category.MEMORY), "recovering"),
        (_Classified(_Category.UNKNOWN), "recovering"),
        (_Classified("network"), "network_error"),
        (_Classified(7), "recovering"),
        (SimpleNamespace(message_key="google_sheets_failed"), "google_sheets_failed"),
        (SimpleNamespace(message_key="no such key", category=_Category.NETWORK), "network_error"),
        (SimpleNamespace(message_key=7), "recovering"),
        (None, "recovering"),
        (ValueError("boom"), "recovering"),
    ],
)
def test_given_a_classified_error_when_asked_for_words_then_the_ones_that_fit(classified: Any, key: str) -> None:
    """By its own key, by cause and category, by category, or the general words."""
    assert key_for_error(classified) == key
    assert WORDS.for_error(classified) == WORDS.get_message(key)


def test_given_a_wait_asked_for_by_the_other_side_when_worded_then_it_is_said() -> None:
    """From the error, unless the caller knows better."""
    classified = _Classified(_Category.AI_MODEL, "rate_limit", 30)

    assert "about 30 seconds" in WORDS.for_error(classified).text
    assert "about 10 seconds" in WORDS.for_error(classified, wait=10).text


GERMAN = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"

# two lines, as a translator's editor breaks them
msgctxt "interim text"
msgid "{interim}"
msgstr "Verstanden. "
"Ich bin noch dran."

msgctxt "button"
msgid "What can you do?"
msgstr "Was kannst du?"

msgctxt "document_empty text"
msgid "{empty}"
msgstr "In {file_name} steht nichts {0.__class__} {secret}."

msgctxt "value"
msgid "your document"
msgstr "deiner Datei"

#, fuzzy
msgctxt "poison text"
msgid "{poison}"
msgstr "Unsicher."
"""


@pytest.fixture
def languages(tmp_path: Path) -> Path:
    """A folder with German, made by the project's own compiler."""
    sys.path.insert(0, str(ROOT / "deploy"))
    try:
        from compile_words import entries_of, mo_of
    finally:
        sys.path.pop(0)
    text = GERMAN
    for mark, key in (("{interim}", "interim"), ("{empty}", "document_empty"), ("{poison}", "poison")):
        text = text.replace(mark, TEMPLATES[key].text)
    for language, content in (("de", mo_of(entries_of(text))), ("xx", b"\x00broken")):
        folder = tmp_path / language / "LC_MESSAGES"
        folder.mkdir(parents=True)
        (folder / "unfailing.mo").write_bytes(content)
    return tmp_path


def test_given_another_language_when_asked_for_then_one_file_is_enough(languages: Path) -> None:
    """What it does not translate, or only guesses, stays English."""
    german = UserMessageManager("de-AT", languages)

    assert german.get_message("interim").text == "Verstanden. Ich bin noch dran."
    assert german.get_message("document_empty").buttons[0].label == "Was kannst du?"
    assert german.get_message("document_empty").buttons[0].action == "help"
    assert german.get_message("poison").text == TEMPLATES["poison"].text
    assert german.for_language(None).get_message("interim") == WORDS.get_message("interim")
    assert WORDS.for_language("tlh").get_message("interim") == WORDS.get_message("interim")


def test_given_a_translation_with_strange_placeholders_when_rendered_then_they_carry_nothing(languages: Path) -> None:
    """A catalogue is data: it cannot reach into values."""
    text = UserMessageManager("de", languages).get_message("document_empty", secret="x").text

    assert text == "In deiner Datei steht nichts {0.__class__} ."


@pytest.mark.parametrize("language", ["xx", "zz", "", "../../etc", "de\0", "x" * 500, "1", "pt-BR", None])
def test_given_a_missing_broken_or_hostile_language_when_asked_for_then_english(
    languages: Path, language: str | None
) -> None:
    """Nobody goes without an answer for want of a catalogue."""
    assert UserMessageManager(language, languages).get_message("interim") == WORDS.get_message("interim")


def test_given_the_shipped_catalogues_when_checked_then_up_to_date() -> None:
    """`make words` has been run since a text was changed, and English says what the source says."""
    done = subprocess.run(
        [sys.executable, "deploy/compile_words.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert UserMessageManager("en").get_message("interim") == WORDS.get_message("interim")
    assert len(catalogue()) > len(TEMPLATES)
