"""invoice2data on the same files, with the templates that it ships."""

from __future__ import annotations

import logging
import shutil
import tempfile
from functools import lru_cache
from typing import Any

from accuracy_cases import TEMPLATE_FIELDS


def read_with_templates(content: bytes) -> dict[str, str | None]:
    """What invoice2data finds, under the names that are measured here; nothing where no template matches."""
    from invoice2data import extract_data
    from invoice2data.input import pdfplumber, pdftotext, text

    logging.disable(logging.CRITICAL)
    is_pdf = b"%PDF-" in content[:1024]
    # Its templates are written for what pdftotext gives; without that program it is asked by its next best way.
    module = (pdftotext if shutil.which("pdftotext") else pdfplumber) if is_pdf else text
    with tempfile.NamedTemporaryFile(suffix=".pdf" if is_pdf else ".txt") as file:
        file.write(content)
        file.flush()
        try:
            found: dict[str, Any] = extract_data(file.name, templates=_shipped(), input_module=module) or {}
        except Exception:  # noqa: BLE001 - it raises for what it cannot read; that is an answer
            found = {}
    return {ours: _as_text(found[theirs]) for theirs, ours in TEMPLATE_FIELDS.items() if theirs in found}


@lru_cache(maxsize=1)
def _shipped() -> Any:
    from invoice2data.extract.loader import read_templates

    return read_templates()


def _as_text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    return value.date().isoformat() if hasattr(value, "date") else str(value)
