"""One conversation of forty turns in four languages, and what the ledger must hold after each of them.

Documents are UBL invoices made against the day of the conversation, so that "overdue" and "this year" mean something
whenever it is held. What the agent says is compared with sums over the truth kept here, not with its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from messages.saying import Phrases, phrases

Words = tuple[str, str, str, str]
LANGUAGES = ("en", "de", "fr", "es")


@dataclass(frozen=True)
class Bill:
    """An invoice as it really is."""

    number: str
    seller: str
    gross: Decimal
    currency: str
    issued: dt.date
    due: dt.date | None
    paid_on: dt.date | None = None
    is_deleted: bool = False

    def ubl(self) -> bytes:
        """The e-invoice."""
        net = (self.gross / Decimal("1.19")).quantize(Decimal("0.01"))
        tax = self.gross - net
        due = f"<cbc:DueDate>{self.due}</cbc:DueDate>" if self.due else ""
        seller = self.seller.replace("&", "&amp;")
        money = f'currencyID="{self.currency}"'
        return f"""<?xml version="1.0" encoding="UTF-8"?>
<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
 xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
 xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">
<cbc:CustomizationID>urn:cen.eu:en16931:2017</cbc:CustomizationID><cbc:ID>{self.number}</cbc:ID>
<cbc:IssueDate>{self.issued}</cbc:IssueDate>{due}<cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode>
<cbc:DocumentCurrencyCode>{self.currency}</cbc:DocumentCurrencyCode>
<cac:AccountingSupplierParty><cac:Party><cac:PartyLegalEntity><cbc:RegistrationName>{seller}</cbc:RegistrationName>
</cac:PartyLegalEntity></cac:Party></cac:AccountingSupplierParty>
<cac:AccountingCustomerParty><cac:Party><cac:PartyLegalEntity><cbc:RegistrationName>Buyer AG</cbc:RegistrationName>
</cac:PartyLegalEntity></cac:Party></cac:AccountingCustomerParty>
<cac:TaxTotal><cbc:TaxAmount {money}>{tax}</cbc:TaxAmount></cac:TaxTotal>
<cac:LegalMonetaryTotal><cbc:LineExtensionAmount {money}>{net}</cbc:LineExtensionAmount>
<cbc:TaxExclusiveAmount {money}>{net}</cbc:TaxExclusiveAmount>
<cbc:TaxInclusiveAmount {money}>{self.gross}</cbc:TaxInclusiveAmount>
<cbc:PayableAmount {money}>{self.gross}</cbc:PayableAmount></cac:LegalMonetaryTotal>
</Invoice>""".encode()


@dataclass
class Truth:
    """What the ledger must hold."""

    today: dt.date
    say: Phrases
    bills: dict[str, Bill] = field(default_factory=dict)

    def standing(self) -> list[Bill]:
        """All that are not deleted."""
        return [bill for bill in self.bills.values() if not bill.is_deleted]

    def total(self, bills: Iterable[Bill]) -> list[str]:
        """Each currency's sum as the agent must say it; never one over two currencies."""
        sums: dict[str, Decimal] = {}
        for bill in bills:
            sums[bill.currency] = sums.get(bill.currency, Decimal(0)) + bill.gross
        return [self.say.money(amount, currency) for currency, amount in sums.items()]

    def change(self, number: str, **values: object) -> None:
        """What a turn has done."""
        self.bills[number] = replace(self.bills[number], **values)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Turn:
    """words: in English, German, French and Spanish; or a document. then: what it does. says: what the reply holds."""

    words: Words | None = None
    document: str | None = None
    then: Callable[[Truth], None] = lambda truth: None
    says: Callable[[Truth], list[str]] = lambda truth: []
    hides: Callable[[Truth], list[str]] = lambda truth: []
    files: int = 0


def documents(today: dt.date) -> dict[str, Bill]:
    """The invoices that are sent."""

    def bill(number: str, seller: str, gross: str, currency: str, issued: int, due: int) -> Bill:
        days = dt.timedelta
        return Bill(number, seller, Decimal(gross), currency, today - days(issued), today + days(due))

    return {
        "A": bill("A-1001", "ACME GmbH", "1190.00", "EUR", 40, -10),
        "B": bill("M-7007", "Miller & Sons", "250.50", "EUR", 5, 9),
        "C": bill("US-9009", "Globex Inc", "99.90", "USD", 3, 30),
        "D": bill("A-1000", "ACME GmbH", "595.00", "EUR", 400, -370),
    }


def _booked(document: str) -> Callable[[Truth], None]:
    def then(truth: Truth) -> None:
        bill = documents(truth.today)[document]
        truth.bills[bill.number] = bill

    return then


def _of(document: str) -> Callable[[Truth], list[str]]:
    def says(truth: Truth) -> list[str]:
        bill = documents(truth.today)[document]
        return [bill.number, bill.seller, truth.say.money(bill.gross, bill.currency)]

    return says


def _acme(truth: Truth, year: int) -> list[Bill]:
    return [bill for bill in truth.standing() if bill.seller == "ACME GmbH" and bill.issued.year == year]


def _unpaid(truth: Truth) -> list[Bill]:
    return [bill for bill in truth.standing() if bill.paid_on is None]


def _overdue(truth: Truth) -> list[Bill]:
    return [bill for bill in _unpaid(truth) if bill.due is not None and bill.due < truth.today]


def _numbers(bills: Iterable[Bill]) -> list[str]:
    return [bill.number for bill in bills]


def turns(today: dt.date) -> tuple[Turn, ...]:
    """The conversation."""
    yesterday = today - dt.timedelta(days=1)
    new_due = today + dt.timedelta(days=26)
    day = new_due.isoformat()

    def shell(truth: Truth) -> None:
        truth.bills["-"] = Bill("-", "Shell", Decimal("45.90"), "EUR", today, None)

    return (
        Turn(("Hello!", "Hallo!", "Bonjour !", "¡Hola!")),
        Turn(("what can you do?", "was kannst du?", "que sais-tu faire ?", "¿qué puedes hacer?"), says=lambda _: ["UBL"]),
        Turn(document="A", then=_booked("A"), says=_of("A")),
        Turn(document="B", then=_booked("B"), says=_of("B")),
        Turn(document="C", then=_booked("C"), says=_of("C")),
        Turn(document="D", then=_booked("D"), says=_of("D")),
        Turn(
            ("list all my invoices", "zeig mir alle Rechnungen", "montre-moi toutes les factures", "muestra todas mis facturas"),
            says=lambda t: [*_numbers(t.standing()), *t.total(t.standing())],
        ),
        Turn(
            ("mark number 2 as paid", "nummer 2 als bezahlt markieren", "marque la numéro 2 comme payée", "marca la número 2 como pagada"),
            then=lambda t: t.change("M-7007", paid_on=today), says=lambda _: ["M-7007"],
        ),
        Turn(
            ("what is overdue?", "was ist überfällig?", "qu'est-ce qui est en retard ?", "¿qué está vencido?"),
            says=lambda t: [*_numbers(_overdue(t)), *t.total(_overdue(t))], hides=lambda _: ["M-7007", "US-9009"],
        ),
        Turn(
            ("how much did I spend on ACME this year?", "wie viel habe ich dieses Jahr bei ACME ausgegeben?", "combien ai-je dépensé chez ACME cette année ?", "¿cuánto he gastado en ACME este año?"),
            says=lambda t: t.total(_acme(t, today.year)),
        ),
        Turn(
            ("and compared to last year?", "und im Vergleich zum letzten Jahr?", "et par rapport à l'année dernière ?", "¿y en comparación con el año pasado?"),
            says=lambda t: [*t.total(_acme(t, today.year)), *t.total(_acme(t, today.year - 1))],
        ),
        Turn(
            ("I paid the ACME invoice yesterday", "ich habe die Rechnung von ACME gestern bezahlt", "j'ai payé la facture ACME hier", "pagué la factura de ACME ayer"),
            says=lambda _: ["A-1001", "A-1000"],
        ),
        Turn(
            ("the first one", "die erste", "la première", "la primera"),
            then=lambda t: t.change("A-1001", paid_on=yesterday), says=lambda t: ["A-1001", t.say.day(yesterday)],
        ),
        Turn(("show me the last invoice", "zeig mir die letzte Rechnung", "montre-moi la dernière facture", "muéstrame la última factura"), says=_of("D")),
        Turn(
            ("the total is 600.00", "die Summe ist 600,00", "le total est 600,00", "el total es 600,00"),
            then=lambda t: t.change("A-1000", gross=Decimal("600.00")), says=lambda t: [t.say.money(Decimal(600), "EUR")],
        ),
        Turn(
            (f"the due date is {day}", f"die Fälligkeit ist {day}", f"l'échéance est le {day}", f"la fecha de vencimiento es {day}"),
            then=lambda t: t.change("A-1000", due=new_due), says=lambda t: [t.say.day(new_due)],
        ),
        Turn(
            ("what do I have to pay?", "was muss ich noch bezahlen?", "que dois-je payer ?", "¿qué tengo que pagar?"),
            says=lambda t: [*_numbers(_unpaid(t)), *t.total(_unpaid(t))], hides=lambda _: ["A-1001", "M-7007"],
        ),
        Turn(
            ("invoices over 500 euros", "Rechnungen über 500 Euro", "les factures de plus de 500 euros", "facturas de más de 500 euros"),
            says=lambda _: ["A-1001", "A-1000"], hides=lambda _: ["US-9009", "M-7007"],
        ),
        Turn(
            ("delete invoice US-9009", "lösche Rechnung US-9009", "supprime la facture US-9009", "elimina la factura US-9009"),
            says=lambda _: ["US-9009"],
        ),
        Turn(("no", "nein", "non", "no")),
        Turn(("delete invoice US-9009", "lösche Rechnung US-9009", "supprime la facture US-9009", "elimina la factura US-9009")),
        Turn(("what is overdue?", "was ist überfällig?", "qu'est-ce qui est en retard ?", "¿qué está vencido?"), hides=lambda _: ["A-1000"]),
        # The question has been left behind: a yes now is the answer to nothing.
        Turn(("yes", "ja", "oui", "sí")),
        Turn(("remove invoice US-9009 please", "bitte Rechnung US-9009 löschen", "efface la facture US-9009", "borra la factura US-9009")),
        Turn(("yes", "ja", "oui", "sí"), then=lambda t: t.change("US-9009", is_deleted=True), says=lambda _: ["US-9009"]),
        Turn(
            ("record an invoice from Shell over 45.90 euros", "erfasse eine Rechnung von Shell über 45,90 Euro", "enregistre une facture de Shell de 45,90 euros", "registra una factura de Shell de 45,90 euros"),
            says=lambda t: ["Shell", t.say.money(Decimal("45.90"), "EUR")],
        ),
        # A question while an invoice waits to be saved is answered, and the invoice called to mind.
        Turn(
            ("how much did I spend in total?", "wie viel habe ich insgesamt ausgegeben?", "combien ai-je dépensé au total ?", "¿cuánto he gastado en total?"),
            says=lambda t: [*t.total(t.standing()), "Shell"],
        ),
        Turn(("yes, save it", "ja, bitte speichern", "oui, enregistre", "sí, guárdala"), then=shell, says=lambda _: ["Shell"]),
        Turn(document="A", says=lambda t: ["A-1001", t.say.day(yesterday)]),
        Turn(("no", "nein", "non", "no")),
        Turn(
            ("invoice M-7007 isn't paid after all", "Rechnung M-7007 ist doch nicht bezahlt", "la facture M-7007 n'est pas payée finalement", "la factura M-7007 no está pagada todavía"),
            then=lambda t: t.change("M-7007", paid_on=None), says=lambda _: ["M-7007"],
        ),
        Turn(
            ("how much do I still have to pay?", "wie viel muss ich noch bezahlen?", "combien me reste-t-il à payer ?", "¿cuánto me queda por pagar?"),
            says=lambda t: t.total(bill for bill in _unpaid(t)),
        ),
        Turn(("export everything as CSV", "exportiere alles als CSV", "exporte tout en CSV", "exporta todo en CSV"), files=1),
        Turn(("my currency is CHF", "meine Währung ist CHF", "ma devise est le CHF", "mi moneda es CHF"), says=lambda _: ["CHF"]),
        Turn(
            ("remind me in two weeks", "erinnere mich in zwei Wochen", "rappelle-moi dans deux semaines", "recuérdame dentro de dos semanas"),
            says=lambda t: [t.say.day(today + dt.timedelta(days=14))],
        ),
        Turn(("turn on reminders", "Erinnerungen einschalten", "active les rappels", "activa los recordatorios"), says=lambda _: ["3"]),
        Turn(("turn off reminders", "Erinnerungen ausschalten", "désactive les rappels", "desactiva los recordatorios")),
        Turn(("delte the last one", "lösch die letzte", "supprime la dernière", "borra la última"), says=lambda _: ["Shell"]),
        Turn(("keep it, never mind", "nein, lass", "non, laisse tomber", "no, déjalo")),
        Turn(("thanks, bye!", "danke, tschüss!", "merci, au revoir !", "gracias, ¡adiós!")),
    )  # fmt: skip


def truth_in(language: str, today: dt.date) -> Truth:
    """The empty books."""
    return Truth(today, phrases(language))
