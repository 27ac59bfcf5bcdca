"""Buttons: each comes back as the intent a sentence would have been, and names its invoice, however old it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from invoices.intents import Intent, Kind

_ABOUT_ONE: Final[Mapping[str, Kind]] = {
    "show": Kind.SHOW,
    "correct": Kind.CORRECT,
    "paid": Kind.MARK_PAID,
    "unpaid": Kind.MARK_UNPAID,
    "delete": Kind.DELETE,
    "delete_yes": Kind.CONFIRM,
    "yes": Kind.CONFIRM,
    "save": Kind.CONFIRM,
    "no": Kind.CANCEL,
    "keep": Kind.CANCEL,
    "discard": Kind.CANCEL,
    "remind": Kind.REMIND,
}
_PLAIN: Final[Mapping[str, Intent]] = {
    "help": Intent(Kind.CAPABILITIES),
    "show_last": Intent(Kind.SHOW, reference="last"),
    "show": Intent(Kind.SHOW, reference="last"),
    "correct": Intent(Kind.CORRECT),
    "retry": Intent(Kind.RETRY),
    "yes": Intent(Kind.CONFIRM),
    "no": Intent(Kind.CANCEL),
    "due": Intent(Kind.DUE, period_of="due"),
    "overdue": Intent(Kind.OVERDUE, period_of="due"),
    "list": Intent(Kind.LIST),
    "export:csv": Intent(Kind.EXPORT, format="csv"),
    "export:xlsx": Intent(Kind.EXPORT, format="xlsx"),
    "export:json": Intent(Kind.EXPORT, format="json"),
    "export:ubl": Intent(Kind.EXPORT, format="ubl"),
}
_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,48}")


def intent_of_action(action: str) -> Intent | None:
    """The intent of a button; None for an action that is none of ours."""
    plain = _PLAIN.get(action)
    if plain is not None:
        return plain
    act, _, invoice_id = action.partition(":")
    kind = _ABOUT_ONE.get(act)
    if kind is None or not _ID.fullmatch(invoice_id):
        return None
    return Intent(kind, invoice_id=invoice_id)


def act_of(action: str | None) -> str:
    """What a button does, without its invoice."""
    return (action or "").partition(":")[0]
