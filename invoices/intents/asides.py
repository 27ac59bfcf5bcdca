"""What is told before all else: what is only said beside the books, and an invoice that is told in words.

Of a message that names the words of a deed without asking for it ("never delete anything", "how do I export?", "I'll
pay tomorrow") nothing is done.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol

from invoices.intents.intent import Kind

if TYPE_CHECKING:
    from invoices.intents.corrections import Said
    from invoices.intents.intent import Correction, FieldName
    from invoices.intents.slots import Slots

_WORDS_OF_NEWS: Final = 12
# "the total is 99": said of an invoice, where "total 99" is part of one.
_IS: Final = re.compile(r"(?<!\w)(?:is|should be|must be|to|ist|auf|lautet|est|es|al?)(?!\w)")


class Message(Protocol):
    """What the rules know of one message."""

    said: Said
    asked: FieldName | None

    @property
    def count(self) -> int:
        """How many words there are."""

    @property
    def asks(self) -> bool:
        """Whether it is put as a question."""

    @property
    def slots(self) -> Slots:
        """What it names."""

    @property
    def corrections(self) -> tuple[Correction, ...]:
        """The values it gives."""

    def has(self, *concepts: str) -> bool:
        """Whether any of the ideas is there."""

    def begins_with(self, *concepts: str) -> bool:
        """Whether it begins with one."""


def aside(message: Message) -> Kind | None:
    """What is no request for the deed whose words it has; UNCLEAR where it is about none of the agent's things."""
    if message.has("how_to") and not message.has("how_much"):
        return Kind.HELP
    if message.has("meaning", "make_one") and not message.begins_with("record"):
        return Kind.UNCLEAR
    if message.has("own") and message.asked is None and not message.has("currency_word"):
        return Kind.UNCLEAR
    if message.has("not_save"):
        return Kind.CANCEL
    if message.has("keep") and not message.has("not_paid", "paid") and not message.asks:
        return Kind.KEEP
    if message.has("misplaced") and not message.asks and not message.has("paid", "delete"):
        return Kind.DELETE
    return None


def payment_wanted(message: Message) -> Kind | None:
    """As in "please pay invoice 7": the agent pays nothing; what somebody will pay is not paid yet."""
    if message.has("mark", "remind", "how_much", "not_paid", "unpaid", "when_question"):
        return None
    if message.has("pay_please"):
        return Kind.PAY
    return Kind.UNCLEAR if message.has("will_pay") and not message.asks else None


def told(message: Message) -> Kind | None:
    """As in "I received an invoice from ACME for 250 EUR": an invoice in words, to be recorded when it is confirmed."""
    is_other = message.has("invoices", "credit_note", "show", "delete", "export", "how_much", "remind", "compare")
    if message.asks or is_other or message.has("not_paid", "unpaid", "overdue"):
        return None
    slots = message.slots
    is_new = message.has("one_told")
    if slots.told_amount is None:
        is_news = is_new and message.has("got") and slots.seller is not None and message.count <= _WORDS_OF_NEWS
        return Kind.RECORD if is_news and not message.has("paid") else None
    if message.has("billed_me") or (is_new and (message.has("got") or not message.has("paid"))):
        return Kind.RECORD
    if message.has("paid", "wrong", "right") or not message.has("invoice"):
        return None
    if message.corrections and _IS.search(message.said.seen):
        return None
    is_pasted = slots.number is not None and bool(message.corrections)
    is_named = message.begins_with("invoice") and (slots.number is not None or slots.seller is not None)
    is_marked = slots.told_amount.is_marked and slots.seller is not None and not message.has("it", "last_one")
    return Kind.RECORD if is_pasted or is_named or is_marked else None


def several(message: Message) -> Kind | None:
    """What is asked of several by size, in the middle, by groups, or of their tax: a list, a sum, or not known."""
    if message.has("grouped") and message.has("spent", "sum", "how_much", "invoices"):
        return Kind.UNCLEAR
    if message.has("how_much") and _asks_for_part(message):
        return Kind.SHOW if message.slots.names_one or message.has("last_one") else Kind.UNCLEAR
    is_of_invoices = message.has("invoice", "invoices", "spent", "how_much", "sum") or message.slots.names_field(
        "gross"
    )
    if message.has("average") and is_of_invoices:
        return Kind.SUM
    if message.has("most", "least") and message.has("invoice", "invoices") and not message.has("than", "compare"):
        return Kind.LIST
    return None


def _asks_for_part(message: Message) -> bool:
    """Whether the tax or the net amount is asked for, of which no sums are told."""
    return any(message.slots.names_field(name) for name in ("tax", "net"))
