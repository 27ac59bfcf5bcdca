"""Periods as people say them: "in March", "last month", "this year", "since 1 May", "Q2", "the last 30 days"."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from invoices.intents.days import Days, FoundPeriod, days_of, end_of, months_on
from invoices.intents.intent import Period
from invoices.intents.plain import plain
from invoices.intents.vocabulary import VOCABULARIES, Vocabulary

_YEAR: Final = r"(?:19|20)\d\d"
_ARTICLE: Final = r"(?:the |den |dem |der |die |das |le |la |les |l'|el |los |las |all of )?"


class Periods:
    """Reads the periods of one language."""

    def __init__(self, words: Vocabulary, days: Days) -> None:
        """days: of the same language."""
        self._words, self._days = words, days
        unit = "|".join(f"(?P<{name}>{plain(names)})" for name, names in words.units.items())
        month = "|".join(plain(names) for names in words.months)
        turn = "|".join(
            f"(?P<{name}{{0}}>{plain(text)})"
            for name, text in (("previous", words.previous), ("following", words.following), ("this", words.this))
        )
        number = words.number_pattern
        ordinal = "|".join(f"(?P<o{at}>{plain(names)})" for at, names in enumerate(words.ordinals[:4], 1))
        self._period = re.compile(
            rf"(?<![\w.,/-])(?:{_ARTICLE}(?:(?:{turn.format(1)})[ -])?(?:(?P<count>{number}) )?(?:(?:{turn.format(2)}) )?"
            rf"(?:{unit})(?:[ -](?:{turn.format(3)}))?"
            rf"|(?P<yearbefore>vorjahr(?:es)?)|(?P<monthbefore>vormonat(?:s)?)|(?P<thatbefore>(?<=con el )anterior)"
            rf"|[qt] ?(?P<q>[1-4])(?: (?:of |de |del |)?(?P<qy>{_YEAR}))?"
            rf"|{_ARTICLE}(?:{ordinal})(?: quarter|[ ]quartal|[ ]trimestre)(?: (?:of |de |del |)?(?P<oy>{_YEAR}))?"
            rf"|(?P<month2>{month})(?:\.?,? (?:of |de |del |)?(?P<my>{_YEAR}))?"
            rf"|(?P<y>{_YEAR}))(?![\w%])(?![.,/-]\d)"
        )
        self._since = re.compile(rf"(?<!\w)(?:{plain(words.since)}) {_ARTICLE}$")
        self._until = re.compile(rf"(?<!\w)(?:{plain(words.until)}) {_ARTICLE}$")
        self._between = re.compile(rf"(?<!\w)(?:{plain(words.between)}) {_ARTICLE}$")
        self._joined = re.compile(rf" *(?:{plain(words.conjunction)}) *{_ARTICLE}")

    def find(self, text: str, today: dt.date, *, to_come: bool = False) -> tuple[FoundPeriod, ...]:
        """Each period of a plain text, in its order. to_come: of due dates, which lie ahead as a rule."""
        whole = [found for found in self._plain_ones(text, today, to_come=to_come) if found is not None]
        days = [
            FoundPeriod(Period(found.day, found.day), found.start, found.end)
            for found in self._days.find(text, today, "future" if to_come else "past")
        ]
        apart = [day for day in days if not any(_overlap(day, it) for it in whole)]
        longer = [day for day in days if any(_overlap(day, it) and _length(day) > _length(it) for it in whole)]
        kept = [it for it in whole if not any(_overlap(day, it) for day in longer)]
        return tuple(self._spans(text, sorted([*apart, *longer, *kept], key=lambda it: it.start)))

    def _spans(self, text: str, found: list[FoundPeriod]) -> Iterator[FoundPeriod]:
        """Join "between A and B", open "since A" and "until B"."""
        at = 0
        while at < len(found):
            this, before = found[at], text[: found[at].start]
            following = found[at + 1] if at + 1 < len(found) else None
            opens = self._between.search(before)
            if following and opens and self._joined.fullmatch(text[this.end : following.start]):
                yield FoundPeriod(_joined(this.period, following.period), opens.start(), following.end)
                at += 2
                continue
            at += 1
            if since := self._since.search(before):
                yield FoundPeriod(Period(this.period.first, None), since.start(), this.end)
            elif until := self._until.search(before):
                yield FoundPeriod(Period(None, this.period.last), until.start(), this.end)
            else:
                yield this

    def _plain_ones(self, text: str, today: dt.date, *, to_come: bool) -> Iterator[FoundPeriod | None]:
        for match in self._period.finditer(text):
            period = self._read(match, today, to_come=to_come)
            yield None if period is None else FoundPeriod(period, match.start(), match.end())

    def _read(self, match: re.Match[str], today: dt.date, *, to_come: bool) -> Period | None:
        if match["y"]:
            return _year(int(match["y"]))
        if match["q"]:
            return _quarter(int(match["q"]), match["qy"], today)
        ordinal = next((at for at in range(1, 5) if match[f"o{at}"]), 0)
        if ordinal:
            return _quarter(ordinal, match["oy"], today)
        if match["month2"]:
            return self._named_month(match, today, to_come=to_come)
        if match["yearbefore"]:
            return _year(today.year - 1)
        if match["monthbefore"] or match["thatbefore"]:
            return _unit_period("month", today, -1)
        return self._counted(match, today)

    def _named_month(self, match: re.Match[str], today: dt.date, *, to_come: bool) -> Period:
        month = self._days.month_of(match["month2"])
        if match["my"]:
            return _month(int(match["my"]), month)
        if to_come:
            return _month(today.year + (month < today.month), month)
        return _month(today.year - (month > today.month), month)

    def _counted(self, match: re.Match[str], today: dt.date) -> Period | None:
        unit = next(name for name in self._words.units if match[name])
        turns = {name: any(match[f"{name}{at}"] for at in (1, 2, 3)) for name in ("previous", "following", "this")}
        count = self._words.number_of(match["count"]) if match["count"] else None
        if count is not None:
            if turns["previous"]:
                return Period(_back(today, unit, count), today)
            return Period(today, _back(today, unit, -count)) if turns["following"] else None
        offset = -1 if turns["previous"] else 1 if turns["following"] else 0 if turns["this"] else None
        return None if offset is None else _unit_period(unit, today, offset)


def _joined(one: Period, other: Period) -> Period:
    """From the one to the other; the first takes the year of the last where it would come after it."""
    first, last = one.first, other.last
    if first is not None and last is not None and first > last:
        first = (
            first.replace(year=last.year, day=min(first.day, 28))
            if first.replace(day=1, year=last.year) <= last
            else last
        )
    return Period(first, last)


def _overlap(one: FoundPeriod, other: FoundPeriod) -> bool:
    return one.start < other.end and other.start < one.end


def _length(found: FoundPeriod) -> int:
    return found.end - found.start


def _year(year: int) -> Period:
    return Period(dt.date(year, 1, 1), dt.date(year, 12, 31))


def _month(year: int, month: int) -> Period:
    first = dt.date(year, month, 1)
    return Period(first, end_of(first, year=False))


def _quarter(quarter: int, year: str | None, today: dt.date) -> Period:
    """Of the year named, or the latest that has begun."""
    first_month = 3 * quarter - 2
    at = int(year) if year else today.year - (first_month > today.month)
    first = dt.date(at, first_month, 1)
    return Period(first, months_on(first, 3) - dt.timedelta(days=1))


def _unit_period(unit: str, today: dt.date, offset: int) -> Period:
    """This, the one before or the one after: of whole days, weeks from Monday, months, quarters or years."""
    match unit:
        case "day":
            day = today + dt.timedelta(days=offset)
            return Period(day, day)
        case "week":
            first = today - dt.timedelta(days=today.weekday()) + dt.timedelta(weeks=offset)
            return Period(first, first + dt.timedelta(days=6))
        case "month":
            first = months_on(today.replace(day=1), offset)
            return _month(first.year, first.month)
        case "quarter":
            first = months_on(dt.date(today.year, (today.month - 1) // 3 * 3 + 1, 1), 3 * offset)
            return Period(first, months_on(first, 3) - dt.timedelta(days=1))
        case _:
            return _year(today.year + offset)


def _back(today: dt.date, unit: str, count: int) -> dt.date:
    """So many units before a day; after it when negative."""
    count = max(-520, min(520, count))
    match unit:
        case "day":
            return today - dt.timedelta(days=count)
        case "week":
            return today - dt.timedelta(weeks=count)
        case "month":
            return months_on(today, -min(count, 120))
        case "quarter":
            return months_on(today, -3 * min(count, 40))
        case _:
            return months_on(today, -12 * min(count, 50))


@lru_cache(maxsize=8)
def periods_of(language: str) -> Periods:
    """The reader of a language's periods."""
    return Periods(VOCABULARIES[language], days_of(language))
