"""What a document may cost at most. Everything has a limit, and each one names its unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from messages.codec import record


@record(tag=46, version=1)
@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one reading. The time limit is the supervisor's: a pure function cannot watch the clock."""

    document_bytes_max: int = 20_000_000
    xml_bytes_max: int = 16_000_000
    xml_elements_max: int = 400_000
    attachments_max: int = 50
    stream_bytes_max: int = 64_000_000
    pages_max: int = 40
    page_chars_max: int = 200_000
    text_chars_max: int = 1_000_000
    open_text_chars_max: int = 12_000
    lines_max: int = 10_000
    pixels_max: int = 40_000_000
    ocr_pages_max: int = 8
    container_files_max: int = 40
    container_depth_max: int = 2


DEFAULT_LIMITS: Final = Limits()
