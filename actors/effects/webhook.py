"""The webhook: one POST an event, signed, under an id that stays the same through every repetition."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import msgspec

from actors.effects.signing import signature, signing_key
from actors.effects.target import Misconfigured, NotDone, ServiceEnded
from actors.settings import read_secret
from messages.redaction import redact_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.effects.records import Effect
    from actors.node import Node

CONNECT_S: Final = 10.0
# Of an answer that is not a success, for the operator's eyes.
ANSWER_BYTES_MAX: Final = 512
_OK, _REDIRECTS, _FAILURES, _GONE = 200, 300, 400, 410


class WebhookAnswer(Exception):  # noqa: N818 - what came
    """The receiver answered, and not with success. Its status and headers tell whose fault it was and how long."""

    def __init__(self, status: int, headers: Mapping[str, str], body: str) -> None:
        super().__init__(
            f"the receiver answered {status}: {body[:200]!r}" if body else f"the receiver answered {status}"
        )
        self.status = status
        self.headers = headers
        self.body = body


class WebhookTarget:
    """The configured receiver. `keyed`: it knows an event it has seen by its id."""

    name: Final = "webhook"
    delivery: Final = "keyed"
    service: Final = "webhook"
    breaker_kind: Final = "webhook"
    policy: Final = "webhook"
    at_once_max: Final = 32

    def __init__(self, node: Node) -> None:
        """Settings as configured; the secret is read from the environment at each delivery, and never kept."""
        self._world = node.world
        self._settings = node.settings.webhook

    def perform(self, effect: Effect, deadline_s: float) -> None:
        """Deliver the event. Returns once the receiver has answered with success.

        Raises WebhookAnswer for any other answer, Misconfigured, ServiceEnded for 410, and what connecting raises.
        """
        from supervision.http_addresses import PrivateAddress, UnknownName
        from supervision.world_http import HttpRequest, http_answer

        settings = self._settings
        body = body_of(effect)
        request = HttpRequest(
            settings.url, self._world.now() + deadline_s, "POST", self._headers(effect, body), body, CONNECT_S,
            settings.allow_private,
        )  # fmt: skip
        try:
            with http_answer(request) as answer:
                if not _OK <= answer.status < _REDIRECTS:
                    said = answer.body(ANSWER_BYTES_MAX).decode(errors="replace")
                    raise _refusal(answer.status, answer.headers, said, redact_url(settings.url))
        except PrivateAddress as error:
            message = f"{error}: webhook.allow_private would let it be asked"
            raise Misconfigured(message) from error
        except UnknownName as error:
            raise NotDone(str(error)) from error

    def happened(self, effect: Effect) -> None:
        """A receiver cannot be asked; nor has it to be."""

    def _headers(self, effect: Effect, body: bytes) -> dict[str, str]:
        timestamp_s = int(self._world.wall())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": effect.effect_id,
            "webhook-timestamp": str(timestamp_s),
        }
        name = self._settings.secret_env
        if not name:
            return headers
        secret = read_secret(name, os.environ)
        if secret is None:
            raise Misconfigured(f"the variable {name}, which should hold the webhook's secret, is empty")
        try:
            key = signing_key(secret)
        except ValueError as error:
            raise Misconfigured(str(error)) from error
        return {**headers, "webhook-signature": signature(key, effect.effect_id, timestamp_s, body)}


def body_of(effect: Effect) -> bytes:
    """The event as receivers get it: the same bytes at every repetition."""
    data = {"chat_id": effect.chat_id, "message_id": effect.message_id, "revision": effect.revision, **effect.payload}
    return msgspec.json.encode({"type": effect.kind, "timestamp": effect.at, "data": data})


def _refusal(status: int, headers: Mapping[str, str], said: str, url: str) -> Exception:
    if status == _GONE:
        return ServiceEnded(f"{url} answered 410: it wants no more events")
    if status < _FAILURES:
        return Misconfigured(f"{url} answered {status}: redirects are not followed; configure the final address")
    return WebhookAnswer(status, headers, said)
