"""What a sender says about a file, made safe: its name, its type, its content, its address."""

import binascii
import re
from typing import Final
from urllib.parse import unquote, urlsplit

from messages.records import NAME_CHARS_MAX, URL_CHARS_MAX

UNKNOWN_MEDIA_TYPE: Final = "application/octet-stream"
UNNAMED: Final = "attachment"

_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,80}/[a-z0-9][a-z0-9!#$&^_.+-]{0,80}")
_WHITESPACE: Final = str.maketrans("", "", " \t\r\n")
_SUFFIX_CHARS_MAX: Final = 16


def clean_name(name: str | None) -> str:
    """Reduce a file name to its last part, printable and at most NAME_CHARS_MAX characters, keeping its suffix."""
    if name is None:
        return UNNAMED
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(character for character in last if character.isprintable()).strip()
    if printable.strip(".") == "":
        return UNNAMED
    if len(printable) <= NAME_CHARS_MAX:
        return printable
    stem, dot, suffix = printable.rpartition(".")
    if not dot or len(suffix) > _SUFFIX_CHARS_MAX:
        return printable[:NAME_CHARS_MAX]
    return stem[: NAME_CHARS_MAX - len(suffix) - 1] + "." + suffix


def clean_media_type(media_type: str | None) -> str:
    """Give the bare lower-case `type/subtype`, UNKNOWN_MEDIA_TYPE for anything that is none; parameters are dropped."""
    if media_type is None:
        return UNKNOWN_MEDIA_TYPE
    bare = media_type[:NAME_CHARS_MAX].partition(";")[0].strip().lower()
    return bare if _MEDIA_TYPE.fullmatch(bare) else UNKNOWN_MEDIA_TYPE


def decode_base64(text: str) -> bytes:
    """Decode standard base64, also wrapped into lines as the `base64` tool does. Raises ValueError otherwise."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return binascii.a2b_base64(text.translate(_WHITESPACE), strict_mode=True)


def usable_url(url: str) -> bool:
    """Tell whether this is an absolute http or https address of bounded length without spaces or control characters."""
    if not 1 <= len(url) <= URL_CHARS_MAX or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme.lower() in ("http", "https") and bool(parts.hostname)


def name_of_url(url: str) -> str:
    """Give the file name an address ends with, cleaned."""
    return clean_name(unquote(urlsplit(url).path, errors="replace"))
