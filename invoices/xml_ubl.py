"""UBL 2.x Invoice and CreditNote, by the syntax binding of EN 16931-3-2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoices.invoice import Invoice, Line, Party, TaxPart
from invoices.xml_tree import Element, child, children, local, text
from invoices.xml_values import Unreadable, amount_in, currency, date, decimal

if TYPE_CHECKING:
    from decimal import Decimal

    from invoices.limits import Limits


def read_ubl(root: Element, limits: Limits, unreadable: Unreadable) -> Invoice:
    """The invoice in a UBL root element, sources not yet filled in."""
    money = currency(text(root, "DocumentCurrencyCode"))
    totals = child(root, "LegalMonetaryTotal|RequestedMonetaryTotal")

    def total(name: str, field: str) -> Decimal | None:
        return decimal(amount_in(totals, name, money), field, unreadable)

    return Invoice(
        number=text(root, "ID"),
        issue_date=date(text(root, "IssueDate"), "issue_date", unreadable),
        due_date=date(text(root, "DueDate", "PaymentMeans/PaymentDueDate"), "due_date", unreadable),
        currency=money,
        type_code=text(root, "InvoiceTypeCode", "CreditNoteTypeCode") or _code_of_root(root),
        seller=_party(child(root, "AccountingSupplierParty/Party")),
        buyer=_party(child(root, "AccountingCustomerParty/Party")),
        iban=text(root, "PaymentMeans/PayeeFinancialAccount/ID"),
        net=total("TaxExclusiveAmount", "net"),
        tax=decimal(amount_in(root, "TaxTotal/TaxAmount", money), "tax", unreadable),
        gross=total("TaxInclusiveAmount", "gross"),
        payable=total("PayableAmount", "payable"),
        prepaid=total("PrepaidAmount", "prepaid"),
        rounding=total("PayableRoundingAmount", "rounding"),
        lines=_lines(root, limits, unreadable),
        taxes=tuple(_tax_part(part, unreadable) for part in children(root, "TaxTotal/TaxSubtotal")),
    )


def _code_of_root(root: Element) -> str | None:
    """A CreditNote whose type code is left out is one all the same."""
    return "381" if local(root) == "CreditNote" else None


def _party(party: Element | None) -> Party:
    name = text(party, "PartyLegalEntity/RegistrationName", "PartyName/Name") or _person(party)
    # The first registration, whatever its scheme: docs/decisions/0030-the-first-tax-registration.md.
    return Party(name=name, vat_id=text(party, "PartyTaxScheme/CompanyID"))


def _person(party: Element | None) -> str | None:
    person = child(party, "Person")
    names = [name for name in (text(person, "FirstName"), text(person, "FamilyName")) if name]
    return " ".join(names) or text(party, "Contact/Name")


def _lines(root: Element, limits: Limits, unreadable: Unreadable) -> tuple[Line, ...]:
    found = list(children(root, "InvoiceLine|CreditNoteLine"))
    return tuple(_line(line, unreadable) for line in found[: limits.lines_max])


def _line(line: Element, unreadable: Unreadable) -> Line:
    price = decimal(text(line, "Price/PriceAmount"), "unit_price", unreadable)
    basis = decimal(text(line, "Price/BaseQuantity"), "unit_price", unreadable)
    return Line(
        description=text(line, "Item/Name", "Item/Description"),
        quantity=decimal(text(line, "InvoicedQuantity|CreditedQuantity"), "quantity", unreadable),
        unit_price=price / basis if price is not None and basis else price,
        net=decimal(text(line, "LineExtensionAmount"), "line net", unreadable),
        tax_rate=decimal(
            text(line, "Item/ClassifiedTaxCategory/Percent", "TaxTotal/TaxSubtotal/TaxCategory/Percent"),
            "tax_rate",
            unreadable,
        ),
    )


def _tax_part(part: Element, unreadable: Unreadable) -> TaxPart:
    return TaxPart(
        rate=decimal(text(part, "TaxCategory/Percent", "Percent"), "tax_rate", unreadable),
        net=decimal(text(part, "TaxableAmount"), "taxable amount", unreadable),
        tax=decimal(text(part, "TaxAmount"), "tax amount", unreadable),
    )
