"""What a person wants, told from the words of a message by rules alone."""

import re
from enum import StrEnum
from typing import Final


class Intent(StrEnum):
    """What a text message asks for."""

    GREETING = "greeting"
    HELP = "help"
    CAPABILITIES = "capabilities"
    LAST_INVOICE = "last_invoice"
    THANKS = "thanks"
    FAREWELL = "farewell"
    UNCLEAR = "unclear"


# In the order they are tried: what asks for something comes before what is merely polite.
_PATTERNS: Final = tuple(
    (intent, re.compile(pattern, re.IGNORECASE))
    for intent, pattern in (
        (
            Intent.LAST_INVOICE,
            r"\b(status|state|what (happened|about)|where is|show|details?|how much|when)\b.{0,40}\b(invoice|bill|it|last one)\b"
            r"|\b(last|latest|recent|previous) (invoice|bill|one)\b|^\W*(status|show|details?)\W*$",
        ),
        (
            Intent.CAPABILITIES,
            r"\bwhat (can|do) you (do|know|read|understand)\b|\bwho are you\b|\bcapabilit|\bwhat are you\b|\bhow do you work\b",
        ),
        (Intent.HELP, r"\bhelp\b|\bhow (do|can|does) (i|this|it)\b|^\W*\?+\W*$|^/(start|help)\b|\bwhat now\b"),
        (Intent.THANKS, r"\b(thanks?|thank you|thx|cheers|great|perfect|awesome|well done)\b"),
        (Intent.FAREWELL, r"\b(bye|goodbye|see you|good night)\b"),
        (Intent.GREETING, r"\b(hi|hiya|hello|hey|howdy|good (morning|afternoon|evening|day)|greetings|hallo|bonjour|hola|ciao)\b"),
    )
)  # fmt: skip


def intent_of(text: str) -> Intent:
    """Tell what a message asks for; UNCLEAR when no rule knows it. Looks at the first 500 characters."""
    head = text[:500]
    for intent, pattern in _PATTERNS:
        if pattern.search(head):
            return intent
    return Intent.UNCLEAR
