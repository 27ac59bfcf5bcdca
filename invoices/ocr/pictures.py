"""Pages as grey pictures of a size that engines like: from image files, and from PDF pages that show no text.

Sizes are looked at before anything is decoded: a few kilobytes can hold gigabytes of one colour.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pikepdf
import pypdfium2  # type: ignore[import-untyped]
from PIL import Image, ImageOps, UnidentifiedImageError

from invoices.limits import Limits
from invoices.pdf import repaired_pdf
from invoices.problems import DocumentRefused

# An A4 page at 300 dpi has 8.7 million pixels: letters of 10 points are then as high as tesseract was trained with.
_PIXELS: Final = 8_000_000
_GROWTH_MAX: Final = 2.5  # beyond that only blur is added
_LEAVE_ALONE: Final = (0.85, 1.2)
_SIDE_MIN: Final = 24
_FORMATS: Final = ("JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP", "MPO")
_POINTS_PER_INCH: Final = 72.0
_DPI: Final = 300
_FORMS_SEARCHED_MAX: Final = 200


def pictures_of_image(content: bytes, limits: Limits) -> Iterator[Image.Image]:
    """The pages of an image file, upright by its own EXIF word, at most `limits.ocr_pages_max`.

    Raises DocumentRefused: damaged, too_large, unsupported.
    """
    image = _opened(content)
    _refuse_large(image.size, limits)
    for number in range(min(getattr(image, "n_frames", 1), limits.ocr_pages_max)):
        try:
            image.seek(number)
            _refuse_large(image.size, limits)
            yield _grey(image)
        except (OSError, ValueError, SyntaxError, EOFError, TypeError, KeyError, IndexError, OverflowError) as error:
            if number == 0:
                raise DocumentRefused("damaged", f"the picture is broken: {error!r:.150}", "picture") from error
            return


def _opened(content: bytes) -> Image.Image:
    if content[4:8] == b"ftyp":
        return _opened_heif(content)
    try:
        return Image.open(io.BytesIO(content), formats=_FORMATS)
    except Image.DecompressionBombError as error:
        raise DocumentRefused("too_large", str(error), "picture") from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, TypeError, KeyError, OverflowError) as error:
        raise DocumentRefused("damaged", f"the picture cannot be opened: {error!r:.150}", "picture") from error


def _opened_heif(content: bytes) -> Image.Image:
    try:
        import pi_heif  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError as error:
        raise DocumentRefused("unsupported", "HEIF pictures need the extra `ocr`", "HEIF image") from error
    try:
        opened: Image.Image = pi_heif.open_heif(io.BytesIO(content)).to_pillow()
    except (OSError, ValueError, RuntimeError, EOFError) as error:
        raise DocumentRefused("damaged", f"the picture cannot be opened: {error!r:.150}", "HEIF image") from error
    return opened


def _refuse_large(size: tuple[int, int], limits: Limits) -> None:
    pixels = size[0] * size[1]
    if pixels > limits.pixels_max:
        detail = f"{size[0]} x {size[1]} pixels; the limit is {limits.pixels_max}"
        raise DocumentRefused("too_large", detail, "picture")
    if min(size) < _SIDE_MIN:
        raise DocumentRefused("no_text", f"{size[0]} x {size[1]} pixels show nothing", "picture")


def _grey(image: Image.Image) -> Image.Image:
    if image.format in {"JPEG", "MPO"}:
        image.draft("L", (image.width // 2, image.height // 2) if image.width * image.height > 4 * _PIXELS else None)
    upright = ImageOps.exif_transpose(image)
    if upright.mode in {"RGBA", "LA", "PA"} or "transparency" in upright.info:
        paper = Image.new("RGBA", upright.size, "white")
        paper.alpha_composite(upright.convert("RGBA"))
        upright = paper
    elif upright.mode.startswith("I") or upright.mode == "F":
        upright = _eight_bits(upright)
    return sized(upright.convert("L"))


def _eight_bits(image: Image.Image) -> Image.Image:
    """Sixteen bits and more down to eight, by the range that the picture uses."""
    values = image.convert("F")
    low, high = values.getextrema()
    span = (float(high) - float(low)) or 1.0  # type: ignore[arg-type]
    return values.point(lambda value: value * (255.0 / span) - float(low) * 255.0 / span).convert("L")  # type: ignore[arg-type]


def sized(image: Image.Image) -> Image.Image:
    """The picture at about the pixels of an A4 page at 300 dpi."""
    factor = min(_GROWTH_MAX, (_PIXELS / (image.width * image.height)) ** 0.5)
    if _LEAVE_ALONE[0] < factor < _LEAVE_ALONE[1]:
        return image
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.BICUBIC if factor > 1 else Image.Resampling.BOX)


def pictures_of_pdf(content: bytes, numbers: Sequence[int], limits: Limits) -> Iterator[tuple[int, Image.Image]]:
    """The pages with these numbers, counted from 1, as they look; each with its number.

    Raises DocumentRefused: encrypted, damaged, too_large.
    """
    _refuse_large_pictures(content, numbers, limits)
    document = _document(content, limits)
    try:
        count = len(document)
        for number in [number for number in numbers if number <= count][: limits.ocr_pages_max]:
            picture = _rendered(document, number - 1)
            if picture is not None:
                yield number, picture
    finally:
        document.close()


def _document(content: bytes, limits: Limits) -> Any:
    try:
        return pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError:
        repaired = repaired_pdf(content, limits)
    try:
        return pypdfium2.PdfDocument(repaired)
    except pypdfium2.PdfiumError as error:
        raise DocumentRefused("damaged", f"pdfium: {error}", "PDF") from error


def _rendered(document: Any, index: int) -> Image.Image | None:
    try:
        page = document[index]
    except pypdfium2.PdfiumError:
        return None
    try:
        width, height = page.get_size()
        if width <= 0 or height <= 0:
            return None
        scale = min(_DPI / _POINTS_PER_INCH, (1.1 * _PIXELS / (width * height)) ** 0.5)
        bitmap = page.render(scale=scale, grayscale=True, may_draw_forms=False)
        try:
            picture: Image.Image = bitmap.to_pil().convert("L")
        finally:
            bitmap.close()
    except (pypdfium2.PdfiumError, ValueError):
        return None
    finally:
        page.close()
    return picture if min(picture.size) >= _SIDE_MIN else None


def _refuse_large_pictures(content: bytes, numbers: Sequence[int], limits: Limits) -> None:
    """Raise DocumentRefused (too_large) when a page shows a picture beyond the limit: pdfium would decode it whole."""
    try:
        with pikepdf.open(io.BytesIO(content), suppress_warnings=True) as pdf:
            wanted = set(numbers)
            for number, page in zip(range(1, max(wanted, default=0) + 1), pdf.pages, strict=False):
                if number in wanted:
                    _look_at(page.obj.get("/Resources"), limits)
    except (pikepdf.PdfError, ValueError, TypeError, RuntimeError, RecursionError):
        return  # not for this check to judge: the renderer says what is wrong with the file


def _look_at(resources: Any, limits: Limits) -> None:
    waiting, seen = [resources], 0
    while waiting and seen < _FORMS_SEARCHED_MAX:
        current = waiting.pop()
        seen += 1
        objects = current.get("/XObject") if isinstance(current, pikepdf.Dictionary) else None
        for _, item in objects.items() if isinstance(objects, pikepdf.Dictionary) else ():
            if not isinstance(item, pikepdf.Stream):
                continue
            if item.get("/Subtype") == "/Image":
                _refuse_large_picture(item, limits)
            elif item.get("/Resources") is not None:
                waiting.append(item.get("/Resources"))


def _refuse_large_picture(item: Any, limits: Limits) -> None:
    width, height = int(item.get("/Width", 0)), int(item.get("/Height", 0))
    if width * height > limits.pixels_max:
        detail = f"a picture of {width} x {height} pixels; the limit is {limits.pixels_max}"
        raise DocumentRefused("too_large", detail, "PDF")
