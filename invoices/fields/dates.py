"""Dates as six languages (and Polish) print them. A date that can be read in two ways stays undecided."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_MONTHS: Final = {
    1: "january januar jänner janvier enero gennaio januari jan ene gen stycznia janv",
    2: "february februar février fevrier febrero febbraio februari feb fév fev févr fevr lutego",
    3: "march märz maerz mars marzo maart mar mär mrz mrt marca",
    4: "april avril abril aprile apr avr abr kwietnia",
    5: "may mai mayo maggio mei mag maja",
    6: "june juni juin junio giugno jun giu czerwca",
    7: "july juli juillet julio luglio jul juil lug lipca",
    8: "august août aout agosto augustus aug ago sierpnia",
    9: "september septembre septiembre settembre sep sept set września",
    10: "october oktober octobre octubre ottobre oct okt ott października",
    11: "november novembre noviembre nov listopada",
    12: "december dezember décembre decembre diciembre dicembre dec dez déc dic grudnia",
}
MONTH_OF: Final = {name: month for month, names in _MONTHS.items() for name in names.split()}
_NAME: Final = "|".join(sorted(MONTH_OF, key=len, reverse=True))
_DATE: Final = re.compile(
    rf"""(?<![\d.,/\-])(?:
      (?P<iso>(?P<iy>\d{{4}})[-./](?P<im>\d{{1,2}})[-./](?P<id>\d{{1,2}}))
    | (?P<num>(?P<a>\d{{1,2}})(?P<sep>[./\-])\s?(?P<b>\d{{1,2}})(?P=sep)\s?(?P<ny>\d{{4}}|\d{{2}}))
    | (?P<dmy>(?P<dd>\d{{1,2}})(?:\.|st|nd|rd|th|er|º|\.º)?[\s\-]*(?:de\s+|of\s+)?
        (?P<dm>{_NAME})\b\.?,?[\s\-]*(?:de[l]?\s+)?(?P<dy>\d{{4}}|\d{{2}}(?!\d)))
    | (?P<mdy>\b(?P<mm>{_NAME})\b\.?\s+(?P<md>\d{{1,2}})(?:st|nd|rd|th)?\s?,?\s+(?P<my>\d{{4}}))
    )(?!\d|[./\-]\d)""",
    re.IGNORECASE | re.VERBOSE,
)
_CENTURY: Final = 2000
_MONTHS_MAX: Final = 12
_YEARS: Final = range(1990, 2100)


@dataclass(frozen=True, slots=True)
class FoundDate:
    """A date in a text. other: its second reading (month first), when both are dates and differ."""

    value: dt.date
    start: int
    end: int
    other: dt.date | None = None
    month_first: bool = False


def find_dates(text: str) -> Iterator[FoundDate]:
    """Every date in a text, numeric ones read day first unless only month first makes a date."""
    for match in _DATE.finditer(text):
        found = _read(match)
        if found is not None:
            yield found


def _read(match: re.Match[str]) -> FoundDate | None:
    start, end = match.span()
    if match["iso"]:
        return _plain(_date(match["iy"], match["im"], match["id"]), start, end)
    if match["dmy"]:
        return _plain(_date(match["dy"], str(MONTH_OF[match["dm"].lower()]), match["dd"]), start, end)
    if match["mdy"]:
        return _plain(_date(match["my"], str(MONTH_OF[match["mm"].lower()]), match["md"]), start, end)
    return _numeric(match, start, end)


def _numeric(match: re.Match[str], start: int, end: int) -> FoundDate | None:
    day_first = _date(match["ny"], match["b"], match["a"])
    # Nobody writes the month first with dots.
    month_first = None if match["sep"] == "." else _date(match["ny"], match["a"], match["b"])
    if day_first is None:
        return None if month_first is None else FoundDate(month_first, start, end, month_first=True)
    other = month_first if month_first not in {None, day_first} else None
    return FoundDate(day_first, start, end, other)


def _plain(value: dt.date | None, start: int, end: int) -> FoundDate | None:
    return None if value is None else FoundDate(value, start, end)


def _date(year: str, month: str, day: str) -> dt.date | None:
    full_year = int(year) + _CENTURY if len(year) <= 2 else int(year)
    if full_year not in _YEARS or int(month) > _MONTHS_MAX:
        return None
    try:
        return dt.date(full_year, int(month), int(day))
    except ValueError:
        return None
