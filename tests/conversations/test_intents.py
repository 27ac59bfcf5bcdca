"""What people type becomes the right intent with the right slots, in four languages, by rules alone."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from held_out import HELD_OUT
from hypothesis import given
from hypothesis import strategies as st
from sentences import SENTENCES

from invoices.intents import LANGUAGES, Correction, Intent, Kind, Period, intent_of, language_of

TODAY = dt.date(2026, 11, 24)  # a Tuesday
KNOWN = ("ACME GmbH", "Müller AG")
# Of the held-out sentences, when this was written: 159 of 160, where the rules of one language before them knew 2.
HELD_OUT_SHARE = 0.97

SAID = [(kind, language, text) for kind, said in SENTENCES.items() for language in LANGUAGES for text in said[language]]


@pytest.mark.parametrize(("kind", "language", "text"), SAID)
def test_given_a_sentence_when_it_is_read_then_it_is_the_intent_a_person_means(
    kind: str, language: str, text: str
) -> None:
    """Formal and sloppy ones, with typos."""
    intent = intent_of(text, TODAY, language=language)

    assert intent.kind.value == kind


def test_given_every_kind_when_counted_then_each_has_fifteen_sentences_and_more() -> None:
    """No kind is forgotten, and no language."""
    assert set(SENTENCES) == {kind.value for kind in Kind}
    for said in SENTENCES.values():
        assert sum(len(said[language]) for language in LANGUAGES) >= 15


def test_given_sentences_no_rule_was_written_after_when_read_then_nearly_all_are_understood() -> None:
    """The share of the held-out sentences."""
    right = [
        intent_of(text, TODAY, language=language).kind.value == kind
        for language, said in HELD_OUT.items()
        for text, kind in said
    ]

    assert sum(right) / len(right) >= HELD_OUT_SHARE


@pytest.mark.parametrize(("kind", "language", "text"), [it for it in SAID if len(it[2].split()) > 3])
def test_given_a_longer_sentence_when_its_language_is_told_then_it_is_that_one(
    kind: str, language: str, text: str
) -> None:
    """Even when the conversation was in another."""
    before = "fr" if language == "en" else "en"

    told = language_of(text, before)

    assert told in (language, None, before)


@pytest.mark.parametrize(
    "name", ["/tmp/ut-x32et8wp/el", "https://y.es/el/la.pdf", "factura-de-mayo.pdf", "ES-2031", "el_y_la", "la@el.es"]
)
def test_given_a_name_whose_letters_are_words_when_the_language_is_told_then_the_name_says_nothing(name: str) -> None:
    """A path, an address or the number of an invoice turns no conversation into another language."""
    assert language_of(f"!crash unless {name}", "en") in ("en", None)
    assert language_of(name) is None


def day(month: int, number: int, year: int = 2026) -> dt.date:
    """A day, this year unless said."""
    return dt.date(year, month, number)


@pytest.mark.parametrize(
    ("language", "text", "slots"),
    [
        ("en", "I paid the ACME invoice yesterday", {"supplier": "ACME GmbH", "when": day(11, 23)}),
        ("de", "ich habe die Müller Rechnung am 3. Mai bezahlt", {"supplier": "Müller AG", "when": day(5, 3)}),
        ("fr", "j'ai payé la facture ACME il y a 3 jours", {"supplier": "ACME GmbH", "when": day(11, 21)}),
        ("es", "pagué la factura de ACME el viernes", {"supplier": "ACME GmbH", "when": day(11, 20)}),
        ("en", "delete invoice 2026-031", {"number": "2026-031"}),
        ("de", "lösche Rechnung RE/2031", {"number": "RE/2031"}),
        ("fr", "supprime la deuxième", {"ordinal": 2}),
        ("es", "marca la número 3 como pagada", {"ordinal": 3}),
        ("en", "show me the last one", {"reference": "last"}),
        ("en", "remind me 3 days before it's due", {"days_before": 3, "when": None}),
        ("de", "erinner mich in zwei Wochen", {"when": day(12, 8)}),
        ("fr", "rappelle-moi vendredi", {"when": day(11, 27)}),
        ("es", "recuérdame el 3 de diciembre", {"when": day(12, 3)}),
        ("en", "export the invoices of March as JSON", {"format": "json", "period": Period(day(3, 1), day(3, 31))}),
        ("de", "gib mir alle Rechnungen als Excel", {"format": "xlsx"}),
        ("en", "speak German please", {"new_language": "de"}),
        ("fr", "tu peux parler espagnol ?", {"new_language": "es"}),
        ("es", "usa dólares", {"currency": "USD"}),
        ("de", "meine Währung ist CHF", {"currency": "CHF"}),
        ("en", "turn off reminders", {"is_on": False}),
        ("es", "manda avisos 3 días antes", {"is_on": True, "days_before": 3}),
    ],
)
def test_given_a_request_when_it_is_read_then_it_names_what_it_is_about(
    language: str, text: str, slots: dict[str, Any]
) -> None:
    """Which invoice, when, and in what form."""
    intent = intent_of(text, TODAY, language=language, suppliers=KNOWN)

    assert {name: getattr(intent, name) for name in slots} == slots


@pytest.mark.parametrize(
    ("language", "text", "period"),
    [
        ("en", "invoices in March", Period(day(3, 1), day(3, 31))),
        ("en", "invoices of last month", Period(day(10, 1), day(10, 31))),
        ("en", "invoices this year", Period(day(1, 1), day(12, 31))),
        ("en", "invoices since 1 May", Period(day(5, 1), None)),
        ("en", "invoices in Q2", Period(day(4, 1), day(6, 30))),
        ("en", "invoices between 1 March and 15 April", Period(day(3, 1), day(4, 15))),
        ("en", "invoices of the last 30 days", Period(day(10, 25), TODAY)),
        ("en", "invoices from December", Period(day(12, 1, 2025), day(12, 31, 2025))),
        ("de", "Rechnungen seit dem 1. Mai", Period(day(5, 1), None)),
        ("de", "Rechnungen der letzten 30 Tage", Period(day(10, 25), TODAY)),
        ("de", "Rechnungen vom letzten Quartal", Period(day(7, 1), day(9, 30))),
        ("fr", "les factures du mois dernier", Period(day(10, 1), day(10, 31))),
        ("fr", "les factures entre le 1er mars et le 15 avril", Period(day(3, 1), day(4, 15))),
        ("fr", "les factures du T2 2025", Period(day(4, 1, 2025), day(6, 30, 2025))),
        ("es", "las facturas del año pasado", Period(day(1, 1, 2025), day(12, 31, 2025))),
        ("es", "facturas desde el 1 de mayo", Period(day(5, 1), None)),
        ("es", "facturas de esta semana", Period(day(11, 23), day(11, 29))),
    ],
)
def test_given_a_stretch_of_time_when_it_is_read_then_from_which_day_to_which(
    language: str, text: str, period: Period
) -> None:
    """Against the day on which it is said."""
    intent = intent_of(text, TODAY, language=language)

    assert (intent.kind, intent.period) == (Kind.LIST, period)


@pytest.mark.parametrize(
    ("language", "text", "least", "most"),
    [
        ("en", "invoices over 1,250.50 euros", "1250.50", None),
        ("en", "invoices under 2k", None, "2000"),
        ("en", "invoices between 100 and 500 euros", "100", "500"),
        ("de", "Rechnungen über 1.250,50 Euro", "1250.50", None),
        ("de", "Rechnungen unter 2 tausend Euro", None, "2000"),
        ("fr", "les factures de plus de 1 250,50 euros", "1250.50", None),
        ("es", "facturas de menos de 1.250 euros", None, "1250"),
    ],
)
def test_given_amounts_in_national_forms_when_read_then_the_same_figures(
    language: str, text: str, least: str | None, most: str | None
) -> None:
    """Point and comma part thousands or cents, by language."""
    intent = intent_of(text, TODAY, language=language)

    assert intent.amount_min == (Decimal(least) if least else None)
    assert intent.amount_max == (Decimal(most) if most else None)


@pytest.mark.parametrize(
    ("language", "text", "corrections"),
    [
        ("en", "the total is 120.50", {"gross": "120.50"}),
        ("en", "no, the number is RE-7 and the total is 1,250.00 EUR", {"number": "RE-7", "gross": "1250.00"}),
        ("en", "it's due next Friday", {"due_date": "2026-11-27"}),
        ("en", "the supplier is called Miller & Sons Ltd", {"seller.name": "Miller & Sons Ltd"}),
        ("en", "the iban is DE89 3704 0044 0532 0130 00", {"iban": "DE89370400440532013000"}),
        ("en", "tax is 19.00 and net is 100.00", {"tax": "19.00", "net": "100.00"}),
        ("de", "die Summe ist 1.250,50 Euro", {"gross": "1250.50"}),
        ("de", "sie ist nächsten Freitag fällig", {"due_date": "2026-11-27"}),
        ("de", "das Rechnungsdatum ist der 3.11.2026", {"issue_date": "2026-11-03"}),
        ("fr", "le total est 1 250,50", {"gross": "1250.50"}),
        ("fr", "l'échéance est vendredi prochain", {"due_date": "2026-11-27"}),
        ("fr", "non, le numéro est F-77", {"number": "F-77"}),
        ("es", "el total es 1.250,50", {"gross": "1250.50"}),
        ("es", "vence el próximo viernes", {"due_date": "2026-11-27"}),
        ("es", "la moneda es USD", {"currency": "USD"}),
    ],
)
def test_given_a_correction_when_it_is_read_then_each_field_has_its_plain_value(
    language: str, text: str, corrections: dict[str, str]
) -> None:
    """A dot before the cents, ISO dates, numbers as they were typed."""
    intent = intent_of(text, TODAY, language=language)

    assert intent.kind is Kind.CORRECT
    assert {it.field: it.value for it in intent.corrections} == corrections


def test_given_a_field_was_asked_for_when_a_bare_value_comes_then_it_is_that_fields() -> None:
    """As in "What is the total?", "89,90"."""
    amount = intent_of("89,90", TODAY, language="de", asked="gross")
    name = intent_of("Müller & Söhne", TODAY, language="de", asked="seller.name")

    assert amount.corrections == (Correction("gross", "89.90"),)
    assert name.corrections == (Correction("seller.name", "Müller & Söhne"),)


@given(
    st.text(max_size=600), st.sampled_from([None, *LANGUAGES]), st.sampled_from([None, "gross", "number", "due_date"])
)
def test_given_any_text_when_it_is_read_then_there_is_an_intent(text: str, language: str | None, asked: Any) -> None:
    """Nothing a person types is an error."""
    assert isinstance(intent_of(text, TODAY, language=language, asked=asked, suppliers=KNOWN), Intent)


@given(
    st.lists(st.sampled_from([text for _, _, text in SAID]), min_size=1, max_size=3),
    st.dates(dt.date(1990, 1, 1), dt.date(2100, 1, 1)),
)
def test_given_any_sentences_together_when_read_on_any_day_then_there_is_an_intent(
    texts: list[str], today: dt.date
) -> None:
    """Whatever day it is."""
    assert intent_of(" ".join(texts), today).kind in Kind
