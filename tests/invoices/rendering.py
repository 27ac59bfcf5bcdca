"""Invoices drawn as text in several layouts and in the national forms of six languages, for tests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from invoices.invoice import Invoice

WIDTH = 100


@dataclass(frozen=True)
class Language:
    """What an invoice says in one language."""

    title: str
    number: str
    date: str
    due: str
    seller: str
    buyer: str
    net: str
    tax: str
    gross: str
    payable: str
    prepaid: str
    item: str
    amount: str
    written: Callable[[dt.date], str]
    separators: tuple[str, str]
    symbol: str

    def money(self, amount: Decimal) -> str:
        """An amount as this language prints it, with its currency."""
        thousands, point = self.separators
        digits = f"{abs(amount):,.2f}".replace(",", "\0").replace(".", point).replace("\0", thousands)
        return f"{'-' if amount < 0 else ''}{self.symbol.format(digits)}"


ENGLISH_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
FRENCH_MONTHS = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
]

# fmt: off
LANGUAGES = {
    "en": Language(
        "Invoice", "Invoice number", "Invoice date", "Due date", "From", "Bill to", "Subtotal", "VAT", "Total",
        "Amount due", "Deposit paid", "Description", "Amount",
        lambda day: f"{day.day} {ENGLISH_MONTHS[day.month - 1]} {day.year}", (",", "."), "€{}",
    ),
    "de": Language(
        "Rechnung", "Rechnungsnummer", "Rechnungsdatum", "Fällig am", "Verkäufer", "Käufer", "Nettobetrag",
        "Umsatzsteuer", "Gesamtbetrag", "Zahlbetrag", "Anzahlung", "Bezeichnung", "Betrag",
        lambda day: f"{day:%d.%m.%Y}", (".", ","), "{} €",
    ),
    "fr": Language(
        "Facture", "Numéro de facture", "Date de facture", "Date d'échéance", "Vendeur", "Client", "Total HT", "TVA",
        "Total TTC", "Net à payer", "Acompte", "Désignation", "Montant",
        lambda day: f"{day.day} {FRENCH_MONTHS[day.month - 1]} {day.year}", (" ", ","), "{} €",
    ),
    "es": Language(
        "Factura", "Número de factura", "Fecha de factura", "Vencimiento", "Vendedor", "Cliente", "Base imponible",
        "IVA", "Total factura", "Total a pagar", "Anticipo", "Concepto", "Importe",
        lambda day: f"{day:%d/%m/%Y}", (".", ","), "{} €",
    ),
    "it": Language(
        "Fattura", "Numero fattura", "Data fattura", "Scadenza", "Fornitore", "Cliente", "Totale imponibile",
        "IVA", "Totale fattura", "Netto a pagare", "Acconto", "Descrizione", "Importo",
        lambda day: f"{day:%d/%m/%Y}", (".", ","), "€ {}",
    ),
    "nl": Language(
        "Factuur", "Factuurnummer", "Factuurdatum", "Vervaldatum", "Leverancier", "Klant", "Totaal excl. btw", "Btw",
        "Totaal incl. btw", "Te betalen", "Aanbetaling", "Omschrijving", "Bedrag",
        lambda day: f"{day:%d-%m-%Y}", (".", ","), "€ {}",
    ),
}
# fmt: on


def form(invoice: Invoice, language: Language) -> str:
    """Labels with their values in two columns, parties by label, totals at the right."""
    head = [(language.number, invoice.number), *_dates(invoice, language)]
    lines = [language.title.upper(), ""]
    lines += [f"{label + ':':<24}{value}" for label, value in head]
    lines += ["", f"{language.seller}: {invoice.seller.name}", f"{language.buyer}: {invoice.buyer.name}", ""]
    lines += _table(invoice, language)
    lines += [f"{'':<50}{label:<24}{value:>20}" for label, value in _totals(invoice, language)]
    return "\n".join(lines + _account(invoice))


def row_of_labels(invoice: Invoice, language: Language) -> str:
    """Labels in one line and their values beneath; the totals as a table with a head."""
    heads = [language.number, *(label for label, _ in _dates(invoice, language))]
    values = [str(invoice.number), *(value for _, value in _dates(invoice, language))]
    lines = [
        language.title,
        "",
        "".join(f"{head:<28}" for head in heads),
        "".join(f"{value:<28}" for value in values),
        "",
    ]
    lines += [
        f"{language.seller + ':':<50}{language.buyer + ':'}",
        f"{invoice.seller.name:<50}{invoice.buyer.name}",
        "",
    ]
    lines += _table(invoice, language)
    totals = [(language.net, invoice.net), (language.tax, invoice.tax), (language.gross, invoice.gross)]
    lines += ["".join(f"{label:>24}" for label, _ in totals)]
    lines += ["".join(f"{language.money(amount or Decimal(0)):>24}" for _, amount in totals), ""]
    lines += [f"{label} {value}" for label, value in _totals(invoice, language)[3:]]
    return "\n".join(lines + _account(invoice))


def letter(invoice: Invoice, language: Language) -> str:
    """A sender's line over the address, the number in the title."""
    lines = [
        f"{invoice.seller.name} - Lange Allee 5 - 10115 Berlin",
        "",
        str(invoice.buyer.name),
        "Hoher Weg 7",
        "20095 Hamburg",
        "",
    ]
    lines += [f"{language.title} {invoice.number}", ""]
    lines += [f"{label}: {value}" for label, value in _dates(invoice, language)]
    lines += ["", *_table(invoice, language)]
    lines += [f"{label:<60}{value:>30}" for label, value in _totals(invoice, language)]
    return "\n".join(lines + _account(invoice))


LAYOUTS = {"form": form, "row_of_labels": row_of_labels, "letter": letter}


def _dates(invoice: Invoice, language: Language) -> list[tuple[str, str]]:
    assert invoice.issue_date is not None
    dates = [(language.date, language.written(invoice.issue_date))]
    if invoice.due_date:
        dates.append((language.due, language.written(invoice.due_date)))
    return dates


def _table(invoice: Invoice, language: Language) -> list[str]:
    rows = [f"{language.item:<60}{language.amount:>30}"]
    rows += [f"{line.description or '':<60}{language.money(line.net or Decimal(0)):>30}" for line in invoice.lines]
    return [*rows, ""]


def _totals(invoice: Invoice, language: Language) -> list[tuple[str, str]]:
    rate = invoice.taxes[0].rate if invoice.taxes else None
    tax = f"{language.tax} {rate}%" if rate is not None else language.tax
    rows = [(language.net, invoice.net), (tax, invoice.tax), (language.gross, invoice.gross)]
    if invoice.prepaid:
        rows += [(language.prepaid, invoice.prepaid), (language.payable, invoice.payable)]
    return [(label, language.money(amount or Decimal(0))) for label, amount in rows]


def _account(invoice: Invoice) -> list[str]:
    return ["", f"IBAN {invoice.iban}"] if invoice.iban else []
