"""What a person wants, told from the words of a message."""

from invoices.intents.intent import LANGUAGES, Correction, ExportFormat, FieldName, Intent, Kind, Period
from invoices.intents.language import language_of
from invoices.intents.rules import intent_of, prepare

__all__ = [
    "LANGUAGES", "Correction", "ExportFormat", "FieldName", "Intent", "Kind", "Period", "intent_of", "language_of",
    "prepare",
]  # fmt: skip
