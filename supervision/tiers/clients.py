"""Asking one model, whatever stands for it: an openai client, sync or async, or a callable.

The openai package is never imported here: a client is known by what it can do. Its own retries are off, since the
chain decides about those, and every call gets its timeout.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, Final, Protocol

from supervision.classification.verdicts import Cause
from supervision.tiers.answers import AnswerProblem
from supervision.tiers.config import Answer, ChainRequest, ModelConfig, ToolCall, Usage
from supervision.tiers.streams import Collected

ASYNC_CLIENTS: Final = frozenset({"AsyncOpenAI", "AsyncAPIClient", "AsyncAzureOpenAI"})


class Cancelled(Protocol):
    """Tells a call in a thread that nobody waits for it any more."""

    def __call__(self) -> bool:
        """Whether to stop at the next chunk."""


class Model(Protocol):
    """One model, ready to be asked. is_async says which of the two ways is its own."""

    is_async: bool

    def ask(self, request: ChainRequest, timeout_s: float, cancelled: Cancelled) -> Any:
        """The answer, or something to await for it where is_async. Raises whatever the client raises."""


def model_of(config: ModelConfig) -> Model:
    """What can be asked behind a configuration. Raises TypeError for a client that is none."""
    client = config.client
    if hasattr(client, "chat") and hasattr(client, "with_options"):
        is_async = any(kind.__name__ in ASYNC_CLIENTS for kind in type(client).__mro__)
        return _AsyncOpenAI(config) if is_async else _OpenAI(config)
    if callable(client):
        return _Callable(config)
    raise TypeError(f"{config.name}: neither an openai client nor a callable: {type(client).__name__}")


def _keywords(config: ModelConfig, request: ChainRequest, timeout_s: float) -> dict[str, Any]:
    keywords: dict[str, Any] = {
        "model": config.model or config.name,
        "messages": list(request.messages),
        **config.parameters,
        **request.parameters,
        "timeout": min(timeout_s, config.stall_timeout_s) if config.stream else timeout_s,
    }
    if config.stream:
        keywords["stream"] = True
        keywords.setdefault("stream_options", {"include_usage": True})
    if isinstance(request.schema, Mapping) and "response_format" not in keywords:
        named = {"name": "answer", "schema": dict(request.schema)}
        keywords["response_format"] = {"type": "json_schema", "json_schema": named}
    return keywords


class _OpenAI:
    is_async = False

    def __init__(self, config: ModelConfig) -> None:
        self._config = config
        self._create: Callable[..., Any] = config.client.with_options(max_retries=0).chat.completions.create

    def ask(self, request: ChainRequest, timeout_s: float, cancelled: Cancelled) -> Answer:
        response = self._create(**_keywords(self._config, request, timeout_s))
        if not self._config.stream:
            return answer_of(response)
        collected = Collected()
        try:
            for chunk in _chunks(response):
                collected.add(chunk)
                if cancelled():
                    break
        finally:
            _close(response)
        return collected.answer()


class _AsyncOpenAI:
    is_async = True

    def __init__(self, config: ModelConfig) -> None:
        self._config = config
        self._create: Callable[..., Any] = config.client.with_options(max_retries=0).chat.completions.create

    async def ask(self, request: ChainRequest, timeout_s: float, cancelled: Cancelled) -> Answer:
        response = await self._create(**_keywords(self._config, request, timeout_s))
        if not self._config.stream:
            return answer_of(response)
        collected = Collected()
        try:
            async for chunk in _async_chunks(response):
                collected.add(chunk)
                if cancelled():
                    break
        finally:
            closing = getattr(response, "close", None)
            if closing is not None:
                await closing()
        return collected.answer()


class _Callable:
    """A function of one's own: called with the prompt, and with as much of the rest as it has parameters for."""

    def __init__(self, config: ModelConfig) -> None:
        self._function: Callable[..., Any] = config.client
        self._config = config
        self.is_async = inspect.iscoroutinefunction(self._function) or inspect.iscoroutinefunction(
            getattr(self._function, "__call__", None)  # noqa: B004 - asked whether it is a coroutine function
        )
        self._accepted = _accepted(self._function)

    def ask(self, request: ChainRequest, timeout_s: float, cancelled: Cancelled) -> Any:  # noqa: ARG002 - the port's shape
        offered = {
            "messages": list(request.messages),
            "model": self._config.model or self._config.name,
            "timeout_s": timeout_s,
            "timeout": timeout_s,
            "request": request,
            **self._config.parameters,
            **request.parameters,
        }
        keywords = offered if self._accepted is None else {k: v for k, v in offered.items() if k in self._accepted}
        said = self._function(request.prompt, **keywords)
        return self._await(said) if isinstance(said, Awaitable) else answer_of(said)

    async def _await(self, said: Awaitable[Any]) -> Answer:
        return answer_of(await said)


def _accepted(function: Callable[..., Any]) -> frozenset[str] | None:
    """Keywords a function takes beside its first argument; None for all, empty where nobody can tell."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return frozenset()
    if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters):
        return None
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return frozenset(one.name for one in parameters[1:] if one.kind in named) | frozenset(
        one.name for one in parameters[:1] if one.kind is inspect.Parameter.KEYWORD_ONLY
    )


def answer_of(said: Any) -> Answer:
    """What was said, in one form. Raises AnswerProblem for what is no answer: HTML, null or empty choices, nothing."""
    if isinstance(said, Answer):
        return said
    if isinstance(said, str):
        if said.lstrip()[:15].lower().startswith(("<!doctype", "<html")):
            raise AnswerProblem(Cause.INVALID_RESPONSE, "a web page came in place of an answer")
        return Answer(said, "stop")
    if said is None:
        raise AnswerProblem(Cause.EMPTY_RESPONSE, "nothing was answered")
    choices = _field(said, "choices")
    if not isinstance(choices, list | tuple) or not choices:
        raise AnswerProblem(Cause.EMPTY_RESPONSE, f"an answer without choices ({type(said).__name__})")
    choice = choices[0]
    message = _field(choice, "message")
    if message is None:
        raise AnswerProblem(Cause.EMPTY_RESPONSE, "a choice without a message")
    return Answer(
        text=_text(_field(message, "content")),
        finish_reason=_field(choice, "finish_reason"),
        usage=usage_of(_field(said, "usage")),
        tool_calls=_tool_calls(_field(message, "tool_calls")),
        refusal=_field(message, "refusal"),
        model=_field(said, "model"),
        raw=said,
    )


def usage_of(said: Any) -> Usage | None:
    """Tokens as the provider counted them; None where it told none."""
    if said is None:
        return None
    sent, written = _field(said, "prompt_tokens"), _field(said, "completion_tokens")
    if not isinstance(sent, int) or not isinstance(written, int):
        return None
    cached = _field(_field(said, "prompt_tokens_details"), "cached_tokens")
    return Usage(sent, written, cached if isinstance(cached, int) else 0)


def _field(thing: Any, name: str) -> Any:
    return thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)


def _text(content: Any) -> str:
    """Content is a text, or parts of which some are texts."""
    if isinstance(content, list):
        return "".join(str(_field(part, "text") or "") for part in content)
    return content if isinstance(content, str) else ""


def _tool_calls(calls: Any) -> tuple[ToolCall, ...]:
    return tuple(
        ToolCall(
            str(_field(_field(call, "function"), "name") or ""),
            str(_field(_field(call, "function"), "arguments") or ""),
            str(_field(call, "id") or ""),
        )
        for call in calls or ()
    )


def _chunks(response: Any) -> Iterator[Any]:
    if isinstance(response, str) or not hasattr(response, "__iter__"):
        raise AnswerProblem(Cause.INVALID_RESPONSE, f"no stream came but {type(response).__name__}")
    return iter(response)


def _async_chunks(response: Any) -> AsyncIterator[Any]:
    if not hasattr(response, "__aiter__"):
        raise AnswerProblem(Cause.INVALID_RESPONSE, f"no stream came but {type(response).__name__}")
    return aiter(response)


def _close(response: Any) -> None:
    closing = getattr(response, "close", None)
    if closing is not None:
        closing()
