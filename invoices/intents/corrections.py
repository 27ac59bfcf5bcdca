"""Which fields of an invoice a message gives values for: "the total is 120.50", "it's due next Friday"."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, cast

from invoices.fields.identifiers import compact
from invoices.intents.days import Leaning, days_of
from invoices.intents.figures import figures_of
from invoices.intents.intent import CORRECTIONS_MAX, Correction, FieldName
from invoices.intents.plain import CHARS_MAX, plain
from invoices.intents.vocabulary import VOCABULARIES, Vocabulary, whole_words

AMOUNTS: Final = frozenset({"net", "tax", "gross", "payable"})
DATES: Final = frozenset({"issue_date", "due_date"})
NAMES: Final = frozenset({"seller.name", "buyer.name"})

_NAME_CHARS_MAX: Final = 80
_TOKEN: Final = re.compile(r"[\"'«„“]?(#?[\w][\w./-]*)")
_IBAN: Final = re.compile(r"[a-zA-Z]{2}\d{2}(?: ?[a-zA-Z0-9]){10,30}")
_VAT_ID: Final = re.compile(r"[a-zA-Z]{2,3}[- ]?[\w.]{6,14}|[a-zA-Z]\d{8}|\d{8}[a-zA-Z]")
_NAME: Final = re.compile(r"[\"'«„“]?\s*([^,;!?\n\"»“”]{1,80})")


@dataclass(frozen=True, slots=True)
class Said:
    """One message as the rules of one language see it. places: of `mended` in `text` and `seen`."""

    text: str
    seen: str
    mended: str
    places: list[int]

    def original(self, start: int, end: int) -> str:
        """What stands in the message itself at places of `mended`."""
        return self.text[self.places[start] : self.places[end]]


def said_in(text: str, language: str, *, mends: bool = True) -> Said:
    """Prepare the beginning of a message. mends: mistyped words are put right."""
    clipped = text[:CHARS_MAX].strip()
    seen = plain(clipped)
    if not mends:
        return Said(clipped, seen, seen, list(range(len(seen) + 1)))
    mended, places = VOCABULARIES[language].typos.mended_with_places(seen)
    return Said(clipped, seen, mended, places)


@dataclass(frozen=True, slots=True)
class _Label:
    field: FieldName
    start: int
    end: int


class Corrections:
    """Reads the values of one language."""

    def __init__(self, words: Vocabulary) -> None:
        """words: of the language."""
        self._words = words
        self._days, self._figures = days_of(words.language), figures_of(words.language)
        self._labels: list[tuple[FieldName, re.Pattern[str]]] = [
            (cast("FieldName", name), whole_words(labels)) for name, labels in words.fields.items()
        ]
        self._link = re.compile(rf"(?:[\s,:=]|(?:{plain(words.links)})(?!\w))*")
        self._name_link = re.compile(r"\w|:|=")
        self._verb = re.compile(rf"[^,;.!?]{{1,40}}?(?<!\w)(?:{_VERBS})(?!\w)")
        self._ends_name = re.compile(rf"\s+(?:{plain(words.conjunction)})\s")

    def find(self, said: Said, today: dt.date) -> tuple[Correction, ...]:
        """Each field that is named together with a value, in the order of the message."""
        found: list[Correction] = []
        labels = self._named(said.mended)
        for at, label in enumerate(labels):
            stop = labels[at + 1].start if at + 1 < len(labels) else len(said.mended)
            value = self._value_after(said, label, stop, today)
            if value is None and label.field == "due_date":
                value = self._day_before(said.mended, label.start, today)
            if value is not None and all(other.field != label.field for other in found):
                found.append(Correction(label.field, value))
        return tuple(found[:CORRECTIONS_MAX])

    def bare(self, said: Said, field: FieldName, today: dt.date) -> str | None:
        """The value of one field that was asked for, in a message that holds little else."""
        text = said.mended
        link = self._link.match(text)
        start = link.end() if link else 0
        if field in AMOUNTS:
            return next((str(found.value) for found in self._figures.find(text)), None)
        if field in DATES:
            return next((found.day.isoformat() for found in self._days.find(text, today, _leaning(field))), None)
        if field in NAMES:
            start = 0
        return self._value_at(said, field, start, len(text), today)

    def _named(self, text: str) -> list[_Label]:
        """Labels in their order; of those that overlap the longest."""
        labels = [
            _Label(field, match.start(), match.end())
            for field, pattern in self._labels
            for match in pattern.finditer(text)
        ]
        labels.sort(key=lambda it: (it.start - it.end, it.start))
        kept: list[_Label] = []
        for label in labels:
            if all(label.end <= other.start or other.end <= label.start for other in kept):
                kept.append(label)
        return sorted(kept, key=lambda it: it.start)

    def _value_after(self, said: Said, label: _Label, stop: int, today: dt.date) -> str | None:
        link = self._link.match(said.mended, label.end)
        start = link.end() if link else label.end
        value = None
        if label.field not in NAMES or self._name_link.search(said.mended[label.end : start]):
            value = self._value_at(said, label.field, start, stop, today) if start < stop else None
        return value if value is not None and not self._is_which(value) else self._after_verb(said, label, stop, today)

    def _is_which(self, value: str) -> bool:
        """Whether a name is none but says which invoice is meant: "of the last one is Foo"."""
        return any(self._words.pattern(name).match(plain(value)) for name in ("last_one", "it", "invoice"))

    def _after_verb(self, said: Said, label: _Label, stop: int, today: dt.date) -> str | None:
        """The value behind "is", where between the label and that it says of which invoice."""
        verb = self._verb.match(said.mended, label.end, stop)
        if verb is None:
            return None
        link = self._link.match(said.mended, verb.end())
        start = link.end() if link else verb.end()
        return self._value_at(said, label.field, start, stop, today) if start < stop else None

    def _value_at(self, said: Said, field: FieldName, start: int, stop: int, today: dt.date) -> str | None:
        text = said.mended
        if field in AMOUNTS:
            return self._amount_at(text, start)
        if field in DATES:
            days = self._days.find(text[start : start + 40], today, _leaning(field))
            return next((found.day.isoformat() for found in days if found.start <= _ARTICLE), None)
        if field == "currency":
            return self._figures.currency_in(text[start : start + 20])
        typed = said.original(start, len(text))
        if field in NAMES:
            return self._name(typed if stop >= len(text) else said.original(start, stop))
        return _token(field, typed)

    def _amount_at(self, text: str, start: int) -> str | None:
        found = next((it for it in self._figures.find(text[start : start + 40]) if it.start == 0), None)
        if found is None or (
            not found.is_marked and _looks_like_a_year(found.value) and not text[:start].rstrip().endswith(_IS)
        ):
            return None
        return str(found.value)

    def _day_before(self, text: str, end: int, today: dt.date) -> str | None:
        """As in "ist am Freitag fällig": the day stands before its label."""
        before = list(self._days.find(text[:end].rstrip(), today, "future"))
        return before[-1].day.isoformat() if before and before[-1].end == len(text[:end].rstrip()) else None

    def _name(self, typed: str) -> str | None:
        match = _NAME.match(typed.strip())
        if match is None:
            return None
        name = match[1].strip(" .'")
        name = self._ends_name.split(name)[0].strip() if len(name.split()) > 4 else name
        folded = plain(name).split()
        if not name or len(name) > _NAME_CHARS_MAX or all(word in self._words.common_words for word in folded):
            return None
        return name


_ARTICLE: Final = 4
_VERBS: Final = "is|should be|must be|to|ist|heist|lautet|auf|est|s'appelle|au|es|se llama|debe ser|al"
_IS: Final = ("is", "be", ":", "=", "ist", "est", "es", "to", "auf", "betragt", "lautet")


def _leaning(field: str) -> Leaning:
    return "future" if field == "due_date" else "past"


def _looks_like_a_year(value: object) -> bool:
    return bool(re.fullmatch(r"(?:19|20)\d\d", str(value)))


def _token(field: str, typed: str) -> str | None:
    if field == "iban":
        match = _IBAN.match(typed.strip())
        return compact(match[0]).upper() if match else None
    if field == "seller.vat_id":
        match = _VAT_ID.match(typed.strip())
        return compact(match[0]).upper() if match and any(letter.isdigit() for letter in match[0]) else None
    match = _TOKEN.match(typed.strip())
    if match is None:
        return None
    token = match[1].lstrip("#").rstrip(".,;:!?-/")
    return token if any(letter.isdigit() for letter in token) else None


@lru_cache(maxsize=8)
def corrections_of(language: str) -> Corrections:
    """The reader of a language's values."""
    return Corrections(VOCABULARIES[language])
