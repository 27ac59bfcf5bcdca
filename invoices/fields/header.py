"""Number, dates, currency and type: the fields of an invoice's head."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from invoices.fields.amounts import CODES, SYMBOLS, find_amounts
from invoices.fields.dates import FoundDate, find_dates
from invoices.fields.found import Found
from invoices.fields.labels import Index, Label, Near
from invoices.fields.vocabulary import CREDIT_WORD, INVOICE_WORD, REFERRING

_NUMBER_TOKEN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9./_\-#\\]*[A-Za-z0-9])?")
_LEAD: Final = re.compile(
    r"^[\s:.#\-\u2013]*(?:(?:n[°ºr.]|no\.?|nr\.?|nummer|number)(?![A-Za-z\-]))?[\s:.#°º]*", re.IGNORECASE
)
_GROUPED: Final = re.compile(r"\d{1,4}(?: \d{2,6})+")  # all of a cell: "88 1234 0091"
_PREFIX: Final = re.compile(r"^[A-Z]{1,5}$")
_TITLE_NUMBER: Final = re.compile(
    r"^\s*(?:[^\d]{0,60}?)(?:\(\d{2,3}\)\s*)?(?P<mark>nr|no|n[°º.]|number|nummer|#)\.?\s*:?\s*(?P<value>\S+)(?P<rest>.*)$",
    re.IGNORECASE,
)
_VOM: Final = re.compile(r"^\s*,?\s*(?:vom|von|dated?|of|du|del|de\s+fecha|van|z\s+dnia)\b\s*", re.IGNORECASE)
_CITY_DATE: Final = re.compile(r"^[A-ZÄÖÜ][\w.\- ]{2,30},\s*(?:den|am|le|li|a|op)?\s*$")
_TITLE_LINES_MAX: Final = 60
_NUMBER_CHARS_MAX: Final = 35
_SURE_GAP: Final = 0.1
_SURE_NUMBER: Final = 0.75
_DATE_START_MAX: Final = 40
_MONTHS: Final = 12
_OTHER_DOLLARS: Final = re.compile(
    r"\b(?:GST|HST|PST|ABN|ACN|AUD|CAD|NZD|SGD|HKD|MXN|Australia|Canada|New Zealand|Singapore|M[ée]xico|Hong Kong)\b"
)
_AMERICAN: Final = re.compile(
    r"\b(?:USD|United States|USA)\b|US\$|\b[Ss]ales [Tt]ax\b|\b[A-Z]{2} \d{5}(?:-\d{4})?(?![\w-])"
)
_EUROPEAN: Final = re.compile(r"€|£|\bEUR\b|\bGBP\b|\bCHF\b|\bVAT\b|\bIBAN\b")
_DISCOUNT: Final = re.compile(
    r"\b(?:skonto|skontierbar|discount|escompte|descuento|sconto|korting|rabatt|remise|abz[üu]glich\s+\d)|\d\s?%",
    re.IGNORECASE,
)
_IN_FULL: Final = re.compile(
    r"(?:ohne\s+abzug|rein\s+netto|\bnetto\b|without\s+deduction|\bnet\b|in\s+full|sans\s+escompte|sin\s+descuento|senza\s+sconto|zonder\s+korting)",
    re.IGNORECASE,
)
_TIME: Final = re.compile(r"(?:\d{1,2}:\d{2}(?::\d{2})?(?:\s*(?:Uhr|h|am|pm))?)?", re.IGNORECASE)
_HEAD_SEGMENTS: Final = 25  # a short text is all head
_CODE: Final = re.compile(rf"(?<![A-Za-z])({'|'.join(CODES)})(?![A-Za-z])")


@dataclass(frozen=True, slots=True)
class _Scored:
    value: str
    score: float
    page: int


def find_number(index: Index) -> Found | None:
    """The invoice number, when one candidate stands out."""
    scored = [*_labelled_numbers(index), *_titled_numbers(index)]
    best: dict[str, _Scored] = {}
    for candidate in scored:
        known = best.get(candidate.value)
        if known is None or candidate.score > known.score:
            best[candidate.value] = candidate
    ranked = sorted(best.values(), key=lambda candidate: -candidate.score)
    if not ranked or ranked[0].score < 0.5:
        return None
    rivals = [other for other in ranked[1:] if other.score > ranked[0].score - _SURE_GAP]
    confidence = min(0.97, ranked[0].score) - (0.25 if rivals else 0.0)
    return Found(ranked[0].value, confidence, ranked[0].page)


def numbers_of_pages(index: Index) -> dict[int, str]:
    """The number of an invoice that each page bears, where one does for sure."""
    best: dict[int, _Scored] = {}
    for candidate in (*_labelled_numbers(index), *_titled_numbers(index)):
        known = best.get(candidate.page)
        if candidate.score >= _SURE_NUMBER and (known is None or candidate.score > known.score):
            best[candidate.page] = candidate
    return {page: candidate.value for page, candidate in best.items()}


def _labelled_numbers(index: Index) -> Iterator[_Scored]:
    for label in index.of_kind("number"):
        if REFERRING.search(index.texts[label.segment][: label.start]):
            continue
        page = index.segments[label.segment].page
        early = 1.0 if page == 1 else 0.9
        for place in _places(index, label):
            value = _number_in(place.text)
            if value:
                yield _Scored(value, label.weight * place.factor * early, index.segments[place.segment].page)
                break


def _places(index: Index, label: Label) -> list[Near]:
    """Where one value of a label may stand, nearest first: after it, right of it, or in the first cells beneath."""
    beneath = [] if index.heads_a_table(label) else list(index.below(label, 3))[:2]
    return [index.after(label), *list(index.right(label))[:2], *beneath]


def _titled_numbers(index: Index) -> Iterator[_Scored]:
    """A number in the document's title: "Invoice 2020-17", "Handelsrechnung (380) Nr. 4711 vom 01.02.2020"."""
    for position, text in enumerate(index.texts[: _TITLE_LINES_MAX * 3]):
        word = INVOICE_WORD.search(text)
        if word is None or word.start() > 40 or len(text) > 120 or REFERRING.search(text[: word.start()]):
            continue
        page = index.segments[position].page
        rest = text[word.end() :]
        marked = _TITLE_NUMBER.match(rest)
        if marked and "zur" not in rest[: marked.start("mark")].split():
            value = _number_in(marked["value"])
            if value:
                dated = _VOM.match(marked["rest"]) is not None
                yield _Scored(value, 0.97 if dated else 0.85, page)
                continue
        value = _number_in(rest) if re.match(r"^\s*[:#]?\s*[A-Za-z]{0,6}[\-/]?\d", rest) else None
        if value and word.start() <= 12 and not list(find_dates(rest[:12])):
            yield _Scored(value, 0.8 if re.search(r"[A-Za-z\-/]", value) or len(value) > 4 else 0.55, page)
        elif not rest.strip(" :") and position + 1 < len(index.texts):
            yield from _number_right_of_title(index, position, page)


def _number_right_of_title(index: Index, position: int, page: int) -> Iterator[_Scored]:
    line = index.line(position)
    for other in [candidate for candidate in line if candidate > position][:1]:
        value = _number_in(index.texts[other])
        if value and value == index.texts[other].strip() and not index.labels[other]:
            yield _Scored(value, 0.6, page)


def _number_in(text: str) -> str | None:
    """The first token that can be an invoice number: it has a digit and is no date, amount or year alone."""
    body = _LEAD.sub("", text, count=1)
    if _GROUPED.fullmatch(body.strip()):
        return body.strip()
    tokens = list(_NUMBER_TOKEN.finditer(body))[:3]
    for place, token in enumerate(tokens):
        value = token[0].strip(".")
        if token.start() > 14 or len(value) > _NUMBER_CHARS_MAX:
            return None
        if not any(char.isdigit() for char in value):
            if place == 0 and _PREFIX.fullmatch(value) and len(tokens) > 1 and tokens[1].start() - token.end() == 1:
                following = tokens[1][0].strip(".")
                if any(char.isdigit() for char in following) and not list(find_dates(following)):
                    return f"{value} {following}"
            return None
        if _is_date_or_amount(body, token.start(), value):
            return None
        return value
    return None


def _is_date_or_amount(body: str, start: int, value: str) -> bool:
    if any(found.start <= start < found.end and found.end - found.start >= len(value) for found in find_dates(body)):
        return True
    return any(
        amount.start <= start < amount.end and (amount.decimals == 2 or amount.currency)
        for amount in find_amounts(body)
    )


def find_issue_date(index: Index, *, month_first: bool | None) -> Found | None:
    """The date of issue, when one candidate stands out and can be read in one way only."""
    candidates = [*_labelled_dates(index, "issue_date"), *_dates_of_title(index), *_letter_dates(index)]
    return _best_date(candidates, month_first=month_first)


def find_due_date(index: Index, *, month_first: bool | None) -> Found | None:
    """The date by which to pay."""
    return _best_date(list(_labelled_dates(index, "due_date")), month_first=month_first)


_Dated = tuple[FoundDate, float, int]


def _labelled_dates(index: Index, kind: str) -> Iterator[_Dated]:
    for label in index.of_kind(kind):
        if any(other.kind == "other_date" and other.start < label.start for other in index.labels[label.segment]):
            continue  # the date of something else: the next instalment, a discount
        for place in _places(index, label):
            if place.segment != label.segment and _belongs_elsewhere(index, place):
                continue
            found = next(iter(index.under(place, list(find_dates(place.text)))), None)
            near = place.segment == label.segment or (found is not None and found.start <= 25)
            if found is not None and kind == "due_date" and _is_discounted(place.text, found):
                found = next((other for other in find_dates(place.text) if not _is_discounted(place.text, other)), None)
            if found is not None and near and found.start <= _DATE_START_MAX:
                yield found, label.weight * place.factor, index.segments[place.segment].page
                break


def _is_discounted(text: str, found: FoundDate) -> bool:
    """Whether the sentence promises a discount for paying by a date: in its own part, or before the next one."""
    begin = max(text.rfind(mark, 0, found.start) for mark in ",;(")
    end = min((at for mark in ",;" if (at := text.find(mark, found.end)) >= 0), default=len(text))
    part = text[begin + 1 : end]
    if _IN_FULL.search(part):
        return False
    following = next((other.start for other in find_dates(text) if other.start > end), len(text))
    rest = text[end : max(text.rfind(",", end, following), end)] if following < len(text) else text[end:]
    return _DISCOUNT.search(part) is not None or _DISCOUNT.search(rest) is not None


def _belongs_elsewhere(index: Index, place: Near) -> bool:
    return any(label.kind in {"other_date", "issue_date", "due_date"} for label in index.labels[place.segment])


def _dates_of_title(index: Index) -> Iterator[_Dated]:
    """The date in a title such as "Rechnung Nr. 17 vom 01.02.2020", also on the next line."""
    for position, text in enumerate(index.texts[: _TITLE_LINES_MAX * 3]):
        word = INVOICE_WORD.search(text)
        if word is None or word.start() > 40 or len(text) > 120 or REFERRING.search(text[: word.start()]):
            continue
        page = index.segments[position].page
        for found in find_dates(text[word.end() :]):
            before = text[word.end() : word.end() + found.start]
            if re.search(r"\b(?:vom|von|dated?|of|du|del|van|dnia|at|on|le|am)\s*$", before, re.IGNORECASE):
                yield found, 0.95, page
        if position + 1 < len(index.texts):
            yield from _date_on_next_line(text, index.texts[position + 1], page)


def _date_on_next_line(title: str, following: str, page: int) -> Iterator[_Dated]:
    """The date of a title that is broken before or after the word "of"."""
    joined = re.search(r"\b(?:vom|dated|du|del|van)\s*$", title, re.IGNORECASE)
    word = re.match(r"^(?:vom|dated|du|del|van)\s+", following, re.IGNORECASE)
    found = next(find_dates(following), None)
    if found is not None and ((joined and found.start == 0) or (word and found.start == word.end())):
        yield found, 0.9, page


def _letter_dates(index: Index) -> Iterator[_Dated]:
    """A date that stands alone in the upper part of the first page, or after a place: "München, den 01.11.2024"."""
    first = [position for position, segment in enumerate(index.segments) if segment.page == 1]
    height = index.layout.pages[0].height if index.layout.pages else 0.0
    alone: list[tuple[FoundDate, int]] = []
    for position in first:
        text = index.texts[position]
        if index.segments[position].y0 > 0.5 * height and position > _HEAD_SEGMENTS:
            break
        found = next(find_dates(text), None)
        if found is None:
            continue
        if _CITY_DATE.match(text[: found.start]) and found.end >= len(text.rstrip()):
            yield found, 0.9, 1
        elif found.start == 0 and _TIME.fullmatch(text[found.end :].strip()):
            if _follows_place(index, position):
                yield found, 0.9, 1
            elif not _is_labelled_otherwise(index, position):
                alone.append((found, position))
    if len({found.value for found, _ in alone}) == 1:
        yield alone[0][0], 0.55, 1


def _follows_place(index: Index, position: int) -> bool:
    before = [other for other in index.line(position) if other < position]
    return bool(before) and _CITY_DATE.match(index.texts[before[-1]] + " ") is not None


def _is_labelled_otherwise(index: Index, position: int) -> bool:
    before = [other for other in index.line(position) if other < position][-1:]
    if any(
        label.kind in {"other_date", "due_date", "other_number"} for other in before for label in index.labels[other]
    ):
        return True
    if before and index.texts[before[0]].rstrip().endswith(":"):
        return True
    return any(
        near.segment == position for label in index.of_kind("other_date", "due_date") for near in index.below(label, 2)
    )


def _best_date(candidates: list[_Dated], *, month_first: bool | None) -> Found | None:
    scores: dict[dt.date, tuple[float, int]] = {}
    for found, score, page in candidates:
        decided = _decided(found, month_first=month_first)
        if decided is not None and score > scores.get(decided, (0.0, 0))[0]:
            scores[decided] = (score, page)
    if not scores:
        return None
    ranked = sorted(scores.items(), key=lambda item: -item[1][0])
    value, (score, page) = ranked[0]
    rivals = [other for other, (rival, _) in ranked[1:] if rival > score - _SURE_GAP]
    if rivals and score < 0.9:
        return None
    alone = 0.2 if len(ranked) == 1 else 0.0  # nothing else in the document could be meant
    return Found(value, min(0.97, score + alone) - (0.25 if rivals else 0.0), page)


def _decided(found: FoundDate, *, month_first: bool | None) -> dt.date | None:
    """One reading of a numeric date; None while the document does not say which way it writes them."""
    if found.other is None:
        return found.value
    if month_first is None:
        return None
    return found.other if month_first else found.value


def writes_month_first(index: Index) -> bool | None:
    """Whether a document writes the month before the day; None when it cannot be told."""
    month, day = 0, 0
    for text in index.texts:
        for found in find_dates(text):
            month += found.month_first
            day += found.value.day > _MONTHS and not found.month_first and "/" in text[found.start : found.end]
    if month != day:
        return month > day
    sample = " ".join(index.texts)
    english = re.search(r"\b(?:invoice|receipt|credit\s+(?:note|memo)|bill)\b", sample, re.IGNORECASE) is not None
    if not english:
        return False
    american = _AMERICAN.search(sample) is not None or ("$" in sample and not _OTHER_DOLLARS.search(sample))
    european = _EUROPEAN.search(sample) is not None
    return None if american == european else american


def find_currency(index: Index, beside_totals: str | None) -> Found | None:
    """The currency: as labelled, else as printed beside the totals, else the only one that is printed at all."""
    for label in index.of_kind("currency"):
        for place in [index.after(label), *list(index.right(label))[:1], *list(index.below(label, 1))]:
            code = _code_in(place.text[:20])
            if code:
                return Found(code, 0.95, index.segments[place.segment].page)
    printed = Counter(code for text in index.texts for code in _codes_of(text))
    if beside_totals is not None and not _is_any_dollar(index, beside_totals):
        return Found(beside_totals, 0.93, 1)
    if len(printed) == 1:
        (only,) = printed
        return None if _is_any_dollar(index, only) else Found(only, 0.8, 1)
    return None


def _is_any_dollar(index: Index, code: str) -> bool:
    """Whether a bare $ may be another country's dollar or peso."""
    if code != "USD":
        return False
    named = any(re.search(r"\bUSD\b|US\$", text) for text in index.texts)
    return not named and any(_OTHER_DOLLARS.search(text) for text in index.texts)


def _codes_of(text: str) -> set[str]:
    codes = set(_CODE.findall(text))
    codes |= {amount.currency for amount in find_amounts(text) if amount.currency}
    codes |= {SYMBOLS[text.strip()]} if text.strip() in SYMBOLS else set()  # in a column of its own
    return codes


def _code_in(text: str) -> str | None:
    match = _CODE.search(text)
    if match:
        return match[1]
    return next((code for symbol, code in SYMBOLS.items() if symbol in text), None)


def find_type_code(index: Index) -> str:
    """381 when the title says credit note, 384 for a corrected invoice, 389 for one that the buyer writes, else 380."""
    for text in index.texts[: _TITLE_LINES_MAX * 2]:
        if re.search(r"selbst\s+ausgestellte|self[\s-]?bill|autofacturation|\(389\)", text, re.IGNORECASE):
            return "389"
    for text in index.texts[: _TITLE_LINES_MAX * 2]:
        match = CREDIT_WORD.search(text)
        if match and match.start() <= 12 and len(text) <= 60:
            return "384" if match["corrected"] else "381"
    return "380"
