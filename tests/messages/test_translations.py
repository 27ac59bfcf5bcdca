"""Every text is there in every language, with its values and plural forms, and figures as people write them."""

import datetime as dt
import gettext
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.phrases import PHRASES
from messages.saying import Phrases, one_line, phrases
from messages.user_messages import DOMAIN, LOCALE_FOLDER, UserMessageManager, catalogue, plurals

TRANSLATED = ("de", "fr", "es")
PLACE = re.compile(r"\{\w+\}")
SAME_IN_ALL = frozenset({"total"})


def catalogue_of(language: str) -> gettext.NullTranslations:
    """The compiled texts of one language, without English behind them."""
    return gettext.translation(DOMAIN, str(LOCALE_FOLDER), [language])


@pytest.mark.parametrize("language", TRANSLATED)
def test_given_every_text_when_looked_up_then_it_is_translated_with_its_places(language: str) -> None:
    """None is missing, none has lost or gained a value, none is left in English."""
    texts = catalogue_of(language)._catalog  # type: ignore[attr-defined]

    for context, text in catalogue():
        translated = texts.get(f"{context}\x04{text}")
        assert translated, f"{language} lacks {context!r}: {text!r}"
        assert sorted(PLACE.findall(translated)) == sorted(PLACE.findall(text)), context
        assert translated != text or not re.search(r"[a-z]{4}", PLACE.sub("", text)) or text in SAME_IN_ALL, context


@pytest.mark.parametrize("language", TRANSLATED)
def test_given_every_counted_text_when_looked_up_then_both_forms_are_translated(language: str) -> None:
    """One and many, each with its values."""
    texts = catalogue_of(language)

    for context, one, many in plurals():
        for count, text in ((1, one), (2, many)):
            translated = texts.npgettext(context, one, many, count)
            assert set(PLACE.findall(translated)) == set(PLACE.findall(text)), context
            assert translated != text or text.startswith("..."), f"{language} lacks {context!r}"


@pytest.mark.parametrize(
    ("language", "none", "one", "many"),
    [
        ("en", "I found 0 invoices:", "I found 1 invoice:", "I found 5 invoices:"),
        ("de", "Ich habe 0 Rechnungen gefunden:", "Ich habe 1 Rechnung gefunden:", "Ich habe 5 Rechnungen gefunden:"),
        ("fr", "J'ai trouvé 0 facture\u00a0:", "J'ai trouvé 1 facture\u00a0:", "J'ai trouvé 5 factures\u00a0:"),
        ("es", "He encontrado 0 facturas:", "He encontrado 1 factura:", "He encontrado 5 facturas:"),
    ],
)
def test_given_a_count_when_told_then_in_the_form_of_the_language(
    language: str, none: str, one: str, many: str
) -> None:
    """French has its singular for nothing, too."""
    say = phrases(language)

    assert [say.say("found", count) for count in (0, 1, 5)] == [none, one, many]


@pytest.mark.parametrize(
    ("language", "amount", "day"),
    [
        ("en", "1,234,567.80 EUR", "2026-03-09"),
        ("de", "1.234.567,80 EUR", "09.03.2026"),
        ("fr", "1\u202f234\u202f567,80 EUR", "09/03/2026"),
        ("es", "1.234.567,80 EUR", "09/03/2026"),
        ("pt-BR", "1,234,567.80 EUR", "2026-03-09"),
        ("de-AT", "1.234.567,80 EUR", "09.03.2026"),
    ],
)
def test_given_an_amount_and_a_day_when_told_then_as_the_language_writes_them(
    language: str, amount: str, day: str
) -> None:
    """A language without texts of its own is spoken to in English, figures and all."""
    say = Phrases(language)

    assert say.money(Decimal("1234567.8"), "EUR") == amount
    assert say.day(dt.date(2026, 3, 9)) == day


@given(st.text(max_size=400))
def test_given_any_value_when_told_then_it_stays_one_short_line(value: str) -> None:
    """Names come from documents: whatever stands there, it breaks no line and fills no page."""
    shown = one_line(value)

    assert len(shown) <= 120
    assert "\n" not in shown
    assert all(character.isprintable() or character in "\u00a0\u202f" for character in shown)


@given(st.sampled_from(sorted(PHRASES)), st.sampled_from(["en", *TRANSLATED]), st.integers(0, 10_000))
def test_given_any_phrase_when_told_without_values_then_no_place_is_left(key: str, language: str, count: int) -> None:
    """A value that is missing leaves nothing behind that a person should not see."""
    assert not PLACE.search(phrases(language).say(key, count))


def test_given_the_languages_when_a_general_text_is_asked_for_then_each_speaks_its_own() -> None:
    """The texts about the agent itself, too."""
    said = {
        language: UserMessageManager(language).get_message("talk_greeting").text for language in ("en", *TRANSLATED)
    }

    assert len(set(said.values())) == 4
    assert said["fr"].startswith("Bonjour")
