"""What the caller said, checked at once and then written as a message of the protocol.

Wrong types and unusable ids are the program's mistake and raise. What a person may have caused (a text too long, a file
too large or gone) does not: it ends in a `rejected` reply, as at every other door.
"""

from __future__ import annotations

import mimetypes
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec

from messages.errors import InvalidMessage, RejectionCode
from messages.protocol import decode_inbound
from messages.records import ACTION_CHARS_MAX, ATTACHMENT_BYTES_MAX, ATTACHMENTS_MAX, ID_CHARS_MAX

AttachmentLike: TypeAlias = (
    str | os.PathLike[str] | tuple[str, bytes] | tuple[str, bytes, str] | Mapping[str, str | bytes | os.PathLike[str]]
)
"""A path; (name, content) or (name, content, media type); or a mapping with `name`, `media_type` and one of `content`
(bytes), `content_base64`, `path` and `url`."""

INLINE_BYTES_MAX: Final = 64 * 1024
_SOURCES: Final = ("content", "content_base64", "path", "url")
_KNOWN: Final = frozenset((*_SOURCES, "name", "media_type"))
_BYTES: Final = (bytes, bytearray, memoryview)


@dataclass(frozen=True, slots=True)
class Enclosure:
    """One attachment as it was given; exactly one of content, content_base64, path and url is there."""

    name: str | None = None
    media_type: str | None = None
    content: bytes | None = None
    content_base64: str | None = None
    path: Path | None = None
    url: str | None = None

    @property
    def is_light(self) -> bool:
        """Whether it can be written without a thread."""
        return self.path is None and len(self.content or self.content_base64 or b"") <= INLINE_BYTES_MAX


@dataclass(frozen=True, slots=True)
class Draft:
    """A message before its attachments were read."""

    message_id: str
    chat_id: str
    user_id: str
    text: str | None
    enclosures: tuple[Enclosure, ...] = ()
    action: str | None = None
    reply_id: str | None = None
    language: str | None = None

    @property
    def is_light(self) -> bool:
        """Whether it can be written without a thread."""
        return all(one.is_light for one in self.enclosures)


def draft(
    user_id: object,
    chat_id: object,
    text: object,
    attachments: object,
    *,
    message_id: object,
    action: object = None,
    reply_id: object = None,
    language: object = None,
) -> Draft:
    """Check what the program passes. Raises TypeError and ValueError, which name the argument."""
    if isinstance(attachments, str | Mapping | os.PathLike | bytes) or not isinstance(attachments, Sequence):
        raise TypeError("attachments: a sequence of them, such as a list, even for a single one")
    return Draft(
        message_id=_id("message_id", message_id),
        chat_id=_id("chat_id", chat_id),
        user_id=_id("user_id", user_id),
        text=_whole(_text("message_text", text)),
        enclosures=tuple(_enclosure(f"attachments[{number}]", one) for number, one in enumerate(attachments)),
        action=_short("action", action),
        reply_id=None if reply_id is None else _id("reply_id", reply_id),
        language=_text("language", language) or None,
    )


def write(letter: Draft) -> bytes:
    """Give the message as the protocol has it, JSON with attachments in base64.

    Reads files: run it in a thread unless the draft is light. Raises InvalidMessage for what no door would accept.
    """
    fields: dict[str, Any] = {
        "message_id": letter.message_id,
        "chat_id": letter.chat_id,
        "user_id": letter.user_id,
        "text": letter.text,
        "action": letter.action,
        "reply_id": letter.reply_id,
        "language": letter.language,
    }
    fields = {name: value for name, value in fields.items() if value is not None}
    if len(letter.enclosures) > ATTACHMENTS_MAX:
        raise _refused(letter, "too_large", f"a message carries {ATTACHMENTS_MAX} attachments at most")
    if letter.enclosures:
        fields["attachments"] = [_attachment(letter, one) for one in letter.enclosures]
    try:
        body = msgspec.json.encode(fields)
    except UnicodeEncodeError:
        raise _refused(letter, "invalid_message", "a name or an address of an attachment is no valid text") from None
    decode_inbound(body)
    return body


def _attachment(letter: Draft, one: Enclosure) -> dict[str, Any]:
    """Fields of one attachment; msgspec writes bytes as base64."""
    if one.url is not None:
        return _present(name=one.name, media_type=one.media_type, url=one.url)
    if one.content_base64 is not None:
        return _present(name=one.name, media_type=one.media_type, content_base64=one.content_base64)
    content = one.content if one.path is None else _file_content(letter, one.path)
    name = one.name or (None if one.path is None else one.path.name)
    media_type = one.media_type or (mimetypes.guess_type(name)[0] if name else None)
    return _present(name=_whole(name), media_type=media_type, content_base64=content)


def _file_content(letter: Draft, path: Path) -> bytes:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise _refused(letter, "invalid_message", f"{path.name!r} is no file")
        if found.st_size > ATTACHMENT_BYTES_MAX:
            raise _refused(letter, "too_large", f"an attachment may have {ATTACHMENT_BYTES_MAX} bytes at most")
        return path.read_bytes()
    except OSError as error:
        raise _refused(letter, "invalid_message", f"{path.name!r} cannot be read: {error.strerror}") from None


def _refused(letter: Draft, code: RejectionCode, detail: str) -> InvalidMessage:
    return InvalidMessage(code, detail, letter.chat_id, letter.message_id)


def _present(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _enclosure(where: str, given: object) -> Enclosure:
    match given:
        case str() | os.PathLike():
            return Enclosure(path=_path(where, given))
        case (str() as name, bytes() | bytearray() | memoryview() as content) if isinstance(given, tuple):
            return Enclosure(name=name, content=bytes(content))
        case (str() as name, bytes() | bytearray() | memoryview() as content, str() as media_type) if isinstance(
            given, tuple
        ):
            return Enclosure(name=name, content=bytes(content), media_type=media_type)
        case Mapping():
            return _enclosure_of_mapping(where, given)
        case _:
            raise TypeError(f"{where}: a path, (name, bytes) or a mapping, not {type(given).__name__}")


def _enclosure_of_mapping(where: str, given: Mapping[Any, Any]) -> Enclosure:
    unknown = sorted(str(key) for key in given if key not in _KNOWN)
    if unknown:
        raise ValueError(f"{where}: knows {', '.join(sorted(_KNOWN))}, not {', '.join(unknown)}")
    sources = [name for name in _SOURCES if given.get(name) is not None]
    if len(sources) != 1:
        raise ValueError(f"{where}: needs exactly one of {', '.join(_SOURCES)}")
    content = given.get("content")
    if content is not None and not isinstance(content, _BYTES):
        raise TypeError(f"{where}: content is bytes, not {type(content).__name__}")
    return Enclosure(
        name=_text(f"{where}: name", given.get("name")),
        media_type=_text(f"{where}: media_type", given.get("media_type")),
        content=None if content is None else bytes(content),
        content_base64=_text(f"{where}: content_base64", given.get("content_base64")),
        path=None if given.get("path") is None else _path(where, given["path"]),
        url=_text(f"{where}: url", given.get("url")),
    )


def _path(where: str, given: object) -> Path:
    path = os.fspath(given) if isinstance(given, str | os.PathLike) else given
    if not isinstance(path, str):
        raise TypeError(f"{where}: a path is a str or os.PathLike[str], not {type(given).__name__}")
    if not path or "\0" in path:
        raise ValueError(f"{where}: not the path of a file")
    return Path(path)


def _id(name: str, value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise TypeError(f"{name}: a str (or an int), not {type(value).__name__}")
    if not 0 < len(value) <= ID_CHARS_MAX or not value.isprintable():
        raise ValueError(f"{name}: 1 to {ID_CHARS_MAX} printable characters")
    return value


def _text(name: str, value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name}: a str, not {type(value).__name__}")
    return value


def _short(name: str, value: object) -> str | None:
    text = _text(name, value)
    if text is not None and (not 0 < len(text) <= ACTION_CHARS_MAX or not text.isprintable()):
        raise ValueError(f"{name}: 1 to {ACTION_CHARS_MAX} printable characters")
    return text


def _whole(text: str | None) -> str | None:
    """Replace halves of surrogate pairs, which terminals and broken clients produce and UTF-8 cannot hold."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
