"""Seller and buyer by name: from labelled blocks, the sender's line of a letter, address blocks and the imprint.

A name that is only guessed from its place is not given: two signs have to agree, or a label has to say whose it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from invoices.fields.amounts import find_amounts
from invoices.fields.dates import find_dates
from invoices.fields.found import Found
from invoices.fields.labels import Index, Label
from invoices.layout import Segment

_LEGAL_FORM: Final = re.compile(
    r"(?<![\w])(?:GmbH(?:\s*&\s*Co\.?(?:\s*(?:KG|OHG))?(?:aA)?)?|gGmbH|UG(?:\s*\(haftungsbeschränkt\))?|AG|KGaA|KG|OHG|GbR|e\.?\s?K(?:fm|fr)?\.?|"
    r"e\.?\s?V\.?|eG|SE|a\.\s?G\.|mbH|Ges\.m\.b\.H\.?|Ltd\.?|Limited|LLC|L\.L\.C\.|Inc\.?|Incorporated|Corp\.?|Corporation|PLC|plc|LLP|"
    r"S\.?A\.?R\.?L\.?|SARL|S\.?A\.?S\.?U?\.?|SAS|SASU|EURL|S\.?A\.?|SNC|SCI|S\.?L\.?U?\.?|S\.?r\.?l\.?s?|S\.?p\.?A\.?|S\.?n\.?c\.?|S\.?a\.?s\.?|"
    r"B\.?V\.?|N\.?V\.?|V\.?O\.?F\.?|BVBA|BV|NV|A/S|ApS|AB|Oy|AS|Sp\.\s?z\s?o\.\s?o\.|spółka\s+akcyjna|s\.r\.o\.|Kft\.?|Bank|Verein)(?![\w])"
)
_POSTAL: Final = re.compile(
    r"(?<![\w.,/\-])(?:[A-Z]{1,2}[\-\s])?(?:\d{5}(?:-\d{4})?|\d{4}\s?[A-Z]{2}|\d{4}|\d{2}-\d{3}|[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2})\s*,?\s*[A-ZÄÖÜÉŁŚ][\w'.\- /]+"
    r"|\b[A-Z][\w'.\- ]+,?\s+[A-Z]{2}\s+\d{5}(?:-\d{4})?\b|[A-Z]{2}\s+[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}\s+\w+"
)
_STREET: Final = re.compile(
    r"(?:\w*(?:stra(?:ß|ss)e|str\.?|weg|allee|platz|gasse|ring|damm|ufer|chaussee|promenade|markt|hof)\b\s*\d*)|"
    r"\b(?:rue|avenue|av\.|boulevard|bd\.?|chemin|place|all[ée]e|impasse|route|quai|calle|c/|avda\.?|avenida|plaza|paseo|carrer|via|viale|"
    r"piazza|corso|largo|street|st\.|road|rd\.?|lane|drive|dr\.|avenue|ave\.?|way|square|court|straat|laan|weg|plein|gracht|kade|ul\.)\b|"
    r"^\d{1,4}\s*(?:bis|ter)?,?\s+[A-Za-zÀ-ÿ]|[A-Za-zÀ-ÿ.\-]{3,}\s+\d{1,4}\s?[a-zA-Z]?$|\b(?:postfach|p\.?\s?o\.?\s+box|bp|casella\s+postale|postbus)\b",
    re.IGNORECASE,
)
_SALUTATION: Final = re.compile(
    r"^(?:herrn?|frau|firma|fa\.|familie|mr\.?|mrs\.?|ms\.?|m\.|mme|monsieur|madame|messrs\.?|sr\.?|sra\.?|sig\.?|spett\.?le|dhr\.?|mevr\.?|an|to|an\s+die|an\s+den)$",
    re.IGNORECASE,
)
_NOT_A_NAME: Final = re.compile(
    r"@|https?:|www\.|\b(?:tel|fax|phone|telefon|telefax|mobil|e-?mail|iban|bic|swift|gln|gtin|hrb|hra|hrb?\s*nr|ust|vat|tva|siret|siren|"
    r"seite|page|datum|date|nummer|number|kunden|rechnung|invoice|facture|factura|fattura|factuur|lief-nr|steuer|globale)\b",
    re.IGNORECASE,
)
_NAME_LABEL: Final = re.compile(
    r"^(?:name|firma|company(?:\s+name)?|nom|nombre|raz[oó]n\s+social|denominazione|ragione\s+sociale|naam|nazwa)\s*:?\s*$",
    re.IGNORECASE,
)
_NAME_INLINE: Final = re.compile(
    r"^(?:name|firma|company(?:\s+name)?|nom|nombre|raz[oó]n\s+social|denominazione|ragione\s+sociale|naam|nazwa)\s*:\s*(?P<name>.{2,})$",
    re.IGNORECASE,
)
_SKIPPED: Final = re.compile(
    r"^(?:(?:globale\s+)?nummer|gln|id|kennung|lief-?nr|kunden-?nr|customer\s+no|account|steuer-?nr)\b.*$",
    re.IGNORECASE,
)
_SEPARATOR: Final = re.compile(r"\s*[·•●|∙■▪*\u2013\u2014]\s*|\s+-\s+|\s*,\s+|\s{2,}")
_IMPRINT: Final = re.compile(
    r"\bHR[AB]\b|registergericht|amtsgericht|USt|geschäftsführ|VAT|company\s+(?:no|reg)|SIRET|RCS|capital|P\.?\s?IVA|KvK|NIF|CIF",
    re.IGNORECASE,
)
_COUNTRY_LINE: Final = re.compile(
    r"^(?:[A-Z]{2}|deutschland|germany|france|frankreich|österreich|austria|schweiz|suisse|switzerland|españa|spain|italia|italy|nederland|netherlands|belgi\w+|united\s+(?:kingdom|states)|usa|uk|polska)$",
    re.IGNORECASE,
)
_BLOCK_LINES_MAX: Final = 9
_NAME_CHARS_MAX: Final = 90


@dataclass(frozen=True, slots=True)
class Parties:
    """Seller's and buyer's name, and the segments of their blocks for other fields to look at."""

    seller: Found | None = None
    buyer: Found | None = None
    seller_block: frozenset[int] = frozenset()
    buyer_block: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _Block:
    name: str
    positions: tuple[int, ...]
    page: int


def find_parties(index: Index) -> Parties:
    """Whose invoice it is and who is to pay it, as far as the document says."""
    seller = _labelled_block(index, "seller")
    buyer = _labelled_block(index, "buyer")
    sender = _sender_line(index)
    blocks = _address_blocks(index)
    if seller is None and sender is not None:
        seller = _Block(_full_name(index, sender.name), sender.positions, sender.page)
    if buyer is None and sender is not None:
        buyer = _block_under(index, sender, blocks)
    if seller is None or buyer is None:
        seller, buyer = _by_place(index, blocks, seller, buyer)
    if seller is None:
        seller = _imprint(index)
    if seller and buyer and _same_name(seller.name, buyer.name):
        buyer = None if _labelled_block(index, "buyer") is None else buyer
    return Parties(
        seller=_found(seller, 0.9),
        buyer=_found(buyer, 0.9),
        seller_block=frozenset(seller.positions) if seller else frozenset(),
        buyer_block=frozenset(buyer.positions) if buyer else frozenset(),
    )


def _found(block: _Block | None, confidence: float) -> Found | None:
    if block is None or not _is_name(block.name):
        return None
    return Found(block.name, confidence, block.page)


def _is_name(text: str) -> bool:
    letters = sum(char.isalpha() for char in text)
    return letters >= 2 and len(text) <= _NAME_CHARS_MAX and letters * 2 >= len(text) and not _NOT_A_NAME.search(text)


def _labelled_block(index: Index, kind: str) -> _Block | None:
    for label in index.of_kind(kind):
        if label.start > 0 or not _is_party_label(index, label):
            continue
        block = _block_of(index, label)
        if block is not None and _is_name(block.name):
            return block
    return None


def _is_party_label(index: Index, label: Label) -> bool:
    """A label that is a heading or is followed by a colon; "our customer ..." in a sentence is neither."""
    rest = index.texts[label.segment][label.end :]
    return bool(re.match(r"^\s*(?::|$|\()", rest))


def _block_of(index: Index, label: Label) -> _Block | None:
    page = index.segments[label.segment].page
    inline = index.texts[label.segment][label.end :].strip(" :")
    if inline and not _NOT_A_NAME.search(inline) and re.search(r"[A-Za-z]{2}", inline):
        return _Block(inline, (label.segment,), page)
    right = next(iter(index.right(label)), None)
    if right is not None and _starts_value(index, label, right.segment):
        return _Block(index.texts[right.segment], (right.segment,), page)
    positions = _beneath(index, label)
    name = _name_of_rows(index, positions) or _name_of_lines([index.texts[position] for position in positions])
    return _Block(name, tuple(positions), page) if name else None


def _starts_value(index: Index, label: Label, position: int) -> bool:
    """Whether a segment right of a label is its value: the label has a colon, and no block begins beneath it."""
    text = index.texts[position]
    colon = index.texts[label.segment][label.end :].strip().startswith(":")
    return colon and _is_name(text) and not _POSTAL.search(text)


def _beneath(index: Index, label: Label) -> list[int]:
    """The lines of a block under its label: one column, close lines, up to the next heading or label of a party."""
    own = index.segments[label.segment]
    found: list[int] = []
    bottom = own.y1
    for near in index.below(label, _BLOCK_LINES_MAX + 3):
        segment = index.segments[near.segment]
        if segment.y0 - bottom > 1.8 * own.height or len(found) >= _BLOCK_LINES_MAX:
            break
        if any(
            other.kind in {"seller", "buyer", "other_party"} and other.start == 0
            for other in index.labels[near.segment]
        ):
            if _is_party_label(index, index.labels[near.segment][0]):
                break
        if segment.x0 > own.x1 + 2 * own.height:
            continue
        found.append(near.segment)
        bottom = max(bottom, segment.y1)
    return found


def _name_of_rows(index: Index, positions: list[int]) -> str | None:
    """The value of a row "Name:", its lines joined, when a block is a list of rows."""
    for position in positions:
        inline = _NAME_INLINE.match(index.texts[position])
        if inline:
            return inline["name"].strip()
        if _NAME_LABEL.match(index.texts[position]):
            value = _value_lines(index, position, positions)
            if value:
                return _name_of_lines(value)
    return None


def _value_lines(index: Index, position: int, labels: list[int]) -> list[str]:
    """Lines of the value column that are nearer to this label than to the rows above and beneath."""
    own = index.segments[position]
    middle = (own.y0 + own.y1) / 2
    others = [_middle(index.segments[other]) for other in labels if other != position]
    lines: list[tuple[float, str]] = []
    for other, segment in enumerate(index.segments):
        if segment.page != own.page or segment.x0 <= own.x1 or abs(segment.line - own.line) > 2:
            continue
        distance = abs(_middle(segment) - middle)
        if distance < 1.5 * own.height and all(abs(_middle(segment) - row) > distance for row in others):
            lines.append((segment.y0, index.texts[other]))
    return [text for _, text in sorted(lines)]


def _middle(segment: Segment) -> float:
    return (segment.y0 + segment.y1) / 2


def _name_of_lines(lines: list[str]) -> str | None:
    """The name at the head of an address: one line, or several where the first alone is none."""
    kept = [line.strip(" :,") for line in lines if not _SKIPPED.match(line)]
    head: list[str] = []
    for line in kept[:4]:
        if _POSTAL.search(line) or (head and _STREET.search(line)) or _NOT_A_NAME.search(line):
            break
        head.append(line)
    if not head:
        return None
    if len(head) > 1 and _SALUTATION.match(head[0]):
        return f"{head[0]} {head[1]}"
    if (
        len(head) > 1
        and not _LEGAL_FORM.search(head[0])
        and _LEGAL_FORM.search(head[1])
        and not _STREET.search(head[0])
    ):
        return f"{head[0]} {head[1]}"
    return head[0]


def _sender_line(index: Index) -> _Block | None:
    """The sender's line above a letter's address: name, street and postal code in one small line."""
    for position, text in enumerate(index.texts):
        segment = index.segments[position]
        if segment.page > 1:
            return None
        parts = [part for part in _SEPARATOR.split(text) if part.strip()]
        if len(parts) < 3 or len(text) > 160 or not _POSTAL.search(" ".join(parts[1:])):
            continue
        name = parts[0].strip(" ,")
        place = next((number for number, part in enumerate(parts) if _POSTAL.search(part)), 0)
        if place >= 2 and _is_name(name) and _STREET.search(" ".join(parts[1 : place + 1])):
            return _Block(name, (position,), segment.page)
    return None


def _full_name(index: Index, name: str) -> str:
    """The longer form of a short sender's name, where the page has it with its legal form."""
    if _LEGAL_FORM.search(name):
        return name
    for text in index.texts:
        if text.lower().startswith(name.lower() + " ") and _LEGAL_FORM.search(text) and len(text) <= 60:
            return text[: _LEGAL_FORM.search(text).end()]  # type: ignore[union-attr]
    return name


def _address_blocks(index: Index) -> list[_Block]:
    """Left-aligned lines that end in a postal code and a town, on the first page."""
    blocks: list[_Block] = []
    for position, text in enumerate(index.texts):
        segment = index.segments[position]
        if segment.page > 1:
            break
        match = _POSTAL.search(text)
        if match is None or match.start() > 4 or len(text) > 60 or list(find_dates(text)):
            continue
        positions = _lines_above(index, position)
        name = _name_of_lines([index.texts[other] for other in positions]) if positions else None
        if name and _is_name(name) and not any(find_amounts_with_cents(name)):
            blocks.append(_Block(name, (*positions, position), segment.page))
    return blocks


def find_amounts_with_cents(text: str) -> Iterator[object]:
    """Amounts that only a table would have in an address's place."""
    return (amount for amount in find_amounts(text) if amount.decimals == 2)


def _lines_above(index: Index, position: int) -> list[int]:
    """The lines of the same block above a line, top down."""
    own = index.segments[position]
    found: list[int] = []
    top = own.y0
    for other in range(position - 1, -1, -1):
        segment = index.segments[other]
        if segment.page != own.page or top - segment.y1 > 1.3 * own.height:
            break
        aligned = abs(segment.x0 - own.x0) < 0.8 * own.height
        if aligned and segment.y1 <= own.y0 + 0.3 * own.height:
            if len(index.texts[other]) > 70 or _SEPARATOR_HEAVY.search(index.texts[other]):
                break
            found.insert(0, other)
            top = segment.y0
        if len(found) >= 5:
            break
    return found


_SEPARATOR_HEAVY: Final = re.compile(r"[·•●|∙■▪].*[·•●|∙■▪]|.* - .* - ")


def _block_under(index: Index, sender: _Block, blocks: list[_Block]) -> _Block | None:
    """The recipient's address beneath the sender's line, left aligned with it."""
    line = index.segments[sender.positions[0]]
    for block in blocks:
        first = index.segments[block.positions[0]]
        aligned = abs(first.x0 - line.x0) < 3 * line.height
        if (
            aligned
            and line.y1 - 1 <= first.y0
            and first.y0 - line.y1 < 14 * line.height
            and not _same_name(block.name, sender.name)
        ):
            return block
    return _loose_block_under(index, line, sender)


def _loose_block_under(index: Index, line: Segment, sender: _Block) -> _Block | None:
    """The same without a postal code in a line of its own: the first lines under the sender's, when a town follows."""
    below = [
        position
        for position, segment in enumerate(index.segments)
        if segment.page == line.page
        and segment.y0 >= line.y1 - 1
        and segment.y0 - line.y1 < 12 * max(line.height, 8)
        and abs(segment.x0 - line.x0) < 3 * line.height
    ][:5]
    texts = [index.texts[position] for position in below]
    town = next((place for place, text in enumerate(texts) if re.match(r"^(?:[A-Z]{1,2}-)?\d{4,5}\s?\w", text)), None)
    if town is None or town == 0:
        return None
    name = _name_of_lines(texts[:town])
    return _Block(name, tuple(below[: town + 1]), line.page) if name and not _same_name(name, sender.name) else None


def _by_place(
    index: Index, blocks: list[_Block], seller: _Block | None, buyer: _Block | None
) -> tuple[_Block | None, _Block | None]:
    """Tell address blocks apart by what stands near: the seller's has its telephone, register and tax numbers."""
    named = [block for block in blocks if not _near_label(index, block, "other_party")]
    distinct: list[_Block] = []
    for block in named:
        if not any(_same_name(block.name, other.name) for other in distinct):
            distinct.append(block)
    others = [
        block
        for block in distinct
        if not (seller and _same_name(block.name, seller.name)) and not (buyer and _same_name(block.name, buyer.name))
    ]
    if seller is None and buyer is not None:
        return (others[0] if len(others) == 1 else None), buyer
    if buyer is None and seller is not None:
        return seller, (others[0] if len(others) == 1 else None)
    if len(others) == 2:
        first, second = others
        first_sells, second_sells = _signs_of_seller(index, first), _signs_of_seller(index, second)
        if first_sells > second_sells:
            return first, second
        if second_sells > first_sells:
            return second, first
    return seller, buyer


def _near_label(index: Index, block: _Block, kind: str) -> bool:
    first = index.segments[block.positions[0]]
    return any(
        index.segments[label.segment].page == first.page
        and 0 < first.line - index.segments[label.segment].line <= 4
        and abs(index.segments[label.segment].x0 - first.x0) < 4 * first.height
        for label in index.of_kind(kind)
        if label.start == 0
    )


def _signs_of_seller(index: Index, block: _Block) -> int:
    """How many signs of a seller stand in or right under a block, or repeat its name in an imprint."""
    last = index.segments[block.positions[-1]]
    signs = 0
    for position, segment in enumerate(index.segments):
        text = index.texts[position]
        under = (
            segment.page == last.page
            and 0 <= segment.y0 - last.y0 < 7 * last.height
            and abs(segment.x0 - last.x0) < 3 * last.height
        )
        if under and re.search(r"@|www\.|\b(?:tel|fax|phone|fon|telefon)\b|\bUSt|\bVAT\b|\bTVA\b", text, re.IGNORECASE):
            signs += 1
        if position not in block.positions and block.name.lower() in text.lower() and len(block.name) > 4:
            signs += 1 if segment.line > last.line + 10 or _IMPRINT.search(text) else 0
    return signs


def _imprint(index: Index) -> _Block | None:
    """A company's name with its legal form, in the line of its register or tax number, or at the head of page one."""
    names: dict[str, _Block] = {}
    for position, text in enumerate(index.texts):
        segment = index.segments[position]
        form = _LEGAL_FORM.search(text)
        if form is None or form.start() == 0 or form.end() > _NAME_CHARS_MAX:
            continue
        name = text[: form.end()].strip(" ,·|-")
        line = " ".join(index.texts[other] for other in index.line(position))
        if _IMPRINT.search(line.replace(name, "")) and _is_name(name) and len(name.split()) <= 8:
            names.setdefault(name.lower(), _Block(name, (position,), segment.page))
    return next(iter(names.values())) if len(names) == 1 else None


def _same_name(one: str, other: str) -> bool:
    first, second = (re.sub(r"\W", "", name).lower() for name in (one, other))
    return first == second or (min(len(first), len(second)) > 4 and (first in second or second in first))
