"""Answers from the ledger, figures and all, by code: one invoice, lists, sums, comparisons, and what is due."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from actors.session.handlers import waiting
from actors.session.handlers.which import bookings_meant, supplier_name
from actors.session.state import LISTED_MAX
from actors.session.work import Said, data_about, day_of
from invoices.answers import Totals, amount_of, totals_of
from invoices.book import FOUND_MAX, Booking, BookQuery
from invoices.intents import Intent, Kind, Period

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.session.work import Work
    from messages.records import Button


def show(work: Work, intent: Intent) -> Said:
    """One invoice with its details: one that waits, or one that is booked."""
    draft = waiting.named(work, intent.invoice_id, intent.number) if _may_wait(work, intent) else None
    if draft is not None:
        return waiting.asked_about(work, draft)
    found = tuple(it for it in bookings_meant(work, intent) if not it.is_deleted)
    if not found:
        return Said(work.say.say("no_such_invoice"), (work.button("What can you do?", "help"),))
    if len(found) > 1 and intent.supplier is not None and intent.number is None:
        return listed(work, found)
    return one(work, found[0])


def _may_wait(work: Work, intent: Intent) -> bool:
    if intent.invoice_id is not None or intent.number is not None:
        return True
    return (
        bool(work.state.waiting) and intent.ordinal is None and intent.supplier is None and intent.reference != "last"
    )


def one(work: Work, booking: Booking) -> Said:
    """Everything about one that is booked."""
    work.set(focus=booking.invoice_id)
    day = work.say.day(day_of(booking.recorded_at))
    origin = (
        work.say.say("read_from", file=booking.file_name, date=day)
        if booking.file_name
        else work.say.say("told_on", date=day)
    )
    summary = work.answers.booked(booking)
    lines = [f"{summary[:1].upper()}{summary[1:]}.", *work.answers.details(booking.invoice)]
    lines += [origin] if booking.is_paid else [work.say.say("not_paid_yet"), origin]
    return Said("\n".join(lines), one_buttons(work, booking), data_about([booking.invoice]))


def one_buttons(work: Work, booking: Booking) -> tuple[Button, ...]:
    """What can be done with it."""
    key = booking.invoice_id
    paid = work.button("Not paid", f"unpaid:{key}") if booking.is_paid else work.button("Mark as paid", f"paid:{key}")
    return (work.button("Correct it", f"correct:{key}"), paid, work.button("Delete", f"delete:{key}"))


def listed(work: Work, found: tuple[Booking, ...], *, head: str | None = None) -> Said:
    """Several, numbered, so that one of them can be named by its place."""
    work.set(listed=tuple(it.invoice_id for it in found[:LISTED_MAX]))
    totals = totals_of(found)
    lines = [head or work.say.say("found", len(found)), *work.answers.listed(found)]
    if head is None and len(found) > 1 and totals.count:
        lines.append(work.say.say("together", totals=work.answers.totals(totals)))
    if len(found) == 1:
        work.set(focus=found[0].invoice_id)
    buttons = (work.button("As CSV", "export:csv"), work.button("As Excel", "export:xlsx"))
    return Said("\n".join(lines), buttons, data_about([it.invoice for it in found]))


def matching(work: Work, intent: Intent) -> tuple[Booking, ...] | None:
    """What a question about several is about; None when that is too much to look through."""
    found = work.find(query_of(work, intent))
    return None if len(found) >= FOUND_MAX else found


def query_of(work: Work, intent: Intent) -> BookQuery:
    """The conditions of a question about several."""
    supplier = intent.supplier
    if supplier is not None:
        supplier = supplier_name(work, supplier) or supplier
    period = intent.period or Period()
    is_due = intent.period_of == "due"
    return BookQuery(
        supplier=supplier,
        issued_from=None if is_due else period.first, issued_to=None if is_due else period.last,
        due_from=period.first if is_due else None, due_to=period.last if is_due else None,
        is_paid=intent.is_paid, currency=intent.currency,
        amount_min=intent.amount_min, amount_max=intent.amount_max, type=intent.type,
        order="due" if is_due else "newest",
    )  # fmt: skip


def list_(work: Work, intent: Intent) -> Said:
    """As in "Which invoices ...?"."""
    work.set(last_query=msgspec.to_builtins(intent))
    found = matching(work, intent)
    if found is None:
        return _too_long(work, intent)
    if intent.order is not None:
        found, head = _by_size(work, intent, found)
        return listed(work, found, head=head) if found else Said(work.say.say("found_none"))
    return (
        listed(work, found) if found else Said(work.say.say("found_none"), (work.button("What can you do?", "help"),))
    )


def sum_(work: Work, intent: Intent) -> Said:
    """As in "How much ...?", for each currency by itself."""
    work.set(last_query=msgspec.to_builtins(intent))
    totals, found = _totals(work, intent)
    if totals is None:
        return Said(work.say.say("too_many"))
    work.set(listed=tuple(it.invoice_id for it in found[:LISTED_MAX]))
    lines = _sum_lines(work, intent, totals)
    if intent.is_average and totals.counts:
        lines.append(work.say.say("average_is", totals=work.answers.averages(totals)))
    return Said("\n".join(lines), (work.button("As CSV", "export:csv"),), _sum_data(totals))


def _totals(work: Work, intent: Intent) -> tuple[Totals | None, tuple[Booking, ...]]:
    """The sums of all that a question is about, and those of them that were looked at one by one."""
    found = matching(work, intent)
    if found is not None:
        return totals_of(found), found
    return work.totals(query_of(work, intent)), ()


def _too_long(work: Work, intent: Intent) -> Said:
    """What they come to is said all the same."""
    totals = work.totals(query_of(work, intent))
    told = _sum_lines(work, intent, totals) if totals is not None else []
    return Said("\n".join([*told, work.say.say("too_many_to_list")]))


def _by_size(work: Work, intent: Intent, found: tuple[Booking, ...]) -> tuple[tuple[Booking, ...], str]:
    """The largest or smallest of each currency, as amounts of two have no order, and what is said above them."""
    amounts = {it.invoice_id: amount for it in found if (amount := amount_of(it.invoice)) is not None}
    with_amount = [it for it in found if it.invoice_id in amounts]
    is_largest = intent.order == "largest"
    ordered = sorted(with_amount, key=lambda it: amounts[it.invoice_id], reverse=is_largest)
    many = intent.at_most or 1
    kept: list[Booking] = []
    for currency in dict.fromkeys(it.invoice.currency for it in ordered):
        kept += [it for it in ordered if it.invoice.currency == currency][:many]
    return tuple(kept), work.say.say("largest_are" if is_largest else "smallest_are", len(kept))


def _sum_lines(work: Work, intent: Intent, totals: Totals) -> list[str]:
    scope = scope_of(work, intent)
    if not totals.count and not totals.without_total:
        return [work.say.sentence("sum_none", scope=scope)]
    lines = [work.say.sentence("sum_is", totals.count, scope=scope, totals=work.answers.totals(totals) or "0")]
    if totals.without_total:
        lines.append(work.say.say("without_total", totals.without_total))
    return lines


def _sum_data(totals: Totals) -> dict[str, object]:
    return {"totals": [{"currency": code, "amount": f"{amount:f}"} for code, amount in totals.by_currency]}


def compare(work: Work, intent: Intent) -> Said:
    """Two sums and what lies between them: of two periods, or of two suppliers."""
    first, second = _compared(work, intent)
    if second is None:
        return Said(work.say.say("compare_what"))
    ours, theirs = _totals(work, first)[0], _totals(work, second)[0]
    if ours is None or theirs is None:
        return Said(work.say.say("too_many"))
    work.set(last_query=msgspec.to_builtins(first))
    lines = [*_sum_lines(work, first, ours), *_sum_lines(work, second, theirs)]
    lines += _differences(work, dict(ours.by_currency), dict(theirs.by_currency))
    return Said("\n".join(lines), (), {"compared": [_sum_data(ours), _sum_data(theirs)]})


def _compared(work: Work, intent: Intent) -> tuple[Intent, Intent | None]:
    """Both sides; where only one is said the other is the last question's, or the present one of its kind."""
    bare = replace(intent, kind=Kind.SUM, compared_period=None, compared_supplier=None)
    if intent.compared_supplier is not None:
        return bare, replace(bare, supplier=intent.compared_supplier)
    if intent.period is not None and intent.compared_period is not None:
        return bare, replace(bare, period=intent.compared_period)
    before = _last_query(work)
    if intent.supplier is None and before is not None:
        bare = replace(bare, supplier=before.supplier)
    if intent.period is None:
        return bare, None
    present = before.period if before is not None and before.period is not None else _present(intent.period, work.today)
    if present == intent.period:
        present = _present(intent.period, work.today)
    return replace(bare, period=present), replace(bare, period=intent.period)


def _last_query(work: Work) -> Intent | None:
    if work.state.last_query is None:
        return None
    try:
        return msgspec.convert(work.state.last_query, Intent)
    except msgspec.ValidationError:
        return None


def _present(period: Period, today: dt.date) -> Period:
    """The stretch of time of the same kind that today lies in."""
    if period.first is None or period.last is None:
        return Period()
    days = (period.last - period.first).days + 1
    if days > 360:  # noqa: PLR2004 - a year
        return Period(dt.date(today.year, 1, 1), dt.date(today.year, 12, 31))
    if days > 31:  # noqa: PLR2004 - a quarter
        first = dt.date(today.year, (today.month - 1) // 3 * 3 + 1, 1)
        return Period(
            first, dt.date(today.year + first.month // 10, (first.month + 2) % 12 + 1, 1) - dt.timedelta(days=1)
        )
    if days > 7:  # noqa: PLR2004 - a month
        first = today.replace(day=1)
        return Period(first, (first + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1))
    monday = today - dt.timedelta(days=today.weekday())
    return Period(monday, monday + dt.timedelta(days=6)) if days == 7 else Period(today, today)  # noqa: PLR2004 - a week


def _differences(work: Work, ours: Mapping[str | None, Decimal], theirs: Mapping[str | None, Decimal]) -> list[str]:
    lines: list[str] = []
    for currency in dict.fromkeys((*ours, *theirs)):
        one_sum, other = ours.get(currency, Decimal(0)), theirs.get(currency, Decimal(0))
        difference = one_sum - other
        if not difference:
            lines.append(work.say.say("the_same"))
            continue
        key = "more" if difference > 0 else "less"
        told = work.say.money(abs(difference), currency)
        if other > 0:
            percent = work.say.percent(abs(difference) * 100 / other)
            lines.append(work.say.say(f"{key}_by", difference=told, percent=percent))
        else:
            lines.append(work.say.say(key, difference=told))
    return lines


def due(work: Work, intent: Intent) -> Said:
    """What is left to pay, the earliest first."""
    asked = replace(intent, is_paid=False, period_of="due")
    return _to_pay(work, asked, "due_are", "due_none")


def overdue(work: Work, intent: Intent) -> Said:
    """What should have been paid before the day of the message."""
    yesterday = work.today - dt.timedelta(days=1)
    asked = replace(intent, is_paid=False, period_of="due", period=Period(None, yesterday))
    return _to_pay(work, asked, "overdue_are", "overdue_none")


def _to_pay(work: Work, intent: Intent, some: str, none: str) -> Said:
    work.set(last_query=msgspec.to_builtins(intent))
    found = matching(work, intent)
    if found is None:
        return Said(work.say.say("too_many"))
    found = tuple(it for it in found if it.invoice.type != "credit_note")
    if not found:
        return Said(work.say.say(none))
    totals = work.answers.totals(totals_of(found, to_pay=True))
    return listed(work, found, head=work.say.say(some, len(found), totals=totals or "-"))


def scope_of(work: Work, intent: Intent) -> str:
    """What a sum is over, in words."""
    say, parts = work.say, []
    if intent.supplier is not None:
        parts.append(supplier_name(work, intent.supplier) or intent.supplier)
        full = {it.invoice.seller.name for it in work.find(BookQuery(supplier=parts[0], at_most=5))}
        parts[0] = full.pop() or parts[0] if len(full) == 1 else parts[0]
    if intent.period is not None and (period := _period_words(work, intent.period)):
        parts.append(say.say("scope_due", period=period) if intent.period_of == "due" else period)
    if intent.amount_min is not None:
        parts.append(say.say("scope_over", amount=say.money(intent.amount_min, intent.currency)))
    if intent.amount_max is not None:
        parts.append(say.say("scope_under", amount=say.money(intent.amount_max, intent.currency)))
    if intent.is_paid is not None:
        parts.append(say.say("scope_paid" if intent.is_paid else "scope_unpaid"))
    return say.listed(parts) if parts else say.say("scope_all")


def _period_words(work: Work, period: Period) -> str:
    say = work.say
    first, last = period.first, period.last
    if first is not None and last is not None:
        key = "scope_day" if first == last else "scope_between"
        return say.say(key, first=say.day(first), last=say.day(last))
    if first is not None:
        return say.say("scope_since", first=say.day(first))
    return say.say("scope_until", last=say.day(last)) if last is not None else ""
