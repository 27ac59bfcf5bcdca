"""What a person asks for, as one record: by rules or by a model's tool call, and handled by the same code.

Every slot is optional and typed; who fills them is free to leave out what was not said. Days are absolute: whoever
makes an Intent resolves "next Friday" against the day on which the message was accepted.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta, Struct

TEXT_CHARS_MAX: Final = 200
CORRECTIONS_MAX: Final = 13
LANGUAGES: Final = ("en", "de", "fr", "es")

Text: TypeAlias = Annotated[str, Meta(min_length=1, max_length=TEXT_CHARS_MAX)]
ExportFormat: TypeAlias = Literal["csv", "xlsx", "json", "ubl"]
FieldName: TypeAlias = Literal[
    "number", "currency", "iban", "seller.name", "seller.vat_id", "buyer.name", "buyer.vat_id",
    "issue_date", "due_date", "net", "tax", "gross", "payable",
]  # fmt: skip
"""The names of `invoices.invoice.FIELDS`."""


class Kind(StrEnum):
    """What is asked for. The slots that each one reads stand beside it; `which` is any of `Intent`'s ways to name one.

    All of them read `language` as the language the message is written in.
    """

    RECORD = "record"  # corrections: the fields of an invoice told in words
    CORRECT = "correct"  # which, corrections; none of these: the person wants to correct something and did not say what
    CONFIRM = "confirm"  # which: of several that wait
    CANCEL = "cancel"
    KEEP = "keep"  # nothing is to be done
    SHOW = "show"  # which
    LIST = "list"  # supplier, period, period_of, is_paid, amount_min, amount_max, currency, type, order, at_most
    SUM = "sum"  # the same without the last two; is_average
    COMPARE = "compare"  # the same, and compared_period or compared_supplier
    DUE = "due"  # period (of due dates), supplier
    OVERDUE = "overdue"  # supplier
    MARK_PAID = "mark_paid"  # which, when: the day it was paid
    MARK_UNPAID = "mark_unpaid"  # which
    PAY = "pay"  # which; the agent moves no money
    DELETE = "delete"  # which; always asked back
    EXPORT = "export"  # format, and those of LIST
    SET_LANGUAGE = "set_language"  # new_language
    SET_CURRENCY = "set_currency"  # currency
    SET_REMINDERS = "set_reminders"  # is_on, days_before
    REMIND = "remind"  # which, when or days_before
    HELP = "help"
    CAPABILITIES = "capabilities"
    GREETING = "greeting"
    THANKS = "thanks"
    FAREWELL = "farewell"
    RETRY = "retry"
    UNCLEAR = "unclear"


class Correction(Struct, frozen=True):
    """One field's new value in its plain form: a dot before the cents, an ISO date, an ISO 4217 code, or words."""

    field: FieldName
    value: Text


class Period(Struct, frozen=True):
    """From one day to another, both within it; None is open."""

    first: dt.date | None = None
    last: dt.date | None = None


class Intent(Struct, frozen=True):
    """What one message asks for.

    which invoice: `invoice_id`, `number`, `ordinal` (of the last list shown, from 1), `reference` (it: the one being
    talked about; last: the one recorded last; all: each of them), or `supplier`. period_of: whether the period is of
    issue or of due dates. days_before: before an invoice is due. order, at_most: so many of the largest or smallest
    only. is_average: what one comes to in the middle is wanted. is_guess: rules were not sure of the words, so it is
    asked back.
    """

    kind: Kind
    language: Literal["en", "de", "fr", "es"] | None = None
    corrections: Annotated[tuple[Correction, ...], Meta(max_length=CORRECTIONS_MAX)] = ()
    invoice_id: Text | None = None
    number: Text | None = None
    ordinal: Annotated[int, Meta(ge=1, le=1000)] | None = None
    reference: Literal["it", "last", "all"] | None = None
    supplier: Text | None = None
    compared_supplier: Text | None = None
    period: Period | None = None
    compared_period: Period | None = None
    period_of: Literal["issued", "due"] = "issued"
    amount_min: Decimal | None = None
    amount_max: Decimal | None = None
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")] | None = None
    is_paid: bool | None = None
    type: Literal["invoice", "credit_note"] | None = None
    order: Literal["largest", "smallest"] | None = None
    at_most: Annotated[int, Meta(ge=1, le=50)] | None = None
    is_average: bool = False
    format: ExportFormat | None = None
    new_language: Literal["en", "de", "fr", "es"] | None = None
    when: dt.date | None = None
    days_before: Annotated[int, Meta(ge=0, le=365)] | None = None
    is_on: bool | None = None
    is_guess: bool = False
