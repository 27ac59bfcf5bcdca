"""The contract with the outside: messages in, replies out, and where a chat lives.

`decode_inbound` turns what anyone may send into an `Inbound` or an `InvalidMessage`, and never anything else. JSON and
msgpack are told apart by the first byte; msgspec decodes both straight into typed structs, its nesting bounded by the
recursion limit, unknown fields skipped. Nothing here looks at a clock or a network.

Weakness: ten megabytes of attachment cost some 20 ms (base64 and sha256); decode large messages in a native thread.
"""

import binascii
import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec

from messages import codec
from messages.attachments import clean_media_type, clean_name, decode_base64, name_of_url, usable_url
from messages.errors import CodecError, InvalidMessage, RejectionCode
from messages.light import light_record
from messages.records import (
    ACTION_CHARS_MAX,
    ATTACHMENT_BYTES_MAX,
    ATTACHMENTS_MAX,
    ID_CHARS_MAX,
    TEXT_BYTES_MAX,
    Attachment,
    InboundMessage,
    Reply,
)

MESSAGE_BYTES_MAX: Final = 32 * 1024 * 1024
"""Bound of one message as it stands on the wire: two attachments of full size in base64, and the pub/sub limit."""

DIGEST_BYTES: Final = 10
"""Of a message's content: it is compared under one id only and kept for every message, so short is right."""

_JSON_STARTS: Final = b"{"
_RECORD_STARTS: Final = b"\x94"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_PREAMBLES: Final = frozenset((b"\xef", b" ", b"\t", b"\r", b"\n"))  # msgpack maps begin with none of these

_SALVAGE_BYTES_MAX: Final = 4096
_OBJECTS_MAX: Final = 100_000

_CONTROLS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,8}")
_PAIRS_AND_HALVES: Final = re.compile(
    rb"(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
_JSON_ID: Final = rb'(?<!\\)"%s"\s*:\s*"([^"\\]{1,512})"'


@light_record
class Inbound:
    """A message that was let in, and the contents of its attachments by sha256 digest, for the blob store."""

    message: InboundMessage
    blobs: Mapping[str, bytes]


class _JsonAttachment(msgspec.Struct):
    name: str | None = None
    media_type: str | None = None
    content_base64: bytes | None = None
    url: str | None = None


class _TextAttachment(msgspec.Struct):
    """As in JSON, or in msgpack without bytes: base64 is decoded here, for the sake of wrapped lines."""

    name: str | None = None
    media_type: str | None = None
    content_base64: str | None = None
    content: bytes | None = None
    url: str | None = None


class _Fields(msgspec.Struct, kw_only=True):
    chat_id: str
    user_id: str
    message_id: str | None = None
    text: str | None = None
    action: str | None = None
    reply_id: str | None = None
    language: str | None = None
    sent_at: str | None = None


class _JsonMessage(_Fields, kw_only=True):
    attachments: Annotated[list[_JsonAttachment], msgspec.Meta(max_length=ATTACHMENTS_MAX)] | None = None


class _TextMessage(_Fields, kw_only=True):
    attachments: Annotated[list[_TextAttachment], msgspec.Meta(max_length=ATTACHMENTS_MAX)] | None = None


class _Addresses(msgspec.Struct):
    """All that is wanted of a message that cannot be accepted."""

    chat_id: Any = None
    message_id: Any = None


_decode_json: Final = msgspec.json.Decoder(_JsonMessage).decode
_decode_wrapped_json: Final = msgspec.json.Decoder(_TextMessage).decode
_decode_packed: Final = msgspec.msgpack.Decoder(_TextMessage).decode
_decode_json_addresses: Final = msgspec.json.Decoder(_Addresses).decode
_decode_packed_addresses: Final = msgspec.msgpack.Decoder(_Addresses).decode
_encode_json: Final = msgspec.json.Encoder().encode
_decode_reply: Final = msgspec.json.Decoder(Reply).decode
_encode_packed: Final = msgspec.msgpack.Encoder().encode


class _Refused(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, code: RejectionCode, detail: str) -> None:
        super().__init__(detail)
        self.code: RejectionCode = code
        self.detail = detail


def decode_inbound(raw: bytes) -> Inbound:
    """Decode one message from outside. Raises InvalidMessage, addressed as far as possible, and nothing else."""
    if len(raw) > MESSAGE_BYTES_MAX:
        detail = f"the message has {len(raw)} bytes, at most {MESSAGE_BYTES_MAX} are accepted"
        raise InvalidMessage("too_large", detail, *_salvaged_addresses(raw))
    if raw[:1] in _PREAMBLES:
        raw = raw.removeprefix(_BYTE_ORDER_MARK).lstrip()
    try:
        fields = _read(raw)
    except _Refused as refused:
        raise InvalidMessage(refused.code, refused.detail, *_salvaged_addresses(raw)) from None
    except Exception as error:  # noqa: BLE001 - whatever a decoder finds wrong, the message is not accepted
        raise _diagnosis(raw, error) from None
    try:
        return _accepted(fields)
    except _Refused as refused:
        raise InvalidMessage(
            refused.code, refused.detail, _usable_id(fields.chat_id), _usable_id(fields.message_id)
        ) from None


def decode_entry(raw: bytes) -> Inbound:
    """Decode an intake entry: an `InboundMessage` record that a door put there, or a message straight from outside.

    Raises InvalidMessage and nothing else.
    """
    if raw[:1] != _RECORD_STARTS:
        return decode_inbound(raw)
    try:
        message = codec.decode(raw)
    except CodecError as error:
        raise InvalidMessage("unreadable", error.detail) from None
    if not isinstance(message, InboundMessage):
        raise InvalidMessage("unreadable", f"an entry holds a message, not a {type(message).__qualname__}")
    try:
        _check_fields(message)
    except _Refused as refused:
        raise InvalidMessage(
            refused.code, refused.detail, _usable_id(message.chat_id), _usable_id(message.message_id)
        ) from None
    return Inbound(message, {})


def content_digest(message: InboundMessage) -> str:
    """Give 20 hexadecimal digits over user, text, action and digests of attachments (the url of one not fetched)."""
    attachments = [attachment.digest or attachment.url for attachment in message.attachments]
    content = _encode_packed((message.user_id, message.text, message.action, attachments))
    return hashlib.blake2b(content, digest_size=DIGEST_BYTES).hexdigest()


def partition_of(chat_id: str, partitions: int) -> int:
    """Give the partition of a chat: CRC-16/XMODEM of its UTF-8 bytes, as Redis Cluster has it, modulo partitions."""
    return binascii.crc_hqx(chat_id.encode(), 0) % partitions


def partition_tag(partition: int) -> str:
    """Write a partition's number as keys have it, in two digits or more: 7 is "07"."""
    return f"{partition:02d}"


def iso_timestamp(wall_s: float) -> str:
    """Write unix seconds as ISO 8601 in UTC with milliseconds: "2026-11-23T10:00:01.200Z"."""
    return datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def reply_to_json(reply: Reply) -> bytes:
    """Give the reply as the protocol publishes it. Only a final has `turn` (null without a store), a rejection `error`.

    Halves of surrogate pairs become U+FFFD: a reply must not fail for what somebody else wrote.
    """
    fields = _reply_fields(reply)
    if reply.kind == "final":
        fields["turn"] = reply.turn
    return _json_of(fields)


def reply_to_json_parts(reply: Reply) -> tuple[bytes, bytes]:
    """Give the final reply's JSON in two parts, between which the commit script puts the decimal digits of the turn."""
    return _json_of(_reply_fields(reply))[:-1] + b',"turn":', b"}"


def reply_from_json(raw: bytes) -> Reply:
    """Read a published reply; unknown fields are ignored. Raises CodecError, carrying the bytes, and nothing else."""
    try:
        return _decode_reply(raw)
    except Exception as error:
        raise CodecError(f"not a reply: {str(error) or repr(error)}", raw) from error


def _reply_fields(reply: Reply) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "reply_id": reply.reply_id,
        "message_id": reply.message_id,
        "chat_id": reply.chat_id,
        "kind": reply.kind,
        "text": reply.text,
        "buttons": reply.buttons,
        "recovered_by": reply.recovered_by,
        "data": reply.data,
        "at": reply.at,
    }
    if reply.answered_by is not None:
        fields["answered_by"] = reply.answered_by
    if reply.error is not None:
        fields["error"] = reply.error
    return fields


def _json_of(fields: dict[str, Any]) -> bytes:
    try:
        return _encode_json(fields)
    except UnicodeEncodeError:
        whole: bytes = _encode_json(_with_whole_characters(msgspec.to_builtins(fields)))
        return whole


def _with_whole_characters(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case dict():
            return {_with_whole_characters(key): _with_whole_characters(item) for key, item in value.items()}
        case list() | tuple():
            return [_with_whole_characters(item) for item in value]
        case _:
            return value


def _read(raw: bytes) -> _JsonMessage | _TextMessage:
    if raw.startswith(_JSON_STARTS):
        return _read_json(raw)
    first = raw[0] if raw else 0
    if 0x80 <= first <= 0x8F or first in (0xDE, 0xDF):  # noqa: PLR2004 - the first bytes of a msgpack map
        return _decode_packed(raw)
    raise _Refused("unreadable", "a message is a JSON object or a msgpack map")


def _read_json(raw: bytes) -> _JsonMessage | _TextMessage:
    # A list is built before its length is looked at: ten million empty objects would cost a second and 600 MB.
    if len(raw) > _OBJECTS_MAX and raw.count(b"{") > _OBJECTS_MAX:
        raise _Refused("too_large", f"the message holds more than {_OBJECTS_MAX} objects")
    try:
        return _decode_json(raw)
    except msgspec.ValidationError as error:
        if "base64" in str(error):
            return _decode_wrapped_json(raw)
        raise


def _accepted(fields: _JsonMessage | _TextMessage) -> Inbound:
    blobs: dict[str, bytes] = {}
    attachments = tuple([_accepted_attachment(attachment, blobs) for attachment in fields.attachments or ()])
    text = _accepted_text(fields.text) if fields.text else None
    if text is None and not attachments and fields.action is None:
        raise _Refused("invalid_message", "one of text, attachments and action is required")
    message = InboundMessage(
        fields.message_id,
        fields.chat_id,
        fields.user_id,
        text,
        attachments,
        fields.action,
        fields.reply_id,
        fields.language,
        fields.sent_at,
    )
    _check_fields(message)
    return Inbound(message, blobs)


def _check_fields(message: InboundMessage) -> None:
    _check_id("chat_id", message.chat_id)
    _check_id("user_id", message.user_id)
    if message.message_id is not None:
        _check_id("message_id", message.message_id)
    if message.reply_id is not None:
        _check_id("reply_id", message.reply_id)
    if message.action is not None and not _is_printable(message.action, ACTION_CHARS_MAX):
        raise _Refused("invalid_message", f"action must be 1 to {ACTION_CHARS_MAX} printable characters")
    if message.language is not None and not _LANGUAGE.fullmatch(message.language):
        raise _Refused("invalid_message", 'language must be a BCP 47 tag such as "de" or "pt-BR"')
    if message.sent_at is not None and not _is_printable(message.sent_at, ACTION_CHARS_MAX):
        raise _Refused("invalid_message", "sent_at must be an ISO 8601 time")


def _check_id(name: str, value: str) -> None:
    if not _is_printable(value, ID_CHARS_MAX):
        raise _Refused("invalid_message", f"{name} must be 1 to {ID_CHARS_MAX} printable characters")


def _is_printable(value: str, chars_max: int) -> bool:
    return 0 < len(value) <= chars_max and value.isprintable()


def _accepted_text(text: str) -> str | None:
    """Bound the text and take out control characters other than line feed and tab; None when nothing is left."""
    if len(text) > TEXT_BYTES_MAX or (len(text) * 4 > TEXT_BYTES_MAX and len(text.encode()) > TEXT_BYTES_MAX):
        raise _Refused("too_large", f"text may have {TEXT_BYTES_MAX} bytes of UTF-8 at most")
    return _CONTROLS.sub("", text) or None


def _accepted_attachment(attachment: _JsonAttachment | _TextAttachment, blobs: dict[str, bytes]) -> Attachment:
    content = _content_of(attachment)
    media_type = clean_media_type(attachment.media_type)
    if content is None:
        url = attachment.url
        if url is None:
            raise _Refused("invalid_message", "an attachment carries content_base64, content (msgpack bytes) or url")
        if not usable_url(url):
            raise _Refused("invalid_message", "the url of an attachment must be an http or https address")
        return Attachment(clean_name(attachment.name) if attachment.name else name_of_url(url), media_type, "", 0, url)
    if attachment.url is not None:
        raise _Refused("invalid_message", "an attachment carries either its content or a url, not both")
    if len(content) > ATTACHMENT_BYTES_MAX:
        raise _Refused("too_large", f"an attachment may have {ATTACHMENT_BYTES_MAX} bytes at most")
    digest = hashlib.sha256(content).hexdigest()
    blobs[digest] = content
    return Attachment(clean_name(attachment.name), media_type, digest, len(content))


def _content_of(attachment: _JsonAttachment | _TextAttachment) -> bytes | None:
    if isinstance(attachment, _JsonAttachment):
        return attachment.content_base64
    if attachment.content_base64 is None:
        return attachment.content
    if attachment.content is not None:
        raise _Refused("invalid_message", "an attachment carries either content or content_base64, not both")
    try:
        return decode_base64(attachment.content_base64)
    except ValueError as error:
        raise _Refused("invalid_message", f"content_base64 is not standard base64: {error}") from None


def _diagnosis(raw: bytes, error: Exception) -> InvalidMessage:
    """Say what is wrong with a message that did not decode, and to whom the answer goes."""
    if isinstance(error, RecursionError):
        return InvalidMessage("invalid_message", "the message is nested too deeply", *_salvaged_addresses(raw))
    is_json = raw.startswith(_JSON_STARTS)
    addresses_of = _decode_json_addresses if is_json else _decode_packed_addresses
    detail = str(error).replace("`$.", "`")
    try:
        addresses = addresses_of(raw)
    except Exception:  # noqa: BLE001 - any failure means the same here
        try:
            addresses = addresses_of(_PAIRS_AND_HALVES.sub(lambda match: match[1] or rb"\u0000", raw))
        except Exception:  # noqa: BLE001 - the same
            return InvalidMessage("unreadable", f"not valid {'JSON' if is_json else 'msgpack'}: {detail}")
        detail = "text must be valid Unicode: half of a surrogate pair stands alone"
    return InvalidMessage("invalid_message", detail, _usable_id(addresses.chat_id), _usable_id(addresses.message_id))


def _salvaged_addresses(raw: bytes) -> tuple[str | None, str | None]:
    """Find chat and message id near the beginning of a message that is too large or too deep to decode."""
    beginning = raw[:_SALVAGE_BYTES_MAX]
    return _salvaged(beginning, b"chat_id"), _salvaged(beginning, b"message_id")


def _salvaged(beginning: bytes, name: bytes) -> str | None:
    found = re.findall(_JSON_ID % name, beginning)
    if not found:
        packed_name = bytes([0xA0 + len(name)]) + name
        for match in re.finditer(re.escape(packed_name) + rb"([\xa1-\xbf]|\xd9.)", beginning, re.DOTALL):
            length = match[1][-1] if len(match[1]) > 1 else match[1][0] - 0xA0
            found.append(beginning[match.end() : match.end() + length])
    if len(found) != 1:
        return None
    return _usable_id(bytes(found[0]).decode(errors="replace"))


def _usable_id(value: Any) -> str | None:
    return value if isinstance(value, str) and _is_printable(value, ID_CHARS_MAX) else None
