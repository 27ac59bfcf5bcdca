"""Old bytes stay readable, and what cannot be a record is refused when it is registered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from messages import codec
from messages.codec import Fields, record
from messages.errors import CodecError


def _split_name(fields: Fields) -> Fields:
    given, _, family = fields.pop("name").partition(" ")
    return {**fields, "given": given, "family": family}


def _amount_from_cents(fields: Fields) -> Fields:
    return {**fields, "amount": str(Decimal(fields.pop("cents")) / 100)}


@record(tag=122, version=3, upcasters={1: _split_name, 2: _amount_from_cents})
@dataclass(frozen=True, slots=True)
class Person:
    """Had one name in version 1, and cents in versions 1 and 2."""

    given: str
    family: str
    amount: Decimal


@record(tag=123, version=2, upcasters={1: lambda fields: {**fields, "title": fields["title"].upper()}})
@dataclass(frozen=True, slots=True)
class Club:
    """Has members in every shape a record may stand in."""

    title: str
    first: Person | None = None
    members: tuple[Person, ...] = ()
    offices: Mapping[str, tuple[Person, ...]] = field(default_factory=dict)


ADA_V1 = {"name": "Ada Lovelace", "cents": 1250}
ADA = Person("Ada", "Lovelace", Decimal("12.5"))


def _bytes_of(tag: int, version: int, versions: dict[int, int], fields: dict[str, Any]) -> bytes:
    return msgspec.msgpack.encode((tag, version, versions, fields))


def test_given_bytes_of_version_one_when_decoded_then_every_upcaster_has_run() -> None:
    """One step after the other, oldest first."""
    from_one = codec.decode(_bytes_of(122, 1, {}, dict(ADA_V1)))
    from_two = codec.decode(_bytes_of(122, 2, {}, {"given": "Ada", "family": "Lovelace", "cents": 1250}))

    assert from_one == ADA
    assert from_two == ADA


def test_given_old_records_within_a_record_when_decoded_then_each_is_upcast() -> None:
    """Wherever they stand, by the version in the header."""
    fields = {"title": "Engines", "first": ADA_V1, "members": [ADA_V1, ADA_V1], "offices": {"chair": [ADA_V1]}}

    old_within_old = codec.decode(_bytes_of(123, 1, {122: 1}, fields))
    old_within_new = codec.decode(_bytes_of(123, 2, {122: 1}, fields))

    assert old_within_old == Club("ENGINES", ADA, (ADA, ADA), {"chair": (ADA,)})
    assert old_within_new == Club("Engines", ADA, (ADA, ADA), {"chair": (ADA,)})


def test_given_a_header_without_a_record_added_since_when_decoded_then_read_as_it_is() -> None:
    """A record type that did not exist then cannot stand in the bytes."""
    club = codec.decode(_bytes_of(123, 2, {}, {"title": "Engines"}))

    assert club == Club("Engines")


@pytest.mark.parametrize(
    "fields", [{}, {"name": 7, "cents": 1}, {"name": "A B", "cents": "x"}, {"name": "A B", "cents": [[]]}]
)
def test_given_old_bytes_an_upcaster_fails_on_when_decoded_then_a_codec_error(fields: dict[str, Any]) -> None:
    """Whatever an upcaster raises."""
    raw = _bytes_of(122, 1, {}, fields)

    with pytest.raises(CodecError) as caught:
        codec.decode(raw)

    assert caught.value.raw == raw


@dataclass(slots=True)
class _Thawed:
    name: str


@dataclass(frozen=True)
class _Slotless:
    name: str


@dataclass(frozen=True, slots=True)
class _Fine:
    name: str


class _ThawedStruct(Struct):
    name: str


class _StructAsArray(Struct, frozen=True, array_like=True):
    name: str


class _StructOfOtherNames(Struct, frozen=True, rename="upper"):
    name: str


@pytest.mark.parametrize("cls", [_Thawed, _Slotless, int, _ThawedStruct, _StructAsArray, _StructOfOtherNames])
def test_given_a_class_that_is_no_frozen_slotted_dataclass_or_struct_when_registered_then_refused(cls: type) -> None:
    """At import, not in the middle of the night."""
    with pytest.raises(TypeError):
        record(tag=124, version=1)(cls)


@pytest.mark.parametrize(
    ("tag", "version", "upcasters"), [(122, 1, None), (0, 1, None), (128, 1, None), (124, 2, None), (124, 1, {1: dict})]
)
def test_given_a_taken_tag_or_a_gap_in_the_upcasters_when_registered_then_refused(
    tag: int, version: int, upcasters: Any
) -> None:
    """Tags are never reused, and every old version has its way up."""
    with pytest.raises(ValueError, match=r"tag|upcasters"):
        record(tag=tag, version=version, upcasters=upcasters)(_Fine)


@pytest.mark.parametrize("hint", [int | str, set[str], tuple[int, str], dict[int, str], object, _Fine, list[str]])
def test_given_a_field_of_an_unsupported_type_when_first_used_then_refused(hint: Any) -> None:
    """Also from the check over all records that the suite runs."""
    cls = dataclass(frozen=True, slots=True)(type("Odd", (), {"__annotations__": {"odd": hint}}))
    schema = codec._Schema(cls, 125, 1, {})

    with pytest.raises(TypeError):
        schema.compile()


def test_given_all_registered_records_when_compiled_then_each_field_is_supported() -> None:
    """The records of the project itself, whoever imported them."""
    classes = codec.registered()

    assert {1, 2, 4, 5, 6} <= set(classes)
