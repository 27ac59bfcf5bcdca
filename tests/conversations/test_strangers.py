"""Sentences of people who do not know the vocabulary: none is taken for something that it does not mean."""

from __future__ import annotations

import datetime as dt

import pytest
from strangers import STRANGERS

from invoices.intents import intent_of

TODAY = dt.date(2026, 11, 24)
UNDERSTOOD_SHARE = 0.93


@pytest.mark.parametrize("language", STRANGERS)
def test_given_what_strangers_say_when_told_by_rules_then_none_of_it_is_misunderstood(language: str) -> None:
    """What is not understood is unclear, which is asked back; and that is rare."""
    heard = [
        (text, intent_of(text, TODAY, language=language, suppliers=("ACME GmbH",)).kind.value, kinds.split())
        for text, kinds in STRANGERS[language]
    ]

    wrong = [(text, kind) for text, kind, kinds in heard if kind not in kinds and kind != "unclear"]
    unclear = [text for text, kind, kinds in heard if kind == "unclear" and "unclear" not in kinds]
    assert wrong == []
    assert len(unclear) <= len(heard) * (1 - UNDERSTOOD_SHARE), unclear
