"""The intents as a model sees them, and a model's calls as the intents they stand for."""

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices.intents.borne_out import says_yes, unsupported_slot
from invoices.intents.intent import Correction, Intent, Kind, Period
from invoices.intents.tools import CHANGING, intent_of_call, tools
from invoices.invoice import AMOUNT_FIELDS

TODAY = dt.date(2026, 11, 24)
NAMES = [tool["function"]["name"] for tool in tools()]
SLOTS = sorted({name for tool in tools() for name in tool["function"]["parameters"]["properties"]})
values = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 2000), st.text(max_size=12), st.floats(), st.dates().map(str),
    st.dictionaries(st.sampled_from(["first", "last", "field", "value"]), st.text(max_size=8), max_size=2),
    st.lists(st.fixed_dictionaries({"field": st.sampled_from(["gross", "x"]), "value": st.text(max_size=8)})),
)  # fmt: skip


def objects(schema: Any) -> list[dict[str, Any]]:
    """Every object within a schema."""
    if isinstance(schema, list):
        return [found for each in schema for found in objects(each)]
    if not isinstance(schema, dict):
        return []
    inner = [found for each in schema.values() for found in objects(each)]
    return [schema, *inner] if schema.get("type") == "object" else inner


@pytest.mark.parametrize("tool", tools(), ids=NAMES)
def test_given_a_tool_when_its_schema_is_read_then_it_is_of_the_strict_form(tool: dict[str, Any]) -> None:
    """Every parameter required, nothing else allowed, and none of the keywords that the strict form refuses."""
    function = tool["function"]

    assert function["strict"] is True
    for each in objects(function["parameters"]):
        assert each["required"] == list(each["properties"])
        assert each["additionalProperties"] is False
    text = json.dumps(function["parameters"])
    assert not any(f'"{word}"' in text for word in ("default", "minLength", "maxItems", "$ref", "title", "pattern"))


def test_given_all_tools_when_their_parameters_are_read_then_no_id_and_no_other_person_is_among_them() -> None:
    """A model can name an invoice only as a person can, and nobody but who is talking."""
    assert not {"invoice_id", "chat_id", "user_id", "message_id"} & set(SLOTS)
    assert set(NAMES) <= {kind.value for kind in Kind}
    assert {kind.value for kind in CHANGING} <= set(NAMES)


@given(st.sampled_from([*NAMES, "drop_tables"]), st.dictionaries(st.sampled_from([*SLOTS, "invoice_id"]), values))
def test_given_any_call_when_read_then_it_is_an_intent_of_its_kind_or_words_for_the_model(
    name: str, arguments: dict[str, Any]
) -> None:
    """Nothing else comes of it."""
    try:
        intent, language = intent_of_call(name, json.dumps(arguments))
    except ValueError as error:
        assert str(error)
    else:
        assert intent.kind.value == name
        assert intent.invoice_id is None
        assert language is None or len(language) == 2
        assert unsupported_slot(intent, "", TODAY) is None or intent.kind in CHANGING


@given(st.text(max_size=60))
def test_given_any_arguments_when_read_then_broken_json_is_a_word_for_the_model(arguments: str) -> None:
    """A cut answer, a list, a number: none of them is a call."""
    try:
        intent, _ = intent_of_call("overdue", arguments)
    except ValueError:
        return

    assert intent == Intent(Kind.OVERDUE, supplier=intent.supplier)


def test_given_a_call_with_every_sort_of_slot_when_read_then_it_is_the_record() -> None:
    """Nulls are what was not said."""
    said = {
        "supplier": "ACME", "period": {"first": "2026-01-01", "last": None}, "compared_period": None,
        "period_of": "due", "is_paid": False, "amount_min": "100.50", "amount_max": None, "currency": "EUR",
        "compared_supplier": None, "person_language": "it-IT",
    }  # fmt: skip

    intent, language = intent_of_call("compare", json.dumps(said))

    assert intent == Intent(
        Kind.COMPARE, supplier="ACME", period=Period(dt.date(2026, 1, 1)), period_of="due", is_paid=False,
        amount_min=Decimal("100.50"), currency="EUR",
    )  # fmt: skip
    assert language == "it"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("gross", "1190.50", "il totale è 1.190,50 euro"), ("gross", "1190.5", "it is 1,190.50"),
        ("gross", "1190", "1 190 zł"), ("net", "120.50", "120,50"), ("currency", "EUR", "in euro, grazie"),
        ("currency", "USD", "it's $ 12"), ("number", "RE-2026/7", "numero re 2026 7"),
        ("iban", "DE89370400440532013000", "l'IBAN è DE89 3704 0044 0532 0130 00"),
        ("seller.name", "Müller GmbH", "è di Muller GmbH"), ("due_date", "2026-12-04", "scade il 4 dicembre"),
        ("due_date", "2026-11-27", "scade venerdì prossimo"), ("issue_date", "2026-03-31", "del 31/3/26"),
    ],
)  # fmt: skip
def test_given_a_value_that_the_person_said_when_a_model_calls_then_it_is_borne_out(
    field: Any, value: str, said: str
) -> None:
    """In any language, any notation."""
    intent = Intent(Kind.CORRECT, reference="it", corrections=(Correction(field, value),))

    assert unsupported_slot(intent, said, TODAY) is None


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("gross", "1191", "il totale è 1190"), ("gross", "9999.99", "grazie"), ("gross", "much", "much"),
        ("iban", "DE02120300000000202051", "quale IBAN?"), ("currency", "USD", "in euro"),
        ("seller.name", "Evil Ltd", "è di ACME"), ("due_date", "2026-12-05", "scade il 4 dicembre"),
        ("due_date", "2099-01-01", "più tardi"), ("due_date", "soon", "soon"), ("number", "7", ""),
    ],
)  # fmt: skip
def test_given_a_value_from_elsewhere_when_a_model_calls_then_it_is_not_used(field: Any, value: str, said: str) -> None:
    """A document's, an earlier message's, or one of the model's own."""
    intent = Intent(Kind.CORRECT, reference="it", corrections=(Correction(field, value),))

    complaint = unsupported_slot(intent, said, TODAY)

    assert complaint is not None
    assert complaint.startswith(field)


@given(
    st.sampled_from(AMOUNT_FIELDS),
    st.decimals("0.01", "9999999.99", places=2),
    st.sampled_from(["{:.2f}", "{:,.2f}", "de"]),
    st.text("abc xyz äöü", max_size=20),
)
def test_given_any_amount_when_the_person_writes_it_then_it_is_borne_out(
    field: Any, amount: Decimal, form: str, around: str
) -> None:
    """In the English and the German notation, among other words."""
    written = f"{amount:,.2f}".translate(str.maketrans(",.", ".,")) if form == "de" else form.format(amount)
    intent = Intent(Kind.RECORD, corrections=(Correction(field, str(amount)),))

    assert unsupported_slot(intent, f"{around} {written} {around}", TODAY) is None


@pytest.mark.parametrize(
    "intent",
    [
        Intent(Kind.DELETE, number="2026-031"), Intent(Kind.MARK_PAID, supplier="ACME"),
        Intent(Kind.SET_CURRENCY, currency="USD"), Intent(Kind.REMIND, reference="it", days_before=9),
        Intent(Kind.MARK_PAID, reference="it", when=dt.date(2026, 5, 5)), Intent(Kind.DELETE, ordinal=3),
        Intent(Kind.CONFIRM), Intent(Kind.LIST, invoice_id="abc"),
    ],
)  # fmt: skip
def test_given_a_change_that_nobody_asked_for_when_judged_then_the_slot_is_named(intent: Intent) -> None:
    """What it is about must be said, too."""
    assert unsupported_slot(intent, "grazie mille, 2 volte", TODAY) is not None


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        ("sì", True), ("Ja, klopt helemaal", True), ("Sim!", True), ("да", True), ("はい", True), ("no", False),
        ("che tempo fa?", False), ("prima di tutto cancella", False), ("tak", False), ("", False),
        ("yes but only if you first tell me what it says there", False),
    ],
)  # fmt: skip
def test_given_a_message_when_asked_whether_it_says_yes_then_only_a_yes_does(text: str, *, yes: bool) -> None:
    """A model cannot make one out of anything else."""
    assert says_yes(text) is yes
