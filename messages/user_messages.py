"""The words for people: a text for every case, filled with safe values, in the language of the person.

    words = UserMessageManager()
    words.get_message("ai_model_timeout").text      # "I'm taking a bit longer than usual ..."
    words.for_error(error_classifier.classify(e))   # picked by what went wrong
    words.for_language("pt-BR").get_message("interim")

No text can carry a technical detail: a template takes only the values it names, and each value is one short line of
plain words or a figure, or else replaced by words of ours. Nothing here ever raises for a value or a missing language.
Translation is gettext: the English text is the message id, its key the context, so that a language is one file.
"""

import gettext
import math
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from messages.phrases import BUTTONS, PHRASES
from messages.records import Button
from messages.redaction import redact_text
from messages.templates import GENERAL_KEY, TEMPLATES, VALUES

DOMAIN: Final = "unfailing"
LOCALE_FOLDER: Final = Path(__file__).with_name("locale")
VALUE_CHARS_MAX: Final = 60
_SIZE_MB_MAX: Final = 10_000
_WAIT_S_MAX: Final = 7 * 86_400

_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8}){0,4}")
_FILE_NAME: Final = re.compile(r"[\w .,()\[\]&+#!%~@$€'\u2019\-]+\.[A-Za-z0-9]{1,5}")
_KIND: Final = re.compile(r"\w+(?:[ -]\w+){0,3}")
_COMMAND: Final = re.compile(r"/?\w{1,24}")
_TECHNICAL: Final = re.compile(
    r"traceback|exception|\b\w+error\b|\berrno\b|\bline \d+|\b0x[0-9a-f]+|::|%[a-z(]|__\w+__|\b(?:none|null|stack)\b"
    r"|\b(?:select|insert|update|delete)\b.*\b(?:from|into|set)\b|\b\d{1,3}(?:\.\d{1,3}){3}\b|\b[45]\d\d\b.*\b(?:http|status)\b"
    r"|\b(?:password|secret|token|api.?key|localhost|redis|valkey|postgres\w*|sqlite|openai|gevent|pykka)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class UserMessage:
    """A text ready to send; follow_up is what to say once the matter is settled, where there is something to say."""

    text: str
    emoji: str
    buttons: tuple[Button, ...]
    follow_up: str | None


class UserMessageManager:
    """Gives every text by its key, in one language. Immutable; share it freely."""

    def __init__(self, language: str | None = None, locale_folder: Path | None = None) -> None:
        """language: a BCP 47 tag; None or one without a translation is English. locale_folder: where languages lie."""
        self._folder = locale_folder or LOCALE_FOLDER
        self._translate = translation(language, self._folder).pgettext
        self._without_values: dict[str, UserMessage] = {}  # Invariant: of keys in TEMPLATES only

    def for_language(self, language: str | None) -> "UserMessageManager":
        """Give the manager of another language of the same folder."""
        return _manager(language, self._folder)

    def keys(self) -> frozenset[str]:
        """Give every key there is."""
        return frozenset(TEMPLATES)

    def get_message(self, key: str, **values: Any) -> UserMessage:
        """Give the text of a key, filled with the values it names; others are ignored.

        Values: file_name, what (the document is), command, wait (seconds), size_mb. An unknown key gives the general
        text: a missing text is no reason not to answer.
        """
        key = key if key in TEMPLATES else GENERAL_KEY
        if values:
            return self._message(key, values)
        message = self._without_values.get(key)
        if message is None:
            message = self._without_values[key] = self._message(key, values)
        return message

    def _message(self, key: str, values: Mapping[str, Any]) -> UserMessage:
        template = TEMPLATES[key]
        return UserMessage(
            self._filled(key, "text", template.text, values),
            template.emoji,
            tuple(Button(self._translate("button", button.label), button.action) for button in template.buttons),
            None if template.follow_up is None else self._filled(key, "follow_up", template.follow_up, values),
        )

    def for_error(self, classified: Any, **values: Any) -> UserMessage:
        """Give the text for a classified error: by its own message key, else by cause and category, else the general.

        Looks only at the attributes message_key, cause, category and retry_after, each of which may be missing.
        """
        wait_s = getattr(classified, "retry_after", None)
        return self.get_message(key_for_error(classified), **({"wait": wait_s} | values))

    def _filled(self, key: str, part: str, text: str, values: Mapping[str, Any]) -> str:
        def value_of(match: re.Match[str]) -> str:
            name = match[1]
            return self._value(name, values.get(name)) if name in VALUES else ""

        filled = _PLACEHOLDER.sub(value_of, self._translate(f"{key} {part}", text))
        return filled[:1].upper() + filled[1:]

    def _value(self, name: str, value: Any) -> str:
        shown = None if value is None else _SAFE[name](value)
        if shown is None:
            return self._translate("value", VALUES[name])
        text, figure = shown
        return self._translate("value", text).replace("{n}", figure)


def key_for_error(classified: Any) -> str:
    """Give the key of the text for a classified error; the general one where nothing else fits."""
    own = getattr(classified, "message_key", None)
    if isinstance(own, str) and own in TEMPLATES:
        return own
    category = _word(getattr(classified, "category", None))
    cause = _word(getattr(classified, "cause", None))
    for known, key in _BY_CATEGORY_AND_CAUSE:
        if known in ((category, cause), (category, "")):
            return key
    return GENERAL_KEY


_BY_CATEGORY_AND_CAUSE: Final = (
    (("ai_model", "timeout"), "ai_model_timeout"),
    (("ai_model", "gateway_timeout"), "ai_model_timeout"),
    (("ai_model", "rate_limit"), "ai_model_rate_limit"),
    (("ai_model", "overloaded"), "ai_model_rate_limit"),
    (("ai_model", ""), "ai_model_unavailable"),
    (("document_processing", "pdf_encrypted"), "document_encrypted"),
    (("document_processing", "not_a_pdf"), "document_wrong_type"),
    (("document_processing", "document_type"), "document_wrong_type"),
    (("document_processing", "document_too_large"), "document_too_large"),
    (("document_processing", "ocr_failed"), "document_ocr_failed"),
    (("document_processing", ""), "document_corrupted"),
    (("database", "timeout"), "database_timeout"),
    (("database", "db_query_timeout"), "database_timeout"),
    (("database", "db_locked"), "database_timeout"),
    (("database", ""), "database_connection"),
    (("network", ""), "network_error"),
    (("webhook", ""), "webhook_failed"),
    (("file_download", ""), "download_failed"),
    (("third_party", ""), "cloudconvert_failed"),
    (("user_input", ""), "user_input_invalid"),
)
"""First match decides; an empty cause stands for any."""


def safe_words(value: object, shape: re.Pattern[str] = _FILE_NAME) -> str | None:
    """Give a value as one short line of the shape, None when it is anything else or smells of the machine."""
    if not isinstance(value, str) or not value.isprintable():
        return None
    words = " ".join(value[: 2 * VALUE_CHARS_MAX].split())
    if len(words) > VALUE_CHARS_MAX or not shape.fullmatch(words):
        return None
    if _TECHNICAL.search(words) or redact_text(words) != words:
        return None
    return words


def _safe_as(shape: re.Pattern[str]) -> Callable[[object], tuple[str, str] | None]:
    def safe(value: object) -> tuple[str, str] | None:
        words = safe_words(value, shape)
        return None if words is None else ("{n}", words)

    return safe


def _safe_wait(value: object) -> tuple[str, str] | None:
    """Say seconds as people do, rounded up; None beyond a week."""
    seconds = _number(value)
    if seconds is None or not 0 < seconds <= _WAIT_S_MAX:
        return None
    for unit_s, one, many in _UNITS:
        if seconds > unit_s:
            return many, str(math.ceil(seconds / unit_s))
        if seconds > unit_s * 2 / 3:
            return one, "1"
    return "a moment", ""


def _safe_size(value: object) -> tuple[str, str] | None:
    size = _number(value)
    return ("{n}", f"{size:g}") if size is not None and 0 < size < _SIZE_MB_MAX else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e12 else None  # noqa: PLR2004 - so that nan falls out too


_UNITS: Final = (
    (3600, "about an hour", "about {n} hours"),
    (60, "about a minute", "about {n} minutes"),
    (1, "a moment", "about {n} seconds"),
)
_SAFE: Final[Mapping[str, Callable[[object], tuple[str, str] | None]]] = {
    "file_name": _safe_as(_FILE_NAME),
    "what": _safe_as(_KIND),
    "command": _safe_as(_COMMAND),
    "wait": _safe_wait,
    "size_mb": _safe_size,
}


def catalogue() -> dict[tuple[str, str], None]:
    """Give every (context, English text) a translation covers, in order, for the catalogue files."""
    entries: dict[tuple[str, str], None] = {}
    for key, template in TEMPLATES.items():
        entries[f"{key} text", template.text] = None
        if template.follow_up is not None:
            entries[f"{key} follow_up", template.follow_up] = None
    for template in TEMPLATES.values():
        entries |= {("button", button.label): None for button in template.buttons}
    entries |= {("button", label): None for label in BUTTONS}
    entries |= {("value", words): None for words in VALUES.values()}
    entries |= {("value", words): None for _, *forms in _UNITS for words in forms}
    return entries | {(f"{key} phrase", text): None for key, text in PHRASES.items() if isinstance(text, str)}


def plurals() -> dict[tuple[str, str, str], None]:
    """Give every (context, English text of one, English text of many) a translation covers, in order."""
    return {(f"{key} phrase", *text): None for key, text in PHRASES.items() if isinstance(text, tuple)}


def _word(value: object) -> str:
    """Give an enum's name or a text in lower case, as keys have it."""
    name = getattr(value, "name", value)
    return name.lower() if isinstance(name, str) else ""


@lru_cache(maxsize=64)
def _manager(language: str | None, folder: Path) -> UserMessageManager:
    return UserMessageManager(language, folder)


@lru_cache(maxsize=64)
def translation(language: str | None, folder: Path) -> gettext.NullTranslations:
    """Give the catalogue of a language, of its parts from the right, or none: then English stands as it is."""
    if language is None or not _LANGUAGE.fullmatch(language):
        return gettext.NullTranslations()
    parts = language.replace("-", "_").split("_")
    cased = [parts[0].lower(), *(_subtag(part) for part in parts[1:])]
    names = ["_".join(cased[:length]) for length in range(len(cased), 0, -1)]
    try:
        return gettext.translation(DOMAIN, str(folder), names, fallback=True)
    except (OSError, ValueError, struct.error, LookupError):
        return gettext.NullTranslations()


def _subtag(part: str) -> str:
    """Spell a region or script as folders of catalogues have it: BR, Latn."""
    return part.title() if len(part) == 4 else part.upper()  # noqa: PLR2004 - a script has four letters
