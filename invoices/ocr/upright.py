"""A page that was scanned askew or on its side, set upright before its words are believed."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from PIL import Image

from invoices.ocr.seen import SeenPage, letters_of

if TYPE_CHECKING:
    from invoices.ocr.seen import Engine

# Below this mean confidence a page is probably not upright; clean scans are above 0.9, poor photos above 0.8.
_DOUBTFUL: Final = 0.78
_LETTERS_MIN: Final = 20  # fewer say nothing about how the page stands
# Lines of text show in the rows' mean brightness only when they are level: the angle that shows them best is it.
_COARSE_DEGREES: Final = (-8.0, -7.0, -6.0, -5.0, -4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)
_FINE_DEGREES: Final = (-0.6, -0.3, 0.0, 0.3, 0.6)
_LEVEL_ENOUGH_DEGREES: Final = 0.5
_GAIN_MIN: Final = 1.15  # of the sharpness, for a page to be turned at all
_CONTRAST_MIN: Final = 12.0  # of 255; less is an empty page
_SAMPLE_PIXELS: Final = 700
_TURN: Final = {
    1: Image.Transpose.ROTATE_90,
    2: Image.Transpose.ROTATE_180,
    3: Image.Transpose.ROTATE_270,
}


def see_upright(engine: Engine, picture: Image.Image) -> SeenPage:
    """What an engine sees once the page is level and upright. Raises what `Engine.see` does."""
    darkest, brightest = picture.convert("L").getextrema()
    if float(brightest) - float(darkest) < _CONTRAST_MIN:  # type: ignore[arg-type]
        return SeenPage(1, picture.width, picture.height, ())
    level = levelled(picture)
    seen = engine.see(level)
    if not _is_doubtful(seen):
        return seen
    tries = [seen]
    for turns in engine.turns_to_try(level):
        tries.append(engine.see(level.transpose(_TURN[turns])))
        if not _is_doubtful(tries[-1]):
            break
    return max(tries, key=lambda each: each.confidence * min(letters_of(each.words), _LETTERS_MIN))


def _is_doubtful(seen: SeenPage) -> bool:
    return seen.confidence < _DOUBTFUL or letters_of(seen.words) < _LETTERS_MIN


def levelled(picture: Image.Image) -> Image.Image:
    """The picture turned by up to eight degrees so that its lines are level; itself when they are already."""
    angle = skew_degrees(picture)
    if abs(angle) < _LEVEL_ENOUGH_DEGREES:
        return picture
    return picture.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=255)


def skew_degrees(picture: Image.Image) -> float:
    """By how much to turn counterclockwise, 0 where nothing speaks for a turn.

    The method of projection profiles: W. Postl, Detection of linear oblique structures, ICPR 1986.
    """
    scale = _SAMPLE_PIXELS / max(picture.size)
    sample = picture.reduce(max(1, round(1 / scale))) if scale < 1 else picture
    straight = _sharpness(sample, 0.0)
    best, angle = max((_sharpness(sample, degrees), degrees) for degrees in _COARSE_DEGREES)
    best, angle = max((_sharpness(sample, angle + degrees), angle + degrees) for degrees in _FINE_DEGREES)
    return angle if best > _GAIN_MIN * straight else 0.0


def _sharpness(sample: Image.Image, degrees: float) -> float:
    """How much neighbouring rows differ in their mean brightness."""
    turned = sample.rotate(degrees, Image.Resampling.BILINEAR, fillcolor=255) if degrees else sample
    rows = turned.resize((1, turned.height), Image.Resampling.BOX).tobytes()
    return float(sum((above - below) ** 2 for above, below in pairwise(rows)))
