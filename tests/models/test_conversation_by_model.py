"""A conversation of forty turns in a language without rules: a model understands, the agent's own code does."""

import datetime as dt
import json

from conversations.by_model import WORDS, Days, steps
from conversations.hold_by_model import hold, translated
from daemon_under_test import DaemonUnderTest, short_folder
from models.scripted_model import scripted_model, settings_of


def test_given_an_italian_when_forty_turns_are_held_then_each_is_right_and_the_ledger_says_the_same() -> None:
    """Records, questions, corrections, payments, deletions, each change after a yes; replies in the person's words."""
    with scripted_model() as model, short_folder() as folder, DaemonUnderTest(folder, **settings_of(model)) as node:
        model.translate = translated

        wrong = hold(node, model, "it")

        assert wrong == []
        asked = [request for request in model.asked if "tools" in request]
        assert len(asked) == len(WORDS["it"])
        assert all("api_key" not in json.dumps(request) for request in model.asked)


def test_given_the_conversation_when_counted_then_it_has_forty_turns_in_each_language() -> None:
    """And words for each of them."""
    said = {step.name for step in steps(Days(dt.date(2026, 11, 24))) if step.how == "say"}

    assert len(steps(Days(dt.date(2026, 11, 24)))) == 40
    assert all(set(words) == said for words in WORDS.values())
