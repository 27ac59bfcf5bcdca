"""Net, tax, gross and payable: labelled amounts scored together, so that the arithmetic decides.

An amount beside a label is only a candidate. Three candidates (or two and a third amount that is printed somewhere)
for which net + tax = gross count for far more than any label. Where nothing adds up, values are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from invoices.fields.amounts import Amount, find_amounts
from invoices.fields.found import Found
from invoices.fields.labels import Index, Label, Near

_ROLES: Final = ("net", "tax", "gross", "payable", "prepaid")
_CENT: Final = Decimal("0.01")
_RUNNING_TEXT_CHARS: Final = 90
_UNLABELLED: Final = 0.2
_SCORE_MIN: Final = 1.3
_PERCENT: Final = re.compile(r"(?<![\d.,])(\d{1,2}(?:[.,]\d{1,2})?)\s?%")
_CANDIDATES_MAX: Final = 60
_PARTS_MAX: Final = 5
_NO_TAX: Final = re.compile(
    r"reverse\s+charge|steuerschuldnerschaft|autoliquidation|inversi[oó]n\s+del\s+sujeto|inversione\s+contabile|"
    r"verlegd|§\s*19\s+ust|kleinunternehmer|steuerfrei|umsatzsteuerbefreit|tva\s+non\s+applicable|vat\s+exempt|"
    r"exempt\s+from\s+vat|innergemeinschaftlich|intra-?community|exon[ée]r[ée]e?\s+de\s+tva|zero[\s-]rated",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Candidate:
    value: Decimal
    weight: float
    page: int
    currency: str | None


@dataclass(frozen=True, slots=True)
class _Triple:
    net: Decimal
    tax: Decimal
    gross: Decimal
    score: float
    labelled: int


@dataclass(frozen=True, slots=True)
class Totals:
    """The totals that were found, and the currency printed beside them."""

    net: Found | None = None
    tax: Found | None = None
    gross: Found | None = None
    payable: Found | None = None
    currency: str | None = None


def find_totals(index: Index) -> Totals:
    """The totals of a document, as far as label and arithmetic bear them out."""
    candidates = {role: _candidates(index, role) for role in _ROLES}
    printed = _printed(index)
    triple = _best_triple(candidates, printed, _rates(index), untaxed=_is_untaxed(index))
    if triple is None:
        return _without_arithmetic(candidates)
    payable = _payable(triple.gross, candidates, printed)
    confidence = min(0.99, 0.75 + 0.08 * triple.labelled)
    return Totals(
        net=_found(triple.net, confidence, candidates["net"], printed),
        tax=_found(triple.tax, confidence, candidates["tax"], printed),
        gross=_found(triple.gross, confidence, candidates["gross"] + candidates["payable"], printed),
        payable=payable,
        currency=_currency(candidates, {triple.gross, payable.value if payable else triple.gross}),
    )


def _candidates(index: Index, role: str) -> list[_Candidate]:
    best: dict[Decimal, _Candidate] = {}
    for label in index.of_kind(role):
        for candidate in _labelled(index, label):
            known = best.get(candidate.value)
            if known is None or candidate.weight > known.weight:
                best[candidate.value] = candidate
    return sorted(best.values(), key=lambda candidate: -candidate.weight)[:_CANDIDATES_MAX]


def _labelled(index: Index, label: Label) -> Iterator[_Candidate]:
    own = _amounts_near(index, label, [index.after(label)])
    yield from own
    beside = _amounts_near(index, label, [*index.right(label), *index.beside(label)])
    yield from beside
    if not any(candidate.weight > 0.4 for candidate in own):
        yield from _amounts_near(index, label, index.below(label))


def _amounts_near(index: Index, label: Label, places: Iterable[Near]) -> list[_Candidate]:
    found: list[_Candidate] = []
    for place in places:
        factor = place.factor * label.weight
        if len(index.texts[label.segment]) > _RUNNING_TEXT_CHARS:
            factor *= 0.6
        amounts = list(find_amounts(place.text))
        for amount in amounts:
            weight = factor * _money_likeness(amount)
            found.append(_Candidate(amount.value, weight, index.segments[place.segment].page, amount.currency))
    return found


def _money_likeness(amount: Amount) -> float:
    """How much an amount looks like a total: two decimals, or a currency beside it."""
    likeness = 1.0 if amount.decimals == 2 else 0.5 if amount.currency else 0.15
    return likeness if amount.likely else likeness * 0.6


def _printed(index: Index) -> dict[Decimal, int]:
    """Every amount with cents anywhere, with the page where it is last printed."""
    return {
        amount.value: segment.page
        for segment, text in zip(index.segments, index.texts, strict=True)
        for amount in find_amounts(text)
        if amount.decimals == 2
    }


def _rates(index: Index) -> tuple[Decimal, ...]:
    rates = {Decimal(match.replace(",", ".")) for text in index.texts for match in _PERCENT.findall(text)}
    return tuple(sorted(rates))[:20]


def _is_untaxed(index: Index) -> bool:
    return any(_NO_TAX.search(text) for text in index.texts)


def _best_triple(
    candidates: dict[str, list[_Candidate]], printed: dict[Decimal, int], rates: tuple[Decimal, ...], *, untaxed: bool
) -> _Triple | None:
    """The best scored net, tax and gross that add up; the largest ones win among equals, as totals do over parts."""
    triples = list(_triples(candidates, printed, rates, untaxed=untaxed))
    if not triples:
        return None
    largest = (
        max(abs(triple.gross) for triple in triples if triple.labelled >= 2)
        if any(triple.labelled >= 2 for triple in triples)
        else Decimal(0)
    )
    ranked = sorted(triples, key=lambda each: -(each.score + (0.4 if abs(each.gross) == largest else 0.0)))
    return ranked[0] if ranked[0].score >= _SCORE_MIN else None


def _triples(
    candidates: dict[str, list[_Candidate]], printed: dict[Decimal, int], rates: tuple[Decimal, ...], *, untaxed: bool
) -> Iterator[_Triple]:
    net = {candidate.value: candidate.weight for candidate in candidates["net"]}
    tax = _with_sums({candidate.value: candidate.weight for candidate in candidates["tax"]})
    gross = {candidate.value: candidate.weight * 0.85 for candidate in candidates["payable"]}
    for candidate in candidates["gross"]:
        gross[candidate.value] = max(gross.get(candidate.value, 0.0), candidate.weight)
    for total, gross_weight in gross.items():
        for part, tax_weight in tax.items():
            for signed in {part, -part} if total < 0 else {part}:
                rest = total - signed
                net_weight = net.get(rest, _UNLABELLED if rest in printed else None)
                if net_weight is None:
                    net_weight = -0.2 if _rate_fits(rest, signed, rates) else None
                if net_weight is not None and _plausible(rest, signed):
                    yield _triple(rest, signed, total, (net_weight, tax_weight, gross_weight), rates)
        for part, net_weight in net.items():
            rest = total - part
            if rest in tax or not _plausible(part, rest):
                continue
            if rest == 0 and _nothing_taxed(tax, untaxed=untaxed):
                yield _triple(part, Decimal(0), total, (net_weight, _UNLABELLED, gross_weight), rates)
            elif rest in printed and rest * total > 0 and _rate_fits(part, rest, rates):
                yield _triple(part, rest, total, (net_weight, _UNLABELLED, gross_weight), rates)


def _plausible(net: Decimal, tax: Decimal) -> bool:
    """A tax has the net's sign and is no more than 40 % of it; the highest VAT rate of Europe is 27 %."""
    return net * tax >= 0 and abs(tax) * 5 <= abs(net) * 2


def _with_sums(tax: dict[Decimal, float]) -> dict[Decimal, float]:
    """Tax amounts and the sums of the first few: an invoice with two rates may leave its total tax out."""
    strong = [value for value, weight in tax.items() if weight >= 0.5 and value][:_PARTS_MAX]
    sums = dict(tax)
    for mask in range(1, 1 << len(strong)):
        parts = [value for place, value in enumerate(strong) if mask >> place & 1]
        if len(parts) > 1:
            sums.setdefault(sum(parts, Decimal(0)), 0.3)
    return sums


def _nothing_taxed(tax: dict[Decimal, float], *, untaxed: bool) -> bool:
    return untaxed or not any(value for value, weight in tax.items() if weight > 0.5)


def _triple(
    net: Decimal, tax: Decimal, gross: Decimal, weights: tuple[float, float, float], rates: tuple[Decimal, ...]
) -> _Triple:
    bonus = 0.3 if tax and _rate_fits(net, tax, rates) else 0.0
    labelled = sum(1 for weight in weights if weight > 0.4)
    return _Triple(net, tax, gross, sum(weights) + bonus, labelled)


def _rate_fits(net: Decimal, tax: Decimal, rates: tuple[Decimal, ...]) -> bool:
    """Whether the tax is a printed percentage of the net, to the cent."""
    return any(rate and abs(net * rate / 100 - tax) <= _CENT for rate in rates)


def _payable(gross: Decimal, candidates: dict[str, list[_Candidate]], printed: dict[Decimal, int]) -> Found | None:
    """The labelled payable amount, preferably one that follows from gross and prepaid; else the gross itself."""
    prepaid = {
        abs(candidate.value) for candidate in candidates["prepaid"] if candidate.value and candidate.weight > 0.4
    }
    labelled = [candidate for candidate in candidates["payable"] if candidate.weight > 0.5]
    expected = {gross} | {gross - amount for amount in prepaid}
    for candidate in labelled:
        if candidate.value in expected:
            return Found(candidate.value, 0.97, candidate.page)
    if labelled:
        sure = len({candidate.value for candidate in labelled}) == 1
        return Found(labelled[0].value, 0.8, labelled[0].page) if sure else None
    if prepaid:
        rests = [gross - amount for amount in prepaid if gross - amount in printed]
        return Found(rests[0], 0.8, printed[rests[0]]) if len(rests) == 1 else None
    return Found(gross, 0.85, printed.get(gross, 1))


def _without_arithmetic(candidates: dict[str, list[_Candidate]]) -> Totals:
    """A total that stands alone: only when the labels leave no choice and no tax says otherwise."""
    totals = [candidate for candidate in candidates["gross"] + candidates["payable"] if candidate.weight > 0.6]
    values = {candidate.value for candidate in totals}
    taxed = any(candidate.value and candidate.weight > 0.6 for candidate in candidates["tax"])
    agreed = {c.value for c in candidates["gross"]} & {c.value for c in candidates["payable"]} & values
    if len(values) == 1 and (not taxed or agreed):
        only = max(totals, key=lambda candidate: candidate.weight)
        found = Found(only.value, 0.6, only.page)
        return Totals(gross=found, payable=found, currency=only.currency)
    return Totals()


def _found(value: Decimal, confidence: float, candidates: list[_Candidate], printed: dict[Decimal, int]) -> Found:
    page = next((candidate.page for candidate in candidates if candidate.value == value), printed.get(value))
    # A value that follows from the others but stands nowhere is less sure than what can be pointed at.
    return Found(value, confidence if page else confidence - 0.15, page or 1)


def _currency(candidates: dict[str, list[_Candidate]], values: set[object]) -> str | None:
    for role in ("gross", "payable", "net", "tax"):
        for candidate in candidates[role]:
            if candidate.currency and (candidate.value in values or role in {"net", "tax"}):
                return candidate.currency
    return None
