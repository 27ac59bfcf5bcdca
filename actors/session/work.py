"""A turn in the making: the state so far, what it changes in the books, and the ledger as it stands with both."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from actors.session.state import Asked
from invoices.answers import Answers, Totals, totals_of_sums
from invoices.book import Book, BookAway, Booking, BookQuery, MemoryBook, matches, overlay, sums_of
from invoices.changes import Change, ChangeKind, Reminding
from invoices.invoice import to_protocol
from messages.light import light_record
from messages.saying import phrases

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actors.session.handlers.files import FileWanted
    from actors.session.state import SessionState
    from invoices.invoice import Invoice
    from messages.codec import Json
    from messages.records import Button

DATA_INVOICES_MAX: Final = 20


@light_record
class Said:
    """What one handler answers."""

    text: str
    buttons: tuple[Button, ...] = ()
    data: Mapping[str, Json] = field(default_factory=dict)


@dataclass
class Work:
    """One turn while it is computed. at: the time of acceptance, ISO 8601, against which days are told."""

    state: SessionState
    message_id: str
    user_id: str
    at: str
    book: Book
    language: str | None
    changes: list[Change | Reminding] = field(default_factory=list)
    is_away: bool = False
    is_settled: bool = False
    is_talk: bool = False
    file: FileWanted | None = None

    def __post_init__(self) -> None:
        """Ready to speak."""
        self.say = phrases(self.language)
        self.answers = Answers(self.say)

    @property
    def today(self) -> dt.date:
        """The day of acceptance."""
        return day_of(self.at)

    def find(self, query: BookQuery) -> tuple[Booking, ...]:
        """What is booked, this session's own changes included. While the ledger is away, what the session remembers."""
        if not self.is_away:
            try:
                self._settle()
                found = self.book.find(query)
            except BookAway:
                self.is_away = True
            else:
                return overlay(found, self._unsettled(), query)
        return MemoryBook(self.state.remembered().values()).find(query)

    def totals(self, query: BookQuery) -> Totals | None:
        """What everything comes to that matches, however much; None while the ledger is away.

        The ledger's sums, with what this session has changed since in the place of what the ledger has of it.
        """
        own = self._unsettled()
        try:
            sums = self.book.totals(query)
            there = self.book.find(replace(query, invoice_ids=tuple(own))) if own else ()
        except BookAway:
            self.is_away = True
            return None
        later = [it for it in there if own[it.invoice_id].revision > it.revision]
        known = {it.invoice_id for it in there} - {it.invoice_id for it in later}
        now = [it for it in own.values() if it.invoice_id not in known and not it.is_deleted and matches(it, query)]
        return totals_of_sums(sums, less=sums_of(later), more=sums_of(now))

    def _settle(self) -> None:
        """Let go of what the ledger has by now; once a turn is enough. Raises BookAway."""
        if self.is_settled or not self.state.unsettled:
            return
        ids = tuple(each.invoice_id for each in self.state.unsettled)
        there = {each.invoice_id: each.revision for each in self.book.find(BookQuery(invoice_ids=ids))}
        self.state = self.state.settled(there)
        self.is_settled = True

    def _unsettled(self) -> Mapping[str, Booking]:
        return {each.invoice_id: each for each in self.state.unsettled}

    def whole(self, invoice_id: str) -> Booking | None:
        """One booking with all its lines, to be changed; None where there is none, or only its figures are known."""
        own = self._unsettled().get(invoice_id)
        if own is not None:
            return None if own.is_deleted else own
        found = self.find(BookQuery(invoice_ids=(invoice_id,)))
        return found[0] if found and not found[0].is_deleted and not self.is_away else None

    def put(self, kind: ChangeKind, booking: Booking) -> Booking:
        """Book it as the next revision, and talk about it from here on."""
        now = replace(
            booking, revision=booking.revision + 1, updated_at=self.at, recorded_at=booking.recorded_at or self.at
        )
        self.changes.append(Change(kind, now))
        self.state = replace(self.state.with_booking(now), focus=None if now.is_deleted else now.invoice_id)
        return now

    def set(self, **fields: Any) -> None:
        """Change the state."""
        self.state = replace(self.state, **fields)

    def ask(self, about: Any, *invoice_ids: str, **more: Any) -> None:
        """Remember what is asked, until it is answered or something else is asked."""
        self.set(asked=Asked(about, invoice_ids, **more))

    def button(self, label: str, action: str) -> Button:
        """A button in the person's language."""
        return self.say.button(label, action)


def day_of(at: str) -> dt.date:
    """The day of a time in ISO 8601, the first of 1970 where it is none."""
    try:
        return dt.date.fromisoformat(at[:10])
    except ValueError:
        return dt.date(1970, 1, 1)


def data_about(invoices: Sequence[Invoice]) -> Mapping[str, Json]:
    """`data.invoice` or `data.invoices` of a reply."""
    if len(invoices) == 1:
        return {"invoice": to_protocol(invoices[0])}
    if invoices:
        return {"invoices": [to_protocol(invoice) for invoice in invoices[:DATA_INVOICES_MAX]]}
    return {}
