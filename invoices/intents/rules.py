"""What a person wants, told from the words of a message by rules alone."""

import re
from typing import Final

from invoices.intents.intent import Intent, Kind

_ABOUT_AN_INVOICE: Final = (
    r"\b(status|state|what (happened|about)|where is|how much|when)\b.{0,40}\b(invoice|bill|it|last one)\b",
    r"\b(show|details?)\b.{0,40}\b(invoice|bill|it|last one)\b",
    r"\b(last|latest|recent|previous) (invoice|bill|one)\b",
    r"^\W*(status|show|details?)\W*$",
)
_ABOUT_THE_AGENT: Final = (
    r"\bwhat (can|do) you (do|know|read|understand)\b",
    r"\b(who|what) are you\b",
    r"\bcapabilit",
    r"\bhow do you work\b",
)
_FOR_HELP: Final = (
    r"\bhelp\b",
    r"\bhow (do|can|does) (i|this|it)\b",
    r"^\W*\?+\W*$",
    r"^/(start|help)\b",
    r"\bwhat now\b",
)
_THANKS: Final = (r"\b(thanks?|thank you|thx|cheers|great|perfect|awesome|well done)\b",)
_FAREWELL: Final = (r"\b(bye|goodbye|see you|good night)\b",)
_GREETING: Final = (
    r"\b(hi|hiya|hello|hey|howdy|greetings|hallo|bonjour|hola|ciao)\b",
    r"\bgood (morning|afternoon|evening|day)\b",
)

# In the order they are tried: what asks for something comes before what is merely polite.
_PATTERNS: Final = tuple(
    (kind, re.compile("|".join(patterns), re.IGNORECASE))
    for kind, patterns in (
        (Kind.SHOW, _ABOUT_AN_INVOICE),
        (Kind.CAPABILITIES, _ABOUT_THE_AGENT),
        (Kind.HELP, _FOR_HELP),
        (Kind.THANKS, _THANKS),
        (Kind.FAREWELL, _FAREWELL),
        (Kind.GREETING, _GREETING),
    )
)


def intent_of(text: str) -> Intent:
    """Tell what a message asks for; UNCLEAR when no rule knows it. Looks at the first 500 characters."""
    head = text[:500]
    for kind, pattern in _PATTERNS:
        if pattern.search(head):
            return Intent(kind, reference="last" if kind is Kind.SHOW else None)
    return Intent(Kind.UNCLEAR)
