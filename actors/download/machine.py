"""What a download decides: what to ask for, what an answer means, what its file is called. Pure.

Only what is certainly the same file is put together from two transfers: the server must name a strong validator
(RFC 9110, sections 8.8 and 13.1.5), else a broken transfer begins anew.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.message import Message
from typing import TYPE_CHECKING, Final, Literal, TypeAlias
from urllib.parse import urljoin, urlsplit, urlunsplit

from messages.attachments import UNKNOWN_MEDIA_TYPE, UNNAMED, clean_media_type, clean_name, name_of_url, usable_url
from messages.records import ATTACHMENT_BYTES_MAX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from messages.records import Attachment

REDIRECTS_MAX: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_OK, _PARTIAL, _UNSATISFIABLE = 200, 206, 416
_LOGIN: Final = frozenset({401, 403, 407, 451})
_GONE: Final = frozenset({404, 410})
_TOO_LARGE: Final = 413
# What a server may have failed at in passing; anything else below 500 is its last word.
_PASSING: Final = frozenset({408, 409, 421, 423, 425, 429})
_SERVER_FAULTS: Final = 500

Problem: TypeAlias = Literal["link", "link_too_large", "link_not_found", "link_login", "link_refused", "link_too_slow"]
"""Keys of the words, after `document_`."""


class ServerFailed(Exception):  # noqa: N818 - what happened
    """The server answered with a failure that may pass; status and headers are its own."""

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(f"the server answered {status}")
        self.status_code = status
        self.headers = dict(headers)


class TransferBroken(ConnectionError):  # noqa: N818 - what happened
    """The bytes that came do not belong together; the next attempt begins anew."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The download is over without a file."""

    problem: Problem
    detail: str


@dataclass(frozen=True, slots=True)
class GoOn:
    """Ask there."""

    url: str


@dataclass(frozen=True, slots=True)
class Body:
    """The file's bytes follow."""


@dataclass(slots=True)
class Progress:
    """One download, over all of its attempts. Invariant: received is the beginning of the file that validator names."""

    received: bytearray = field(default_factory=bytearray)
    validator: str = ""
    total: int | None = None
    encoding: str = ""
    media_type: str = UNKNOWN_MEDIA_TYPE
    file_name: str = ""

    def start_anew(self) -> None:
        """Forget what has come."""
        self.received.clear()
        self.validator, self.total = "", None


def headers_for(progress: Progress) -> dict[str, str]:
    """Ask for the rest where there is a beginning that can be trusted."""
    if not progress.received or not progress.validator:
        progress.start_anew()
        return {}
    return {"Range": f"bytes={len(progress.received)}-", "If-Range": progress.validator}


def judged(status: int, headers: Mapping[str, str], url: str, progress: Progress) -> Body | GoOn | Ended:
    """What an answer means. Raises ServerFailed and TransferBroken, after which another attempt may do."""
    if status in _REDIRECTS:
        return _redirected(headers, url)
    if status == _OK:
        progress.start_anew()
        return _body(headers, progress, _length(headers))
    if status == _PARTIAL and progress.received:
        return _rest(headers, progress)
    if status == _UNSATISFIABLE and progress.received:
        progress.start_anew()
        raise TransferBroken("the server has no such rest of the file")
    return _failed(status, headers)


def _failed(status: int, headers: Mapping[str, str]) -> Ended:
    if status in _PASSING or status >= _SERVER_FAULTS:
        raise ServerFailed(status, headers)
    detail = f"the server answered {status}"
    if status in _GONE:
        return Ended("link_not_found", detail)
    if status in _LOGIN:
        return Ended("link_login", detail)
    return Ended("link_too_large" if status == _TOO_LARGE else "link", detail)


def _redirected(headers: Mapping[str, str], url: str) -> GoOn | Ended:
    target = urljoin(url, headers.get("location", ""))
    if not headers.get("location") or not usable_url(target):
        return Ended("link", "the server redirects to no address of the web")
    return GoOn(target)


def _body(headers: Mapping[str, str], progress: Progress, total: int | None) -> Body | Ended:
    if total is not None and total > ATTACHMENT_BYTES_MAX:
        return Ended("link_too_large", f"the file has {total} bytes")
    progress.total = total
    progress.validator = _validator(headers)
    progress.encoding = headers.get("content-encoding", "").strip().lower()
    progress.media_type = clean_media_type(headers.get("content-type"))
    progress.file_name = _disposed_name(headers.get("content-disposition"))
    return Body()


def _rest(headers: Mapping[str, str], progress: Progress) -> Body | Ended:
    given = _RANGE.fullmatch(headers.get("content-range", "").strip())
    total = int(given[3]) if given is not None and given[3] != "*" else progress.total
    continues = given is not None and int(given[1]) == len(progress.received)
    is_same = progress.total in (None, total) and _validator(headers) in ("", progress.validator)
    if not continues or not is_same:
        progress.start_anew()
        raise TransferBroken("the server sent another part, or another file")
    if total is not None and total > ATTACHMENT_BYTES_MAX:
        return Ended("link_too_large", f"the file has {total} bytes")
    progress.total = total
    return Body()


def _length(headers: Mapping[str, str]) -> int | None:
    text = headers.get("content-length", "").strip()
    return int(text) if text.isdecimal() else None


def _validator(headers: Mapping[str, str]) -> str:
    """A strong entity tag, else the time of the last change; nothing where the server names neither."""
    tag = headers.get("etag", "").strip()
    if tag and not tag.startswith("W/"):
        return tag
    return "" if tag else headers.get("last-modified", "").strip()


def _disposed_name(header: str | None) -> str:
    """The name in a Content-Disposition, in any of its spellings (RFC 6266)."""
    if not header:
        return ""
    message = Message()
    message["Content-Disposition"] = header
    try:
        name = message.get_filename()
    except (ValueError, LookupError):
        return ""
    cleaned = clean_name(name)
    return "" if cleaned == UNNAMED else cleaned


def complaint_about(progress: Progress) -> Ended | None:
    """After each piece: whether more came than may."""
    if len(progress.received) > ATTACHMENT_BYTES_MAX:
        return Ended("link_too_large", "the file has no end in sight")
    return None


def check_whole(progress: Progress) -> None:
    """After the last piece. Raises TransferBroken when some are missing, or too many came."""
    if progress.total is not None and len(progress.received) != progress.total:
        if len(progress.received) > progress.total:
            progress.start_anew()
        raise TransferBroken(f"{len(progress.received)} bytes came instead of {progress.total}")


def without_credentials(url: str) -> str:
    """The address without a user's name and password: we do not log in anywhere for anyone."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path or "/", parts.query, ""))


def named_after(attachment: Attachment, progress: Progress) -> str:
    """What to call the file: as the sender called it, else as the server does."""
    guessed = attachment.name in ("", UNNAMED) or attachment.name == name_of_url(attachment.url or "")
    return progress.file_name if guessed and progress.file_name else attachment.name
