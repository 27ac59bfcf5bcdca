"""Address blocks and the sections under a heading: lines of one column that belong together."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from invoices.fields.labels import Index, Label
from invoices.fields.names import POSTAL, SALUTATION, STREET, is_name, is_postal_line, name_of_lines, parts_of
from invoices.layout import Segment

_ROWS_MAX: Final = 12
_CELL_GAP_MAX: Final = 12.0  # letter heights between a label and its value
_ADDRESS_LINES_MAX: Final = 5
_PARTIES: Final = frozenset({"seller", "buyer", "other_party"})
_HEAD_KINDS: Final = frozenset({"number", "other_number", "issue_date", "other_date", "due_date", "iban", "vat_id"})
_NAME_LABEL: Final = re.compile(
    r"^(?:name|firma|company(?:\s+name)?|nom|nombre|raz[oó]n\s+social|denominazione|ragione\s+sociale|naam|nazwa)\s*:?\s*$",
    re.IGNORECASE,
)
_NAME_INLINE: Final = re.compile(_NAME_LABEL.pattern.replace(r"\s*:?\s*$", r"\s*:\s*(?P<name>.{2,})$"), re.IGNORECASE)
_ROW_LABEL: Final = re.compile(
    r"^(?:(?:globale\s+)?nummer|gln|gtin|id|kennung|lief-?nr|kunden-?nr|kundennummer|customer\s+(?:no|id)|account|steuer\w*|anschrift|"
    r"adresse|address|telefon|tel|fax|e-?mail|ust\S*|vat\S*|kontakt|contact|land|country|ort|plz|stra(?:ß|ss)e)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Block:
    """A name and the segments it was found with."""

    name: str
    positions: tuple[int, ...]
    page: int


def is_heading(index: Index, label: Label) -> bool:
    """Whether a label stands for itself or before a colon; "our customer ..." in a sentence does neither."""
    if label.start > 2:
        return False
    return re.match(r"^\s*(?::|$|\()", index.texts[label.segment][label.end :]) is not None


def labelled_block(index: Index, kind: str) -> Block | None:
    """The first section under a seller's or buyer's heading that gives a name."""
    for label in index.of_kind(kind):
        if not is_heading(index, label):
            continue
        block = _inline(index, label) or _to_the_right(index, label) or _section(index, label)
        if block is not None:
            return block
    return None


def _inline(index: Index, label: Label) -> Block | None:
    rest = index.texts[label.segment][label.end :].strip(" :")
    if not rest or rest.startswith("(") or not is_name(rest):
        return None
    return Block(rest, (label.segment,), index.segments[label.segment].page)


def _to_the_right(index: Index, label: Label) -> Block | None:
    """The value right of a label with a colon: "Verkäufer:   ACME GmbH", unless a block stands beneath the label."""
    if not index.texts[label.segment][label.end :].strip().startswith(":"):
        return None
    right = next(iter(index.right(label)), None)
    if right is None or not is_name(right.text) or is_postal_line(right.text):
        return None
    beneath = [near.text for near in index.below(label, 4)]
    if any(is_postal_line(text) for text in beneath):
        return None
    lines = [right.text, *_column_under(index, right.segment)]
    name = name_of_lines(lines)
    return Block(name, (right.segment,), index.segments[right.segment].page) if name else None


def _column_under(index: Index, position: int) -> list[str]:
    own = index.segments[position]
    return [
        index.texts[other]
        for other, segment in enumerate(index.segments)
        if segment.page == own.page and 0 < segment.line - own.line <= 3 and abs(segment.x0 - own.x0) < own.height
    ]


def _section(index: Index, label: Label) -> Block | None:
    """Name of a section under its heading: the value of a row "Name:", else the first lines that are one."""
    rows = _rows(index, label)
    page = index.segments[label.segment].page
    positions = tuple(position for row in rows for position in row)
    name = _named_row(index, rows) or name_of_lines(_plain_lines(index, rows))
    return Block(name, positions, page) if name and is_name(name) else None


def _rows(index: Index, label: Label) -> list[list[int]]:
    """The lines under a heading within its column, up to the next party's heading, a wide gap or the row limit."""
    own = index.segments[label.segment]
    if index.texts[label.segment][label.end :].strip(" :").rstrip(")").partition("(")[0]:
        return []  # "Customer: 17" is no heading
    right_end = _column_end(index, label)
    rows: dict[int, list[int]] = {}
    bottom = own.y1
    for position, segment in enumerate(index.segments):
        if segment.page != own.page or segment.line <= own.line or not _within(segment, own, right_end):
            continue
        if segment.y0 - bottom > 2.0 * own.height or len(rows) > _ROWS_MAX:
            break
        if any(other.kind in _PARTIES and is_heading(index, other) for other in index.labels[position]):
            break
        row = rows.setdefault(segment.line, [])
        # What stands far to the right of a line that is no label belongs to something else.
        if (
            row
            and segment.x0 - index.segments[row[-1]].x1 > _CELL_GAP_MAX * own.height
            and not _is_row_label(index, row)
        ):
            continue
        row.append(position)
        bottom = max(bottom, segment.y1)
    return list(rows.values())


def _is_row_label(index: Index, row: list[int]) -> bool:
    text = index.texts[row[0]]
    return text.rstrip().endswith(":") or _NAME_LABEL.match(text) is not None or _ROW_LABEL.match(text) is not None


def _within(segment: Segment, heading: Segment, right_end: float) -> bool:
    return segment.x0 >= heading.x0 - heading.height and segment.x0 < right_end


def _column_end(index: Index, label: Label) -> float:
    """Where the next party's heading on the same line begins, or else the page's right edge."""
    others = [
        index.segments[other].x0
        for other in index.line(label.segment)
        if other > label.segment and any(found.kind in _PARTIES for found in index.labels[other])
    ]
    return min(others, default=float("inf")) - 1.0


def _named_row(index: Index, rows: list[list[int]]) -> str | None:
    for place, row in enumerate(rows):
        inline = _NAME_INLINE.match(index.texts[row[0]])
        if inline:
            return inline["name"].strip()
        if _NAME_LABEL.match(index.texts[row[0]]) and len(row) > 1:
            return _value_of_row(index, rows, place)
    return None


def _value_of_row(index: Index, rows: list[list[int]], place: int) -> str | None:
    """A row's value with the lines above and beneath that have no label of their own and are nearest to this one."""
    label, value = index.segments[rows[place][0]], index.segments[rows[place][1]]
    lines = [(value.y0, index.texts[rows[place][1]])]
    labelled = [
        index.segments[row[0]] for row in rows if len(row) > 1 or index.segments[row[0]].x0 < value.x0 - value.height
    ]
    for row in rows:
        orphan = index.segments[row[0]]
        if abs(orphan.x0 - value.x0) > value.height or row is rows[place]:
            continue
        distance = abs(_middle(orphan) - _middle(label))
        if distance < 2.2 * label.height and all(
            abs(_middle(orphan) - _middle(other)) >= distance for other in labelled
        ):
            lines.append((orphan.y0, index.texts[row[0]]))
    return name_of_lines([text for _, text in sorted(lines)])


def _plain_lines(index: Index, rows: list[list[int]]) -> list[str]:
    """First segments of the rows that are no label of something else."""
    heads = [index.texts[row[0]] for row in rows]
    return [head for head in heads if not _ROW_LABEL.match(head) and not re.match(r"^[:\d]", head)]


def _middle(segment: Segment) -> float:
    return (segment.y0 + segment.y1) / 2


def sender_line(index: Index) -> Block | None:
    """The sender's line above a letter's address: name, street, postal code and town in one line."""
    for position, text in enumerate(index.texts):
        if index.segments[position].page > 1:
            return None
        parts = parts_of(text)
        town = next((place for place, part in enumerate(parts) if place and POSTAL.match(part)), 0)
        middle = parts[1:town]
        if (
            len(text) <= 160
            and middle
            and is_name(parts[0])
            and any(STREET.search(part) or re.search(r"\s\d", part) for part in middle)
        ):
            return Block(parts[0], (position,), 1)
    return None


def address_blocks(index: Index) -> list[Block]:
    """Aligned lines of the first page that end in postal code and town, with the name at their head."""
    blocks: list[Block] = []
    for position, text in enumerate(index.texts):
        if index.segments[position].page > 1:
            break
        if not is_postal_line(text):
            continue
        above = _lines_above(index, position)
        name = name_of_lines([index.texts[other] for other in above])
        if name:
            blocks.append(Block(name, (*above, position), 1))
    return blocks


def _lines_above(index: Index, position: int) -> list[int]:
    """The block's lines above its town, top down; between street and town there may be an empty line."""
    own = index.segments[position]
    found: list[int] = []
    top = own.y0
    for other in range(position - 1, -1, -1):
        segment = index.segments[other]
        if segment.page != own.page or top - segment.y1 > (2.6 if not found else 1.3) * own.height:
            break
        aligned = min(abs(segment.x0 - own.x0), abs(segment.x1 - own.x1)) < 0.8 * own.height
        if not aligned or segment.y1 > top + 0.4 * own.height:
            continue
        if len(found) >= _ADDRESS_LINES_MAX or not _is_address_line(index, other):
            break
        found.insert(0, other)
        top = segment.y0
        if SALUTATION.match(index.texts[other]):
            break
    return found


def _is_address_line(index: Index, position: int) -> bool:
    text = index.texts[position]
    if len(text) > 70 or is_postal_line(text) or POSTAL.search(text):
        return False
    return not any(
        label.start == 0 and (label.kind in _HEAD_KINDS or (label.kind in _PARTIES and is_heading(index, label)))
        for label in index.labels[position]
    )
