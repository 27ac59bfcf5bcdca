"""VAT ids and account numbers: found by shape, judged by check digits, given to seller or buyer by what stands near."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from stdnum import iban as stdnum_iban
from stdnum.ch import uid as ch_uid
from stdnum.eu import vat as stdnum_vat
from stdnum.gb import vat as gb_vat
from stdnum.no import mva as no_mva

from invoices.fields.found import Found
from invoices.fields.labels import Index, Label

# Lengths of an IBAN by country: SWIFT IBAN registry, release 99.
_COUNTRIES_BY_LENGTH: Final = {
    15: "NO", 16: "BE", 18: "DK FI FO GL NL", 19: "MK SI", 20: "AT BA EE LT LU XK", 21: "CH HR LI LV",
    22: "BG DE GB IE ME RS", 23: "AE GI IL", 24: "AD CZ ES MD PK RO SA SE SK TN", 25: "PT", 26: "IS TR",
    27: "FR GR IT MC SM", 28: "AL AZ CY HU LB PL", 31: "MT",
}  # fmt: skip
IBAN_LENGTHS: Final = {
    country: length for length, countries in _COUNTRIES_BY_LENGTH.items() for country in countries.split()
}
_IBAN: Final = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\s?\d{2}(?:[ .]?[A-Z0-9]{1,4}){2,8}(?![A-Za-z0-9])")
_IBAN_COMPACT: Final = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}[A-Z0-9]{11,30}(?![A-Za-z0-9])")
_VAT_SHAPE: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:ATU\s?\d{8}|BE\s?[01]?\d{3}[. ]?\d{3}[. ]?\d{3}|BG\s?\d{9,10}|CY\s?\d{8}[A-Z]|CZ\s?\d{8,10}|"
    r"DE\s?\d{3}\s?\d{3}\s?\d{3}|DK\s?\d{2}\s?\d{2}\s?\d{2}\s?\d{2}|EE\s?\d{9}|(?:EL|GR)\s?\d{9}|ES\s?[A-Z0-9]\d{7}[A-Z0-9]|"
    r"FI\s?\d{8}|FR\s?[A-Z0-9]{2}\s?\d{3}\s?\d{3}\s?\d{3}|HR\s?\d{11}|HU\s?\d{8}|IE\s?\d[A-Z0-9+*]\d{5}[A-Z]{1,2}|"
    r"IT\s?\d{11}|LT\s?\d{9}(?:\d{3})?|LU\s?\d{8}|LV\s?\d{11}|MT\s?\d{8}|NL\s?\d{9}B\d{2}|PL\s?\d{10}|PT\s?\d{9}|"
    r"RO\s?\d{2,10}|SE\s?\d{12}|SI\s?\d{8}|SK\s?\d{10}|GB\s?\d{3}\s?\d{4}\s?\d{2}(?:\d{3})?|"
    r"CHE[- ]?\d{3}\.?\d{3}\.?\d{3}|"
    r"XI\s?\d{9}|NO\s?\d{9}MVA)(?![A-Za-z0-9])"
)
_IBAN_PLAIN_LENGTH_MIN: Final = 15
# Sentences about the account that the money is taken from (BT-91), not the one to pay to (BT-84).
_DEBITED: Final = re.compile(
    r"\b(?:ihre[mrs]?\s+(?:bank)?(?:konto|bankverbindung)|your\s+(?:bank\s+)?account|votre\s+compte|(?:su|tu|vuestra)\s+cuenta|"
    r"(?:vostro|tuo|suo|vs\.?)\s+(?:conto|c/c)|(?:uw|jouw|je)\s+(?:bank)?rekening|debited|debitor|(?:ab)?gebucht|abbuch\w*|abgebucht|"
    r"buchen\b.*\bab\b|einziehen|eingezogen|bankeinzug|belasten|belastet|collect(?:ed)?\b.*\bfrom|pr[ée]lev[ée]e?s?|pr[ée]l[èe]vement|"
    r"cargar[áa]?|domiciliad\w+|domiciliaci[oó]n|adeud\w*|addebit\w*|afgeschreven|incass\w*|afschrij\w*)(?!\w)",
    re.IGNORECASE,
)
_SENTENCE_CHARS_MIN: Final = 30
_CHECKERS: Final = {"GB": gb_vat, "XI": gb_vat, "CH": ch_uid, "NO": no_mva}
_SWISS_SUFFIX: Final = re.compile(r"(?<=\d)(?:MWST|TVA|IVA|TPV)$")


@dataclass(frozen=True, slots=True)
class VatId:
    """A VAT id in a text, with where it stands. valid: its check digits are right."""

    value: str
    segment: int
    page: int
    valid: bool
    labelled: bool


def compact(value: str) -> str:
    """Without spaces, dots and hyphens, in capitals."""
    return re.sub(r"[\s.\-]", "", value).upper()


def is_valid_vat_id(value: str) -> bool:
    """Whether a VAT id of Europe has the form and the check digits of its country."""
    number = _SWISS_SUFFIX.sub("", compact(value))
    checker = _CHECKERS.get(number[:2], stdnum_vat)
    return bool(checker.is_valid(number))


def is_valid_iban(value: str) -> bool:
    """Whether an IBAN has its country's length and form and the check digits of ISO 13616."""
    return bool(stdnum_iban.is_valid(compact(value), check_country=False))


def find_vat_ids(index: Index) -> list[VatId]:
    """Every VAT id with a country's prefix, in reading order, each once."""
    found: dict[str, VatId] = {}
    for position, text in enumerate(index.texts):
        for match in _VAT_SHAPE.finditer(text):
            value = compact(match[0])
            labelled = _is_vat_labelled(index, position, match.start())
            known = found.get(value)
            if known is None or (labelled and not known.labelled):
                page = index.segments[position].page
                found[value] = VatId(value, position, page, is_valid_vat_id(value), labelled)
    return [vat_id for vat_id in found.values() if vat_id.valid or vat_id.labelled]


def _is_vat_labelled(index: Index, position: int, start: int) -> bool:
    if any(label.kind == "vat_id" and label.end <= start for label in index.labels[position]):
        return True
    line = index.line(position)
    before = [other for other in line if other < position][-2:]
    if any(label.kind == "vat_id" for other in before for label in index.labels[other]):
        return True
    return any(near.segment == position for label in index.of_kind("vat_id") for near in index.below(label, 2))


def find_iban(index: Index) -> Found | None:
    """The account to pay to: a valid IBAN, or one that the word IBAN or a bank's details announce.

    Two different valid ones leave the choice open, unless only one is announced by the word; then the first is taken,
    as invoices list the account they prefer first.
    """
    announced = [
        found
        for label in index.of_kind("iban")
        if not _is_debited(index, label.segment)
        for found in _announced(index, label)
    ]
    free = list(_free(index))
    for group in (
        [found for found in announced if is_valid_iban(str(found.value))],
        [found for found in free if is_valid_iban(str(found.value))],
        announced,
        free,
    ):
        if group:
            return group[0]
    return None


def _is_debited(index: Index, position: int) -> bool:
    """Whether an account stands in a sentence that says that the money is taken from it, also over a line's end."""
    before = index.texts[position - 1] if position else ""
    return _DEBITED.search(index.texts[position]) is not None or (
        len(before) > _SENTENCE_CHARS_MIN and _DEBITED.search(before) is not None
    )


def _announced(index: Index, label: Label) -> Iterator[Found]:
    places = [index.after(label), *list(index.right(label))[:2], *list(index.below(label, 2))]
    for place in places:
        match = _IBAN.search(place.text)
        if match:
            value = _cut(match[0] + _rest_of_cell(index, place.segment, match))
            if value:
                sure = 0.97 if is_valid_iban(value) else 0.6
                yield Found(value, sure, index.segments[place.segment].page)
                return


def _rest_of_cell(index: Index, position: int, match: re.Match[str]) -> str:
    """What a narrow cell has broken off to its next line, when an account number ends too early at the line's end."""
    length = IBAN_LENGTHS.get(match[0][:2], 0)
    missing = length - len(compact(match[0]))
    if missing <= 0 or match.end() < len(index.texts[position].rstrip()):
        return ""
    own = index.segments[position]
    for other, segment in enumerate(index.segments):
        beneath = segment.page == own.page and 0 < segment.y0 - own.y0 < 2.0 * own.height
        if beneath and abs(segment.x0 - own.x0) < own.height and len(compact(index.texts[other])) == missing:
            return index.texts[other]
    return ""


def _free(index: Index) -> Iterator[Found]:
    """IBANs without the word: of the country's length, valid or beside a bank's details."""
    banks = {label.segment for label in index.of_kind("bank")}
    for position, text in enumerate(index.texts):
        if _is_debited(index, position):
            continue
        for match in (*_IBAN_COMPACT.finditer(text), *_IBAN.finditer(text)):
            value = _cut(match[0])
            if value is None or len(value) != IBAN_LENGTHS.get(value[:2], 0):
                continue
            valid = is_valid_iban(value)
            if valid or _near_bank(index, position, banks):
                yield Found(value, 0.9 if valid else 0.5, index.segments[position].page)


def _near_bank(index: Index, position: int, banks: set[int]) -> bool:
    own = index.segments[position]
    return re.search(r"\bBIC\b|\bSWIFT\b", index.texts[position]) is not None or any(
        index.segments[bank].page == own.page and abs(index.segments[bank].line - own.line) <= 2 for bank in banks
    )


def _cut(text: str) -> str | None:
    """The account number in a run of letters and digits that may go on with the next word."""
    value = compact(text)
    length = IBAN_LENGTHS.get(value[:2])
    if length is not None and len(value) > length:
        return value[:length]
    if length is None or len(value) < _IBAN_PLAIN_LENGTH_MIN:
        return value if len(value) >= _IBAN_PLAIN_LENGTH_MIN else None
    return value
