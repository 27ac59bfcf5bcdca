"""What is said about invoices: sentences made of what the documents bear out, and nothing else."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from invoices.invoice import Invoice

_WARNINGS_SHOWN_MAX: Final = 4


def money(amount: Decimal, currency: str | None) -> str:
    """An amount as people read it: "1,190.00 EUR"; the currency is left out where the document names none."""
    exponent = amount.as_tuple().exponent
    places = max(2, -exponent) if isinstance(exponent, int) else 2
    text = f"{amount:,.{places}f}"
    return f"{text} {currency}" if currency else text


def summary(invoice: Invoice) -> str:
    """One sentence that names the invoice: what it is, from whom, how much, until when."""
    kind = "credit note" if invoice.type == "credit_note" else "invoice"
    parts = [f"{kind} {invoice.number}" if invoice.number else f"an {kind} without a number"]
    if kind == "credit note" and not invoice.number:
        parts = ["a credit note without a number"]
    if invoice.seller.name:
        parts.append(f"from {invoice.seller.name}")
    sentence = " ".join(parts)
    total = invoice.gross if invoice.gross is not None else invoice.payable
    if total is not None:
        sentence += f": {money(total, invoice.currency)}"
    if invoice.due_date is not None:
        sentence += f", due {invoice.due_date.isoformat()}"
    return sentence


def details(invoice: Invoice) -> list[str]:
    """The lines under a summary: dates, amounts, parties and what a person should look at."""
    lines: list[str] = []
    if invoice.issue_date is not None:
        lines.append(f"Issued: {invoice.issue_date.isoformat()}")
    if invoice.net is not None and invoice.tax is not None:
        lines.append(f"Net {money(invoice.net, invoice.currency)} + tax {money(invoice.tax, invoice.currency)}")
    total = invoice.gross if invoice.gross is not None else invoice.payable
    if invoice.payable is not None and total is not None and invoice.payable != total:
        lines.append(f"To pay: {money(invoice.payable, invoice.currency)}")
    if invoice.buyer.name:
        lines.append(f"Billed to: {invoice.buyer.name}")
    if invoice.iban:
        lines.append(f"Account: {invoice.iban}")
    lines += [f"Please check: {warning.text}" for warning in invoice.warnings[:_WARNINGS_SHOWN_MAX]]
    return lines


def reading_of(file_name: str, invoices: Sequence[Invoice]) -> str:
    """What was read in one file."""
    if len(invoices) == 1:
        return "\n".join([f"I read {summary(invoices[0])}.", *details(invoices[0])])
    listed = [f"{number}. {summary(invoice)}" for number, invoice in enumerate(invoices, 1)]
    return "\n".join([f"{file_name} holds {len(invoices)} invoices:", *listed])


def last_invoice(invoice: Invoice, file_name: str, at: str) -> str:
    """What became of the newest invoice of the conversation."""
    when = at[:16].replace("T", " ")
    return "\n".join(
        [f"Your last one is {summary(invoice)}. I read it from {file_name} on {when} UTC.", *details(invoice)]
    )
