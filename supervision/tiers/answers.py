"""Is what came back an answer? Its end, its length, its form, its tools, and whether the model declined."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from supervision.classification.verdicts import Cause
from supervision.tiers.config import Answer, ChainRequest
from supervision.tiers.json_schema import complaint

REFUSAL_CHARS_MAX: Final = 400

_FINISHED: Final = frozenset({"stop", "tool_calls", "function_call", "end_turn", "tool_use", "stop_sequence", "eos"})
_CUT: Final = frozenset({"length", "max_tokens", "model_length"})
_FILTERED: Final = frozenset({"content_filter", "safety", "recitation", "refusal", "prohibited_content"})
_FENCED: Final = re.compile(r"```(?:json)?\s*\n?(.*?)```", re.DOTALL)
_DECLINES: Final = re.compile(
    r"(?:i'm|i am) (?:really |very )?sorry,? but (?:i|as an)\b.{0,40}\b(?:can't|cannot|can’t|unable|not able)"  # noqa: RUF001
    r"|(?:i can't|i cannot|i can’t|i'm unable to|i am unable to|i won't) (?:assist|help|comply|provide|fulfil)"  # noqa: RUF001
    r"|sorry, (?:but )?i can(?:'t|not) (?:assist|help)",
)


class AnswerProblem(Exception):  # noqa: N818 - it names what is wrong with an answer
    """A model answered, and it is no answer. cause: of the classifier's causes."""

    def __init__(self, cause: Cause, reason: str) -> None:
        super().__init__(reason)
        self.cause = cause
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer that may be given away: its text (freed of fences where JSON was asked for) and what was read in it."""

    text: str
    data: Any


def judge(answer: Answer, request: ChainRequest) -> Judged:
    """The answer, checked. Raises AnswerProblem: an end that never came, an empty or cut text, a refusal, a wrong form.

    A problem of form (INVALID_MODEL_OUTPUT) can be repaired by telling the model; the others cannot.
    """
    _check_end(answer)
    if answer.tool_calls:
        _check_tools(answer, request.tools)
        _ask(request.validate, answer)
        return Judged(answer.text, None)
    text = answer.text.strip()
    if not text:
        raise AnswerProblem(Cause.EMPTY_RESPONSE, "the answer is empty")
    if declines(text):
        raise AnswerProblem(Cause.CONTENT_FILTER, "the model declined")
    judged = Judged(text, None) if request.schema is None else _read(text, request.schema)
    _check_length(judged.text, request)
    _ask(request.validate, answer)
    return judged


def declines(text: str) -> bool:
    """A short text that says no more than that it cannot help."""
    return len(text) <= REFUSAL_CHARS_MAX and _DECLINES.search(text[:200].lower()) is not None


def _check_end(answer: Answer) -> None:
    reason = None if answer.finish_reason is None else str(answer.finish_reason).lower()
    if answer.refusal:
        raise AnswerProblem(Cause.CONTENT_FILTER, "the model refused")
    if reason is None:
        raise AnswerProblem(Cause.STREAM_INTERRUPTED, "the answer ended without a finish reason")
    if reason in _FILTERED:
        raise AnswerProblem(Cause.CONTENT_FILTER, f"the answer was filtered ({reason})")
    if reason in _CUT:
        raise AnswerProblem(Cause.INVALID_MODEL_OUTPUT, "the answer was cut off at its longest; make it shorter")
    if reason not in _FINISHED:
        raise AnswerProblem(Cause.INVALID_RESPONSE, f"the answer ended with an unknown reason ({reason[:40]})")


def _check_tools(answer: Answer, offered: tuple[str, ...] | None) -> None:
    for call in answer.tool_calls:
        if offered is None or call.name not in offered:
            names = ", ".join(offered or ()) or "no tools"
            raise AnswerProblem(Cause.INVALID_MODEL_OUTPUT, f"there is no tool {call.name[:80]!r}; there are: {names}")
        try:
            arguments = json.loads(call.arguments or "{}")
        except (ValueError, RecursionError):
            reason = f"the arguments of {call.name[:80]!r} are not valid JSON"
            raise AnswerProblem(Cause.INVALID_MODEL_OUTPUT, reason) from None
        if not isinstance(arguments, dict):
            raise AnswerProblem(Cause.INVALID_MODEL_OUTPUT, f"the arguments of {call.name[:80]!r} are no object")


def _check_length(text: str, request: ChainRequest) -> None:
    if len(text) < request.chars_min:
        raise AnswerProblem(Cause.INVALID_MODEL_OUTPUT, f"the answer needs at least {request.chars_min} characters")
    if request.chars_max is not None and len(text) > request.chars_max:
        raise AnswerProblem(Cause.INVALID_MODEL_OUTPUT, f"the answer may have at most {request.chars_max} characters")


def _ask(validate: Callable[[Answer], str | None] | None, answer: Answer) -> None:
    if validate is None:
        return
    try:
        wrong = validate(answer)
    except Exception as error:  # noqa: BLE001 - a validator says no by raising, too
        wrong = str(error) or type(error).__name__
    if wrong:
        raise AnswerProblem(Cause.INVALID_MODEL_OUTPUT, str(wrong)[:500])


def _read(text: str, schema: Any) -> Judged:
    """Read a text by a schema; fences and words around the JSON are taken off first, which costs no second call."""
    bare = unfenced(text)
    try:
        data = json.loads(bare) if isinstance(schema, Mapping) else _reader(schema)(bare)
        wrong = complaint(data, schema) if isinstance(schema, Mapping) else None
    except Exception as error:
        raise AnswerProblem(Cause.INVALID_MODEL_OUTPUT, f"not of the wanted form: {error}"[:500]) from error
    if wrong is not None:
        raise AnswerProblem(Cause.INVALID_MODEL_OUTPUT, wrong)
    return Judged(bare, data)


def _reader(schema: Any) -> Callable[[str], Any]:
    if isinstance(schema, type):
        pydantic_reader = getattr(schema, "model_validate_json", None)
        if callable(pydantic_reader):
            return pydantic_reader  # type: ignore[no-any-return]
        import msgspec

        return msgspec.json.Decoder(schema).decode
    if callable(schema):
        return schema  # type: ignore[no-any-return]
    raise TypeError(f"not a schema: {schema!r}")


def unfenced(text: str) -> str:
    """The JSON within a text: without Markdown fences, without words before and after."""
    stripped = text.strip()
    if stripped[:1] in "{[":
        return stripped
    fenced = _FENCED.search(stripped)
    if fenced:
        return fenced.group(1).strip()
    starts = [at for at in (stripped.find("{"), stripped.find("[")) if at >= 0]
    if not starts:
        return stripped
    end = max(stripped.rfind("}"), stripped.rfind("]"))
    return stripped[min(starts) : end + 1] if end > min(starts) else stripped
