"""What a message names beside its kind: which invoice, which supplier, when, how much, in what form."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any, Final, Literal

from msgspec.structs import replace

from invoices.intents.corrections import Said
from invoices.intents.days import FoundDay, FoundPeriod, days_of
from invoices.intents.figures import FoundAmount, figures_of
from invoices.intents.intent import Correction, ExportFormat, Intent, Kind, Period
from invoices.intents.names import names_of
from invoices.intents.periods import periods_of
from invoices.intents.plain import plain
from invoices.intents.vocabulary import Vocabulary, whole_words

_FORMATS: Final[tuple[ExportFormat, ...]] = ("csv", "json", "ubl", "xlsx")
# How many of the largest are told where nobody says how many, and at most.
_ORDERED: Final = 5
_ORDERED_MAX: Final = 50
_FILTERING: Final = frozenset({Kind.LIST, Kind.SUM, Kind.COMPARE, Kind.EXPORT, Kind.DUE, Kind.OVERDUE})
_ABOUT_ONE: Final = frozenset(
    {
        Kind.CORRECT,
        Kind.SHOW,
        Kind.PAY,
        Kind.MARK_PAID,
        Kind.MARK_UNPAID,
        Kind.DELETE,
        Kind.REMIND,
        Kind.CONFIRM,
        Kind.EXPORT,
    }
)


@dataclass
class Slots:
    """The slots of one message in one language, each looked for when it is wanted."""

    said: Said
    words: Vocabulary
    today: dt.date
    known: Iterable[str]

    def _has(self, concept: str) -> bool:
        return self.words.pattern(concept).search(self.said.mended) is not None

    @cached_property
    def _found_periods(self) -> tuple[FoundPeriod, ...]:
        to_come = self._has("due") or self._has("owed")
        return periods_of(self.words.language).find(self.said.mended, self.today, to_come=to_come)

    @cached_property
    def periods(self) -> tuple[Period, ...]:
        """Every period that is named."""
        return tuple(found.period for found in self._found_periods)

    @property
    def period(self) -> Period | None:
        """The first of them."""
        return self.periods[0] if self.periods else None

    @cached_property
    def days(self) -> tuple[FoundDay, ...]:
        """Every day that is named."""
        return tuple(days_of(self.words.language).find(self.said.mended, self.today, "future"))

    @cached_property
    def amounts(self) -> tuple[FoundAmount, ...]:
        """Every amount that is named, those within days and periods left out."""
        times = [(found.start, found.end) for found in self._found_periods]
        times += [(found.start, found.end) for found in self.days]
        return tuple(
            found
            for found in figures_of(self.words.language).find(self.said.mended)
            if not any(start < found.end and found.start < end for start, end in times)
        )

    def _bound(self, words: str) -> Decimal | None:
        pattern = _ending(words)
        return next((it.value for it in self.amounts if pattern.search(self.said.mended[: it.start])), None)

    @cached_property
    def amount_min(self) -> Decimal | None:
        """As in "over 500"."""
        return self._bound(self.words.over)

    @cached_property
    def amount_max(self) -> Decimal | None:
        """As in "under 500"; the second of "between 100 and 500"."""
        bound = self._bound(self.words.under)
        if bound is not None or self._between is None:
            return bound
        return self._between[1]

    @cached_property
    def _between(self) -> tuple[Decimal, Decimal] | None:
        if len(self.amounts) < 2 or not _ending(self.words.between).search(self.said.mended[: self.amounts[0].start]):
            return None
        return self.amounts[0].value, self.amounts[1].value

    @cached_property
    def supplier(self) -> str | None:
        """The first supplier that is named."""
        return names_of(self.words.language).supplier(self.said.text, self.said.seen, self.known)

    @cached_property
    def seller(self) -> str | None:
        """Who has billed, in an invoice that is told: "from X", "X charged me", "new invoice: X"."""
        return names_of(self.words.language).seller(self.said.text, self.said.seen, self.known)

    @cached_property
    def called(self) -> str | None:
        """As in "the invoice is from Miller": whom it is from after all."""
        match = self.words.pattern("is_from").search(self.said.seen)
        return names_of(self.words.language).name_at(self.said.text, match.end()) if match else None

    @cached_property
    def told_amount(self) -> FoundAmount | None:
        """The amount of an invoice that is told: one with its currency or cents, else behind "for" or "over"."""
        marked = next((it for it in self.amounts if it.is_marked and it.value > 0), None)
        if marked is not None:
            return marked
        before = _ending(f"{self.words.over}|{self.words.from_names}")
        return next((it for it in self.amounts if it.value > 0 and before.search(self.said.mended[: it.start])), None)

    def names_field(self, name: str) -> bool:
        """Whether a field is named."""
        return whole_words_of(self.words.fields[name]).search(self.said.mended) is not None

    @cached_property
    def suppliers(self) -> tuple[str, ...]:
        """All suppliers that are named."""
        return names_of(self.words.language).suppliers(self.said.text, self.said.seen, self.known)

    @cached_property
    def number(self) -> str | None:
        """The number of an invoice."""
        number = names_of(self.words.language).number(self.said.text, self.said.seen)
        if number is None or any(
            number in self.said.text[found.start : found.end] for found in self.amounts if found.is_marked
        ):
            return None
        return number

    @cached_property
    def ordinal(self) -> int | None:
        """Which of a list."""
        return names_of(self.words.language).ordinal(self.said.mended)

    @property
    def names_one(self) -> bool:
        """Whether it names one invoice by itself."""
        return self.number is not None or self.ordinal is not None

    @property
    def has_filter(self) -> bool:
        """Whether it says which invoices."""
        return bool(self.periods or self.supplier or self.amount_min is not None or self.amount_max is not None)

    @cached_property
    def format(self) -> ExportFormat | None:
        """In what form invoices are wanted."""
        return next((name for name in _FORMATS if self._has(name)), None)

    @cached_property
    def new_language(self) -> str | None:
        """A language by its name."""
        return next(
            (code for code, names in self.words.languages.items() if whole_words_of(names).search(self.said.mended)),
            None,
        )

    @cached_property
    def currency_named(self) -> str | None:
        """A currency by its name, code or sign."""
        return figures_of(self.words.language).currency_in(self.said.mended)

    @cached_property
    def days_before(self) -> int | None:
        """As in "3 days before"."""
        unit, week = plain(self.words.units["day"]), plain(self.words.units["week"])
        pattern = _compiled(
            rf"(?<!\w)(?P<n>{self.words.number_pattern}) (?:(?P<week>{week})|{unit}) (?:\w+ )?(?:{plain(self.words.before_due)})(?!\w)"
        )
        match = pattern.search(self.said.mended)
        count = self.words.number_of(match["n"]) if match else None
        if match is None or count is None:
            return None
        return min(365, count * (7 if match["week"] else 1))

    @property
    def reference(self) -> Literal["it", "last", "all"] | None:
        """As in "it", "the last one", "all of them"."""
        if self._has("last_one"):
            return "last"
        if self._has("all") and not self._has("invoice"):
            return "all"
        return "it" if self._has("it") else None

    def _paid_day(self) -> dt.date | None:
        days = list(days_of(self.words.language).find(self.said.mended, self.today, "past"))
        return days[0].day if days and days[0].day <= self.today else None

    def filled(self, kind: Kind) -> Intent:
        """The intent with the slots that its kind reads."""
        values: dict[str, Any] = {"language": self.words.language}
        if kind in _ABOUT_ONE:
            values |= self._which_one(kind)
        if kind in _FILTERING:
            values |= self._which_ones(kind)
        match kind:
            case Kind.MARK_PAID:
                values["when"] = self._paid_day()
            case Kind.REMIND:
                values |= {"when": self.days[0].day if self.days else None, "days_before": self.days_before}
                values["when"] = None if values["days_before"] is not None else values["when"]
            case Kind.EXPORT:
                values["format"] = self.format
            case Kind.SET_LANGUAGE:
                values["new_language"] = self.new_language
            case Kind.SET_CURRENCY:
                values["currency"] = self.currency_named
            case _:
                pass
        return Intent(kind, **values)

    def _which_one(self, kind: Kind) -> dict[str, Any]:
        if kind is Kind.CORRECT:
            return {"reference": self.reference, "supplier": self.seller}
        return {
            "number": self.number,
            "ordinal": self.ordinal,
            "reference": self.reference,
            "supplier": self.supplier if kind not in (Kind.CONFIRM, Kind.REMIND) or self.known else None,
        }

    def _which_ones(self, kind: Kind) -> dict[str, Any]:
        periods = self.periods
        of_due = kind in (Kind.DUE, Kind.OVERDUE) or self._has("due")
        values: dict[str, Any] = {
            "supplier": self.supplier,
            "period": periods[0] if kind is Kind.COMPARE and periods else _together(periods),
            "period_of": "due" if of_due else "issued",
            "amount_min": self._between[0] if self._between else self.amount_min,
            "amount_max": self.amount_max,
            "currency": self.currency_named
            if not self.amounts
            else next((it.currency for it in self.amounts if it.currency), None),
            "is_paid": None,
            "type": "credit_note" if self._has("credit_note") else None,
        }
        if kind is Kind.COMPARE:
            values |= {
                "compared_period": periods[1] if len(periods) > 1 else None,
                "compared_supplier": self.suppliers[1] if len(self.suppliers) > 1 else None,
            }
        return values

    def with_corrections(self, intent: Intent, corrections: Sequence[Correction]) -> Intent:
        """Of the invoice that is named apart from the values."""
        values = " ".join(correction.value for correction in corrections)
        is_value = self.number is not None and self.number in values
        number = None if is_value or any(it.field == "number" for it in corrections) else self.number
        supplier = intent.supplier
        if supplier is not None and (supplier in values or any(it.field == "seller.name" for it in corrections)):
            supplier = None
        return replace(
            intent,
            corrections=tuple(corrections),
            number=number,
            ordinal=None if corrections else self.ordinal,
            supplier=supplier,
        )

    def with_order(self, intent: Intent, *, is_largest: bool) -> Intent:
        """Only so many of the largest, or of the smallest; one where one is asked for."""
        numbers = _compiled(rf"(?<![\w.,])({self.words.number_pattern})(?![\w.,])")
        ends = max((found.end for found in self._found_periods), default=0)
        counts = [
            self.words.number_of(match[1])
            for match in numbers.finditer(self.said.mended)
            if ends <= match.start() or not self._found_periods
        ]
        many = next((count for count in counts if count and 1 < count <= _ORDERED_MAX), None)
        several = many or (_ORDERED if self._has("invoices") else 1)
        return replace(intent, order="largest" if is_largest else "smallest", at_most=several, supplier=self.seller)

    def told(self, corrections: Sequence[Correction]) -> tuple[Correction, ...]:
        """The fields of an invoice told in words: those with their labels, and what stands without one."""
        found = list(corrections)
        named = {correction.field for correction in found}
        amount = self.told_amount
        if not named & {"gross", "net", "payable"} and amount is not None:
            found.append(Correction("gross", str(amount.value)))
        currency = amount.currency if amount is not None and amount.currency else self.currency_named
        if "currency" not in named and currency is not None:
            found.append(Correction("currency", currency))
        seller = self.seller or self.supplier
        if "seller.name" not in named and seller is not None:
            found.append(Correction("seller.name", seller))
        is_amount = amount is not None and self.number is not None and self.number in str(amount.value)
        if "number" not in named and self.number is not None and not is_amount:
            found.append(Correction("number", self.number))
        found += self._days_told(named)
        return tuple(found)

    def _days_told(self, named: Collection[str]) -> list[Correction]:
        """Days without a label: one to come is when it is due, one that is written out and over its date."""
        told: list[Correction] = []
        near = list(days_of(self.words.language).find(self.said.mended, self.today, "near"))
        written = [it.day for it in near if _has_digit(self.said.mended[it.start : it.end])]
        days = written or [it.day for it in self.days]
        to_come = next((day for day in days if day > self.today), None)
        if "due_date" not in named and to_come is not None:
            told.append(Correction("due_date", to_come.isoformat()))
        over = next((day for day in written if day <= self.today), None)
        if not {"issue_date", "due_date"}.intersection(named) and to_come is None and over is not None:
            told.append(Correction("issue_date", over.isoformat()))
        return told

    def with_reminders(self, intent: Intent, *, is_on: bool) -> Intent:
        """Switched on or off."""
        return replace(intent, is_on=is_on, days_before=self.days_before)

    def with_paid(self, intent: Intent, *, is_paid: bool) -> Intent:
        """Only those that are paid, or are not."""
        return replace(intent, is_paid=is_paid)


def _has_digit(text: str) -> bool:
    return any(letter.isdigit() for letter in text)


def _together(periods: Sequence[Period]) -> Period | None:
    """As in "October and November": one stretch, where each follows the one before; else the first."""
    if not periods:
        return None
    for before, after in pairwise(periods):
        if before.last is None or after.first is None or (after.first - before.last).days != 1:
            return periods[0]
    return Period(periods[0].first, periods[-1].last)


@lru_cache(maxsize=256)
def whole_words_of(names: str) -> re.Pattern[str]:
    """`whole_words`, compiled once."""
    return whole_words(names)


@lru_cache(maxsize=64)
def _ending(words: str) -> re.Pattern[str]:
    """Any of the words at the end of a text."""
    return re.compile(rf"(?<![\w])(?:{plain(words)}) ?$")


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
