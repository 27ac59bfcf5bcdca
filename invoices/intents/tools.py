"""The intents as tools for a model, and a model's call as an intent: the same record that rules make.

A model can ask for nothing that a person could not: there is one tool for each kind, with the slots that this kind
reads and no other; ids of invoices are not among them. What a call wants to change must be borne out by the person's
own words (`borne_out`); whether it is done is the person's decision, which is not taken here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from invoices.intents.intent import Intent, Kind

PERSON_LANGUAGE: Final = "person_language"
WHICH: Final = ("number", "ordinal", "reference", "supplier")
_FILTER: Final = ("supplier", "period", "period_of", "is_paid", "amount_min", "amount_max", "currency")

# What a tool is for, and the slots its kind reads. Talk is no tool: a model talks by itself.
_TOOLS: Final[Mapping[Kind, tuple[str, tuple[str, ...]]]] = {
    Kind.RECORD: ("Record an invoice that the person tells in words.", ("corrections",)),
    Kind.CORRECT: ("Change fields of an invoice to what the person says.", (*WHICH, "corrections")),
    Kind.CONFIRM: ("The person says yes to the question asked last.", ("number", "ordinal")),
    Kind.CANCEL: ("The person says no to the question asked last, or drops what is going on.", ()),
    Kind.SHOW: ("Show one invoice with its state, such as whether it is paid.", WHICH),
    Kind.LIST: ("List invoices.", _FILTER),
    Kind.SUM: ("Say what invoices come to together.", _FILTER),
    Kind.COMPARE: (
        "Compare what invoices come to in two periods, or of two suppliers.",
        (*_FILTER, "compared_period", "compared_supplier"),
    ),
    Kind.DUE: ("List what is to be paid, in a period of due dates if one is said.", ("period", "supplier")),
    Kind.OVERDUE: ("List what should have been paid already.", ("supplier",)),
    Kind.MARK_PAID: ("The person says that they have paid.", (*WHICH, "when")),
    Kind.MARK_UNPAID: ("The person says that something marked as paid is not.", WHICH),
    Kind.DELETE: ("Delete an invoice from the books.", WHICH),
    Kind.EXPORT: ("Give invoices out as a file.", ("format", "number", *_FILTER)),
    Kind.SET_LANGUAGE: ("Speak another language from now on.", ("new_language",)),
    Kind.SET_CURRENCY: ("Use this currency where none is named.", ("currency",)),
    Kind.SET_REMINDERS: ("Remind of every due date, so many days before, or not at all.", ("is_on", "days_before")),
    Kind.REMIND: ("Remind of one invoice, on a day or so many days before it is due.", (*WHICH, "when", "days_before")),
}
CHANGING: Final = frozenset({
    Kind.RECORD, Kind.CORRECT, Kind.CONFIRM, Kind.MARK_PAID, Kind.MARK_UNPAID, Kind.DELETE, Kind.SET_LANGUAGE,
    Kind.SET_CURRENCY, Kind.SET_REMINDERS, Kind.REMIND,
})  # fmt: skip
"""What leaves something behind. The others look, or take a question back."""

# Keywords of JSON schema that the strict form of tools does not know; the record checks them.
_NOT_STRICT: Final = frozenset({
    "title", "description", "default", "minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum",
    "pattern",
})  # fmt: skip
_FORMATS: Final = frozenset({"date"})
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}")


def tools() -> list[dict[str, Any]]:
    """Every tool in the openai client's form; all parameters are required and nullable, as the strict form has it."""
    return [
        {
            "type": "function",
            "function": {
                "name": kind.value,
                "description": words,
                "strict": True,
                "parameters": _object({name: _SLOTS[name] for name in slots} | {PERSON_LANGUAGE: _LANGUAGE_SLOT}),
            },
        }
        for kind, (words, slots) in _TOOLS.items()
    ]


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


_LANGUAGE_SLOT: Final = {"type": ["string", "null"], "description": "ISO 639-1 code of the person's language"}


def _slots() -> dict[str, Any]:
    """The strict schema of each slot of the record."""
    components = msgspec.json.schema_components([Intent], ref_template="{name}")
    known: dict[str, Any] = dict(components[1])
    properties = known["Intent"]["properties"]
    return {name: _nullable(_strict(schema, known)) for name, schema in properties.items() if name != "kind"}


def _strict(schema: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return _strict(known[schema["$ref"]], known)
    if "anyOf" in schema:
        kinds = [_strict(one, known) for one in schema["anyOf"]]
        return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    kept = {key: value for key, value in schema.items() if key not in _NOT_STRICT}
    if kept.get("format") not in _FORMATS:
        kept.pop("format", None)
    if "enum" in kept:
        kept["type"] = "string"
    if "items" in kept:
        kept["items"] = _strict(kept["items"], known)
    if "properties" in kept:
        inner = {name: _strict(one, known) for name, one in kept["properties"].items()}
        return _object(inner)
    return kept


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    kinds = schema.get("anyOf", [schema])
    if any(one.get("type") == "null" or None in one.get("enum", ()) for one in kinds):
        return schema
    return {"anyOf": [*kinds, {"type": "null"}]}


_SLOTS: Final = _slots()


def intent_of_call(name: str, arguments: str) -> tuple[Intent, str | None]:
    """The intent that a call of a tool stands for, and the person's language as the model sees it.

    arguments: the JSON text as it came. Raises ValueError, worded so that a model can put it right.
    """
    kind, slots = _known(name)
    try:
        given = msgspec.json.decode(arguments or "{}", type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"the arguments are no JSON object: {error}") from None
    unknown = sorted(set(given) - set(slots) - {PERSON_LANGUAGE})
    if unknown:
        raise ValueError(f"{name} has no parameter {unknown[0][:40]!r}; it has: {', '.join(slots) or 'none'}")
    said = {key: value for key, value in given.items() if value not in (None, "", [], {}) and key != PERSON_LANGUAGE}
    try:
        intent = msgspec.convert({"kind": kind, **said}, Intent)
    except (msgspec.ValidationError, ArithmeticError) as error:
        raise ValueError(f"{name}: {error}") from None
    language = str(given.get(PERSON_LANGUAGE) or "").lower()[:2]
    return intent, language if _LANGUAGE.fullmatch(language) else None


def _known(name: str) -> tuple[Kind, tuple[str, ...]]:
    try:
        kind = Kind(name)
        return kind, _TOOLS[kind][1]
    except (ValueError, KeyError):
        raise ValueError(f"there is no tool {name[:40]!r}") from None
