"""A model behind the openai interface that answers as it is told, and keeps what it was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from files.file_server import Asked, FileServer, answer, file_server

from invoices.model_reading import SCHEMA

KEYS = [key for key in SCHEMA["properties"] if key != "type"]


@dataclass(frozen=True)
class Says:
    """What it answers: the call of a tool with the JSON text of its arguments, or words."""

    tool: str = ""
    arguments: str = "{}"
    words: str = ""


@dataclass
class ScriptedModel:
    """One model. script: what the person said, to what it answers; `default` for what is not in it."""

    server: FileServer
    script: dict[str, Says] = field(default_factory=dict)
    default: Says = field(default_factory=lambda: Says(words="I do not know."))
    translate: Callable[[dict[str, Any], str], dict[str, Any]] = lambda texts, _: texts
    reads: dict[str, Any] = field(default_factory=lambda: {"type": "neither", **dict.fromkeys(KEYS)})
    asked: list[dict[str, Any]] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        """What to configure."""
        return self.server.url("/v1")

    def serve(self, asked: Asked, connection: Any) -> None:
        """One completion."""
        request = json.loads(asked.body)
        self.asked.append(request)
        system, said = request["messages"][0]["content"], request["messages"][-1]["content"]
        if system.startswith("Translate"):
            language = system.partition("ISO 639-1 code ")[2][:2]
            message: dict[str, Any] = {"content": json.dumps(self.translate(json.loads(said), language))}
        elif system.startswith("Read the invoice"):
            message = {"content": json.dumps(self.reads)}
        else:
            message = self._answer(self.script.get(said, self.default))
        body = {
            "id": "c-1", "object": "chat.completion", "created": 1, "model": request["model"],
            "choices": [{
                "index": 0, "message": {"role": "assistant", **message},
                "finish_reason": "tool_calls" if "tool_calls" in message else "stop",
            }],
            "usage": {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18},
        }  # fmt: skip
        answer(200, json.dumps(body).encode(), Content_Type="application/json")(asked, connection)

    def _answer(self, says: Says) -> dict[str, Any]:
        if not says.tool:
            return {"content": says.words}
        function = {"name": says.tool, "arguments": says.arguments}
        return {"content": None, "tool_calls": [{"id": "t-1", "type": "function", "function": function}]}


@contextmanager
def scripted_model() -> Iterator[ScriptedModel]:
    """A server on a free port of this machine, gone with the test."""
    with file_server() as server:
        model = ScriptedModel(server)
        server.paths["/v1/chat/completions"] = model.serve
        yield model


def settings_of(model: ScriptedModel) -> dict[str, object]:
    """A daemon's settings with that model as its only one."""
    return {
        "MODELS__0__NAME": "scripted", "MODELS__0__TIER": "primary", "MODELS__0__BASE_URL": model.base_url,
        "MODELS__0__API_KEY_ENV": "", "MODELS__0__TIMEOUT_S": 10, "DOWNLOAD__ALLOW_PRIVATE": "true",
    }  # fmt: skip
