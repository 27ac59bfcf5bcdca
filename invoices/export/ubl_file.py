"""Bookings as UBL 2.1 Invoice and CreditNote, by the syntax binding of EN 16931-3-2.

What the ledger does not know is left out, never made up: an invoice read from paper has no seller's address, so its
file is well-formed UBL that other programs read, and complete only where the booking is. The order of the elements is
that of the OASIS schemas UBL-Invoice-2.1 and UBL-CreditNote-2.1.
"""

from __future__ import annotations

import io
import re
import zipfile
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any, Final

from lxml import etree  # type: ignore[import-untyped]

from invoices.export.export_file import ExportFile, clean, plain_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invoices.book import Booking
    from invoices.invoice import Invoice, Line, Party, TaxPart

_OASIS: Final = "urn:oasis:names:specification:ubl:schema:xsd:"
_CAC: Final = f"{{{_OASIS}CommonAggregateComponents-2}}"
_CBC: Final = f"{{{_OASIS}CommonBasicComponents-2}}"
_CUSTOMIZATION: Final = "urn:cen.eu:en16931:2017"
# ISO 4217: no currency. An amount must name one, and the document names none.
_NO_CURRENCY: Final = "XXX"
_UNIT_ONE: Final = "C62"
_TRANSFER, _NOT_DEFINED = "30", "1"
_PLACES_MIN, _PLACES_MAX = 2, 30
_NAME_CHARS_MAX: Final = 80
# The earliest that a zip archive can say; a later one would make every export another file.
_ZIPPED_AT: Final = (1980, 1, 1, 0, 0, 0)
_VAT_ID: Final = re.compile(r"[A-Z]{2}[0-9A-Z+*.\- ]{2,}", re.IGNORECASE)


def ubl_of(bookings: Sequence[Booking]) -> ExportFile:
    """One XML document, or a zip archive of them."""
    names = _names_of(bookings)
    if len(bookings) == 1:
        return ExportFile(names[0], "application/xml", document_of(bookings[0].invoice))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, booking in zip(names, bookings, strict=True):
            archive.writestr(_entry(name), document_of(booking.invoice), zipfile.ZIP_DEFLATED, 6)
    return ExportFile("invoices-ubl.zip", "application/zip", buffer.getvalue())


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _ZIPPED_AT)
    entry.external_attr = 0o644 << 16
    return entry


def _names_of(bookings: Sequence[Booking]) -> list[str]:
    """A file name for each, by its number; made different where two are alike, also to systems without case."""
    names: list[str] = []
    taken: set[str] = set()
    for position, booking in enumerate(bookings, 1):
        stem = re.sub(r"[^\w.-]+", "-", booking.invoice.number or booking.invoice_id).strip("-.")[:_NAME_CHARS_MAX]
        name = f"{stem or position}.xml"
        if name.casefold() in taken:
            name = f"{stem or 'invoice'}-{position}.xml"
        while name.casefold() in taken:
            name = f"{position}-{name}"
        taken.add(name.casefold())
        names.append(name)
    return names


def document_of(invoice: Invoice) -> bytes:
    """The invoice or credit note as a UBL document in UTF-8."""
    is_credit_note = invoice.type == "credit_note"
    kind = "CreditNote" if is_credit_note else "Invoice"
    namespace = f"{_OASIS}{kind}-2"
    spelled = {None: namespace, "cac": _CAC[1:-1], "cbc": _CBC[1:-1]}
    root = _Part(etree.Element(f"{{{namespace}}}{kind}", nsmap=spelled), invoice.currency or _NO_CURRENCY)
    root.text("CustomizationID", _CUSTOMIZATION)
    root.text("ID", invoice.number)
    root.text("IssueDate", invoice.issue_date.isoformat() if invoice.issue_date else None)
    if not is_credit_note:
        root.text("DueDate", invoice.due_date.isoformat() if invoice.due_date else None)
    root.text(f"{kind}TypeCode", invoice.type_code)
    root.text("DocumentCurrencyCode", invoice.currency)
    _write_party(root.part("AccountingSupplierParty"), invoice.seller)
    _write_party(root.part("AccountingCustomerParty"), invoice.buyer)
    _write_payment(root, invoice, is_credit_note=is_credit_note)
    _write_taxes(root, invoice)
    _write_totals(root.part("LegalMonetaryTotal"), invoice)
    for number, line in enumerate(invoice.lines, 1):
        _write_line(
            root.part(f"{kind}Line"), number, line, "CreditedQuantity" if is_credit_note else "InvoicedQuantity"
        )
    etree.indent(root.element)
    raw: bytes = etree.tostring(root.element, xml_declaration=True, encoding="UTF-8")
    return raw + b"\n"


class _Part:
    """An element being filled, in the document's currency. What is None is not written."""

    def __init__(self, element: Any, currency: str) -> None:
        self.element = element
        self._currency = currency

    def part(self, name: str) -> _Part:
        return _Part(etree.SubElement(self.element, _CAC + name), self._currency)

    def text(self, name: str, value: str | None, **attributes: str) -> None:
        written = " ".join(clean(value).split()) if value is not None else ""
        if written:
            etree.SubElement(self.element, _CBC + name, attributes).text = written

    def amount(self, name: str, value: Decimal | None) -> None:
        if value is not None:
            self.text(name, _spelled(value, _PLACES_MIN), currencyID=self._currency)

    def number(self, name: str, value: Decimal | None, **attributes: str) -> None:
        if value is not None:
            self.text(name, _spelled(value), **attributes)


def _spelled(value: Decimal, places_min: int = 0) -> str:
    """As xs:decimal, with no more decimals than a reader takes: a price for one unit may be a division without end."""
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > _PLACES_MAX:
        value = value.quantize(Decimal(1).scaleb(-_PLACES_MAX), ROUND_HALF_UP)
    return plain_number(value, places_min)


def _write_party(role: _Part, party: Party) -> None:
    body = role.part("Party")
    if party.vat_id:
        scheme = body.part("PartyTaxScheme")
        scheme.text("CompanyID", party.vat_id)
        # BT-31 is a VAT identifier, which begins with a country's letters; another registration is BT-32.
        scheme.part("TaxScheme").text("ID", "VAT" if _VAT_ID.fullmatch(party.vat_id) else "TAX")
    if party.name:
        body.part("PartyLegalEntity").text("RegistrationName", party.name)


def _write_payment(root: _Part, invoice: Invoice, *, is_credit_note: bool) -> None:
    """BG-16. A credit note has no DueDate of its own in UBL 2.1: it stands here."""
    due = invoice.due_date if is_credit_note else None
    if not invoice.iban and due is None:
        return
    means = root.part("PaymentMeans")
    means.text("PaymentMeansCode", _TRANSFER if invoice.iban else _NOT_DEFINED)
    means.text("PaymentDueDate", due.isoformat() if due else None)
    if invoice.iban:
        means.part("PayeeFinancialAccount").text("ID", invoice.iban)


def _write_taxes(root: _Part, invoice: Invoice) -> None:
    if invoice.tax is None and not invoice.taxes:
        return
    total = root.part("TaxTotal")
    total.amount("TaxAmount", invoice.tax)
    for part in invoice.taxes:
        _write_tax_part(total.part("TaxSubtotal"), part)


def _write_tax_part(subtotal: _Part, part: TaxPart) -> None:
    subtotal.amount("TaxableAmount", part.net)
    subtotal.amount("TaxAmount", part.tax)
    _write_rate(subtotal.part("TaxCategory"), part.rate)


def _write_rate(category: _Part, rate: Decimal | None) -> None:
    """A rate above zero is the standard category; why nothing is charged (exempt, reverse) is not known here."""
    category.text("ID", "S" if rate is not None and rate > 0 else None)
    category.number("Percent", rate)
    category.part("TaxScheme").text("ID", "VAT")


def _write_totals(totals: _Part, invoice: Invoice) -> None:
    nets = [line.net for line in invoice.lines if line.net is not None]
    totals.amount("LineExtensionAmount", sum(nets, Decimal(0)) if len(nets) == len(invoice.lines) > 0 else None)
    totals.amount("TaxExclusiveAmount", invoice.net)
    totals.amount("TaxInclusiveAmount", invoice.gross)
    totals.amount("PrepaidAmount", invoice.prepaid)
    totals.amount("PayableRoundingAmount", invoice.rounding)
    totals.amount("PayableAmount", invoice.payable)


def _write_line(line: _Part, number: int, invoiced: Line, quantity_name: str) -> None:
    line.text("ID", str(number))
    line.number(quantity_name, invoiced.quantity, unitCode=_UNIT_ONE)
    line.amount("LineExtensionAmount", invoiced.net)
    item = line.part("Item")
    item.text("Name", invoiced.description)
    if invoiced.tax_rate is not None:
        _write_rate(item.part("ClassifiedTaxCategory"), invoiced.tax_rate)
    if invoiced.unit_price is not None:
        line.part("Price").amount("PriceAmount", invoiced.unit_price)
