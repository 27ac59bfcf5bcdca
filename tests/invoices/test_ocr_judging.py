"""What engines saw, judged without an engine: letters put right where something bears it out, two readings agreed."""

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices.invoice import FieldSource, Invoice
from invoices.layout import layout_of_text
from invoices.ocr.judging import adds_up, agreed, invoice_of, is_borne_out
from invoices.ocr.repair import with_figures_mended, with_identifiers_mended
from invoices.ocr.seen import SeenPage, SeenWord

IBAN = "DE89370400440532013000"
LETTERS = {"0": "O", "1": "l", "5": "S", "8": "B"}
AMOUNTS = {"net": Decimal("100.00"), "tax": Decimal("19.00"), "gross": Decimal("119.00")}


def made(confidence: float = 0.9, **values: object) -> Invoice:
    """An invoice with these values, all of them as sure."""
    invoice = Invoice()
    for name, value in values.items():
        source = FieldSource("ocr", confidence, 1)
        invoice = invoice.with_value(name.replace("__", "."), value, source)  # type: ignore[arg-type]
    return invoice


def page_of(text: str, confidence: float = 0.95) -> SeenPage:
    """A page as an engine sees it, a word a cell."""
    words = [
        SeenWord(
            word, 10.0 + 12 * column, 20.0 * row, 10.0 + 12 * (column + len(word)) - 2, 20.0 * row + 15, confidence
        )
        for row, line in enumerate(text.splitlines(), 1)
        for column, word in _columns(line)
    ]
    return SeenPage(1, 1240, 1754, tuple(words))


def _columns(line: str) -> list[tuple[int, str]]:
    at, found = 0, []
    for word in line.split(" "):
        if word:
            found.append((at, word))
        at += len(word) + 1
    return found


@given(st.sets(st.sampled_from(range(2, len(IBAN))), max_size=6))
def test_given_letters_for_digits_in_an_account_when_mended_then_its_check_digits_are_right(places: set[int]) -> None:
    """Whatever letters an engine took for digits, the check digits tell."""
    seen = "".join(LETTERS.get(char, char) if place in places else char for place, char in enumerate(IBAN))

    layout = with_identifiers_mended(layout_of_text(f"IBAN {seen}", 1000))

    assert layout.text().replace(" ", "") == f"IBAN{IBAN}"


def test_given_an_account_whose_check_digits_stay_wrong_when_mended_then_it_is_left_as_it_was() -> None:
    """A digit taken for another digit is not for us to guess."""
    seen = IBAN.replace("37", "31").replace("0", "O")

    layout = with_identifiers_mended(layout_of_text(f"IBAN {seen}", 1000))

    assert seen in layout.text()


@pytest.mark.parametrize(
    ("seen", "meant"),
    [("1.19O,00", "1.190,00"), ("l19,00", "119,00"), ("1,19S.00", "1,195.00"), ("1.190.00", "1.190,00")],
)
def test_given_letters_within_amounts_when_mended_then_they_are_digits(seen: str, meant: str) -> None:
    """A second version of the page, for the arithmetic to judge."""
    layout = with_figures_mended(layout_of_text(f"Total {seen}", 1000))

    assert layout.text().endswith(meant)


@pytest.mark.parametrize("text", ["So, 12 Io", "ISO 9001", "Solo, Bolzano", "v1.2.3", "Bill. 17"])
def test_given_words_when_figures_are_mended_then_they_stay_words(text: str) -> None:
    """Letters are letters everywhere else."""
    layout = with_figures_mended(layout_of_text(text, 1000))

    assert layout.text() == text


def test_given_a_page_with_a_mistaken_total_when_read_then_the_arithmetic_puts_it_right() -> None:
    """Net and tax say what the gross has to be."""
    page = page_of("Invoice 2026-17\nDate: 2026-03-14\nNet: 100.00 EUR\nVAT 19 %: 19.OO EUR\nTotal: ll9.00 EUR")

    invoice = invoice_of([page])

    assert invoice is not None
    assert (invoice.net, invoice.tax, invoice.gross) == tuple(AMOUNTS.values())


def test_given_unsure_words_when_read_then_the_values_are_as_unsure() -> None:
    """A confidence is no more than that of the words beneath it."""
    text = "Invoice 2026-17\nDate: 2026-03-14\nNet: 100.00 EUR\nVAT 19 %: 19.00 EUR\nTotal: 119.00 EUR"

    sure, unsure = invoice_of([page_of(text, 0.99)]), invoice_of([page_of(text, 0.5)])

    assert sure is not None
    assert unsure is not None
    assert all(
        unsure.fields[name].confidence < sure.fields[name].confidence for name in ("number", "gross", "issue_date")
    )


def test_given_two_engines_when_they_agree_then_the_surer_confidence_stands() -> None:
    """Neither hides what the other is sure of."""
    both = agreed(made(0.8, number="A-1"), made(0.95, number="A 1".replace(" ", "-")))

    assert both is not None
    assert both.fields["number"].confidence == 0.95


def test_given_two_engines_when_they_differ_then_the_first_is_less_sure_or_silent() -> None:
    """A value that was doubtful before is better left out."""
    kept = agreed(made(0.95, number="A-1"), made(0.95, number="A-7"))
    dropped = agreed(made(0.6, number="A-1"), made(0.95, number="A-7"))

    assert kept is not None
    assert kept.number == "A-1"
    assert kept.fields["number"].confidence < 0.95
    assert dropped is not None
    assert dropped.number is None


def test_given_a_gap_when_the_other_engine_fills_it_then_only_with_what_something_bears_out() -> None:
    """A sum that adds up and an account that checks, but no name."""
    first = made(net=AMOUNTS["net"], tax=AMOUNTS["tax"])
    second = made(gross=AMOUNTS["gross"], iban=IBAN, seller__name="Es Beispiel GmbH")

    both = agreed(first, second)

    assert both is not None
    assert both.gross == AMOUNTS["gross"]
    assert both.iban == IBAN
    assert both.seller.name is None


def test_given_totals_that_add_up_in_one_reading_only_when_agreed_then_those_are_taken() -> None:
    """Arithmetic does not come right by chance."""
    wrong = made(net=Decimal("700.00"), tax=AMOUNTS["tax"], gross=AMOUNTS["gross"])

    both = agreed(wrong, made(**AMOUNTS))

    assert both is not None
    assert adds_up(both)


def test_given_an_invoice_without_doubt_when_judged_then_no_other_engine_is_asked() -> None:
    """And one without tax, or without a number, is looked at twice."""
    whole = made(number="A-1", issue_date=dt.date(2026, 3, 14), currency="EUR", seller__name="ACME GmbH", **AMOUNTS)

    assert is_borne_out(whole)
    assert not is_borne_out(whole.with_value("number", None, None))
    assert not is_borne_out(whole.with_value("tax", Decimal(0), FieldSource("ocr", 0.9, 1)))
    assert not is_borne_out(None)
