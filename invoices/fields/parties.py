"""Seller and buyer by name: from labelled sections, the sender's line of a letter, address blocks and the imprint.

A name that is only guessed from its place is not given: a label, a letter's layout or a sign of the seller (its
contact, its domain, its register) has to say whose it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from invoices.fields.blocks import Block, address_blocks, is_heading, labelled_block, sender_line
from invoices.fields.found import Found
from invoices.fields.labels import Index
from invoices.fields.names import CONTACT, DOMAIN, IMPRINT, LEGAL_FORM, SALUTATION, in_domain, is_name, same_name

_BESIDE_MAX: Final = 8  # segments of other columns between two lines of one
_LETTERHEAD_SHARE: Final = 0.15  # of the page's height
_NAME_LINE_MAX: Final = 60
_OTHER_PARTS: Final = re.compile(r"[\d|·•]|\s-\s")  # of a sender's line: house numbers and what sets its parts apart
_LABELLED, _BY_LAYOUT, _BY_SIGNS, _DOUBTFUL = 0.92, 0.88, 0.75, 0.6


@dataclass(frozen=True, slots=True)
class Parties:
    """Seller's and buyer's name, and the segments of their blocks for other fields to look at."""

    seller: Found | None = None
    buyer: Found | None = None
    seller_block: frozenset[int] = frozenset()
    buyer_block: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _Sure:
    block: Block
    confidence: float


def find_parties(index: Index) -> Parties:
    """Whose invoice it is and who is to pay it, as far as the document says."""
    sender = sender_line(index)
    blocks = _distinct(index, address_blocks(index))
    seller = _seller(index, sender, blocks)
    buyer = _buyer(index, sender, blocks, seller)
    if seller is None and buyer is not None:
        rest = [block for block in blocks if not same_name(block.name, buyer.block.name)]
        seller = _Sure(rest[0], _BY_SIGNS) if len(rest) == 1 else None
    return Parties(
        seller=_found(seller),
        buyer=_found(buyer),
        seller_block=frozenset(seller.block.positions) if seller else frozenset(),
        buyer_block=frozenset(buyer.block.positions) if buyer else frozenset(),
    )


def _found(sure: _Sure | None) -> Found | None:
    if sure is None or not is_name(sure.block.name):
        return None
    # Words after the legal form may be a branch, or the next column's.
    forms = [form for form in LEGAL_FORM.finditer(sure.block.name) if form.start() > 0]
    after = sure.block.name[forms[-1].end() :].strip(" .)").split() if forms else []
    runs_on = len(forms) > 1 or len(after) > 1
    return Found(sure.block.name, _DOUBTFUL if runs_on else sure.confidence, sure.block.page)


def _distinct(index: Index, blocks: list[Block]) -> list[Block]:
    """Each name once, and none under a heading such as "ship to"."""
    kept: list[Block] = []
    for block in blocks:
        if not _under_other_heading(index, block) and not any(same_name(block.name, other.name) for other in kept):
            kept.append(block)
    return kept


def _under_other_heading(index: Index, block: Block) -> bool:
    first = index.segments[block.positions[0]]
    return any(
        label.segment < block.positions[0]
        and index.segments[label.segment].page == first.page
        and 0 < first.line - index.segments[label.segment].line <= 4
        and abs(index.segments[label.segment].x0 - first.x0) < 4 * first.height
        for label in index.of_kind("other_party")
        if is_heading(index, label)
    )


def _seller(index: Index, sender: Block | None, blocks: list[Block]) -> _Sure | None:
    imprint = _imprint(index)
    labelled = labelled_block(index, "seller")
    if labelled is not None:
        contradicted = imprint is not None and not same_name(imprint.name, labelled.name)
        # Two companies claim to be the seller: the one in the table's head and the one in the small print.
        return None if contradicted and LEGAL_FORM.search(labelled.name) else _Sure(labelled, _LABELLED)
    letterhead = _letterhead(index)
    if sender is not None:
        return _Sure(_in_full(index, sender), _BY_LAYOUT)
    signed = _by_signs(index, blocks)
    heads_address = letterhead is not None and any(letterhead.positions[-1] in block.positions for block in blocks)
    if letterhead is not None and not heads_address and (imprint is None or same_name(imprint.name, letterhead.name)):
        return _Sure(letterhead, _BY_LAYOUT)
    return signed or (_Sure(imprint, _BY_SIGNS) if imprint is not None else None)


def _in_full(index: Index, sender: Block) -> Block:
    """The sender with its legal form, where the page has the name with one."""
    if LEGAL_FORM.search(sender.name):
        return sender
    for text in index.texts:
        form = LEGAL_FORM.search(text)
        longer = form is not None and text.lower().startswith(sender.name.lower() + " ") and len(text) <= _NAME_LINE_MAX
        if form and longer and is_name(text[: form.end()]) and not _OTHER_PARTS.search(text[: form.end()]):
            return Block(text[: form.end()], sender.positions, sender.page)
    return sender


def _letterhead(index: Index) -> Block | None:
    """A company's name with its legal form at the very top of the first page, alone or after the line above it."""
    height = index.layout.pages[0].height if index.layout.pages else 0.0
    for position, text in enumerate(index.texts):
        segment = index.segments[position]
        if segment.page > 1 or segment.y0 > _LETTERHEAD_SHARE * height:
            return None
        form = LEGAL_FORM.search(text)
        if form is None or form.start() == 0 or not is_name(text[: form.end()]) or _is_buyers(index, position):
            continue
        name = text[: form.end()].strip()
        above = _right_above(index, position)
        if above is not None and is_name(index.texts[above]) and not LEGAL_FORM.search(index.texts[above]):
            return Block(f"{index.texts[above]} {name}", (above, position), 1)
        return Block(name, (position,), 1)
    return None


def _right_above(index: Index, position: int) -> int | None:
    """The segment of the line right above that begins at the same place, whatever stands beside it."""
    segment = index.segments[position]
    for other in range(position - 1, max(-1, position - 1 - _BESIDE_MAX), -1):
        above = index.segments[other]
        if above.page == segment.page and abs(above.x0 - segment.x0) < 0.5 * segment.height:
            return other if segment.y0 - above.y1 < 0.6 * segment.height else None
    return None


def _is_buyers(index: Index, position: int) -> bool:
    """Whether a segment is right under, or right of, a buyer's heading or a salutation."""
    own = index.segments[position]
    if position and SALUTATION.match(index.texts[position - 1]):
        return True
    return any(
        index.segments[label.segment].page == own.page
        and 0 <= own.line - index.segments[label.segment].line <= 3
        and own.x0 - index.segments[label.segment].x0 > -2 * own.height
        for label in index.of_kind("buyer", "other_party")
        if is_heading(index, label)
    )


def _by_signs(index: Index, blocks: list[Block]) -> _Sure | None:
    """The one address block that has more signs of the seller than every other."""
    ranked = sorted(((_signs(index, block), place) for place, block in enumerate(blocks)), reverse=True)
    if not ranked or ranked[0][0] <= 0 or (len(ranked) > 1 and ranked[1][0] >= ranked[0][0]):
        return _uppermost(index, blocks)
    return _Sure(blocks[ranked[0][1]], _BY_SIGNS)


def _uppermost(index: Index, blocks: list[Block]) -> _Sure | None:
    """Of two blocks one above the other, the one at the head of the page is the letterhead."""
    if len(blocks) != 2:
        return None
    upper, lower = (index.segments[block.positions[0]] for block in blocks)
    height = index.layout.pages[0].height
    last = index.segments[blocks[0].positions[-1]]
    if upper.y0 < _LETTERHEAD_SHARE * height and lower.y0 > last.y1 and not _starts_with_salutation(index, blocks[0]):
        return _Sure(blocks[0], _BY_SIGNS)
    return None


def _starts_with_salutation(index: Index, block: Block) -> bool:
    return SALUTATION.match(index.texts[block.positions[0]].split(" ")[0]) is not None


def _signs(index: Index, block: Block) -> int:
    """Contact lines under the block, the name in a domain or an imprint; a salutation speaks against."""
    last = index.segments[block.positions[-1]]
    domains = {match[1] for text in index.texts for match in DOMAIN.finditer(text)}
    signs = 3 if in_domain(block.name, domains) else 0
    for position, segment in enumerate(index.segments):
        text = index.texts[position]
        under = (
            segment.page == last.page
            and 0 < segment.y0 - last.y0 < 7 * last.height
            and abs(segment.x0 - last.x0) < 1.5 * last.height
        )
        if under and CONTACT.search(text):
            signs += 1
        again = position not in block.positions and block.name.lower() in text.lower() and len(block.name) > 4
        if again and IMPRINT.search(" ".join(index.texts[other] for other in index.line(position))):
            signs += 2
    return signs - 5 if _starts_with_salutation(index, block) else signs


def _imprint(index: Index) -> Block | None:
    """The one company whose name, with its legal form, stands in the line of a register or tax number."""
    names: dict[str, Block] = {}
    for position, text in enumerate(index.texts):
        form = LEGAL_FORM.search(text)
        if form is None or form.start() == 0 or len(text[: form.end()].split()) > 8:
            continue
        name = text[: form.end()].strip(" ,·|-")
        line = " ".join(index.texts[other] for other in index.line(position))
        if is_name(name) and IMPRINT.search(line.replace(name, "")) and not _is_buyers(index, position):
            names.setdefault(name.lower(), Block(name, (position,), index.segments[position].page))
    return next(iter(names.values())) if len(names) == 1 else None


def _buyer(index: Index, sender: Block | None, blocks: list[Block], seller: _Sure | None) -> _Sure | None:
    labelled = labelled_block(index, "buyer")
    if labelled is not None:
        return _Sure(labelled, _LABELLED)
    if sender is not None:
        line = index.segments[sender.positions[0]]
        for block in blocks:
            first = index.segments[block.positions[0]]
            beneath = line.y1 - 1 <= first.y0 and first.y0 - line.y1 < 14 * line.height
            if beneath and abs(first.x0 - line.x0) < 3 * line.height and not same_name(block.name, sender.name):
                return _Sure(block, _BY_LAYOUT)
    others = [block for block in blocks if seller is None or not same_name(block.name, seller.block.name)]
    greeted = [block for block in others if _starts_with_salutation(index, block)]
    if len(greeted) == 1:
        return _Sure(greeted[0], _BY_LAYOUT)
    if seller is not None and len(others) == 1:
        return _Sure(others[0], _BY_SIGNS)
    return None
