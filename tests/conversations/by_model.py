"""Forty turns in languages that have no rules: what a person writes, what a model makes of it, what must come of it.

As a program it holds the conversation in every language of it with a daemon of its own, and prints what came of it.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from invoices.book import Booking
from invoices.export import export
from invoices.invoice import Invoice, Line, Party, TaxPart

Reply = dict[str, Any]
LANGUAGES: Final = ("it", "nl", "pt", "pl")


@dataclass(frozen=True)
class Step:
    """One turn. name: of the words in `WORDS`, of a file in `files`, or of the button to press.

    tool, slots: the model's call. holds: whether the reply is right. changes: this turn alone may change the books.
    """

    name: str
    holds: Callable[[Reply], bool]
    how: str = "say"
    tool: str = ""
    slots: dict[str, Any] | None = None


WORDS: Final[dict[str, dict[str, str]]] = {
    "it": {
        "list": "mostrami tutte le fatture che hai", "sum": "quanto fanno in tutto le fatture?",
        "due": "che cosa devo ancora pagare?", "overdue": "quali fatture sono già scadute?",
        "sum_acme": "quanto fanno quelle di ACME, per favore?", "list_gamma": "e quelle della Gamma, quali sono?",
        "show_b": "fammi vedere la B-7, che non la trovo più", "paid_b": "la B-7 l'ho già saldata ieri",
        "overdue_again": "e adesso quali sono scadute?", "sum_paid": "quanto ho già pagato in tutto?",
        "sum_unpaid": "e quanto non ho ancora pagato?", "show_c": "mostrami la C-9 un'altra volta",
        "due_c": "la C-9 scade il {later}, non prima", "show_c_again": "fammi vedere com'è adesso la C-9",
        "paid_a": "anche quella di ACME è già a posto", "sum_unpaid_again": "quanto non ho ancora pagato adesso?",
        "compare": "che differenza c'è tra questo mese e l'altro?", "export": "mi dai un file con tutte le fatture?",
        "delete_b": "la B-7 non mi serve più, eliminala", "list_again": "quali fatture ci sono ancora?",
        "delete_b_again": "ho deciso: cancella pure la B-7", "list_less": "e adesso quali sono?",
        "sum_less": "quanto fanno in tutto adesso?", "remind_all": "ricordamelo sempre 5 giorni prima che scadono",
        "remind_c": "ricordami la C-9 il {soon}, per favore", "currency": "per me sono sempre euro, se non c'è scritto",
        "record": "segnati la D-1 di Delta da 99,90 euro che ho qui", "sum_last": "e quanto fanno in tutto alla fine?",
    },
    "nl": {
        "list": "toon mij alle facturen die je hebt", "sum": "hoeveel is het bij elkaar van alle facturen?",
        "due": "wat moet ik nog betalen?", "overdue": "welke facturen zijn al vervallen?",
        "sum_acme": "hoeveel is het van ACME bij elkaar?", "list_gamma": "en welke zijn er van Gamma?",
        "show_b": "laat mij de B-7 zien, ik vind hem niet", "paid_b": "de B-7 heb ik gisteren al betaald",
        "overdue_again": "en welke zijn er nu vervallen?", "sum_paid": "hoeveel heb ik al betaald?",
        "sum_unpaid": "en hoeveel moet ik nog betalen bij elkaar?", "show_c": "toon de C-9 nog een keer",
        "due_c": "de C-9 vervalt op {later}, niet eerder", "show_c_again": "hoe is het nu met de C-9?",
        "paid_a": "die van ACME is ook al klaar", "sum_unpaid_again": "hoeveel moet ik nu nog betalen?",
        "compare": "wat is het verschil met vorige maand?", "export": "geef mij een bestand met alle facturen",
        "delete_b": "de B-7 heb ik niet meer nodig, verwijder die", "list_again": "welke facturen zijn er nog?",
        "delete_b_again": "toch wel: verwijder de B-7 maar", "list_less": "en welke zijn er nu nog?",
        "sum_less": "hoeveel is het nu bij elkaar?", "remind_all": "herinner mij steeds 5 dagen voor het vervalt",
        "remind_c": "herinner mij aan de C-9 op {soon}, graag", "currency": "voor mij is het altijd euro als er niets bij staat",
        "record": "schrijf de D-1 van Delta op, die is 99,90 euro", "sum_last": "en hoeveel is het nu bij elkaar, alles?",
    },
    "pt": {
        "list": "mostre as faturas que você já tem", "sum": "quanto é que são as faturas, ao todo?",
        "due": "o que é que ainda não está pago?", "overdue": "quais faturas já são do mês que não é este?",
        "sum_acme": "quanto são as da ACME, por favor, você já sabe?", "list_gamma": "e quais são as da Gamma, você já viu?",
        "show_b": "mostre a B-7, não a vejo em lado nenhum, obrigado", "paid_b": "a B-7 já está paga, foi ontem, não é?",
        "overdue_again": "e hoje quais são as que já não são do mês?", "sum_paid": "quanto é que eu já paguei ao todo, você sabe?",
        "sum_unpaid": "e quanto é que ainda não está pago, ao todo?", "show_c": "mostre a C-9 outra vez, não a vi, obrigado",
        "due_c": "a C-9 é só para {later}, não é antes, já", "show_c_again": "como é que está a C-9 hoje, já mudou?",
        "paid_a": "a da ACME também já não é um problema", "sum_unpaid_again": "quanto é que ainda não está pago hoje, ao todo?",
        "compare": "o que é que mudou de um mês para o outro, você sabe?", "export": "quero um ficheiro com as faturas, obrigado, já",
        "delete_b": "apague a B-7, eu já não a quero, obrigado", "list_again": "quais são as faturas que ainda há, você já viu?",
        "delete_b_again": "não a quero mesmo: apague a B-7, já", "list_less": "e quais são as que há hoje, ainda?",
        "sum_less": "quanto é que são hoje, ao todo?", "remind_all": "eu não me lembro: avise 5 dias antes do vencimento",
        "remind_c": "lembre-me da C-9 no dia {soon}, não antes, obrigado", "currency": "para mim são euros quando não há nada nas faturas",
        "record": "tome nota: a D-1 da Delta, são 99,90 euros, não é", "sum_last": "e quanto é que são ao todo, já com esta?",
    },
    "pl": {
        "list": "pokaż mi faktury, które są", "sum": "ile to jest za faktury?", "due": "co mam jeszcze zapłacić, ile to jest?",
        "overdue": "które faktury są po terminie?", "sum_acme": "ile to jest za ACME?", "list_gamma": "które są od Gamma?",
        "show_b": "pokaż mi fakturę B-7, nie ma jej", "paid_b": "faktura B-7 jest zapłacone wczoraj",
        "overdue_again": "które są po terminie dzisiaj?", "sum_paid": "ile ja zapłaciłem?", "sum_unpaid": "ile nie jest zapłacone?",
        "show_c": "pokaż mi fakturę C-9", "due_c": "termin dla C-9 to jest {later}, nie jest inny",
        "show_c_again": "jaka jest dzisiaj faktura C-9?", "paid_a": "ta od ACME to nie jest problem",
        "sum_unpaid_again": "ile nie jest zapłacone dzisiaj?", "compare": "ile to jest za ten miesiąc, ile za inny?",
        "export": "proszę plik, w którym są faktury", "delete_b": "usuń fakturę B-7, nie jest mi potrzebna",
        "list_again": "które faktury są dzisiaj?", "delete_b_again": "proszę, usuń fakturę B-7", "list_less": "które to są dzisiaj?",
        "sum_less": "ile to jest dzisiaj?", "remind_all": "proszę przypomnij mi 5 dni przed, to jest termin",
        "remind_c": "proszę przypomnij mi C-9 na {soon}, nie wczoraj", "currency": "dla mnie to jest euro, jaka to nie jest kwota",
        "record": "to jest D-1 od Delta za 99,90 euro, proszę", "sum_last": "ile to jest za wszystkie, proszę?",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Days:
    """The days of the conversation, around the one on which it is held."""

    today: dt.date

    def at(self, days: int) -> dt.date:
        """So many days from then."""
        return self.today + dt.timedelta(days=days)

    def words(self, language: str, name: str) -> str:
        """What the person writes."""
        return WORDS[language][name].format(later=self.at(200).isoformat(), soon=self.at(30).isoformat())


def files(days: Days) -> dict[str, bytes]:
    """Three invoices, as UBL."""
    made = {
        "a": _invoice("2026-031", "ACME GmbH", 1000, 190, days.at(-60), days.at(100)),
        "b": _invoice("B-7", "Beta SpA", 500, 110, days.at(-50), days.at(-20)),
        "c": _invoice("C-9", "Gamma Srl", 200, 44, days.at(-10), days.at(180)),
    }
    return {name: export([Booking(name, "c", "u", 1, invoice)], "ubl").content for name, invoice in made.items()}


def _invoice(number: str, seller: str, net: int, tax: int, issued: dt.date, due: dt.date) -> Invoice:
    nets, taxes = Decimal(f"{net}.00"), Decimal(f"{tax}.00")
    rate = (taxes * 100 / nets).normalize()
    return Invoice(
        number=number, issue_date=issued, due_date=due, currency="EUR", type_code="380", seller=Party(seller),
        buyer=Party("Me"), net=nets, tax=taxes, gross=nets + taxes, payable=nets + taxes,
        lines=(Line("Goods", Decimal(1), nets, nets, rate),), taxes=(TaxPart(rate, nets, taxes),),
    )  # fmt: skip


def figures(reply: Reply) -> set[str]:
    """Every amount of a reply's text, as digits with a dot before the cents, whatever it is grouped with."""
    found = re.findall(r"\d[\d.,'\u00a0\u202f ]*[.,]\d{2}(?!\d)", reply["text"])
    return {re.sub(r"\D", "", amount[:-3]) + "." + amount[-2:] for amount in found}


def has(*amounts: str) -> Callable[[Reply], bool]:
    """It says these amounts."""
    return lambda reply: set(amounts) <= figures(reply)


def lacks(*amounts: str) -> Callable[[Reply], bool]:
    """It says none of these."""
    return lambda reply: not set(amounts) & figures(reply)


def asks(*amounts: str) -> Callable[[Reply], bool]:
    """It asks, with a button for yes, and shows these amounts."""
    return lambda reply: bool(_yes(reply)) and set(amounts) <= figures(reply)


def _yes(reply: Reply) -> str | None:
    return button(reply, ("yes", "save", "delete_yes"))


def button(reply: Reply, acts: tuple[str, ...]) -> str | None:
    """The first button of a reply that does one of these."""
    actions = [one["action"] for one in reply["buttons"]]
    return next((action for action in actions if action.partition(":")[0] in acts), None)


def anything(_: Reply) -> bool:
    """Whatever it says."""
    return True


def steps(days: Days) -> tuple[Step, ...]:
    """The forty turns."""

    def month(first: int, last: int) -> dict[str, str]:
        return {"first": days.at(first).isoformat(), "last": days.at(last).isoformat()}

    def yes(holds: Callable[[Reply], bool] = anything) -> Step:
        return Step("yes", holds, "press")

    def no(holds: Callable[[Reply], bool] = anything) -> Step:
        return Step("no", holds, "press")

    later = days.at(200).isoformat()
    return (
        Step("a", has("1190.00"), "file"), Step("b", has("610.00"), "file"), Step("c", has("244.00"), "file"),
        Step("list", has("1190.00", "610.00", "244.00"), "say", "list"), Step("sum", has("2044.00"), "say", "sum"),
        Step("due", has("1190.00", "610.00", "244.00"), "say", "due"),
        Step("overdue", lambda reply: has("610.00")(reply) and lacks("1190.00")(reply), "say", "overdue"),
        Step("sum_acme", has("1190.00"), "say", "sum", {"supplier": "ACME"}),
        Step("list_gamma", lambda reply: has("244.00")(reply) and lacks("610.00")(reply), "say", "list", {"supplier": "Gamma"}),
        Step("show_b", has("610.00"), "say", "show", {"number": "B-7"}),
        Step("paid_b", asks("610.00"), "say", "mark_paid", {"number": "B-7"}), yes(has("610.00")),
        Step("overdue_again", lacks("610.00"), "say", "overdue"),
        Step("sum_paid", has("610.00"), "say", "sum", {"is_paid": True}),
        Step("sum_unpaid", has("1434.00"), "say", "sum", {"is_paid": False}),
        Step("show_c", has("244.00"), "say", "show", {"number": "C-9"}),
        Step("due_c", asks(), "say", "correct", {"number": "C-9", "corrections": [{"field": "due_date", "value": later}]}),
        yes(),
        Step("show_c_again", lambda reply: reply["data"]["invoice"]["due_date"] == later, "say", "show", {"number": "C-9"}),
        Step("paid_a", asks("1190.00"), "say", "mark_paid", {"supplier": "ACME"}), no(),
        Step("sum_unpaid_again", has("1434.00"), "say", "sum", {"is_paid": False}),
        Step("compare", has("1190.00", "244.00"), "say", "compare",
             {"period": month(-65, -55), "compared_period": month(-15, 0)}),
        Step("export", lambda reply: "csv" in json.dumps(reply["data"]), "say", "export", {"format": "csv"}),
        Step("delete_b", asks("610.00"), "say", "delete", {"number": "B-7"}), no(),
        Step("list_again", has("1190.00", "610.00", "244.00"), "say", "list"),
        Step("delete_b_again", asks("610.00"), "say", "delete", {"number": "B-7"}), yes(),
        Step("list_less", lambda reply: has("1190.00")(reply) and lacks("610.00")(reply), "say", "list"),
        Step("sum_less", has("1434.00"), "say", "sum"),
        Step("remind_all", asks(), "say", "set_reminders", {"is_on": True, "days_before": 5}), yes(),
        Step("remind_c", asks(), "say", "remind", {"number": "C-9", "when": days.at(30).isoformat()}), yes(),
        Step("currency", asks(), "say", "set_currency", {"currency": "EUR"}), yes(),
        Step("record", asks("99.90"), "say", "record", {"corrections": [
            {"field": "number", "value": "D-1"}, {"field": "seller.name", "value": "Delta"},
            {"field": "gross", "value": "99.90"}, {"field": "currency", "value": "EUR"}]}), yes(has("99.90")),
        Step("sum_last", has("1533.90"), "say", "sum"),
    )  # fmt: skip
