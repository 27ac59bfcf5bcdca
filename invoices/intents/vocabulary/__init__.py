"""The words of each language the rules know, one file a language."""

from collections.abc import Mapping
from typing import Final

from invoices.intents.vocabulary.english import ENGLISH
from invoices.intents.vocabulary.entry import Vocabulary, whole_words
from invoices.intents.vocabulary.french import FRENCH
from invoices.intents.vocabulary.german import GERMAN
from invoices.intents.vocabulary.spanish import SPANISH

VOCABULARIES: Final[Mapping[str, Vocabulary]] = {
    vocabulary.language: vocabulary for vocabulary in (ENGLISH, GERMAN, FRENCH, SPANISH)
}

__all__ = ["VOCABULARIES", "Vocabulary", "whole_words"]
