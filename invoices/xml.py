"""Structured invoices in XML: which dialect a document is, and the invoices in it, every value with source `xml`.

A dialect is known by the root element's local name and the family of its namespace, so that other versions, prefixes
and envelopes read alike. An XML document that is something else is refused with what it is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from invoices.invoice import FIELDS, FieldSource, Invoice, InvoiceWarning
from invoices.limits import DEFAULT_LIMITS, Limits
from invoices.problems import DocumentRefused
from invoices.xml_cii import read_cii
from invoices.xml_fatturapa import read_fatturapa
from invoices.xml_tree import Element, child, local, namespace, parse_xml
from invoices.xml_ubl import read_ubl
from invoices.xml_values import Unreadable

_OTHER_DOCUMENTS: Final = {
    "SCRDMCCBDACIOMessageStructure": "Order-X order",
    "SCRDMCCBDACIDDMessageStructure": "despatch advice",
    "CrossIndustryOrder": "CII order",
    "Order": "UBL Order",
    "OrderResponse": "UBL OrderResponse",
    "OrderChange": "UBL OrderChange",
    "OrderCancellation": "UBL OrderCancellation",
    "DespatchAdvice": "UBL DespatchAdvice",
    "ReceiptAdvice": "UBL ReceiptAdvice",
    "Catalogue": "UBL Catalogue",
    "Quotation": "UBL Quotation",
    "Reminder": "UBL Reminder",
    "Statement": "UBL Statement",
    "RemittanceAdvice": "UBL RemittanceAdvice",
    "ApplicationResponse": "UBL ApplicationResponse",
    "xmpmeta": "XMP metadata",
    "RDF": "RDF metadata",
    "html": "web page",
    "svg": "SVG picture",
    "rss": "news feed",
    "feed": "news feed",
    "schema": "XML schema",
    "stylesheet": "XSLT stylesheet",
}
# Envelopes that carry one invoice: the Standard Business Document of Peppol, and SOAP.
_ENVELOPES: Final = frozenset({"StandardBusinessDocument", "Envelope", "Body", "AttachedDocument"})
_SURE: Final = FieldSource("xml", 1.0)


def syntax_of(root: Element) -> str | None:
    """`ubl-invoice`, `ubl-creditnote`, `cii`, `cii1`, `fatturapa`, or None for any other document."""
    name, uri = local(root), namespace(root).lower()
    if name == "CrossIndustryInvoice":
        return "cii"
    if name in {"CrossIndustryDocument", "Invoice"} and "ferd" in uri:
        return "cii1"
    if name == "FatturaElettronica":
        return "fatturapa"
    if name in {"Invoice", "CreditNote"} and _is_ubl(root, uri):
        return "ubl-invoice" if name == "Invoice" else "ubl-creditnote"
    return None


def _is_ubl(root: Element, uri: str) -> bool:
    if uri:
        return "ubl:schema" in uri
    return child(root, "LegalMonetaryTotal") is not None and child(root, "AccountingSupplierParty") is not None


def read_xml(content: bytes, limits: Limits = DEFAULT_LIMITS) -> tuple[str, tuple[Invoice, ...]]:
    """The dialect and the invoices in an XML document.

    Raises DocumentRefused: dangerous, damaged, too_large, unsupported (an invoice format that is not read) or
    not_an_invoice, with what the document is.
    """
    root = _inside_envelopes(parse_xml(content, limits))
    syntax = syntax_of(root)
    if syntax is None:
        raise _refusal(root)
    unreadable = Unreadable()
    if syntax == "fatturapa":
        invoices = read_fatturapa(root, limits, unreadable)
    elif syntax in {"cii", "cii1"}:
        invoices = (read_cii(root, limits, unreadable),)
    else:
        invoices = (read_ubl(root, limits, unreadable),)
    finished = tuple(_with_sources(invoice, unreadable) for invoice in invoices)
    if not any(_says_something(invoice) for invoice in finished):
        raise DocumentRefused("not_an_invoice", f"a {syntax} document without any invoice data", syntax)
    return syntax, finished


def _inside_envelopes(root: Element) -> Element:
    for _ in range(4):
        if local(root) not in _ENVELOPES:
            return root
        inner = [
            part for part in root if local(part) and local(part) not in {"StandardBusinessDocumentHeader", "Header"}
        ]
        if not inner:
            return root
        root = next((part for part in inner if syntax_of(part)), inner[-1])
    return root


def _refusal(root: Element) -> DocumentRefused:
    name = local(root)
    if name == "Facturae" or "facturae" in namespace(root).lower():
        return DocumentRefused("unsupported", "Facturae invoices are not read", "Facturae invoice")
    if "invoice" in name.lower() or "invoice" in namespace(root).lower():
        return DocumentRefused("unsupported", f"an invoice format that is not read: {name[:80]}", name[:80])
    what = _OTHER_DOCUMENTS.get(name, f"XML document <{name[:80]}>")
    return DocumentRefused("not_an_invoice", f"the XML is no invoice: {what}", what)


def _with_sources(invoice: Invoice, unreadable: Unreadable) -> Invoice:
    sources = {name: _SURE for name in FIELDS if invoice.value(name) is not None}
    warnings = tuple(
        InvoiceWarning(
            "unreadable_value", f"The file's {name} could not be read: {value}", {"field": name, "value": value}
        )
        for name, value in unreadable.values
    )
    return replace(invoice, fields=sources, warnings=warnings)


def _says_something(invoice: Invoice) -> bool:
    return any(invoice.value(name) is not None for name in ("number", "issue_date", "gross", "payable", "net"))
