"""The part of JSON Schema that answers of models are asked in, checked here without another library.

type, properties, required, additionalProperties: false, items, enum, const, minLength, maxLength, minimum, maximum,
minItems, maxItems, anyOf. Unknown keywords are ignored, as the standard says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

DEPTH_MAX: Final = 32

_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def complaint(value: Any, schema: Mapping[str, Any], path: str = "answer", depth: int = 0) -> str | None:
    """What is wrong with a value, in words that a model can act on; None where nothing is."""
    if depth > DEPTH_MAX:
        return f"{path} is nested too deeply"
    options = schema.get("anyOf")
    if isinstance(options, list) and all(complaint(value, option, path, depth + 1) for option in options):
        return f"{path} fits none of the allowed forms"
    return (
        _wrong_type(value, schema, path)
        or _wrong_value(value, schema, path)
        or _wrong_object(value, schema, path, depth)
        or _wrong_array(value, schema, path, depth)
    )


def _wrong_type(value: Any, schema: Mapping[str, Any], path: str) -> str | None:
    wanted = schema.get("type")
    if wanted is None:
        return None
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    if any(_is(value, name) for name in names):
        return None
    return f"{path} must be {' or '.join(names)}"


def _is(value: Any, name: str) -> bool:
    if isinstance(value, bool) and name != "boolean":
        return False
    return isinstance(value, _TYPES.get(name, (object,)))


def _wrong_value(value: Any, schema: Mapping[str, Any], path: str) -> str | None:
    if "enum" in schema and value not in schema["enum"]:
        return f"{path} must be one of {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        return f"{path} must be {schema['const']!r}"
    if isinstance(value, str):
        return _out_of_bounds(len(value), schema, path, ("minLength", "maxLength"), "characters")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _out_of_bounds(value, schema, path, ("minimum", "maximum"), "")
    return None


def _out_of_bounds(amount: float, schema: Mapping[str, Any], path: str, keys: tuple[str, str], unit: str) -> str | None:
    least, most = schema.get(keys[0]), schema.get(keys[1])
    if least is not None and amount < least:
        return f"{path} must have at least {least} {unit}".strip()
    if most is not None and amount > most:
        return f"{path} must have at most {most} {unit}".strip()
    return None


def _wrong_object(value: Any, schema: Mapping[str, Any], path: str, depth: int) -> str | None:
    if not isinstance(value, dict):
        return None
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            return f"{path} lacks {name!r}"
    if schema.get("additionalProperties") is False:
        for name in value:
            if name not in properties:
                return f"{path} must not have {name!r}"
    for name, rule in properties.items():
        if name in value:
            wrong = complaint(value[name], rule, f"{path}.{name}", depth + 1)
            if wrong is not None:
                return wrong
    return None


def _wrong_array(value: Any, schema: Mapping[str, Any], path: str, depth: int) -> str | None:
    if not isinstance(value, list):
        return None
    wrong = _out_of_bounds(len(value), schema, path, ("minItems", "maxItems"), "items")
    rule = schema.get("items")
    if wrong is not None or not isinstance(rule, Mapping):
        return wrong
    for index, item in enumerate(value):
        wrong = complaint(item, rule, f"{path}[{index}]", depth + 1)
        if wrong is not None:
            return wrong
    return None
