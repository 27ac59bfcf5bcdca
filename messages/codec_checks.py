"""Checks of values that msgpack and the type system let through and a record must not hold.

A check is compiled from a field's type, and is None where there is nothing to look at, so that records of text and
integers pay nothing. Building one also refuses types that the codec does not support.
"""

import dataclasses
import math
import types
import typing
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final, TypeAlias

import msgspec

Check: TypeAlias = Callable[[Any], None]

DECIMAL_DIGITS_MAX: Final = 64
JSON_DEPTH_MAX: Final = 64

_PLAIN_LEAVES: Final = (str, int, bool, bytes, date, datetime)


def bare(hint: Any) -> Any:
    """Strip `Annotated` and `| None` from a type hint. Raises TypeError for any other union."""
    while True:
        if typing.get_origin(hint) is typing.Annotated:
            hint = typing.get_args(hint)[0]
        elif typing.get_origin(hint) in (types.UnionType, typing.Union):
            others = [argument for argument in typing.get_args(hint) if argument is not types.NoneType]
            if len(others) != 1:
                raise TypeError(f"{hint} is a union of more than one type and None")
            hint = others[0]
        else:
            return hint


def field_names(cls: Any) -> tuple[str, ...]:
    """Names of a record's fields, in order. Raises TypeError for a class that is neither dataclass nor Struct."""
    if issubclass(cls, msgspec.Struct):
        return tuple(field.name for field in msgspec.structs.fields(cls))
    return tuple(field.name for field in dataclasses.fields(cls))


def is_record_class(hint: Any) -> bool:
    """Whether a type hint is a class with fields."""
    return isinstance(hint, type) and (dataclasses.is_dataclass(hint) or issubclass(hint, msgspec.Struct))


def check_of_record(cls: type, within: tuple[type, ...] = ()) -> Check | None:
    """Compile the check of a record class. Raises TypeError for a field of an unsupported type."""
    if cls in within:
        raise TypeError(f"{cls.__qualname__} contains itself; nest by id instead")
    hints = typing.get_type_hints(cls, include_extras=True)
    checks = []
    for name in field_names(cls):
        check = _check_of_hint(hints[name], (*within, cls))
        if check is not None:
            checks.append((name, check))
    if not checks:
        return None

    def check_fields(value: Any) -> None:
        for name, check in checks:
            inner = getattr(value, name)
            if inner is not None:
                check(inner)

    return check_fields


def _check_of_hint(hint: Any, within: tuple[type, ...]) -> Check | None:
    hint = bare(hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return check_json
    if hint is float:
        return _check_float
    if hint is Decimal:
        return _check_decimal
    if is_record_class(hint):
        return check_of_record(hint, within)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:  # noqa: PLR2004 - tuple[X, ...]
        return _each(_check_of_hint(arguments[0], within), lambda value: value)
    if origin in (Mapping, dict) and bare(arguments[0]) is str:
        return _each(_check_of_hint(arguments[1], within), lambda value: value.values())
    if origin is typing.Literal or hint in _PLAIN_LEAVES or (isinstance(hint, type) and issubclass(hint, Enum)):
        return None
    raise TypeError(f"{hint} in {within[-1].__qualname__} is not a type the codec supports")


def _each(check: Check | None, items_of: Callable[[Any], Any]) -> Check | None:
    if check is None:
        return None

    def check_each(value: Any) -> None:
        for item in items_of(value):
            if item is not None:
                check(item)

    return check_each


def _check_float(value: float) -> None:
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number")


def _check_decimal(value: Decimal) -> None:
    """Also bound the size: arithmetic with 1E+999999999 would take for ever."""
    if not value.is_finite():
        raise ValueError(f"{value} is not a finite number")
    if abs(value.adjusted()) > DECIMAL_DIGITS_MAX or len(value.as_tuple().digits) > DECIMAL_DIGITS_MAX:
        raise ValueError(f"a decimal of more than {DECIMAL_DIGITS_MAX} digits")


def check_json(value: Any, depth: int = 0) -> None:
    """Raise ValueError unless the value is plain data (see `messages.codec.Json`), at most 64 levels deep."""
    if value is None or isinstance(value, str | int):
        return
    if isinstance(value, float):
        _check_float(value)
    elif depth >= JSON_DEPTH_MAX:
        raise ValueError(f"more than {JSON_DEPTH_MAX} levels deep")
    elif isinstance(value, list | tuple):
        for item in value:
            check_json(item, depth + 1)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ValueError(f"a key of type {type(key).__qualname__}, not str")  # noqa: TRY004 - of the value
            check_json(item, depth + 1)
    else:
        raise ValueError(f"{type(value).__qualname__} is not plain data")
