"""Which messages are in a language that has no rules."""

import pytest
from conversations.sentences import SENTENCES
from hypothesis import given
from hypothesis import strategies as st

from invoices.intents.other_languages import is_in_another_language


@pytest.mark.parametrize(
    "text",
    [
        "l'ho saldata ieri", "quanto ho speso quest'anno?", "elimina l'ultima fattura", "la fattura è già pagata",
        "hoeveel moet ik nog betalen?", "toon de facturen van maart", "quanto devo pagar este mês?",
        "mostre a última fatura", "ile wydałem w marcu?", "pokaż ostatnią fakturę", "hur mycket är jag skyldig?",
        "hvor meget skylder jeg?", "kolik mám zaplatit v březnu?", "сколько я должен?", "我欠多少钱?", "いくらですか",
        "πόσο χρωστάω;", "bu ay ne kadar borcum var?", "cât am de plătit luna asta? care este suma?",
    ],
)  # fmt: skip
def test_given_another_language_when_looked_at_then_it_is_one(text: str) -> None:
    """Short sentences, as people write them."""
    assert is_in_another_language(text)


@pytest.mark.parametrize("kind", SENTENCES)
def test_given_a_sentence_of_a_language_with_rules_when_looked_at_then_it_is_none(kind: str) -> None:
    """Every one that the rules must understand, sloppy ones too."""
    texts = [text for sentences in SENTENCES[kind].values() for text in sentences]

    assert [text for text in texts if is_in_another_language(text)] == []


@pytest.mark.parametrize("text", ["ok", "12", "", "ACME 120,50", "?!", "yes", "oui", "2026-031"])
def test_given_what_is_of_no_language_when_looked_at_then_the_rules_may_try(text: str) -> None:
    """Names and figures say nothing."""
    assert not is_in_another_language(text)


@given(st.text(max_size=600))
def test_given_any_text_when_looked_at_then_it_is_decided(text: str) -> None:
    """Without an error."""
    assert is_in_another_language(text) in (True, False)
