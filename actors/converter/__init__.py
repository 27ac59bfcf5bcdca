"""Documents of kinds that no reader knows, turned into PDF: by CloudConvert where there is a key, else by LibreOffice.

What neither can turn is left out with a clear word. The outcome is noted in the turn's journal: a conversion that was
paid for is not paid for again.
"""

from __future__ import annotations

from actors.converter.actor import Convert, Converter, prepare, supervised
from actors.converter.kinds import format_of, in_words
from actors.converter.outcome import Converted

__all__ = ["Convert", "Converted", "Converter", "format_of", "in_words", "prepare", "supervised"]
