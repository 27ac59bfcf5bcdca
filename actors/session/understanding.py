"""Asks the models what a person means, down the ladder, and tells what had to help; paid for once a turn."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog

from actors.session.prompt import ANSWER_CHARS_MAX, request_messages, unsupported_figure
from actors.store_errors import StoreError
from messages.light import light_record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actors.node import Node
    from actors.session.machine import Turn
    from actors.session.notes import TurnInHand
    from actors.session.state import SessionState
    from messages.records import AnsweredBy, RecoveredBy
    from supervision.fallback_chain import AIFallbackChain, Answer, ChainResult

_log = structlog.get_logger(__name__)

# What the commit and the way to the person take of the time until the reply is due.
MARGIN_S: Final = 0.5
OWED_S: Final = 60.0
ASK_S_MIN: Final = 0.2


@light_record
class Understood:
    """Who answered, and what had to help on the way."""

    turn: Turn
    answered_by: AnsweredBy = "rules"
    recovered_by: tuple[RecoveredBy, ...] = ()


class _Kept(msgspec.Struct, frozen=True):
    """An answer that was paid for, as the journal has it."""

    text: str
    answered_by: str
    recovered_by: tuple[str, ...] = ()


class Understanding:
    """Where sessions have messages understood."""

    def __init__(self, node: Node) -> None:
        """Whose chain is asked."""
        self._node = node

    def answer(self, turn: TurnInHand, state: SessionState, by_rules: Turn) -> Understood:
        """The turn with a model's answer, where there are models and words to understand; else by rules.

        by_rules: what the rules have answered, which stands when no model does.
        """
        chain = self._node.chain
        message = turn.message
        if chain is None or not message.text or message.attachments or message.action:
            return Understood(by_rules)
        messages = request_messages(state, message, turn.accepted_at)
        step = f"{turn.entry.message_id}:understand:{_digest(messages)}"
        kept = None if turn.crashes else self._kept(turn, step)
        if kept is None:
            result = self._ask(chain, turn, state, messages)
            if result is None or result.degraded:
                return Understood(by_rules, "rules", _with_degraded(result))
            kept = _Kept(result.text, result.answered_by, result.recovered_by)
            self._keep(turn, step, kept)
        return Understood(_said_instead(by_rules, kept.text), kept.answered_by, kept.recovered_by)  # type: ignore[arg-type]

    def _ask(
        self, chain: AIFallbackChain, turn: TurnInHand, state: SessionState, messages: Sequence[Mapping[str, Any]]
    ) -> ChainResult | None:
        now_s = self._node.world.now()
        left_s = OWED_S if turn.owed else turn.by_s - now_s - MARGIN_S
        if left_s < ASK_S_MIN:
            return None

        def complaint(answer: Answer) -> str | None:
            return unsupported_figure(answer.text, state, turn.message, turn.accepted_at)

        result = chain.generate_sync(messages, deadline_s=left_s, validate=complaint, chars_max=ANSWER_CHARS_MAX)
        failed = [attempt for attempt in result.attempts if attempt.outcome not in ("answered", "lost")]
        if failed:
            _log.info(
                "models failed on the way", chat_id=turn.chat_id, message_id=turn.message_id,
                attempts=[f"{attempt.model}: {attempt.outcome} {attempt.reason}"[:160] for attempt in failed],
                next=f"answered by {result.answered_by}",
            )  # fmt: skip
        return result

    def _kept(self, turn: TurnInHand, step: str) -> _Kept | None:
        try:
            raw = self._node.store.read_journal(turn.entry, step)
            return msgspec.json.decode(raw, type=_Kept) if raw else None
        except (StoreError, msgspec.MsgspecError):
            return None

    def _keep(self, turn: TurnInHand, step: str, kept: _Kept) -> None:
        try:
            self._node.store.write_journal(turn.entry, step, msgspec.json.encode(kept))
        except StoreError as error:
            _log.warning(
                "an answer could not be kept", chat_id=turn.chat_id, reason=str(error), next="asked again if need be"
            )


def _digest(messages: Sequence[Mapping[str, Any]]) -> str:
    return hashlib.blake2b(msgspec.json.encode(messages), digest_size=10).hexdigest()


def _with_degraded(result: ChainResult | None) -> tuple[Any, ...]:
    helped = tuple(word for word in result.recovered_by if word != "degraded") if result is not None else ()
    return (*helped, "degraded")


def _said_instead(by_rules: Turn, text: str) -> Turn:
    """The rules' turn with the model's words: in the reply, and in what the session remembers of it."""
    messages = by_rules.state.messages
    remembered = msgspec.structs.replace(messages[-1], text=text[:1000])
    state = msgspec.structs.replace(by_rules.state, messages=(*messages[:-1], remembered))
    return replace(by_rules, text=text, state=state)
