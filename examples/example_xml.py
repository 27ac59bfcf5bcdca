"""Invoices as UBL 2.1 and as CII (EN 16931), written with lxml."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from lxml import etree

from invoices.invoice import Invoice, Line, Party, TaxPart

_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
_CAC, _CBC = f"{_UBL}CommonAggregateComponents-2", f"{_UBL}CommonBasicComponents-2"
_UN = "urn:un:unece:uncefact:data:standard:"
_RSM, _RAM, _UDT = (
    f"{_UN}CrossIndustryInvoice:100",
    f"{_UN}ReusableAggregateBusinessInformationEntity:100",
    f"{_UN}UnqualifiedDataType:100",
)
_COUNTRY = "DE"

Tree = Mapping[str, Any]


def ubl_xml(invoice: Invoice) -> bytes:
    """The invoice as a UBL Invoice, a credit note as a UBL CreditNote."""
    credit = invoice.type == "credit_note"
    kind = "CreditNote" if credit else "Invoice"
    root = etree.Element(f"{{{_UBL}{kind}-2}}{kind}", nsmap={None: f"{_UBL}{kind}-2", "cac": _CAC, "cbc": _CBC})
    money = {"currencyID": str(invoice.currency)}
    _basic(root, "CustomizationID", "urn:cen.eu:en16931:2017")
    _basic(root, "ID", invoice.number)
    _basic(root, "IssueDate", invoice.issue_date)
    if not credit:
        _basic(root, "DueDate", invoice.due_date)
    _basic(root, f"{kind}TypeCode", invoice.type_code)
    _basic(root, "DocumentCurrencyCode", invoice.currency)
    for role, party in (("Supplier", invoice.seller), ("Customer", invoice.buyer)):
        _ubl_party(_aggregate(root, f"Accounting{role}Party"), party)
    if invoice.iban:
        means = _aggregate(root, "PaymentMeans")
        _basic(means, "PaymentMeansCode", "58")
        _basic(_aggregate(means, "PayeeFinancialAccount"), "ID", invoice.iban)
    _ubl_tax(_aggregate(root, "TaxTotal"), invoice, money)
    _ubl_totals(_aggregate(root, "LegalMonetaryTotal"), invoice, money)
    for number, line in enumerate(invoice.lines, 1):
        _ubl_line(_aggregate(root, f"{kind}Line"), number, line, "Credited" if credit else "Invoiced", money)
    return _bytes(root)


def _ubl_party(parent: Any, party: Party) -> None:
    element = _aggregate(parent, "Party")
    address = _aggregate(element, "PostalAddress")
    _basic(_aggregate(address, "Country"), "IdentificationCode", _COUNTRY)
    if party.vat_id:
        scheme = _aggregate(element, "PartyTaxScheme")
        _basic(scheme, "CompanyID", party.vat_id)
        _basic(_aggregate(scheme, "TaxScheme"), "ID", "VAT")
    _basic(_aggregate(element, "PartyLegalEntity"), "RegistrationName", party.name)


def _ubl_tax(parent: Any, invoice: Invoice, money: dict[str, str]) -> None:
    _basic(parent, "TaxAmount", invoice.tax, money)
    for part in invoice.taxes:
        subtotal = _aggregate(parent, "TaxSubtotal")
        _basic(subtotal, "TaxableAmount", part.net, money)
        _basic(subtotal, "TaxAmount", part.tax, money)
        _ubl_category(_aggregate(subtotal, "TaxCategory"), part.rate)


def _ubl_category(category: Any, rate: Decimal | None) -> None:
    _basic(category, "ID", "S")
    _basic(category, "Percent", rate)
    _basic(_aggregate(category, "TaxScheme"), "ID", "VAT")


def _ubl_totals(parent: Any, invoice: Invoice, money: dict[str, str]) -> None:
    for name, value in (
        ("LineExtensionAmount", invoice.net),
        ("TaxExclusiveAmount", invoice.net),
        ("TaxInclusiveAmount", invoice.gross),
        ("PrepaidAmount", invoice.prepaid),
        ("PayableAmount", invoice.payable),
    ):
        _basic(parent, name, value, money)


def _ubl_line(parent: Any, number: int, line: Line, quantity: str, money: dict[str, str]) -> None:
    _basic(parent, "ID", number)
    _basic(parent, f"{quantity}Quantity", line.quantity, {"unitCode": "C62"})
    _basic(parent, "LineExtensionAmount", line.net, money)
    item = _aggregate(parent, "Item")
    _basic(item, "Name", line.description)
    _ubl_category(_aggregate(item, "ClassifiedTaxCategory"), line.tax_rate)
    _basic(_aggregate(parent, "Price"), "PriceAmount", line.unit_price, money)


def _aggregate(parent: Any, name: str) -> Any:
    return etree.SubElement(parent, f"{{{_CAC}}}{name}")


def _basic(parent: Any, name: str, value: object, attributes: dict[str, str] | None = None) -> None:
    if value is not None:
        etree.SubElement(parent, f"{{{_CBC}}}{name}", attributes or {}).text = _text(value)


def cii_xml(invoice: Invoice) -> bytes:
    """The invoice as Cross Industry Invoice, profile EN 16931."""
    root = etree.Element(f"{{{_RSM}}}CrossIndustryInvoice", nsmap={"rsm": _RSM, "ram": _RAM, "udt": _UDT})
    context = etree.SubElement(root, f"{{{_RSM}}}ExchangedDocumentContext")
    _ram(context, "GuidelineSpecifiedDocumentContextParameter", {"ID": "urn:cen.eu:en16931:2017"})
    document = etree.SubElement(root, f"{{{_RSM}}}ExchangedDocument")
    _fill(document, {"ID": invoice.number, "TypeCode": invoice.type_code, "IssueDateTime": invoice.issue_date})
    trade = etree.SubElement(root, f"{{{_RSM}}}SupplyChainTradeTransaction")
    for number, line in enumerate(invoice.lines, 1):
        _ram(trade, "IncludedSupplyChainTradeLineItem", _cii_line(number, line))
    parties = {"SellerTradeParty": _cii_party(invoice.seller), "BuyerTradeParty": _cii_party(invoice.buyer)}
    _ram(trade, "ApplicableHeaderTradeAgreement", parties)
    _ram(trade, "ApplicableHeaderTradeDelivery", {})
    settlement = _ram(trade, "ApplicableHeaderTradeSettlement", {"InvoiceCurrencyCode": invoice.currency})
    _cii_settlement(settlement, invoice)
    return _bytes(root)


def _cii_settlement(settlement: Any, invoice: Invoice) -> None:
    if invoice.iban:
        account = {"PayeePartyCreditorFinancialAccount": {"IBANID": invoice.iban}}
        _ram(settlement, "SpecifiedTradeSettlementPaymentMeans", {"TypeCode": "58", **account})
    for part in invoice.taxes:
        _ram(settlement, "ApplicableTradeTax", _cii_tax(part))
    if invoice.due_date:
        _ram(settlement, "SpecifiedTradePaymentTerms", {"DueDateDateTime": invoice.due_date})
    totals = _ram(settlement, "SpecifiedTradeSettlementHeaderMonetarySummation", {"LineTotalAmount": invoice.net})
    _fill(totals, {"TaxBasisTotalAmount": invoice.net})
    tax = etree.SubElement(totals, f"{{{_RAM}}}TaxTotalAmount", currencyID=str(invoice.currency))
    tax.text = _text(invoice.tax)
    rest = {"GrandTotalAmount": invoice.gross, "TotalPrepaidAmount": invoice.prepaid}
    _fill(totals, {**rest, "DuePayableAmount": invoice.payable})


def _cii_party(party: Party) -> Tree:
    return {
        "Name": party.name,
        "PostalTradeAddress": {"CountryID": _COUNTRY},
        "SpecifiedTaxRegistration": {"ID": (party.vat_id, {"schemeID": "VA"})} if party.vat_id else None,
    }


def _cii_tax(part: TaxPart) -> Tree:
    return {
        "CalculatedAmount": part.tax,
        "TypeCode": "VAT",
        "BasisAmount": part.net,
        "CategoryCode": "S",
        "RateApplicablePercent": part.rate,
    }


def _cii_line(number: int, line: Line) -> Tree:
    tax = {"TypeCode": "VAT", "CategoryCode": "S", "RateApplicablePercent": line.tax_rate}
    return {
        "AssociatedDocumentLineDocument": {"LineID": number},
        "SpecifiedTradeProduct": {"Name": line.description},
        "SpecifiedLineTradeAgreement": {"NetPriceProductTradePrice": {"ChargeAmount": line.unit_price}},
        "SpecifiedLineTradeDelivery": {"BilledQuantity": (line.quantity, {"unitCode": "C62"})},
        "SpecifiedLineTradeSettlement": {
            "ApplicableTradeTax": tax,
            "SpecifiedTradeSettlementLineMonetarySummation": {"LineTotalAmount": line.net},
        },
    }


def _ram(parent: Any, name: str, tree: Tree) -> Any:
    element = etree.SubElement(parent, f"{{{_RAM}}}{name}")
    _fill(element, tree)
    return element


def _fill(parent: Any, tree: Tree) -> None:
    for name, value in tree.items():
        if value is None:
            continue
        if isinstance(value, Mapping):
            _ram(parent, name, value)
        elif isinstance(value, dt.date):
            moment = etree.SubElement(parent, f"{{{_RAM}}}{name}")
            etree.SubElement(moment, f"{{{_UDT}}}DateTimeString", format="102").text = f"{value:%Y%m%d}"
        else:
            content, attributes = value if isinstance(value, tuple) else (value, {})
            etree.SubElement(parent, f"{{{_RAM}}}{name}", attributes).text = _text(content)


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def _bytes(root: Any) -> bytes:
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))
