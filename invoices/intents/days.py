"""Days and periods as people say them, against the day on which they say it: "next Friday", "since 1 May", "Q2"."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from invoices.intents.intent import Period
from invoices.intents.plain import plain
from invoices.intents.vocabulary import VOCABULARIES, Vocabulary

Leaning: TypeAlias = Literal["past", "near", "future"]
"""Where a day without its year lies: on or before today, nearest to it, or on or after it."""

_NUMERIC: Final = (
    r"(?:(?P<iso>\d{4}-\d{2}-\d{2})|(?P<nd>\d{1,2})[./-](?P<nm>\d{1,2})(?:[./-](?P<ny>\d{4}|\d{2}))?\.?(?!\d))"
)
_YEAR_NOW: Final = r"(?:19|20)\d\d"


@dataclass(frozen=True, slots=True)
class FoundDay:
    """A day, and where it stands in the text."""

    day: dt.date
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class FoundPeriod:
    """A period, and where it stands in the text."""

    period: Period
    start: int
    end: int


class Days:
    """Reads the days of one language."""

    def __init__(self, words: Vocabulary) -> None:
        """words: of the language."""
        self._words = words
        self._months = [plain(names) for names in words.months]
        self._weekdays = [plain(names) for names in words.weekdays]
        month, weekday, number = "|".join(self._months), "|".join(self._weekdays), words.number_pattern
        day, week = plain(words.units["day"]), plain(words.units["week"])
        unit = "|".join(f"(?P<{name}>{plain(names)})" for name, names in words.units.items() if name in _AHEAD_UNITS)
        this_or_next = "|".join(plain(text) for text in (words.following, words.this))
        self._day = re.compile(
            rf"(?<![\w.,/-])(?:{_NUMERIC}"
            rf"|(?P<dm>\d{{1,2}})(?:st|nd|rd|th|er|\.|º)? ?(?:of |de |)?(?P<mon>{month})\.?(?:,? (?:de |del )?(?P<dmy>{_YEAR_NOW}))?(?!\w)"
            rf"|(?P<mon2>{month})\.? (?P<md>\d{{1,2}})(?:st|nd|rd|th)?(?:,? (?P<mdy>{_YEAR_NOW}))?(?![\w%])"
            rf"|(?P<today>{plain(words.today)})(?!\w)|(?P<yesterday>{plain(words.yesterday)})(?!\w)"
            rf"|(?P<tomorrow>{plain(words.tomorrow)})(?!\w)"
            rf"|(?:{plain(words.ahead)}) (?P<ahead>{number}) (?:{unit})(?!\w)"
            rf"|(?P<end>{plain(words.end_of)})(?:(?P<endmonth>{plain(words.units['month'])})"
            rf"|(?P<endyear>{plain(words.units['year'])}))?(?!\w)"
            rf"|(?:(?P<which>{plain(words.previous)}|{this_or_next}) )?(?P<weekday>{weekday})"
            rf"(?: (?P<which2>{plain(words.previous)}|{this_or_next}))?(?!\w))"
        )
        self._ago = re.compile(
            rf"(?<!\w)(?:(?:{plain(words.ago)}) (?P<n>{number}) (?P<u>{day}|{week})"
            rf"|(?P<n2>{number}) (?P<u2>{day}|{week}) (?:{plain(words.ago)}))(?!\w)"
        )
        self._week = re.compile(rf"(?:{week})$")

    def find(self, text: str, today: dt.date, leaning: Leaning = "near") -> Iterator[FoundDay]:
        """Each day of a plain text, in its order."""
        taken = 0
        for match in self._ago.finditer(text):
            count = self._words.number_of(match["n"] or match["n2"]) or 1
            unit = match["u"] or match["u2"]
            days = count * 7 if self._week.match(unit) else count
            yield FoundDay(today - dt.timedelta(days=min(days, 3660)), match.start(), match.end())
            taken = match.end()
        for match in self._day.finditer(text, taken):
            day = self._read(match, today, leaning)
            if day is not None:
                yield FoundDay(day, match.start(), match.end())

    def _read(  # noqa: PLR0911 - one return a way of saying it
        self, match: re.Match[str], today: dt.date, leaning: Leaning
    ) -> dt.date | None:
        if match["today"]:
            return today
        if match["yesterday"]:
            return today - dt.timedelta(days=1)
        if match["tomorrow"]:
            return today + dt.timedelta(days=1)
        if match["ahead"]:
            return self._ahead(match, today)
        if match["weekday"]:
            return self._weekday(match, today, leaning)
        if match["end"]:
            return end_of(today, year=bool(match["endyear"])) if match["endmonth"] or match["endyear"] else None
        try:
            if match["iso"]:
                return dt.date.fromisoformat(match["iso"])
            if match["nd"]:
                return _numeric(match, today, leaning)
            month = self.month_of(match["mon"] or match["mon2"])
            return dated(int(match["dm"] or match["md"]), month, match["dmy"] or match["mdy"], today, leaning)
        except ValueError:
            return None

    def _ahead(self, match: re.Match[str], today: dt.date) -> dt.date:
        count = min(self._words.number_of(match["ahead"]) or 1, 3660)
        if match["day"]:
            return today + dt.timedelta(days=count)
        if match["week"]:
            return today + dt.timedelta(weeks=min(count, 520))
        if match["month"]:
            return months_on(today, min(count, 120))
        return months_on(today, 12 * min(count, 10))

    def _weekday(self, match: re.Match[str], today: dt.date, leaning: Leaning) -> dt.date | None:
        wanted = next(at for at, names in enumerate(self._weekdays) if re.fullmatch(names, match["weekday"]))
        which = match["which"] or match["which2"] or ""
        back = (today.weekday() - wanted) % 7 or 7
        if re.fullmatch(plain(self._words.previous), which) or (leaning == "past" and not which):
            return today - dt.timedelta(days=back)
        return today + dt.timedelta(days=(wanted - today.weekday()) % 7 or 7)

    def month_of(self, name: str) -> int:
        """The number of a month by its name."""
        return next(at for at, names in enumerate(self._months, 1) if re.fullmatch(names, name))


_AHEAD_UNITS: Final = ("day", "week", "month", "year")


def _numeric(match: re.Match[str], today: dt.date, leaning: Leaning) -> dt.date | None:
    """Day before month, as nearly all of the world has it, unless that cannot be."""
    day, month = int(match["nd"]), int(match["nm"])
    if month > 12 >= day:
        day, month = month, day
    if not match["ny"] and not 1 <= month <= 12:
        return None
    return dated(day, month, match["ny"], today, leaning)


def dated(day: int, month: int, year: str | None, today: dt.date, leaning: Leaning) -> dt.date:
    """A day, its year found where it is not said. Raises ValueError for a day that no year has."""
    if year:
        return dt.date(int(year) + (2000 if len(year) == 2 else 0), month, day)
    around = [dt.date(at, month, day) for at in range(today.year - 1, today.year + 2) if _exists(at, month, day)]
    if not around:
        raise ValueError("no such day near today")
    if leaning == "past":
        around = [it for it in around if it <= today] or around
    elif leaning == "future":
        around = [it for it in around if it >= today] or around
    return min(around, key=lambda it: abs(it - today))


def _exists(year: int, month: int, day: int) -> bool:
    return 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]


def end_of(day: dt.date, *, year: bool) -> dt.date:
    """The last day of its month or year."""
    return dt.date(day.year, 12, 31) if year else day.replace(day=calendar.monthrange(day.year, day.month)[1])


def months_on(day: dt.date, months: int) -> dt.date:
    """So many months later, or earlier when negative; the last day of a month that is shorter."""
    at = day.year * 12 + day.month - 1 + months
    year, month = divmod(at, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


@lru_cache(maxsize=8)
def days_of(language: str) -> Days:
    """The reader of a language's days."""
    return Days(VOCABULARIES[language])
