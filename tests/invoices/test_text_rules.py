"""Rules over text: any invoice in several layouts and national forms is read back, or reported as doubtful."""

import datetime as dt
from collections import Counter
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rendering import LANGUAGES, LAYOUTS

from invoices.checks import SURE
from invoices.fields.amounts import find_amounts
from invoices.fields.dates import find_dates
from invoices.fields.identifiers import find_iban, find_vat_ids
from invoices.fields.labels import Index
from invoices.invoice import FIELDS, Invoice, Line, Party, TaxPart
from invoices.layout import layout_of_text
from invoices.text import describe_document, read_layout

CENT = Decimal("0.01")
SELLERS = ("Nordlicht Bürobedarf GmbH", "Harrow & Finch Ltd.", "Ateliers Dumont SARL", "Rossi e Figli S.r.l.")
BUYERS = ("Hafenkontor Vogel KG", "Lakeside Catering B.V.", "Muebles Serrano S.L.", "Anna Kowalska")
ITEMS = ("Chairs, oak", "Beratung vor Ort", "Papier A4", "Entretien annuel", "Installazione")
IBANS = (None, "DE89370400440532013000", "FR1420041010050500013M02606", "NL91ABNA0417164300")


@st.composite
def invoices(draw: st.DrawFn) -> Invoice:
    """Invoices whose sums add up, as invoices do."""
    issued = draw(st.dates(dt.date(2015, 1, 1), dt.date(2030, 12, 31)))
    nets = draw(st.lists(st.decimals(min_value=1, max_value=90_000, places=2), min_size=1, max_size=4))
    rate = draw(st.sampled_from([Decimal(r) for r in (0, 7, 10, 19, 20, 21, 22)]))
    net = sum(nets, Decimal(0))
    tax = (net * rate / 100).quantize(CENT, ROUND_HALF_UP)
    gross = net + tax
    prepaid = draw(st.none() | st.just((gross / 4).quantize(CENT)))
    return Invoice(
        number=draw(st.from_regex(r"([A-Z]{1,3}-)?20[12][0-9]-[0-9]{3,6}", fullmatch=True)),
        issue_date=issued,
        due_date=draw(st.none() | st.just(issued + dt.timedelta(days=30))),
        currency="EUR",
        seller=Party(draw(st.sampled_from(SELLERS))),
        buyer=Party(draw(st.sampled_from(BUYERS))),
        iban=draw(st.sampled_from(IBANS)),
        net=net,
        tax=tax,
        gross=gross,
        payable=gross - (prepaid or 0),
        prepaid=prepaid,
        lines=tuple(Line(draw(st.sampled_from(ITEMS)), net=one) for one in nets),
        taxes=(TaxPart(rate, net, tax),),
    )


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(invoices(), st.sampled_from(sorted(LANGUAGES)), st.sampled_from(sorted(LAYOUTS)))
def test_given_any_invoice_when_rendered_and_read_then_no_sure_value_is_wrong(
    invoice: Invoice, language: str, layout: str
) -> None:
    """Missing or doubtful is allowed; silently wrong is not."""
    text = LAYOUTS[layout](invoice, LANGUAGES[language])

    found = read_layout(layout_of_text(text, 100_000))

    assert found is not None, text
    for name in FIELDS:
        value, source = found.value(name), found.fields.get(name)
        if value is not None and source is not None and source.confidence >= SURE:
            assert value == invoice.value(name), (name, value, text)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_given_an_ordinary_invoice_when_read_then_nearly_every_field_is_found(language: str, layout: str) -> None:
    """Silence would satisfy the property above; here at least eleven of twelve fields have to come."""
    invoice = Invoice(
        number="RE-2026-0417",
        issue_date=dt.date(2026, 3, 14),
        due_date=dt.date(2026, 4, 13),
        currency="EUR",
        seller=Party(SELLERS[0]),
        buyer=Party(BUYERS[0]),
        iban=IBANS[1],
        net=Decimal("1264.50"),
        tax=Decimal("240.26"),
        gross=Decimal("1504.76"),
        payable=Decimal("1504.76"),
        lines=(Line("Schreibtisch", net=Decimal("1264.50")),),
        taxes=(TaxPart(Decimal(19), Decimal("1264.50"), Decimal("240.26")),),
    )
    text = LAYOUTS[layout](invoice, LANGUAGES[language])

    found = read_layout(layout_of_text(text, 100_000))

    assert found is not None
    verdicts = Counter(
        "missing" if found.value(name) is None else "right" if found.value(name) == invoice.value(name) else "wrong"
        for name in FIELDS
        if invoice.value(name) is not None
    )
    assert verdicts["wrong"] == 0, text
    assert verdicts["missing"] <= 1, (dict(found.fields), text)


@pytest.mark.parametrize(
    ("printed", "value", "currency"),
    [
        ("1.234,56 €", "1234.56", "EUR"),
        ("€1,234.56", "1234.56", "EUR"),
        ("1 234,56 EUR", "1234.56", "EUR"),
        ("CHF 1'234.50", "1234.50", "CHF"),
        ("£ 12.00", "12.00", "GBP"),
        ("-218,48 €", "-218.48", "EUR"),
        ("100,00-", "-100.00", None),
        ("\u2212 5,00", "-5.00", None),
        ("50,- €", "50", "EUR"),
        ("US$ 9.99", "9.99", "USD"),
        ("316,83 zł", "316.83", "PLN"),
        ("1.234.567,89", "1234567.89", None),
    ],
)
def test_given_an_amount_in_national_form_when_found_then_the_first_reading_is_meant(
    printed: str, value: str, currency: str | None
) -> None:
    """Separators, signs and symbols of the countries that use them."""
    first = find_amounts(f"Total {printed}")[0]

    assert first.value == Decimal(value)
    assert first.currency == currency


@pytest.mark.parametrize("text", ["19 %", "19%", "12.03.2026", "Tel. 0123/4567", "1.234.56", "AB12", "12:30"])
def test_given_what_is_no_amount_when_searched_then_no_cents_are_found(text: str) -> None:
    """Percentages, dates, times, telephone and other numbers."""
    found = [amount for amount in find_amounts(text) if amount.decimals == 2]

    assert found == []


@pytest.mark.parametrize(
    ("printed", "value"),
    [
        ("14.03.2026", "2026-03-14"),
        ("14. März 2026", "2026-03-14"),
        ("14 mars 2026", "2026-03-14"),
        ("1er avril 2026", "2026-04-01"),
        ("14 de marzo de 2026", "2026-03-14"),
        ("14 marzo 2026", "2026-03-14"),
        ("14 maart 2026", "2026-03-14"),
        ("March 14, 2026", "2026-03-14"),
        ("14th March 2026", "2026-03-14"),
        ("2026-03-14", "2026-03-14"),
        ("03/14/2026", "2026-03-14"),
        ("14/03/26", "2026-03-14"),
    ],
)
def test_given_a_date_in_national_form_when_found_then_it_is_that_day(printed: str, value: str) -> None:
    """Six languages and both orders, where only one makes a date."""
    (found,) = find_dates(f"Date: {printed}")

    assert found.value.isoformat() == value
    assert found.other is None


@pytest.mark.parametrize(
    ("around", "value"),
    [("Total $10.00 USD", "2026-04-03"), ("Total £10.00\nVAT no. GB980780684", "2026-03-04"), ("Total 10.00", None)],
)
def test_given_a_date_that_reads_both_ways_when_read_then_the_rest_decides_or_it_is_left_out(
    around: str, value: str | None
) -> None:
    """04/03/2026 is April in New York and March in London."""
    text = f"Invoice number A-17\nInvoice date: 04/03/2026\n{around}"

    found = read_layout(layout_of_text(text, 10_000))

    assert found is not None
    assert (found.issue_date.isoformat() if found.issue_date else None) == value


def test_given_totals_that_do_not_add_up_when_read_then_no_tax_is_claimed() -> None:
    """Arithmetic decides; where it fails, missing is better than wrong."""
    text = "Invoice number A-17\nSubtotal 100.00\nVAT 19.00\nTotal 500.00"

    found = read_layout(layout_of_text(text, 10_000))

    assert found is not None
    assert (found.net, found.tax, found.gross) == (None, None, None)


def test_given_two_rates_without_a_total_tax_when_read_then_the_parts_are_added() -> None:
    """Two taxes are labelled, their sum closes the arithmetic."""
    text = "Rechnung Nr. A-17\nNettobetrag 200,00\nUSt. 19% 19,00\nUSt. 7% 7,00\nGesamtbetrag 226,00 €"

    found = read_layout(layout_of_text(text, 10_000))

    assert found is not None
    assert found.tax == Decimal("26.00")


@pytest.mark.parametrize(
    ("title", "code"),
    [
        ("Gutschrift Nr. 7", "381"),
        ("Credit note 7", "381"),
        ("Rechnungskorrektur Nr. 7", "384"),
        ("Rechnung Nr. 7", "380"),
    ],
)
def test_given_a_title_when_read_then_the_type_follows(title: str, code: str) -> None:
    """Credit notes and corrected invoices say so in their title."""
    found = read_layout(layout_of_text(f"{title}\nGesamtbetrag 10,00 €", 10_000))

    assert found is not None
    assert found.type_code == code


def test_given_a_credit_note_with_minus_signs_when_read_then_its_amounts_are_positive() -> None:
    """EN 16931 has the sign in the type: a credit note of 119 is not one of minus 119."""
    text = "Avoir AV-17\nTotal HT -100,00 €\nTVA 19% -19,00 €\nTotal TTC -119,00 €"

    found = read_layout(layout_of_text(text, 10_000))

    assert found is not None
    assert (found.net, found.tax, found.gross) == (100, 19, 119)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("Angebot\nNr. 7 vom 01.02.2026\nSumme 10,00 €", "a quotation"),
        ("Delivery note\n3 chairs", "a delivery note"),
        ("Kontoauszug 3/2026", "a statement of account"),
        ("Dear Anna,\nsee you on Monday", "a letter"),
    ],
)
def test_given_another_document_when_described_then_it_is_named(text: str, what: str) -> None:
    """A person is told what their file is."""
    layout = layout_of_text(text, 10_000)

    assert read_layout(layout) is None
    assert describe_document(layout) == what


@pytest.mark.parametrize(
    ("text", "iban"),
    [
        ("IBAN: DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        ("IBAN DE89370400440532013000 BIC COBADEFFXXX", "DE89370400440532013000"),
        ("Bankverbindung: FR14 2004 1010 0505 0001 3M02 606", "FR1420041010050500013M02606"),
        ("Our order DE12345678901234567890", None),
    ],
)
def test_given_an_account_in_a_text_when_searched_then_it_is_found_without_spaces(text: str, iban: str | None) -> None:
    """With the word IBAN, or by its check digits."""
    found = find_iban(Index(layout_of_text(text, 1_000)))

    assert (found.value if found else None) == iban


def test_given_vat_ids_when_searched_then_the_check_digits_are_known() -> None:
    """A labelled one counts though its digits are wrong; an unlabelled one only when they are right."""
    text = "USt-IdNr.: DE123456789\n\n\n\nDE136695976\nDE999999999"

    found = {vat_id.value: vat_id.valid for vat_id in find_vat_ids(Index(layout_of_text(text, 1_000)))}

    assert found == {"DE123456789": False, "DE136695976": True}


def test_given_a_table_that_adds_up_when_read_then_its_lines_are_there() -> None:
    """Quantity times price is the amount, in either order; the rows together are the net."""
    rows = [
        "1  Chair  2  40,00  80,00",
        "2  Delivery  1,0000  3  3,00",
        "3  Gift  1  0,00  0,00",
        "4  Lamp  1  17,00  17,00",
    ]
    text = "\n".join(["Rechnung Nr. 7", *rows, "Nettobetrag  100,00", "Gesamtbetrag  100,00 €"])

    found = read_layout(layout_of_text(text, 10_000))

    assert found is not None
    assert [(line.description, line.quantity, line.unit_price, line.net) for line in found.lines] == [
        ("Chair", 2, 40, 80),
        ("Delivery", 3, 1, 3),
        ("Gift", 1, 0, 0),
        ("Lamp", 1, 17, 17),
    ]


def test_given_a_table_that_does_not_add_up_when_read_then_no_line_is_claimed() -> None:
    """A table read in part would look like the whole."""
    text = "Rechnung Nr. 7\nChair  2  40,00  80,00\nNettobetrag  100,00\nGesamtbetrag  100,00 €"

    found = read_layout(layout_of_text(text, 10_000))

    assert found is not None
    assert found.lines == ()


@pytest.mark.parametrize(
    ("author", "about", "seller"),
    [
        ("Moulin du Lac", "Moulin du Lac: Facture FA-17 du 2026-02-03", "Moulin du Lac"),
        ("Moulin du Lac", "Modèle de facture", "Moulin du Lac SARL"),
        ("Jean Petit", "Facture FA-17", "Moulin du Lac SARL"),
        ("Moulin", "Facture FA-17", "Moulin du Lac SARL"),
    ],
)
def test_given_a_file_written_from_the_invoices_data_when_read_then_its_author_tells_where_the_name_ends(
    author: str, about: str, seller: str
) -> None:
    """Only of a name that is printed, only without its legal form, and only when the file is named by its number."""
    text = "Moulin du Lac SARL - 12 rue du Lac - 74000 Annecy\n\nFacture FA-17\nDate : 03/02/2026\nTotal TTC  10,00 €"
    layout = replace(layout_of_text(text, 10_000), author=author, about=about)

    found = read_layout(layout)

    assert found is not None
    assert found.seller.name == seller
