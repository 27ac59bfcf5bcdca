"""Tesseract through the C interface of its library, where it is installed: no process is started, no file written.

A reader may do neither. One recognition is one call; what it has seen by its deadline is what it saw.
"""

from __future__ import annotations

import ctypes
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from invoices.ocr.seen import EngineFailed, SeenPage, SeenWord, letters_of

if TYPE_CHECKING:
    from PIL.Image import Image

_FOLDERS: Final = ("/usr/lib", "/usr/local/lib", "/lib64", "/opt/homebrew/lib")
_LIBRARIES: Final = ("libtesseract.so.5", "libtesseract.so.4", "libtesseract.5.dylib")
# Those that are installed are used together: one page in three languages is read as well as with its own.
_LANGUAGES: Final = ("eng", "deu", "fra", "spa", "ita", "nld")
_SINGLE_BLOCK: Final = 6  # tesseract's PSM_SINGLE_BLOCK: lines across the page, no guessing at columns
_ORIENTATION_ONLY: Final = 0  # PSM_OSD_ONLY
_DPI: Final = 300
_PAGE_MS_MAX: Final = 20_000  # a page takes one second; noise without a line of text took minutes
_WORD_LEVEL: Final = "5"
_LINE_LEVEL: Final = "4"
_COLUMNS: Final = 12
# A word of small letters is as high as its line for the rules, but no more than this beyond its own ink.
_HEIGHT_GROWTH_MAX: Final = 1.7
_ORIENTATION_SURE: Final = 1.0  # tesseract's own scale; below it the turn is a guess
_TURN_DEGREES: Final = 90


class Tesseract:
    """One loaded tesseract, with every language of `_LANGUAGES` that is installed."""

    name = "tesseract"

    def __init__(self) -> None:
        """Load it. Raises EngineFailed when this machine has none."""
        self._library = _load()
        self.languages = self._installed()
        if not self.languages:
            raise EngineFailed("tesseract has none of the languages " + ", ".join(_LANGUAGES))
        self._words = self._handle("+".join(self.languages), _SINGLE_BLOCK)
        self._monitor: int = self._library.TessMonitorCreate()
        self._turns: int | None = None
        self._may_turn = True

    @staticmethod
    def is_installed() -> bool:
        """Whether its library lies where libraries lie."""
        found = (path for folder in _FOLDERS for name in _LIBRARIES for path in Path(folder).glob(name))
        beside = (path for folder in _FOLDERS for name in _LIBRARIES for path in Path(folder).glob(f"*/{name}"))
        return next(chain(found, beside), None) is not None

    def see(self, picture: Image) -> SeenPage:
        """The words of one upright grey picture."""
        self._show(self._words, picture)
        self._library.TessMonitorSetDeadlineMSecs(self._monitor, _PAGE_MS_MAX)
        if self._library.TessBaseAPIRecognize(self._words, self._monitor) != 0:
            raise EngineFailed("tesseract gave up on the page")
        text = self._library.TessBaseAPIGetTsvText(self._words, 0)
        if not text:
            raise EngineFailed("tesseract gave no answer")
        try:
            rows = ctypes.string_at(text).decode("utf-8", "replace")
        finally:
            self._library.TessDeleteText(text)
            self._library.TessBaseAPIClear(self._words)
        return SeenPage(1, picture.width, picture.height, tuple(_words(rows)))

    def turns_to_try(self, picture: Image) -> tuple[int, ...]:
        """By tesseract's own detection, where its data for it are installed; else all."""
        turns = self._detected_turns(picture)
        return (1, 3, 2) if turns is None else (turns,) if turns else ()

    def _detected_turns(self, picture: Image) -> int | None:
        if self._turns is None and self._may_turn:
            try:
                self._turns = self._handle("osd", _ORIENTATION_ONLY)
            except EngineFailed:
                self._may_turn = False
        if self._turns is None:
            return None
        self._show(self._turns, picture)
        degrees, script = ctypes.c_int(), ctypes.c_char_p()
        sure, script_sure = ctypes.c_float(), ctypes.c_float()
        found = self._library.TessBaseAPIDetectOrientationScript(
            self._turns, ctypes.byref(degrees), ctypes.byref(sure), ctypes.byref(script), ctypes.byref(script_sure)
        )
        self._library.TessBaseAPIClear(self._turns)
        if not found or sure.value < _ORIENTATION_SURE:
            return None
        return degrees.value // _TURN_DEGREES % 4  # it stands turned so far clockwise

    def _installed(self) -> tuple[str, ...]:
        for language in _LANGUAGES:
            try:
                handle = self._handle(language, _SINGLE_BLOCK)
            except EngineFailed:
                continue
            listed = self._library.TessBaseAPIGetAvailableLanguagesAsVector(handle)
            names: list[str] = []
            while listed[len(names)]:
                names.append(listed[len(names)].decode())
            self._library.TessBaseAPIDelete(handle)
            return tuple(name for name in _LANGUAGES if name in names)
        return ()

    def _handle(self, languages: str, mode: int) -> int:
        handle: int = self._library.TessBaseAPICreate()
        self._library.TessBaseAPISetVariable(handle, b"debug_file", b"/dev/null")
        if self._library.TessBaseAPIInit3(handle, None, languages.encode()) != 0:
            self._library.TessBaseAPIDelete(handle)
            raise EngineFailed(f"tesseract has no data for {languages}")
        self._library.TessBaseAPISetPageSegMode(handle, mode)
        return handle

    def _show(self, handle: int, picture: Image) -> None:
        grey = picture if picture.mode == "L" else picture.convert("L")
        self._library.TessBaseAPISetImage(handle, grey.tobytes(), grey.width, grey.height, 1, grey.width)
        self._library.TessBaseAPISetSourceResolution(handle, _DPI)


def _load() -> Any:
    for name in _LIBRARIES:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        _declare(library)
        return library
    raise EngineFailed("tesseract is not installed")


def _declare(library: Any) -> None:
    handle, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    pointers = [ctypes.POINTER(kind) for kind in (number, ctypes.c_float, text, ctypes.c_float)]
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "TessBaseAPICreate": (handle, []),
        "TessBaseAPIDelete": (None, [handle]),
        "TessBaseAPIInit3": (number, [handle, text, text]),
        "TessBaseAPISetVariable": (number, [handle, text, text]),
        "TessBaseAPISetPageSegMode": (None, [handle, number]),
        "TessBaseAPISetImage": (None, [handle, text, number, number, number, number]),
        "TessBaseAPISetSourceResolution": (None, [handle, number]),
        "TessMonitorCreate": (handle, []),
        "TessMonitorSetDeadlineMSecs": (None, [handle, number]),
        "TessBaseAPIRecognize": (number, [handle, handle]),
        "TessBaseAPIGetTsvText": (handle, [handle, number]),
        "TessBaseAPIGetAvailableLanguagesAsVector": (ctypes.POINTER(text), [handle]),
        "TessBaseAPIDetectOrientationScript": (number, [handle, *pointers]),
        "TessBaseAPIClear": (None, [handle]),
        "TessDeleteText": (None, [handle]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments


def _words(rows: str) -> list[SeenWord]:
    """The words of tesseract's table, each as high as its line within reason."""
    words: list[SeenWord] = []
    top, bottom = 0.0, 0.0
    for row in rows.splitlines():
        cells = row.split("\t")
        if len(cells) != _COLUMNS:
            continue
        left, upper, width, height = (float(cell) for cell in cells[6:10])
        if cells[0] == _LINE_LEVEL:
            top, bottom = upper, upper + height
        elif cells[0] == _WORD_LEVEL and cells[11].strip():
            room = (_HEIGHT_GROWTH_MAX - 1) * height
            y0, y1 = max(top, upper - room), min(bottom, upper + height + room)
            words.append(SeenWord(cells[11].strip(), left, y0, left + width, y1, max(0.0, float(cells[10])) / 100))
    return words if letters_of(words) else []
