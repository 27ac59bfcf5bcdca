"""RapidOCR, whose wheel carries its models: slower than tesseract and larger, and right more often.

It sees whole lines of a page, and tells where each word of them stands: a wide gap parts what it would glue together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from invoices.ocr.seen import EngineFailed, SeenPage, SeenWord

if TYPE_CHECKING:
    from PIL.Image import Image

_SIDE_PIXELS_MAX: Final = 2_000  # the models see no more than that, and each pixel costs memory
# Boxes are grown around the ink for the recogniser (`unclip_ratio`); the rules want the letters' own.
_PADDING: Final = 0.05
_CELL_GAP: Final = 2.6  # in letter heights; narrower gaps are the engine's guesses
_TALL: Final = 1.5  # a line so much higher than wide is a line of text that stands on end
_TALL_SHARE: Final = 0.5
_ON_ITS_SIDE: Final = 0.5
_BOX: Final = 4  # PIL.Image.Resampling.BOX: the mean of what a pixel covers
_PARAMETERS: Final = {
    "Global.log_level": "critical",
    "Global.max_side_len": _SIDE_PIXELS_MAX,
    "Global.use_cls": False,  # lines that stand on their heads are a page that does: it is turned as a whole
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
}


class RapidOcr:
    """One loaded RapidOCR on one thread."""

    name = "rapidocr"

    def __init__(self) -> None:
        """Load it. Raises EngineFailed when the extra `ocr` is not installed."""
        try:
            import cv2  # type: ignore[import-not-found,import-untyped,unused-ignore]
            import numpy as np
            from rapidocr import RapidOCR  # type: ignore[import-not-found,unused-ignore]
        except ImportError as error:
            raise EngineFailed(f"rapidocr is not installed: {error}") from error
        cv2.setNumThreads(1)
        self._as_array = np.asarray
        self._engine: Any = RapidOCR(params=dict(_PARAMETERS))

    @staticmethod
    def is_installed() -> bool:
        """Whether the package is there."""
        return find_spec("rapidocr") is not None and find_spec("onnxruntime") is not None

    def see(self, picture: Image) -> SeenPage:
        """The words of one upright picture."""
        lines = self._lines(picture)
        # The engine reads lines that stand on end too, but what they have to do with each other is lost.
        trust = _ON_ITS_SIDE if _is_on_its_side(lines) else 1.0
        words = tuple(replace(word, confidence=word.confidence * trust) for line in lines for word in line)
        return SeenPage(1, picture.width, picture.height, words)

    def turns_to_try(self, picture: Image) -> tuple[int, ...]:
        """To a side when most lines stand on end, else upside down."""
        return (1, 3) if _is_on_its_side(self._lines(picture)) else (2,)

    def _lines(self, picture: Image) -> list[list[SeenWord]]:
        """The words of each line, in the picture's own pixels."""
        scale = min(1.0, _SIDE_PIXELS_MAX / max(picture.size))
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        small = picture if scale == 1.0 else picture.resize(size, _BOX)
        try:
            seen = self._engine(self._as_array(small.convert("RGB")), return_word_box=True)
        except MemoryError:
            raise
        except Exception as error:
            raise EngineFailed(f"rapidocr: {error!r:.200}") from error
        if seen.boxes is None:
            return []  # nothing was seen; its other fields then have another shape
        return [_line(line, scale) for line in seen.word_results or ()]


def _is_on_its_side(lines: list[list[SeenWord]]) -> bool:
    lines = [line for line in lines if line]
    tall = 0
    for line in lines:
        across = max(word.x1 for word in line) - min(word.x0 for word in line)
        down = max(word.y1 for word in line) - min(word.y0 for word in line)
        tall += down > _TALL * across
    return tall > _TALL_SHARE * len(lines)


def _line(words: Sequence[tuple[str, float, Any]], scale: float) -> list[SeenWord]:
    """The words of one line, evenly over each of its cells: the engine knows where a word stands only roughly."""
    boxed = [_word(*word, scale) for word in words if str(word[0]).strip()]
    cells: list[list[SeenWord]] = []
    for word in boxed:
        if cells and word.x0 - cells[-1][-1].x1 < _CELL_GAP * (word.y1 - word.y0):
            cells[-1].append(word)
        else:
            cells.append([word])
    return [word for cell in cells for word in _evenly(cell)]


def _evenly(cell: list[SeenWord]) -> Iterator[SeenWord]:
    letters = sum(len(word.text) + 1 for word in cell) - 1
    left, width = cell[0].x0, max(cell[-1].x1 - cell[0].x0, 1.0) / letters
    start = 0
    for word in cell:
        end = start + len(word.text)
        yield replace(word, x0=left + start * width, x1=left + end * width)
        start = end + 1


def _word(text: str, score: float, corners: Any, scale: float) -> SeenWord:
    across = [float(corner[0]) / scale for corner in corners]
    down = [float(corner[1]) / scale for corner in corners]
    padding = _PADDING * (max(down) - min(down))
    top, bottom = min(down) + padding, max(down) - padding
    return SeenWord(str(text).strip(), min(across), top, max(across), bottom, float(score))
