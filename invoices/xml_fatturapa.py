"""FatturaPA (Italy): one file holds one header and one or more bodies, each body an invoice of its own.

Source: Agenzia delle Entrate, "Specifiche tecniche relative alla fatturazione elettronica", 1.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoices.invoice import Invoice, Line, Party, TaxPart
from invoices.xml_tree import Element, child, children, text
from invoices.xml_values import Unreadable, currency, date, decimal

if TYPE_CHECKING:
    from decimal import Decimal

    from invoices.limits import Limits


def read_fatturapa(root: Element, limits: Limits, unreadable: Unreadable) -> tuple[Invoice, ...]:
    """The invoices in a FatturaElettronica, sources not yet filled in."""
    header = child(root, "FatturaElettronicaHeader")
    seller = _party(child(header, "CedentePrestatore"))
    buyer = _party(child(header, "CessionarioCommittente"))
    bodies = list(children(root, "FatturaElettronicaBody"))[: limits.container_files_max]
    return tuple(_body(body, seller, buyer, limits, unreadable) for body in bodies)


def _body(body: Element, seller: Party, buyer: Party, limits: Limits, unreadable: Unreadable) -> Invoice:
    general = child(body, "DatiGenerali/DatiGeneraliDocumento")
    payment = "DatiPagamento/DettaglioPagamento"
    taxes = tuple(_tax_part(part, unreadable) for part in children(body, "DatiBeniServizi/DatiRiepilogo"))
    net = _sum([part.net for part in taxes])
    tax = _sum([part.tax for part in taxes])
    stated = decimal(text(general, "ImportoTotaleDocumento"), "gross", unreadable)
    lines = list(children(body, "DatiBeniServizi/DettaglioLinee"))[: limits.lines_max]
    return Invoice(
        number=text(general, "Numero"),
        issue_date=date(text(general, "Data"), "issue_date", unreadable),
        due_date=date(text(body, f"{payment}/DataScadenzaPagamento"), "due_date", unreadable),
        currency=currency(text(general, "Divisa")),
        type_code=text(general, "TipoDocumento"),
        seller=seller,
        buyer=buyer,
        iban=text(body, f"{payment}/IBAN"),
        net=net,
        tax=tax,
        gross=stated if stated is not None else _sum([net, tax]),
        payable=_payable(body, unreadable),
        rounding=decimal(text(general, "Arrotondamento"), "rounding", unreadable),
        lines=tuple(_line(line, unreadable) for line in lines),
        taxes=taxes,
    )


def _payable(body: Element, unreadable: Unreadable) -> Decimal | None:
    """What is to be paid: the instalments of one set of terms added up (alternative terms repeat the total)."""
    terms = child(body, "DatiPagamento")
    parts = [
        decimal(value, "payable", unreadable)
        for value in (text(part, "ImportoPagamento") for part in children(terms, "DettaglioPagamento"))
    ]
    return _sum(parts)


def _sum(amounts: list[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known[1:], known[0]) if known and len(known) == len(amounts) else None


def _party(party: Element | None) -> Party:
    data = child(party, "DatiAnagrafici")
    names = [name for name in (text(data, "Anagrafica/Nome"), text(data, "Anagrafica/Cognome")) if name]
    country, code = text(data, "IdFiscaleIVA/IdPaese"), text(data, "IdFiscaleIVA/IdCodice")
    return Party(
        name=text(data, "Anagrafica/Denominazione") or " ".join(names) or None,
        vat_id=f"{country or ''}{code}" if code else None,
    )


def _line(line: Element, unreadable: Unreadable) -> Line:
    return Line(
        description=text(line, "Descrizione"),
        quantity=decimal(text(line, "Quantita"), "quantity", unreadable),
        unit_price=decimal(text(line, "PrezzoUnitario"), "unit_price", unreadable),
        net=decimal(text(line, "PrezzoTotale"), "line net", unreadable),
        tax_rate=decimal(text(line, "AliquotaIVA"), "tax_rate", unreadable),
    )


def _tax_part(part: Element, unreadable: Unreadable) -> TaxPart:
    return TaxPart(
        rate=decimal(text(part, "AliquotaIVA"), "tax_rate", unreadable),
        net=decimal(text(part, "ImponibileImporto"), "taxable amount", unreadable),
        tax=decimal(text(part, "Imposta"), "tax amount", unreadable),
    )
