"""Net, tax, gross and payable: labelled amounts scored together, so that the arithmetic decides.

An amount beside a label is only a candidate. Three candidates (or two and a third amount that is printed somewhere)
for which net + tax = gross count for far more than any label. Where nothing adds up, values are left out.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from invoices.fields.amounts import Amount, find_amounts
from invoices.fields.arithmetic import Evidence, Triple, best_triple
from invoices.fields.found import Found
from invoices.fields.labels import Index, Label, Near

_ROLES: Final = ("net", "tax", "gross", "payable", "prepaid", "withheld")
_RUNNING_TEXT_CHARS: Final = 90
_PERCENT: Final = re.compile(r"(?<![\d.,])(\d{1,2}(?:[.,]\d{1,2})?)\s?%")
_BARE_RATE: Final = re.compile(r"\d{1,2}(?:[.,]\d{1,2})?")
_RATES_MAX: Final = 30
_WITHOUT_CENTS: Final = frozenset({"JPY", "KRW", "CLP", "ISK", "XOF", "XAF", "HUF"})
_SUREST: Final = 0.9
_DOUBTFUL: Final = 0.6
_LABELLED_MIN: Final = 0.5
_CANDIDATES_MAX: Final = 60
_AFTER_MAX: Final = 40
_HALF_CENT: Final = Decimal("0.006")
_RATE_MAX: Final = 30
_STEPS_MAX: Final = 8
_EARLY: Final = re.compile(r"skonto|discount|escompte|descuento|sconto|korting|if\s+paid|if\s+settled", re.IGNORECASE)
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
    triple = best_triple(_evidence(candidates, printed, index))
    if triple is None:
        untaxed = _is_untaxed(index)
        return (
            _after_withholding(candidates)
            or _paid_in_part(candidates)
            or _step_by_step(index, candidates)
            or _without_arithmetic(candidates, untaxed=untaxed)
        )
    payable = _payable(triple, candidates, printed, _rests(index, triple))
    confidence = min(0.99, 0.75 + 0.08 * triple.labelled) - (0.3 if _is_outdone(triple, candidates) else 0.0)
    if payable is not None and payable.value == triple.gross:
        payable = replace(payable, confidence=min(payable.confidence, confidence))
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
    right = _amounts_near(index, label, index.right(label))
    yield from right
    yield from _amounts_near(index, label, index.beside(label))
    if not any(candidate.weight > 0.4 for candidate in [*own, *right]) and not index.heads_a_table(label):
        yield from _amounts_near(index, label, index.below(label))


def _amounts_near(index: Index, label: Label, places: Iterable[Near]) -> list[_Candidate]:
    found: list[_Candidate] = []
    for place in places:
        factor = place.factor * label.weight
        if len(index.texts[label.segment]) > _RUNNING_TEXT_CHARS:
            factor *= 0.6
        amounts = index.under(place, list(find_amounts(place.text)))
        for amount in amounts:
            weight = factor * _money_likeness(amount)
            found.append(_Candidate(amount.value, weight, index.segments[place.segment].page, amount.currency))
    return found


def _money_likeness(amount: Amount) -> float:
    """How much an amount looks like a total: two decimals, or a currency beside it."""
    whole = amount.decimals == 0 and amount.currency in _WITHOUT_CENTS
    likeness = 1.0 if amount.decimals == 2 or whole else 0.5 if amount.currency else 0.15
    return likeness if amount.likely else likeness * 0.6


def _printed(index: Index) -> dict[Decimal, int]:
    """Every amount with cents anywhere, with the page where it is last printed."""
    return {
        amount.value: segment.page
        for segment, text in zip(index.segments, index.texts, strict=True)
        for amount in find_amounts(text)
        if amount.decimals == 2
    }


def _evidence(candidates: dict[str, list[_Candidate]], printed: dict[Decimal, int], index: Index) -> Evidence:
    """Weights by value; what is payable may be the gross too, a little less surely."""
    gross = {candidate.value: candidate.weight * 0.85 for candidate in candidates["payable"]}
    for candidate in candidates["gross"]:
        gross[candidate.value] = max(gross.get(candidate.value, 0.0), candidate.weight)
    return Evidence(
        net={candidate.value: candidate.weight for candidate in candidates["net"]},
        tax={candidate.value: candidate.weight for candidate in candidates["tax"]},
        gross=gross,
        printed=tuple(printed),
        rates=_rates(index),
        rate_max=max(_tax_percentages(index), default=None),
        rows=_rate_rows(index),
        untaxed=_is_untaxed(index),
    )


def _rates(index: Index) -> tuple[Decimal, ...]:
    """Percentages, and small numbers that stand alone, as in a column headed "%"."""
    rates = _percentages(index)
    rates |= {Decimal(text.replace(",", ".")) for text in index.texts if _BARE_RATE.fullmatch(text)}
    return tuple(sorted(rates))[:_RATES_MAX]


def _rate_rows(index: Index) -> tuple[tuple[Decimal, Decimal], ...]:
    """Base and tax of each rate, from lines in which one amount is a percentage of another, or is contained in it.

    A line without a word for the tax must show their sum too. None at all when a rate has two such lines: those are
    lines of what was sold.
    """
    taxed = {index.line(label.segment)[0] for label in index.of_kind("tax")}
    rows: dict[Decimal, tuple[Decimal, Decimal]] = {}
    for position in range(len(index.segments)):
        line = index.line(position)
        if line[0] != position:
            continue
        texts = [index.texts[other] for other in line]
        found = _rate_row(texts, with_sum=position not in taxed)
        if found is not None and rows.setdefault(found[0], found[1:]) != found[1:]:
            return ()
    return tuple(rows.values())


def _rate_row(texts: list[str], *, with_sum: bool) -> tuple[Decimal, Decimal, Decimal] | None:
    """Rate, base and tax of one line."""
    rates = {Decimal(found.replace(",", ".")) for text in texts for found in _PERCENT.findall(text)}
    rates |= {Decimal(text.replace(",", ".")) for text in texts if _BARE_RATE.fullmatch(text)}
    amounts = [one.value for text in texts for one in find_amounts(text) if one.decimals == 2 and one.likely]
    for rate, base, tax in itertools.product(sorted(rates), amounts, amounts):
        if not rate or not tax or rate > _RATE_MAX:
            continue
        if abs(base * rate / 100 - tax) <= _HALF_CENT and (not with_sum or base + tax in amounts):
            return rate, base, tax
        if not with_sum and abs(base * rate / (100 + rate) - tax) <= _HALF_CENT:
            return rate, base - tax, tax
    return None


def _tax_percentages(index: Index) -> Iterator[Decimal]:
    for label in index.of_kind("tax"):
        for position in index.line(label.segment):
            yield from (Decimal(match.replace(",", ".")) for match in _PERCENT.findall(index.texts[position]))


def _percentages(index: Index) -> set[Decimal]:
    return {Decimal(match.replace(",", ".")) for text in index.texts for match in _PERCENT.findall(text)}


def _is_untaxed(index: Index) -> bool:
    return any(_NO_TAX.search(text) for text in index.texts)


def _rests(index: Index, triple: Triple) -> list[Found]:
    """Amounts beneath the gross that are left of it after an amount between them, whatever the words say.

    Net and tax make the gross too, and a discount for paying early leaves a rest: neither is meant.
    """
    gross, parts = triple.gross, {triple.net, triple.tax}
    after: list[tuple[Decimal, int]] = []
    seen = False
    taxed = {position for label in index.of_kind("tax") for position in index.line(label.segment)}
    for position, (segment, text) in enumerate(zip(index.segments, index.texts, strict=True)):
        if position in taxed or _EARLY.search(text):
            continue
        for amount in find_amounts(text):
            if seen and amount.decimals == 2:
                after.append((amount.value, segment.page))
            seen = seen or amount.value == gross
    paid = [abs(amount) if amount not in parts else Decimal(0) for amount, _ in after[:_AFTER_MAX]]
    return [
        Found(rest, _DOUBTFUL, page)
        for place, (rest, page) in enumerate(after[:_AFTER_MAX])
        if rest not in parts and gross != rest and gross - rest in paid[:place]
    ]


def _payable(
    triple: Triple, candidates: dict[str, list[_Candidate]], printed: dict[Decimal, int], rests: list[Found]
) -> Found | None:
    """The labelled payable amount, preferably one that follows from gross and prepaid; else the gross itself."""
    gross = triple.gross
    prepaid = {
        abs(candidate.value) for candidate in candidates["prepaid"] if candidate.value and candidate.weight > 0.4
    }
    labelled = [candidate for candidate in candidates["payable"] if candidate.weight > 0.5]
    # What is left after an instalment comes before the gross, which some call "to pay" too.
    for expected in ({gross - amount for amount in prepaid}, {gross}):
        for candidate in (one for one in labelled if one.value in expected):
            return Found(candidate.value, 0.97, candidate.page)
    if labelled:
        sure = len({candidate.value for candidate in labelled}) == 1
        return Found(labelled[0].value, 0.8, labelled[0].page) if sure else None
    if prepaid:
        left = [gross - amount for amount in prepaid if gross - amount in printed]
        return Found(left[0], 0.8, printed[left[0]]) if len(left) == 1 else None
    if rests:
        return rests[0] if len({one.value for one in rests}) == 1 else None
    return Found(gross, 0.85, printed.get(gross, 1))


def _is_outdone(triple: Triple, candidates: dict[str, list[_Candidate]]) -> bool:
    """Whether a larger amount is labelled as the total too: then the three may be a part of it."""
    larger = [one for one in candidates["gross"] if abs(one.value) > abs(triple.gross) and one.weight > _LABELLED_MIN]
    prepaid = {abs(one.value) for one in candidates["prepaid"]}
    return any(abs(one.value) - abs(triple.gross) not in prepaid for one in larger)


def _after_withholding(candidates: dict[str, list[_Candidate]]) -> Totals | None:
    """Net + tax - tax withheld = payable, as Spanish and Italian professionals write; the gross is not printed."""
    for withheld in candidates["withheld"]:
        for net in candidates["net"]:
            for tax in candidates["tax"]:
                rest = net.value + tax.value - abs(withheld.value)
                paid = [one for one in candidates["payable"] + candidates["gross"] if one.value == rest]
                if paid and withheld.value and min(net.weight, tax.weight, paid[0].weight) > _LABELLED_MIN:
                    return Totals(
                        net=Found(net.value, 0.9, net.page),
                        tax=Found(tax.value, 0.9, tax.page),
                        gross=Found(net.value + tax.value, 0.75, net.page),
                        payable=Found(rest, 0.9, paid[0].page),
                        currency=_currency(candidates, {rest}),
                    )
    return None


def _without_arithmetic(candidates: dict[str, list[_Candidate]], *, untaxed: bool) -> Totals:
    """A total that stands alone: only when the labels leave no choice and no tax says otherwise."""
    totals = [candidate for candidate in candidates["gross"] + candidates["payable"] if candidate.weight > 0.6]
    surest = [candidate for candidate in totals if candidate.weight >= _SUREST]
    totals = surest or totals
    values = {candidate.value for candidate in totals}
    taxed = any(candidate.value and candidate.weight > 0.6 for candidate in candidates["tax"])
    agreed = {c.value for c in candidates["gross"]} & {c.value for c in candidates["payable"]} & values
    if len(values) == 1 and (not taxed or agreed):
        only = max(totals, key=lambda candidate: candidate.weight)
        other_net = any(one.value != only.value and one.weight > 0.6 for one in candidates["net"])
        if untaxed and not taxed and not other_net:
            found = Found(only.value, 0.75, only.page)
            return Totals(found, Found(Decimal(0), 0.75, only.page), found, found, only.currency)
        found = Found(only.value, 0.6, only.page)
        return Totals(gross=found, payable=found, currency=only.currency)
    return Totals()


def _step_by_step(index: Index, candidates: dict[str, list[_Candidate]]) -> Totals | None:
    """A labelled total that is the sum of the amounts in the lines above it: goods, discount, freight, tax."""
    column = _last_amounts(index)
    for place, (value, page) in enumerate(column):
        labelled = [one for one in candidates["gross"] if one.value == value and one.weight >= _SUREST]
        for steps in range(2, min(place, _STEPS_MAX) + 1):
            above = [amount for amount, _ in column[place - steps : place]]
            taxes = [one for one in candidates["tax"] if one.value in above and one.weight > _LABELLED_MIN]
            if labelled and sum(above) == value and len({one.value for one in taxes}) == 1:
                tax, gross = taxes[0], Found(value, 0.85, page)
                net = Found(value - tax.value, 0.6, page)
                currency = _currency(candidates, {value})
                return Totals(net, Found(tax.value, 0.8, tax.page), gross, replace(gross, confidence=0.75), currency)
    return None


def _last_amounts(index: Index) -> list[tuple[Decimal, int]]:
    """The last amount of each line, in reading order, with its page."""
    found: list[tuple[Decimal, int]] = []
    for position, segment in enumerate(index.segments):
        line = index.line(position)
        if line[-1] == position:
            texts = [index.texts[other] for other in line]
            amounts = [one.value for text in texts for one in find_amounts(text) if one.decimals == 2 and one.likely]
            found += [(amounts[-1], segment.page)] if amounts else []
    return found


def _paid_in_part(candidates: dict[str, list[_Candidate]]) -> Totals | None:
    """Gross and payable that differ by what is labelled as paid bear each other out."""
    for gross in candidates["gross"]:
        for payable in candidates["payable"]:
            paid = [one for one in candidates["prepaid"] if gross.value - abs(one.value) == payable.value and one.value]
            if paid and min(gross.weight, payable.weight, paid[0].weight) > _LABELLED_MIN:
                total, rest = Found(gross.value, 0.85, gross.page), Found(payable.value, 0.85, payable.page)
                return Totals(gross=total, payable=rest, currency=_currency(candidates, {gross.value}))
    return None


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
