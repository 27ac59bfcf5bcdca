"""Text of a PDF page that an opaque picture is drawn over: still in the file, and on no one's screen."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any, Final

import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]

_OBJECTS_MAX: Final = 20_000
_STENCIL_BITS: Final = 1  # a picture of one bit a pixel may be a stencil, through which the page shows
_SLACK_POINTS: Final = 1.0
_Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Covers:
    """What a page draws, in its order: which object comes when, and the pictures with their boxes."""

    order: dict[int, int]
    pictures: tuple[tuple[int, _Box], ...]

    def hide(self, handle: Any, key: int) -> bool:
        """Whether a picture that is drawn later lies over the whole of an object. key: the handle as a number."""
        drawn = self.order.get(key)
        later = [box for place, box in self.pictures if drawn is not None and place > drawn]
        if not later:
            return False
        own = _bounds(handle)
        return own is not None and any(_within(own, box) for box in later)


def covers_of(page: Any) -> Covers:
    """Look at the objects that the page itself draws; what its forms draw is left to the eye of the renderer."""
    order: dict[int, int] = {}
    pictures: list[tuple[int, _Box]] = []
    for place in range(min(pdfium_c.FPDFPage_CountObjects(page.raw), _OBJECTS_MAX)):
        handle = pdfium_c.FPDFPage_GetObject(page.raw, place)
        kind = pdfium_c.FPDFPageObj_GetType(handle)
        if kind == pdfium_c.FPDF_PAGEOBJ_TEXT:
            order[ctypes.cast(handle, ctypes.c_void_p).value or 0] = place
        elif kind == pdfium_c.FPDF_PAGEOBJ_IMAGE and order and _is_opaque(handle, page):
            box = _bounds(handle)
            if box is not None:
                pictures.append((place, box))
    return Covers(order, tuple(pictures))


def _is_opaque(handle: Any, page: Any) -> bool:
    if pdfium_c.FPDFPageObj_HasTransparency(handle):
        return False
    about = pdfium_c.FPDF_IMAGEOBJ_METADATA()
    known = pdfium_c.FPDFImageObj_GetImageMetadata(handle, page.raw, ctypes.byref(about))
    return bool(known) and about.bits_per_pixel > _STENCIL_BITS


def _bounds(handle: Any) -> _Box | None:
    sides = [ctypes.c_float() for _ in range(4)]
    if not pdfium_c.FPDFPageObj_GetBounds(handle, *(ctypes.byref(side) for side in sides)):
        return None
    left, bottom, right, top = (side.value for side in sides)
    return left, bottom, right, top


def _within(inner: _Box, outer: _Box) -> bool:
    return (
        inner[0] >= outer[0] - _SLACK_POINTS
        and inner[1] >= outer[1] - _SLACK_POINTS
        and inner[2] <= outer[2] + _SLACK_POINTS
        and inner[3] <= outer[3] + _SLACK_POINTS
    )
