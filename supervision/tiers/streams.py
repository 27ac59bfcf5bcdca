"""A streamed answer, put together again. What ends without a finish reason stays without one, and is no answer."""

from __future__ import annotations

from typing import Any

from supervision.tiers.config import Answer, ToolCall, Usage


class Collected:
    """The chunks so far. An answer may have several choices; only the first counts."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._tools: dict[int, list[str]] = {}
        self._finish_reason: str | None = None
        self._usage: Usage | None = None
        self._model: str | None = None

    def add(self, chunk: Any) -> None:
        """Take in one chunk of the openai client's shape; what is of another shape adds nothing."""
        usage = getattr(chunk, "usage", None)
        if usage is not None:
            self._take_usage(usage)
        self._model = getattr(chunk, "model", None) or self._model
        choices = getattr(chunk, "choices", None)
        if not choices:
            return
        choice = choices[0]
        self._finish_reason = getattr(choice, "finish_reason", None) or self._finish_reason
        delta = getattr(choice, "delta", None)
        if delta is None:
            return
        content = getattr(delta, "content", None)
        if isinstance(content, str):
            self._text.append(content)
        refusal = getattr(delta, "refusal", None)
        if isinstance(refusal, str):
            self._refusal.append(refusal)
        for call in getattr(delta, "tool_calls", None) or ():
            self._take_tool(call)

    def answer(self) -> Answer:
        """What the stream amounts to."""
        calls = tuple(ToolCall(name, arguments, given_id) for name, arguments, given_id in self._tools.values())
        refusal = "".join(self._refusal) or None
        return Answer("".join(self._text), self._finish_reason, self._usage, calls, refusal, self._model)

    def _take_usage(self, usage: Any) -> None:
        sent, written = getattr(usage, "prompt_tokens", None), getattr(usage, "completion_tokens", None)
        if isinstance(sent, int) and isinstance(written, int):
            cached = getattr(getattr(usage, "prompt_tokens_details", None), "cached_tokens", None)
            self._usage = Usage(sent, written, cached if isinstance(cached, int) else 0)

    def _take_tool(self, call: Any) -> None:
        index = getattr(call, "index", None)
        parts = self._tools.setdefault(index if isinstance(index, int) else len(self._tools), ["", "", ""])
        function = getattr(call, "function", None)
        parts[0] += getattr(function, "name", None) or ""
        parts[1] += getattr(function, "arguments", None) or ""
        parts[2] = parts[2] or getattr(call, "id", None) or ""
