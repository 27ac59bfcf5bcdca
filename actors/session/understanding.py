"""What a person means: by rules where they are sure, by a model for talk and the rest; paid for once a turn.

Rules cost nothing, answer in a millisecond and say the same each time; so what they know for sure is theirs. A model is
asked for conversation, and for what they leave unclear: other words, other languages. What it answers is a tool call,
which becomes the same intent that the rules make and is handled by the same code, or talk.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog

from actors.session.paid_answers import PaidAnswers, digest_of
from actors.session.prompt import (
    ANSWER_CHARS_MAX,
    Texts,
    called,
    complaint_about,
    request_messages,
    translation_complaint,
    translation_messages,
)
from invoices.intents import LANGUAGES
from invoices.intents.other_languages import is_in_another_language
from invoices.intents.tools import tools
from messages.light import light_record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from actors.node import Node
    from actors.session.machine import Turn
    from actors.session.notes import TurnInHand
    from actors.session.state import SessionState
    from invoices.intents import Intent
    from messages.records import AnsweredBy, RecoveredBy
    from supervision.fallback_chain import AIFallbackChain, Answer, ChainResult

_log = structlog.get_logger(__name__)

# What the commit and the way to the person take of the time until the reply is due.
MARGIN_S: Final = 0.5
OWED_S: Final = 60.0
ASK_S_MIN: Final = 0.2
TRANSLATION_CHARS_MAX: Final = 6000
_TOOLS: Final = tools()


@light_record
class Understood:
    """Who answered, and what had to help on the way."""

    turn: Turn
    answered_by: AnsweredBy = "rules"
    recovered_by: tuple[RecoveredBy, ...] = ()


class _Kept(msgspec.Struct, frozen=True):
    """An answer that was paid for, as the journal has it. tool: empty where the model talked."""

    text: str
    answered_by: str
    recovered_by: tuple[str, ...] = ()
    tool: str = ""
    arguments: str = ""


class Understanding:
    """Where sessions have messages understood."""

    def __init__(self, node: Node) -> None:
        """Whose chain is asked."""
        self._node = node
        self._paid = PaidAnswers(node, _Kept)

    def answer(
        self, turn: TurnInHand, state: SessionState, by_rules: Turn, take: Callable[[Intent], Turn]
    ) -> Understood:
        """The turn as the rules have taken it, or, where they did not understand, with what a model made of it.

        by_rules: what the rules have answered, which stands when no model does. take: the same turn with an intent.
        """
        chain = self._node.chain
        message = turn.message
        if chain is None or not message.text or message.attachments or message.action:
            return Understood(by_rules)
        if not by_rules.is_talk and not is_in_another_language(message.text):
            return Understood(by_rules)
        kept, helped = self._understood(chain, turn, state)
        if kept is None:
            return Understood(by_rules, "rules", helped)
        if not kept.tool:
            return Understood(_said_instead(by_rules, kept.text), kept.answered_by, helped)  # type: ignore[arg-type]
        intent, language = called(kept.tool, kept.arguments, message, turn.accepted_at)
        if intent is None:
            return Understood(by_rules, "rules", (*helped, "degraded"))
        taken = take(intent)
        if language is not None and language not in LANGUAGES:
            taken = self._in_their_words(chain, turn, taken, language)
        return Understood(taken, kept.answered_by, helped)  # type: ignore[arg-type]

    def _understood(
        self, chain: AIFallbackChain, turn: TurnInHand, state: SessionState
    ) -> tuple[_Kept | None, tuple[Any, ...]]:
        """What a model answered, and what had to help."""
        messages = request_messages(state, turn.message, turn.accepted_at)
        step = f"{turn.entry.message_id}:understand:{digest_of(messages)}"
        kept = None if turn.crashes else self._paid.kept(turn, step)
        if kept is None:

            def complaint(answer: Answer) -> str | None:
                return complaint_about(answer, state, turn.message, turn.accepted_at)

            result = self._ask(
                chain, turn, messages, validate=complaint, chars_max=ANSWER_CHARS_MAX, tools=_TOOLS,
                parallel_tool_calls=False,
            )  # fmt: skip
            if result is None or result.degraded:
                return None, _with_degraded(result)
            call = result.tool_calls[0] if result.tool_calls else None
            kept = _Kept(
                result.text, result.answered_by, result.recovered_by, call.name if call else "",
                call.arguments if call else "",
            )  # fmt: skip
            self._paid.keep(turn, step, kept)
        return kept, kept.recovered_by

    def _in_their_words(self, chain: AIFallbackChain, turn: TurnInHand, taken: Turn, language: str) -> Turn:
        """The reply in a language that has no texts here; as it was where no model translates it without loss."""
        texts = Texts(taken.text, tuple(button.label for button in taken.buttons))
        messages = translation_messages(texts, language)
        step = f"{turn.entry.message_id}:translate:{digest_of(messages)}"
        kept = None if turn.crashes else self._paid.kept(turn, step)
        if kept is None:

            def read(text: str) -> Texts:
                translated = msgspec.json.decode(text, type=Texts)
                wrong = translation_complaint(texts, translated)
                if wrong is not None:
                    raise ValueError(wrong)
                return translated

            result = self._ask(chain, turn, messages, schema=read, chars_max=TRANSLATION_CHARS_MAX)
            if result is None or result.degraded:
                return taken
            kept = _Kept(msgspec.json.encode(result.data).decode(), result.answered_by)
            self._paid.keep(turn, step, kept)
        try:
            translated = msgspec.json.decode(kept.text, type=Texts)
        except msgspec.MsgspecError:
            return taken
        buttons = tuple(
            msgspec.structs.replace(button, label=label)
            for button, label in zip(taken.buttons, translated.labels, strict=True)
        )
        return replace(_said_instead(taken, translated.text), buttons=buttons)

    def _ask(
        self, chain: AIFallbackChain, turn: TurnInHand, messages: Sequence[Mapping[str, Any]], **how: Any
    ) -> ChainResult | None:
        now_s = self._node.world.now()
        left_s = OWED_S if turn.owed else turn.by_s - now_s - MARGIN_S
        if left_s < ASK_S_MIN:
            return None
        result = chain.generate_sync(messages, deadline_s=left_s, **how)
        failed = [attempt for attempt in result.attempts if attempt.outcome not in ("answered", "lost")]
        if failed:
            _log.info(
                "models failed on the way", chat_id=turn.chat_id, message_id=turn.message_id,
                attempts=[f"{attempt.model}: {attempt.outcome} {attempt.reason}"[:160] for attempt in failed],
                next=f"answered by {result.answered_by}",
            )  # fmt: skip
        return result


def _with_degraded(result: ChainResult | None) -> tuple[Any, ...]:
    helped = tuple(word for word in result.recovered_by if word != "degraded") if result is not None else ()
    return (*helped, "degraded")


def _said_instead(turn: Turn, text: str) -> Turn:
    """The turn with the model's words: in the reply, and in what the session remembers of it."""
    messages = turn.state.messages
    remembered = msgspec.structs.replace(messages[-1], text=text[:1000])
    state = msgspec.structs.replace(turn.state, messages=(*messages[:-1], remembered))
    return replace(turn, text=text, state=state)
