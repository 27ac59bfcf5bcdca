"""Records to bytes and back: one msgpack codec for the wire and for snapshots.

A record is a frozen Struct of msgspec or a frozen, slotted dataclass (docs/decisions/0016-records-are-structs.md says
when which), registered with `@record(tag, version)`. Its bytes are the msgpack array

    [tag, version, {tag: version of every record it may contain}, {field: value, ...}]

so unknown fields are ignored and missing ones take their defaults; a missing field without a default, a wrong type, a
value out of its `msgspec.Meta` bounds, a number that is not finite and a version from the future are a `CodecError`.
Adding a field with a default, or dropping one, is no new version. Any other change is, and brings an upcaster.

Fields: str, int (64 bits), float, bool, bytes, Decimal (as text), date, datetime, enums (by value), Literal, other
records, `X | None`, `tuple[X, ...]`, `Mapping[str, X]` and `Json`. Encoding and typed decoding run in msgspec's C code;
its decoder bounds nesting by the recursion limit and never trusts a declared length.
"""

import dataclasses
import typing
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, TypeVar

import msgspec

from messages.codec_checks import Check, bare, check_of_record, field_names, is_record_class
from messages.errors import CodecError

Json: TypeAlias = Any
"""Plain data: None, bool, int, finite float, str, lists and mappings with str keys of the same. Comes back as lists."""

Fields: TypeAlias = dict[str, Any]
Upcaster: TypeAlias = Callable[[Fields], Fields]

RECORD_BYTES_MAX: Final = 16 * 1024 * 1024
TAG_MAX: Final = 127  # one byte in msgpack, which decode reads directly; 120 and above are for tests

_ARRAY_OF_FOUR: Final = 0x94
_T = TypeVar("_T")

_encode_value: Final = msgspec.msgpack.Encoder().encode


def _refuse_extension(code: int, _data: memoryview) -> None:
    raise ValueError(f"extension type {code} has no meaning here")


class _Schema:
    """How one record class is written and read; compiled at its first use, when all classes are known."""

    def __init__(self, cls: type, tag: int, version: int, upcasters: Mapping[int, Upcaster]) -> None:
        self.cls = cls
        self.tag = tag
        self.version = version
        self.upcasters = upcasters
        self.compiled = False
        self.prefix = b""
        self.decode_fields: Callable[[memoryview], Any]
        self.check: Check | None = None

    def compile(self) -> None:
        hints = typing.get_type_hints(self.cls, include_extras=True)
        self.hints = {name: hints[name] for name in field_names(self.cls)}
        versions = {schema.tag: schema.version for schema in _schemas_within(self.cls, {}).values()}
        header = _encode_value((self.tag, self.version, versions))
        self.prefix = bytes([_ARRAY_OF_FOUR]) + header[1:]
        self.decode_fields = msgspec.msgpack.Decoder(self.cls, ext_hook=_refuse_extension).decode
        self.check = check_of_record(self.cls)
        self.compiled = True


_SCHEMA_BY_CLASS: Final[dict[type, _Schema]] = {}
_SCHEMA_BY_TAG: Final[list[_Schema | None]] = [None] * 256  # Invariant: index is the schema's tag.
_decode_envelope: Final = msgspec.msgpack.Decoder(tuple[int, int, dict[int, int], msgspec.Raw]).decode
_decode_plain: Final = msgspec.msgpack.Decoder(Fields, ext_hook=_refuse_extension).decode


def record(
    *, tag: int, version: int, upcasters: Mapping[int, Upcaster] | None = None
) -> Callable[[type[_T]], type[_T]]:
    """Register a frozen, slotted dataclass or Struct under a tag that no other class has had or will have.

    tag: 1 to 127. version: from 1, raised by a change that defaults cannot bridge. upcasters[v] turns the plain fields
    of version v into those of v + 1, and must exist for every v below `version`; it sees this record's own fields only
    (records within it come already upcast). Raises TypeError or ValueError for a class that cannot be a record.
    """
    steps = dict(upcasters or {})
    if not 1 <= tag <= TAG_MAX:
        raise ValueError(f"tag {tag} is not within 1 to {TAG_MAX}")
    if sorted(steps) != list(range(1, version)):
        raise ValueError(f"version {version} needs upcasters for exactly the versions 1 to {version - 1}")

    def register(cls: type[_T]) -> type[_T]:
        _refuse_unless_frozen(cls)
        other = _SCHEMA_BY_TAG[tag]
        if other is not None:
            raise ValueError(f"tag {tag} belongs to {other.cls.__qualname__}")
        schema = _Schema(cls, tag, version, steps)
        _SCHEMA_BY_CLASS[cls] = schema
        _SCHEMA_BY_TAG[tag] = schema
        return cls

    return register


def _refuse_unless_frozen(cls: type) -> None:
    if issubclass(cls, msgspec.Struct):
        if not cls.__struct_config__.frozen:
            raise TypeError(f"{cls.__qualname__} is not frozen")
        if cls.__struct_config__.array_like or cls.__struct_encode_fields__ != cls.__struct_fields__:
            raise TypeError(f"{cls.__qualname__} is not written as its fields by their names")
        return
    if not dataclasses.is_dataclass(cls) or "__slots__" not in cls.__dict__:
        raise TypeError(f"{cls.__qualname__} is neither a slotted dataclass nor a Struct")
    if not cls.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        raise TypeError(f"{cls.__qualname__} is not frozen")


def encode(value: object, *, verified: bool = False) -> bytes:
    """Give the bytes of one record.

    verified: read the bytes back before giving them away, so that a value of the wrong type is found now and not when
    the snapshot is needed (about twice the time). Raises CodecError when the value is no record, or holds an integer
    beyond 64 bits, text that is not valid Unicode, or a number that is not finite.
    """
    try:
        schema = _SCHEMA_BY_CLASS[type(value)]
        if not schema.compiled:
            schema.compile()
        if schema.check is not None:
            schema.check(value)
        raw = schema.prefix + _encode_value(value)
    except KeyError:
        raise CodecError(f"{type(value).__qualname__} is not a registered record") from None
    except Exception as error:
        raise CodecError(f"{type(value).__qualname__} cannot be encoded: {error}") from error
    if verified:
        decode(raw)
    return raw


def decode(raw: bytes) -> Any:
    """Give the record the bytes stand for. Raises CodecError, carrying the bytes, and nothing else."""
    try:
        if len(raw) > RECORD_BYTES_MAX:
            raise ValueError(f"{len(raw)} bytes are more than {RECORD_BYTES_MAX}")  # noqa: TRY301 - one way out
        schema = _SCHEMA_BY_TAG[raw[1]]
        if schema is not None:
            if not schema.compiled:
                schema.compile()
            if raw.startswith(schema.prefix):
                value = schema.decode_fields(memoryview(raw)[len(schema.prefix) :])
                if schema.check is not None:
                    schema.check(value)
                return value
        return _decode_other_version(raw)
    except Exception as error:
        raise CodecError(f"not a record: {str(error) or repr(error)}", raw) from error


def registered() -> dict[int, type]:
    """Give every registered class by its tag, compiling each: raises TypeError for one with an unsupported field."""
    for schema in _SCHEMA_BY_CLASS.values():
        schema.compile()
    return {schema.tag: cls for cls, schema in _SCHEMA_BY_CLASS.items()}


def _decode_other_version(raw: bytes) -> Any:
    """Read bytes whose header is not today's: another version of the record, or of one within it."""
    tag, version, versions, body = _decode_envelope(raw)
    schema = _SCHEMA_BY_TAG[tag] if 1 <= tag <= TAG_MAX else None
    if schema is None:
        raise ValueError(f"no record has the tag {tag}")
    if not schema.compiled:
        schema.compile()
    fields = _upcast(schema, _decode_plain(body), {**versions, tag: version})
    value = schema.decode_fields(memoryview(_encode_value(fields)))
    if schema.check is not None:
        schema.check(value)
    return value


def _upcast(schema: _Schema, fields: Fields, versions: Mapping[int, int]) -> Fields:
    """Bring plain fields to today's version, the innermost records first.

    A record the bytes did not know of has no entry in versions and needs none: no value of it can stand in them.
    """
    raised = {
        name: _upcast_value(schema.hints[name], value, versions) if name in schema.hints else value
        for name, value in fields.items()
    }
    version = versions.get(schema.tag, schema.version)
    if not 1 <= version <= schema.version:
        raise ValueError(f"{schema.cls.__qualname__} has version {schema.version}, the bytes say {version}")
    for step in range(version, schema.version):
        raised = schema.upcasters[step](raised)
    return raised


def _upcast_value(hint: Any, value: Any, versions: Mapping[int, int]) -> Any:
    hint = bare(hint)
    if value is None:
        return None
    if hint in _SCHEMA_BY_CLASS and isinstance(value, dict):
        schema = _SCHEMA_BY_CLASS[hint]
        if not schema.compiled:
            schema.compile()
        return _upcast(schema, value, versions)
    arguments = typing.get_args(hint)
    if isinstance(value, list) and typing.get_origin(hint) is tuple:
        return [_upcast_value(arguments[0], item, versions) for item in value]
    if isinstance(value, dict) and len(arguments) == 2:  # noqa: PLR2004 - Mapping[key, value]
        return {key: _upcast_value(arguments[1], item, versions) for key, item in value.items()}
    return value


def _schemas_within(cls: type, found: dict[type, _Schema]) -> dict[type, _Schema]:
    """Collect the schemas of every record that may stand within a record of this class."""
    for hint in typing.get_type_hints(cls, include_extras=True).values():
        pending = [hint]
        while pending:
            inner = bare(pending.pop())
            if is_record_class(inner):
                if inner not in _SCHEMA_BY_CLASS:
                    raise TypeError(f"{inner.__qualname__} in {cls.__qualname__} is not a registered record")
                if inner not in found:
                    found[inner] = _SCHEMA_BY_CLASS[inner]
                    _schemas_within(inner, found)
            elif typing.get_origin(inner) is not typing.Literal:
                pending.extend(a for a in typing.get_args(inner) if a is not Ellipsis)
    return found
