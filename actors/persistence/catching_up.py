"""Reads from the store what the file layer lacks: after a start, a takeover, a disk that was away, a lost file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from actors.partition.store import WEEK_S, fields_of
from actors.persistence.file_layer import WRITE_S
from actors.persistence.following import position_under
from actors.persistence.records import KeptSession, KeptTurn
from actors.persistence.session_files import SessionRow, TurnRow
from actors.store_errors import StoreError
from messages.codec import decode
from messages.errors import CodecError
from supervision.keeping.sealed import Position

if TYPE_CHECKING:
    from actors.node import Node
    from actors.persistence.file_layer import FileLayer

PAGE: Final = 256
ANSWER_S: Final = 15.0
# Between two pages: the turns go first.
PAUSE_S: Final = 0.01
REPLIES_MAX: Final = 1000
# A record's parts, as the scripts write it: state and digest, entry, interim, nonce, repeated at, ids of replies.
_RECORD_PARTS: Final = 6


class CatchUp:
    """One walk through the partitions that this node holds."""

    def __init__(self, node: Node, layer: FileLayer) -> None:
        """layer: where the rows go."""
        self._node = node
        self._layer = layer
        self._effects: dict[str, list[bytes]] = {}

    def run(self) -> int:
        """Write what is newer in the store; how many sessions. Raises StoreError and what the layer raises."""
        written = 0
        held = {number: lease.fence for number, lease in self._node.leases.items()}
        for number in held:
            self._note_effects(number)
        walks: list[int | None] = [None] if not self._node.endpoint.cluster else list(held)
        for walk in walks if held else []:
            for chats in self._pages(walk, held):
                written += self._bring(chats, held)
                self._node.world.sleep(PAUSE_S)
        return written

    def _pages(self, only: int | None, held: Mapping[int, str]) -> Iterable[list[str]]:
        """Chats of the partitions held, as they come by SCAN; one may come twice."""
        keys = self._node.store.keys
        tag = "*" if only is None else keys.partition(only).base.rpartition("{p:")[2].rstrip("}:")
        server = keys.partition(next(iter(held)) if only is None else only).intake
        cursor = b"0"
        while True:
            answer = self._node.store.call(
                server, "SCAN", cursor, "MATCH", f"{keys.prefix}:{{p:{tag}}}:head:*", "COUNT", PAGE
            )
            cursor = answer[0]
            found = [name.decode().partition("}:head:")[2] for name in answer[1]]
            chats = [chat for chat in found if keys.partition_of(chat) in held]
            if chats:
                yield chats
            if cursor == b"0":
                return

    def _bring(self, chats: Sequence[str], held: Mapping[int, str]) -> int:
        """Write those that the store has newer than the file."""
        keys = self._node.store.keys
        places = self._layer.call(self._layer.files.places, chats, timeout_s=WRITE_S)
        heads = self._ask([("HMGET", keys.partition(keys.partition_of(chat)).head(chat), "v", "t") for chat in chats])
        wanted = []
        for chat, head in zip(chats, heads, strict=True):
            version, turn = _numbers(head)
            position, known_turn = places.get(chat, (Position(), -1))
            here = (self._node.generation, version, turn)
            if (position.generation, position.version, known_turn) < here and keys.partition_of(chat) in held:
                wanted.append(chat)
        rows = self._rows(wanted, held)
        if rows[0] or rows[1]:
            self._layer.put(*rows)
        return len(rows[0])

    def _rows(self, chats: Sequence[str], held: Mapping[int, str]) -> tuple[list[SessionRow], list[TurnRow]]:
        keys, world = self._node.store.keys, self._node.world
        week = int(world.wall()) // WEEK_S
        weeks = (week - 1, week, week + 1)
        questions: list[tuple[Any, ...]] = []
        for chat in chats:
            names = keys.partition(keys.partition_of(chat))
            questions.append(("HMGET", names.head(chat), "v", "t", "s"))
            questions += (("HGETALL", names.entries(chat, one)) for one in weeks)
            questions.append(("XREVRANGE", names.replies(chat), "+", "-", "COUNT", REPLIES_MAX))
        answers = iter(self._ask(questions))
        sessions: list[SessionRow] = []
        turns: list[TurnRow] = []
        for chat in chats:
            head, *records, replies = (next(answers) for _ in range(len(weeks) + 2))
            fence = held[keys.partition_of(chat)]
            version, turn = _numbers(head)
            kept = KeptSession(turn, (head[2] or b"") if head else b"")
            sessions.append(SessionRow(chat, position_under(fence, version), world.wall(), kept))
            bodies = {entry_id.decode(): fields_of(flat).get(b"r", b"") for entry_id, flat in replies or ()}
            for one, of_week in zip(weeks, records, strict=True):
                found = turns_in(_pairs(of_week), one, bodies)
                turns += (TurnRow(chat, world.wall(), record) for record in self._with_bodies(chat, found))
            for effect in self._effects.get(chat, ()):
                record = KeptTurn(effect_id_of(effect), "e", "", week, "", effects=(effect,))
                turns.append(TurnRow(chat, world.wall(), record))
        return sessions, turns

    def _with_bodies(self, chat: str, turns: Sequence[KeptTurn]) -> list[KeptTurn]:
        """What is owed is work yet to be done, and needs its message."""
        intake = self._node.store.keys.partition(self._node.store.keys.partition_of(chat)).intake
        owed = [turn for turn in turns if turn.state == "w"]
        entries = self._ask([("XRANGE", intake, turn.entry_id, turn.entry_id) for turn in owed]) if owed else []
        bodies = {
            turn.message_id: fields_of(found[0][1]).get(b"m", b"")
            for turn, found in zip(owed, entries, strict=True) if found
        }  # fmt: skip
        return [replace(turn, message=bodies.get(turn.message_id, b"")) for turn in turns]

    def _note_effects(self, number: int) -> None:
        outbox = self._node.store.keys.partition(number).outbox
        for _, flat in self._node.store.call(outbox, "XRANGE", outbox, "-", "+", timeout_s=ANSWER_S):
            fields = fields_of(flat)
            if b"c" in fields and b"e" in fields:
                self._effects.setdefault(fields[b"c"].decode(), []).append(fields[b"e"])

    def _ask(self, questions: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Commands in one pipeline; a key that cannot be read is None. Raises StoreError when the store is away."""
        return ask_all(self._node, questions)


def ask_all(node: Node, questions: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Answers to commands, each about the key that follows its name; None for one that the store refuses.

    Raises StoreError when the store is away.
    """
    waiters = []
    for question in questions:
        waiter = node.world.waiter()
        node.store.submit(str(question[1]), question, waiter.wake)
        waiters.append(waiter)
    answers = [waiter.wait(ANSWER_S) for waiter in waiters]
    if answers and all(isinstance(answer, StoreError) for answer in answers):
        raise answers[0]
    return [None if isinstance(answer, StoreError) else answer for answer in answers]


def turns_in(records: Mapping[str, str], week: int, bodies: Mapping[str, bytes]) -> list[KeptTurn]:
    """The commit records in a week's hash: of what is owed or settled. Pure."""
    turns = []
    for message_id, text in records.items():
        state = text[:1]
        parts = text[1:].split("|", _RECORD_PARTS - 1)
        if state not in ("w", "s") or len(parts) != _RECORD_PARTS or "\n" in message_id:
            continue
        digest, entry_id, _, nonce, _, reply_ids = parts
        replies = tuple(bodies[one] for one in reply_ids.split(",") if one in bodies)
        kind: Any = state
        turns.append(KeptTurn(message_id, kind, entry_id, week, digest, nonce, replies=replies))
    return turns


def effect_id_of(effect: bytes) -> str:
    """The id under which an effect is known through every repetition; of bytes that are no effect, their own sum."""
    try:
        found = decode(effect)
    except CodecError:
        found = None
    known = getattr(found, "effect_id", None)
    return known if isinstance(known, str) and known else f"x-{hash_of(effect)}"


def hash_of(raw: bytes) -> str:
    """A short name for bytes."""
    return blake2b(raw, digest_size=12).hexdigest()


def _numbers(head: Any) -> tuple[int, int]:
    """Version and turn; none where there is no head, or no numbers in it."""
    found = [value if isinstance(value, bytes) and value.isdigit() else b"0" for value in (head or (b"0", b"0"))[:2]]
    return int(found[0]), int(found[1])


def _pairs(answer: Any) -> dict[str, str]:
    if not answer:
        return {}
    pairs = answer.items() if isinstance(answer, Mapping) else zip(answer[::2], answer[1::2], strict=True)
    return {name.decode(errors="replace"): value.decode(errors="replace") for name, value in pairs}
