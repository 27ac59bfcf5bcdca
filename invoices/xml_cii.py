"""UN/CEFACT Cross Industry Invoice: Factur-X, ZUGFeRD 2.x, XRechnung, and ZUGFeRD 1.0 with its older names.

By the syntax binding of EN 16931-3-3. ZUGFeRD 1.0 (CrossIndustryDocument) has the same tree under other names; each
path below names both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoices.invoice import Invoice, Line, Party, TaxPart
from invoices.xml_tree import Element, child, children, text
from invoices.xml_values import Unreadable, amount_in, currency, date, decimal

if TYPE_CHECKING:
    from decimal import Decimal

    from invoices.limits import Limits

_DATE = "DateTimeString|DateTime|Date"


def read_cii(root: Element, limits: Limits, unreadable: Unreadable) -> Invoice:
    """The invoice in a CII root element, sources not yet filled in."""
    document = child(root, "ExchangedDocument|HeaderExchangedDocument")
    trade = child(root, "SupplyChainTradeTransaction|SpecifiedSupplyChainTradeTransaction")
    agreement = child(trade, "ApplicableHeaderTradeAgreement|ApplicableSupplyChainTradeAgreement")
    settlement = child(trade, "ApplicableHeaderTradeSettlement|ApplicableSupplyChainTradeSettlement")
    money = currency(text(settlement, "InvoiceCurrencyCode"))
    totals = child(
        settlement, "SpecifiedTradeSettlementHeaderMonetarySummation|SpecifiedTradeSettlementMonetarySummation"
    )

    def total(name: str, field: str) -> Decimal | None:
        return decimal(amount_in(totals, name, money), field, unreadable)

    return Invoice(
        number=text(document, "ID"),
        issue_date=date(text(document, f"IssueDateTime/{_DATE}"), "issue_date", unreadable),
        due_date=date(text(settlement, f"SpecifiedTradePaymentTerms/DueDateDateTime/{_DATE}"), "due_date", unreadable),
        currency=money,
        type_code=text(document, "TypeCode"),
        seller=_party(child(agreement, "SellerTradeParty")),
        buyer=_party(child(agreement, "BuyerTradeParty")),
        iban=_account(settlement),
        net=total("TaxBasisTotalAmount", "net"),
        tax=total("TaxTotalAmount", "tax"),
        gross=total("GrandTotalAmount", "gross"),
        payable=total("DuePayableAmount", "payable"),
        prepaid=total("TotalPrepaidAmount", "prepaid"),
        rounding=total("RoundingAmount", "rounding"),
        lines=_lines(trade, limits, unreadable),
        taxes=tuple(_tax_part(part, unreadable) for part in children(settlement, "ApplicableTradeTax")),
    )


def _party(party: Element | None) -> Party:
    name = text(party, "Name", "SpecifiedLegalOrganization/TradingBusinessName", "DefinedTradeContact/PersonName")
    return Party(name=name, vat_id=_vat_id(party))


def _vat_id(party: Element | None) -> str | None:
    """BT-31 and BT-48 have the scheme VA and no other; FC is the tax number, BT-32."""
    for registration in children(party, "SpecifiedTaxRegistration/ID"):
        value = " ".join((registration.text or "").split())
        if value and (registration.get("schemeID") or "").strip() == "VA":
            return value
    return None


def _account(settlement: Element | None) -> str | None:
    account = "SpecifiedTradeSettlementPaymentMeans/PayeePartyCreditorFinancialAccount"
    return text(settlement, f"{account}/IBANID", f"{account}/ProprietaryID")


def _lines(trade: Element | None, limits: Limits, unreadable: Unreadable) -> tuple[Line, ...]:
    found = list(children(trade, "IncludedSupplyChainTradeLineItem"))
    return tuple(_line(line, unreadable) for line in found[: limits.lines_max])


def _line(line: Element, unreadable: Unreadable) -> Line:
    agreement = child(line, "SpecifiedLineTradeAgreement|SpecifiedSupplyChainTradeAgreement")
    settlement = child(line, "SpecifiedLineTradeSettlement|SpecifiedSupplyChainTradeSettlement")
    price = child(agreement, "NetPriceProductTradePrice")
    amount = decimal(text(price, "ChargeAmount"), "unit_price", unreadable)
    basis = decimal(text(price, "BasisQuantity"), "unit_price", unreadable)
    quantity = text(
        line, "SpecifiedLineTradeDelivery/BilledQuantity", "SpecifiedSupplyChainTradeDelivery/BilledQuantity"
    )
    net = text(
        settlement,
        "SpecifiedTradeSettlementLineMonetarySummation/LineTotalAmount",
        "SpecifiedTradeSettlementMonetarySummation/LineTotalAmount",
    )
    return Line(
        description=text(
            line,
            "SpecifiedTradeProduct/Name",
            "SpecifiedTradeProduct/Description",
            "AssociatedDocumentLineDocument/IncludedNote/Content",
        ),
        quantity=decimal(quantity, "quantity", unreadable),
        unit_price=amount / basis if amount is not None and basis else amount,
        net=decimal(net, "line net", unreadable),
        tax_rate=_rate(child(settlement, "ApplicableTradeTax"), unreadable),
    )


def _rate(tax: Element | None, unreadable: Unreadable) -> Decimal | None:
    return decimal(text(tax, "RateApplicablePercent", "ApplicablePercent"), "tax_rate", unreadable)


def _tax_part(part: Element, unreadable: Unreadable) -> TaxPart:
    return TaxPart(
        rate=_rate(part, unreadable),
        net=decimal(text(part, "BasisAmount"), "taxable amount", unreadable),
        tax=decimal(text(part, "CalculatedAmount"), "tax amount", unreadable),
    )
