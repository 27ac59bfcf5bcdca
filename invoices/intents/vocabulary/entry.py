"""What one language brings to the rules: its words, under names that all languages share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from invoices.intents.plain import Typos, plain
from invoices.intents.vocabulary.ordinary import ORDINARY
from invoices.intents.vocabulary.spellings import words_of

CONCEPTS: Final = (
    "greeting", "thanks", "farewell", "yes", "no", "never_mind", "help", "capabilities", "retry",
    "show", "all", "which", "when_question", "question", "how_much", "spent", "sum", "compare", "than",
    "due", "owed", "overdue", "paid", "not_paid", "unpaid", "still", "mark", "delete", "export", "send",
    "csv", "xlsx", "json", "ubl", "speak", "currency_word", "by_default", "remind", "reminders", "off", "always",
    "invoice", "invoices", "credit_note", "last_one", "it", "arrived", "wrong", "right", "record", "about",
    "one_told", "got", "billed_me", "sold_by", "make_one", "pay_please", "keep", "not_save", "how_to",
    "meaning", "own", "will_pay", "misplaced", "most", "least", "average", "grouped", "is_from",
)  # fmt: skip
"""Every idea the rules know; a vocabulary says each of them."""


@dataclass(frozen=True)
class Vocabulary:
    """The words of one language. Alternatives stand as a regular expression has them, in their natural spelling.

    languages, currencies: by their codes. fields: labels by field name, the longer before the shorter. months,
    weekdays: from January, from Monday. numbers, ordinals: words from one, from first.
    """

    language: str
    common: str
    concepts: Mapping[str, str]
    languages: Mapping[str, str]
    currencies: Mapping[str, str]
    fields: Mapping[str, str]
    links: str
    months: tuple[str, ...]
    weekdays: tuple[str, ...]
    numbers: tuple[str, ...]
    ordinals: tuple[str, ...]
    units: Mapping[str, str]
    this: str
    previous: str
    following: str
    today: str
    yesterday: str
    tomorrow: str
    since: str
    until: str
    between: str
    conjunction: str
    within: str
    ahead: str
    ago: str
    end_of: str
    before_due: str
    quarter: str
    over: str
    under: str
    thousand: str
    from_names: str
    decimal_comma: bool
    patterns: dict[str, re.Pattern[str]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Refuse a vocabulary with a gap: raises ValueError."""
        gaps = set(CONCEPTS) ^ set(self.concepts)
        if gaps:
            raise ValueError(f"{self.language} has too much or too little of {sorted(gaps)}")

    def pattern(self, name: str) -> re.Pattern[str]:
        """The compiled words of one concept, whole words only."""
        found = self.patterns.get(name)
        if found is None:
            found = self.patterns[name] = whole_words(self.concepts[name])
        return found

    @cached_property
    def common_words(self) -> frozenset[str]:
        """The words that tell the language: those that everybody uses all the time."""
        return frozenset(plain(self.common).split())

    @cached_property
    def typos(self) -> Typos:
        """All words there are, to mend mistyped ones."""
        return Typos(self.words, ORDINARY)

    @cached_property
    def words(self) -> frozenset[str]:
        """Every single word of this vocabulary, plain."""
        texts = [
            self.common, *self.concepts.values(), *self.languages.values(), *self.currencies.values(),
            *self.fields.values(), *self.months, *self.weekdays, *self.numbers, *self.ordinals, *self.units.values(),
            self.links, self.this, self.previous, self.following, self.today, self.yesterday, self.tomorrow, self.since,
            self.until, self.between, self.conjunction, self.within, self.ahead, self.ago, self.end_of,
            self.before_due, self.quarter, self.over, self.under, self.thousand, self.from_names,
        ]  # fmt: skip
        return frozenset(word for text in texts for word in words_of(plain(text)))

    def number_of(self, word: str) -> int | None:
        """A count in figures or words."""
        if word.isdecimal():
            return int(word[:6])
        return next((at for at, names in enumerate(self._number_words, 1) if word in names), None)

    @cached_property
    def _number_words(self) -> tuple[frozenset[str], ...]:
        return tuple(frozenset(plain(names).split("|")) for names in self.numbers)

    @cached_property
    def number_pattern(self) -> str:
        """Alternatives of `number_of`."""
        return r"\d{1,4}|" + "|".join(plain(names) for names in self.numbers)


def whole_words(alternatives: str) -> re.Pattern[str]:
    """Any of the alternatives, over a plain text, neither beginning nor ending within a word."""
    return re.compile(rf"(?<!\w)(?:{plain(alternatives)})(?!\w)")
