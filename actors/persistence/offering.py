"""Offers what a node's file has to a store that is being rebuilt, chat by chat, in pipelines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from actors.partition.store import SCRIPTS, WEEK_S
from actors.persistence.catching_up import ANSWER_S, effect_id_of
from actors.persistence.file_layer import WRITE_S
from actors.persistence.records import KeptTurn
from actors.store_errors import StoreError, StoreRefusal

if TYPE_CHECKING:
    from actors.node import Node
    from actors.persistence.session_files import Found

PAGE: Final = 128
# Records of older weeks have expired in the store, and were never looked at again.
WEEKS_KEPT: Final = 2
# The newest records of a chat that travel; its older ones are known by nobody but repetitions of old messages.
TURNS_MAX: Final = 200


class Offering:
    """One node's offer in one rebuild."""

    def __init__(self, node: Node, generation: int, before: int) -> None:
        """generation: of the rebuild; before: what the store was of."""
        self._node = node
        self._generation = generation
        self._before = before
        self.chats = 0
        self.newer = 0
        self.refused = 0

    def run(self) -> bool:
        """Offer everything; False when the rebuild is another's meanwhile. Raises StoreError and what the file raises.

        A chat whose keys are broken is left out and counted.
        """
        layer = self._node.files
        after = ""
        while chats := layer.call(layer.files.keys, after, PAGE, timeout_s=WRITE_S):
            found = layer.call(layer.files.find_all, chats, timeout_s=WRITE_S)
            effects = [effect_id_of(effect) for one in found for turn in one.turns for effect in turn.effects]
            ended = layer.call(layer.files.ended_of, effects, timeout_s=WRITE_S) if effects else set()
            if not self._offer(found, ended):
                return False
            after = chats[-1]
        return True

    def _offer(self, found: Sequence[Found], ended: set[str]) -> bool:
        waiters = []
        for one in found:
            waiter = self._node.world.waiter()
            keys, arguments = self._call(one, ended)
            self._node.store.submit_script(SCRIPTS["rebuild_offer"], keys, arguments, waiter.wake)
            waiters.append(waiter)
        for waiter in waiters:
            answer = waiter.wait(ANSWER_S)
            if isinstance(answer, StoreRefusal):
                self.refused += 1
            elif isinstance(answer, StoreError):
                raise answer
            elif answer == b"stale":
                return False
            else:
                self.chats += 1
                self.newer += answer == b"newer"
        return True

    def _call(self, found: Found, ended: set[str]) -> tuple[list[str], list[Any]]:
        keys = self._node.store.keys
        names, chat = keys.partition(keys.partition_of(found.chat_id)), found.chat_id
        this_week = int(self._node.world.wall()) // WEEK_S
        turns = [turn for turn in merged(found.turns)[-TURNS_MAX:] if this_week - turn.week < WEEKS_KEPT]
        weeks = sorted({turn.week for turn in turns}) or [this_week]
        effects = {effect_id_of(effect): effect for turn in found.turns for effect in turn.effects}
        left = {effect_id: effect for effect_id, effect in effects.items() if effect_id not in ended}
        turn_number = max((found.session.turn if found.session else 0, *(turn.turn for turn in found.turns)))
        # Of a chat whose own row is lost the records still count.
        version = found.position.version if found.session is not None or found.is_gone else -1
        arguments: list[Any] = [
            chat, self._generation, self._before, found.position.generation, found.position.epoch, version,
            turn_number, found.session.snapshot if found.session else b"", int(found.is_gone), len(turns), len(left),
        ]  # fmt: skip
        for turn in turns:
            arguments += (
                weeks.index(turn.week) + 1, turn.message_id, turn.state, turn.digest, turn.entry_id, turn.nonce,
                turn.week, turn.message, len(turn.replies), *turn.replies,
            )  # fmt: skip
        for effect_id, effect in left.items():
            arguments += (effect_id, effect)
        return [
            names.lease, names.head(chat), names.replies(chat), names.forgotten, names.intake, names.owed,
            names.outbox, names.rebuilt, *(names.entries(chat, week) for week in weeks),
        ], arguments  # fmt: skip


def merged(turns: Sequence[KeptTurn]) -> list[KeptTurn]:
    """One record a message, in the order of their first ones: settled wins, with what was said while it was owed. Pure.

    What is about effects alone is no record of a message.
    """
    of: dict[str, KeptTurn] = {}
    for turn in turns:
        if turn.state == "e":
            continue
        known = of.get(turn.message_id)
        if known is None:
            of[turn.message_id] = turn
            continue
        first, last = (known, turn) if known.state == "w" else (turn, known)
        replies = tuple(dict.fromkeys((*first.replies, *last.replies)))
        of[turn.message_id] = KeptTurn(
            last.message_id, last.state, last.entry_id, last.week, last.digest, last.nonce,
            max(first.turn, last.turn), replies, (), last.message or first.message, last.blobs,
        )  # fmt: skip
    return list(of.values())
