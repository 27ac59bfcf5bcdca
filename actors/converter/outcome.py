"""What came of a conversion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

By: TypeAlias = Literal["cloudconvert", "libreoffice", ""]


@dataclass(frozen=True, slots=True)
class Converted:
    """A PDF under its digest, or why there is none.

    problem: `skipped` (nothing here turns such files), `refused` (the file cannot be turned), `failed` (not now).
    """

    digest: str = ""
    by: By = ""
    problem: Literal["", "skipped", "refused", "failed"] = ""
    detail: str = ""
    retried: bool = False


class ConversionRefused(Exception):  # noqa: N818 - what happened
    """This file cannot be turned into a PDF, however often one tries."""
