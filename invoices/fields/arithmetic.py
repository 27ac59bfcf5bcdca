"""Net + tax = gross: which of the candidate amounts belong together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

_CENT: Final = Decimal("0.01")
_ROUNDED: Final = Decimal(5)  # 5 cents, times a hundred: each line's tax may be rounded for itself
_UNLABELLED: Final = 0.2  # an amount that fits and is printed, without a label that says what it is
_DERIVED: Final = -0.2  # an amount that stands nowhere and follows from the others and a printed rate
_SCORE_MIN: Final = 1.3
_WELL_LABELLED: Final = 0.4
_SURE: Final = 0.9
_RATE_BONUS: Final = 0.3
_LARGEST_BONUS: Final = 0.4
_SUM_WEIGHT: Final = 0.3
_PARTS_MAX: Final = 5
_ROW_WEIGHT: Final = 0.7
_CLEARLY: Final = 0.1
_TAX_RATE_MAX: Final = Decimal(30)  # the highest VAT rate of Europe is 27, of the world's sales taxes 28 percent


@dataclass(frozen=True, slots=True)
class Evidence:
    """Candidate values with their weights, every printed amount, whatever may be a rate, and words of no tax.

    rate_max: the highest percentage that stands in a line with a word for the tax. rows: base and tax of each rate that
    stand in one line with it.
    """

    net: Mapping[Decimal, float]
    tax: Mapping[Decimal, float]
    gross: Mapping[Decimal, float]
    printed: tuple[Decimal, ...]
    rates: tuple[Decimal, ...]
    untaxed: bool
    rate_max: Decimal | None = None
    rows: tuple[tuple[Decimal, Decimal], ...] = ()


@dataclass(frozen=True, slots=True)
class Triple:
    """Three amounts that add up. labelled: how many of them have a label that says what they are."""

    net: Decimal
    tax: Decimal
    gross: Decimal
    score: float
    labelled: int


def best_triple(evidence: Evidence) -> Triple | None:
    """The best scored triple; the largest gross wins among equals, as totals do over their parts."""
    triples = [*_from_tax(evidence), *_from_net(evidence), *_from_gross(evidence), *_to_gross(evidence)]
    triples += _from_rows(evidence)
    triples = [one for one in triples if _is_plausible(one.net, one.tax, evidence.rate_max) and _fits(one, evidence)]
    triples += _from_parts(triples, evidence)
    largest = max((abs(triple.gross) for triple in triples if triple.labelled > 1), default=Decimal(0))

    def rank(triple: Triple) -> float:
        return triple.score + (_LARGEST_BONUS if abs(triple.gross) == largest else 0.0)

    best = max(triples, key=rank, default=None)
    return best if best is not None and best.score >= _SCORE_MIN else None


def _from_tax(evidence: Evidence) -> Iterator[Triple]:
    """A gross and a tax; the net is labelled, or printed somewhere, or follows from a printed rate."""
    taxes = _with_sums(evidence.tax)
    for gross, gross_weight in evidence.gross.items():
        for amount, tax_weight in taxes.items():
            # Some writers leave the minus away at the tax of a negative total.
            for tax in (amount, -amount) if gross < 0 < amount else (amount,):
                weight = _net_weight(gross - tax, tax, evidence)
                if weight is not None:
                    yield _triple((gross - tax, tax, gross), (weight, tax_weight, gross_weight), evidence)


def _fits(triple: Triple, evidence: Evidence) -> bool:
    """Whether the net of a triple is not a tax by its label, as the parts of a tax are that make its sum."""
    if not triple.tax or triple.net in evidence.net or _rate_fits(triple.net, triple.tax, evidence.rates):
        return True
    return evidence.tax.get(triple.net, 0.0) < evidence.tax.get(triple.tax, _UNLABELLED) - _CLEARLY


def _from_rows(evidence: Evidence) -> Iterator[Triple]:
    """The table of rates: bases and taxes of all rates together make a labelled gross."""
    if evidence.rows:
        net, tax = (sum((row[place] for row in evidence.rows), Decimal(0)) for place in (0, 1))
        weight = evidence.gross.get(net + tax, 0.0)
        if weight > _WELL_LABELLED:
            yield Triple(net, tax, net + tax, weight + 2 * _ROW_WEIGHT + _RATE_BONUS, 3)


def _net_weight(net: Decimal, tax: Decimal, evidence: Evidence) -> float | None:
    if net in evidence.net:
        return evidence.net[net]
    if net in evidence.printed and tax:
        return _UNLABELLED
    return _DERIVED if _rate_fits(net, tax, evidence.rates) else None


def _from_net(evidence: Evidence) -> Iterator[Triple]:
    """A gross and a net; the tax is nothing, or printed somewhere and a printed rate of the net."""
    for gross, gross_weight in evidence.gross.items():
        for net, net_weight in evidence.net.items():
            tax = gross - net
            if tax in evidence.tax:
                continue
            fits = tax in evidence.printed and _rate_fits(net, tax, evidence.rates)
            if fits or (tax == 0 and _is_untaxed(evidence)):
                yield _triple((net, tax, gross), (net_weight, _UNLABELLED, gross_weight), evidence)


def _from_gross(evidence: Evidence) -> Iterator[Triple]:
    """A gross that is surely labelled, and two printed amounts of which one is a printed rate of the other."""
    for gross, gross_weight in evidence.gross.items():
        if gross_weight < _SURE:
            continue
        for net in evidence.printed:
            tax = gross - net
            unlabelled = net not in evidence.net and tax not in evidence.tax and tax in evidence.printed
            if unlabelled and tax and _rate_fits(net, tax, evidence.rates):
                yield _triple((net, tax, gross), (_UNLABELLED, _UNLABELLED, gross_weight), evidence)


def _to_gross(evidence: Evidence) -> Iterator[Triple]:
    """A net and a tax that are surely labelled and fit each other; their sum is printed without a label."""
    for net, net_weight in evidence.net.items():
        for tax, tax_weight in _with_sums(evidence.tax).items():
            gross = net + tax
            fits = _rate_fits(net, tax, evidence.rates) or (tax not in evidence.tax and tax)
            if net_weight >= _WELL_LABELLED and gross in evidence.printed and gross not in evidence.gross and fits:
                yield _triple((net, tax, gross), (net_weight, tax_weight, _UNLABELLED), evidence)


def _from_parts(triples: list[Triple], evidence: Evidence) -> Iterator[Triple]:
    """Rows of several rates whose grosses together are the labelled total, as on receipts."""
    parts = list({(one.net, one.tax, one.gross): one for one in triples if one.labelled > 1}.values())[:_PARTS_MAX]
    for chosen in range(1, 1 << len(parts)):
        rows = [part for place, part in enumerate(parts) if chosen >> place & 1]
        gross = sum((row.gross for row in rows), Decimal(0))
        weight = evidence.gross.get(gross, 0.0)
        if len(rows) > 1 and weight > _WELL_LABELLED:
            net, tax = (sum((getattr(row, name) for row in rows), Decimal(0)) for name in ("net", "tax"))
            score = sum(row.score for row in rows) / len(rows) + _RATE_BONUS
            yield Triple(net, tax, gross, score, 2)


def _is_untaxed(evidence: Evidence) -> bool:
    return evidence.untaxed or not any(value and weight > 0.5 for value, weight in evidence.tax.items())


def _is_plausible(net: Decimal, tax: Decimal, rate_max: Decimal | None) -> bool:
    """A tax has the net's sign and is no more of it than the highest percentage that is printed, or than any tax is."""
    highest = min(rate_max or _TAX_RATE_MAX, _TAX_RATE_MAX)
    return net * tax >= 0 and abs(tax) * 100 <= abs(net) * highest + _ROUNDED


def _with_sums(tax: Mapping[Decimal, float]) -> dict[Decimal, float]:
    """Tax amounts and the sums of the first few: an invoice with two rates may leave its total tax out."""
    strong = [value for value, weight in tax.items() if weight >= 0.5 and value > 0][:_PARTS_MAX]
    strong = strong or [value for value, weight in tax.items() if weight >= 0.5 and value < 0][:_PARTS_MAX]
    sums = dict(tax)
    for chosen in range(1, 1 << len(strong)):
        parts = [value for place, value in enumerate(strong) if chosen >> place & 1]
        if len(parts) > 1:
            sums.setdefault(sum(parts, Decimal(0)), _SUM_WEIGHT)
    return sums


def _triple(
    amounts: tuple[Decimal, Decimal, Decimal], weights: tuple[float, float, float], evidence: Evidence
) -> Triple:
    net, tax, gross = amounts
    bonus = _RATE_BONUS if tax and _rate_fits(net, tax, evidence.rates) else 0.0
    return Triple(net, tax, gross, sum(weights) + bonus, sum(weight > _WELL_LABELLED for weight in weights))


def _rate_fits(net: Decimal, tax: Decimal, rates: tuple[Decimal, ...]) -> bool:
    """Whether the tax is a printed percentage of the net, to the cent."""
    return any(rate and abs(net * rate / 100 - tax) <= _CENT for rate in rates)
