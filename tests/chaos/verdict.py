"""Whether every promise was kept: the store's own streams and keys against the client's books."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import msgspec
from daemon_under_test import store_client
from kept_letters import dead_letters_in
from ledger import Heard
from load import all_replies, entries_keys

from actors.partition.hand_record import ALONE_FROM_SUSPICION
from actors.partition.table import LATE_BUDGET_S

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import redis
    from faults import Kill
    from ledger import Key, Ledger
    from messages_to_send import Message

    from actors.partition.keys import Keys

# Twice suspect, and then three times while it ran alone.
GUILTY_FROM_DEATHS = ALONE_FROM_SUSPICION + 3
STORIES_MAX = 5
LOG_LINES_MAX = 30


class Verdict:
    """Collects violations, each with the message that it is about."""

    def __init__(self, data_dir: Path, keys: Keys, chats: list[str], ledger: Ledger, kills: Sequence[Kill]) -> None:
        """Reads everything once; `check` judges it. kills: all that were done meanwhile."""
        self._kills_s = [kill.at_s for kill in kills]
        self._deaths_s = [kill.at_s for kill in kills if kill.what == "node"]
        self.poisoned: set[Key] = set()
        self._client: redis.Redis = store_client(data_dir)
        self._log = data_dir / "node.log"
        self._keys = keys
        self._chats = chats
        self._ledger = ledger
        self.violations: list[tuple[str, Key | None]] = []
        self._replies: dict[Key, list[Heard]] = defaultdict(list)
        self._distinct: dict[str, dict[str, Heard]] = {}
        for chat_id, entries in all_replies(self._client, keys, chats).items():
            heard = [Heard(entry_id.decode(), msgspec.json.decode(fields[b"r"])) for entry_id, fields in entries]
            first: dict[str, Heard] = {}
            for reply in heard:
                known = first.setdefault(reply.reply["reply_id"], reply)
                if known.reply != reply.reply:
                    self._violated("a reply id stands for two replies", reply.key)
            self._distinct[chat_id] = first
            for reply in first.values():
                self._replies[reply.key].append(reply)

    @property
    def replies(self) -> list[dict[str, Any]]:
        """Every reply there is, each once."""
        return [heard.reply for chat in self._distinct.values() for heard in chat.values()]

    def check(self, hard_deadline_s: float, grace_s: float) -> list[tuple[str, Key | None]]:
        """Judge everything. grace_s: how much later than its hard deadline a final may come, beside what kills cost."""
        self._check_dead_letters()
        for key, message in self._ledger.messages.items():
            self._check_message(key, message, hard_deadline_s + grace_s)
        for chat_id in self._chats:
            self._check_chat(chat_id)
        for (chat_id, door), lane in self._ledger.lanes.items():
            self._check_order(chat_id, door, lane)
        self._check_nothing_vanished()
        self._check_nothing_is_left()
        return self.violations

    def _violated(self, what: str, key: Key | None = None) -> None:
        self.violations.append((what, key))

    def _finals(self, key: Key) -> list[Heard]:
        return [heard for heard in self._replies[key] if heard.reply["kind"] == "final"]

    def _check_message(self, key: Key, message: Message, late_s: float) -> None:
        replies = self._replies[key]
        kinds = [heard.reply["kind"] for heard in replies]
        finals = self._finals(key)
        if len(finals) != 1:
            self._violated(f"{len(finals)} final replies ({', '.join(kinds) or 'no reply at all'})", key)
            return
        final = finals[0]
        owed = final.reply["answered_by"] == "static" and "dead_letter" not in final.reply["recovered_by"]
        if kinds.count("rejected"):
            self._violated("rejected", key)
        if kinds.count("interim") > 1 or ("interim" in kinds and kinds.index("interim") > kinds.index("final")):
            self._violated(f"the interim reply: {kinds}", key)
        if kinds.count("follow_up") != owed:
            self._violated(f"{kinds.count('follow_up')} follow-ups for a final by {final.reply['answered_by']}", key)
        # Each owner that first sees a message after its deadline gives it a fresh, short budget.
        late_s += LATE_BUDGET_S * sum(1 for at_s in self._kills_s if message.first_try_s < at_s < final.at_s)
        if latency_s(message, final) > late_s:
            self._violated(f"its final came after {latency_s(message, final):.1f} s", key)
        self._check_invoice(key, message, replies[-1])

    def _check_invoice(self, key: Key, message: Message, last: Heard) -> None:
        """The last word about a document names its invoice's number, as its own XML has it."""
        if not message.numbers or last.reply["answered_by"] == "static":
            return
        data: dict[str, Any] = last.reply["data"]
        found = {invoice["number"] for invoice in (data.get("invoices") or [data.get("invoice") or {"number": None}])}
        if found != set(message.numbers):
            self._violated(f"reads {found} where {message.numbers} stands: {last.reply['text']!r}", key)

    def _check_chat(self, chat_id: str) -> None:
        """Turns are 1, 2, 3, ...; the session stands at the last one, and each message has moved it once."""
        finals = [heard for heard in self._distinct[chat_id].values() if heard.reply["kind"] == "final"]
        turns = [heard.reply["turn"] for heard in finals]
        if turns != list(range(1, len(turns) + 1)):
            self._violated(f"{chat_id}: the turns of its finals are {_gaps(turns)}")
        for heard in finals:
            if heard.key not in self._ledger.messages:
                self._violated("a final for a message that nobody sent", heard.key)
        version, turn = self._head(chat_id)
        messages = sum(1 for chat, _ in self._ledger.messages if chat == chat_id)
        poisoned = sum(1 for chat, _ in self.poisoned if chat == chat_id)
        if turn != messages or version != messages - poisoned:
            self._violated(f"{chat_id}: {messages} messages, but its session is at turn {turn}, version {version}")

    def _head(self, chat_id: str) -> tuple[int, int]:
        head = self._keys.partition(self._keys.partition_of(chat_id)).head(chat_id)
        version, turn = self._client.hmget(head, "v", "t")
        return int(version or 0), int(turn or 0)

    def _check_order(self, chat_id: str, door: str, lane: list[Message]) -> None:
        """By each door, who came first has the lower turn."""
        turn, before = 0, ""
        for message in lane:
            finals = self._finals(message.key)
            if len(finals) != 1:
                continue
            if finals[0].reply["turn"] <= turn:
                self._violated(
                    f"by the {door}, turn {finals[0].reply['turn']} after turn {turn} ({before})", message.key
                )
            turn, before = finals[0].reply["turn"], message.message_id

    def _check_dead_letters(self) -> None:
        """A message is set aside only when it was in hand at as many deaths of its node as make it guilty."""
        for number in range(self._keys.partitions):
            for letter in dead_letters_in(self._client, number, self._keys.partition(number)):
                key = (letter.chat_id, letter.message_id)
                message = self._ledger.messages.get(key)
                since_s = message.first_try_s if message is not None else 0.0
                deaths = sum(1 for at_s in self._deaths_s if at_s > since_s)
                if letter.reason == "poison" and message is not None and deaths >= GUILTY_FROM_DEATHS:
                    self.poisoned.add(key)
                else:
                    self._violated(f"a dead letter after {deaths} deaths of its node: {letter.reason}", key)

    def _check_nothing_vanished(self) -> None:
        """What was once seen is still there: a reply that was shown is never taken back."""
        for seen in (self._ledger.finals, self._ledger.follow_ups):
            for key, heard in seen.items():
                if heard.reply["reply_id"] not in self._distinct[key[0]]:
                    self._violated(f"reply {heard.reply['reply_id']} was seen and has vanished", key)

    def _check_nothing_is_left(self) -> None:
        for number in range(self._keys.partitions):
            keys = self._keys.partition(number)
            left = {
                "entries in the intake": self._client.xlen(keys.intake),
                "messages in hand": self._client.hlen(keys.hand),
                "owed messages": self._client.hlen(keys.owed),
                "references to blobs": self._client.zcard(keys.blobs),
            }
            for what, count in left.items():
                if count:
                    self._violated(f"partition {number}: {count} {what} left")
        if count := self._client.xlen(self._keys.front):
            self._violated(f"{count} entries left in the front stream")

    def stories(self) -> list[str]:
        """What is known of the first few violations: the message, its replies, its keys, and the log about it."""
        keys = list(dict.fromkeys(key for _, key in self.violations if key is not None))
        return [self._story(key) for key in keys[:STORIES_MAX]]

    def _story(self, key: Key) -> str:
        chat_id, message_id = key
        message = self._ledger.messages.get(key)
        partition = self._keys.partition(self._keys.partition_of(chat_id))
        lines = [f"--- {chat_id} {message_id}"]
        if message is not None:
            lines.append(
                f"{message.kind} by the {message.door}, {message.tries} tries, first {message.first_try_s:.3f}, "
                f"accepted {message.accepted_s or 0:.3f}"
            )
        lines += [f"reply {heard.stream_id} {heard.reply}"[:600] for heard in self._replies[key]]
        lines += [f"{name} = {self._client.hget(name, message_id)!r}" for name in entries_keys(self._keys, chat_id)]
        lines.append(
            f"head (version, turn) = {self._head(chat_id)}, hand = {self._client.hget(partition.hand, chat_id)!r}"
        )
        lines += [f"in the intake: {entry}" for entry in self._entries_of(partition.intake, message_id)]
        lines += self._logged(message_id, chat_id)
        return "\n".join(lines)

    def _entries_of(self, intake: str, message_id: str) -> list[str]:
        needle = message_id.encode()
        return [
            f"{entry_id!r} {fields.keys()}"
            for entry_id, fields in self._client.xrange(intake)
            if any(needle in value for value in fields.values())
        ]

    def _logged(self, message_id: str, chat_id: str) -> list[str]:
        lines = self._log.read_text(errors="replace").splitlines()
        about = [line for line in lines if message_id in line or f'"{chat_id}"' in line or f"/{chat_id}" in line]
        return [line[:700] for line in about[-LOG_LINES_MAX:]]


def latency_s(message: Message, final: Heard) -> float:
    """From the try that was acknowledged to the commit of the final reply; a try that was there all along counts."""
    waited_s = final.at_s - (message.accepted_s or message.last_try_s)
    return waited_s if waited_s >= 0 else max(0.0, final.at_s - message.first_try_s)


def _gaps(turns: list[int]) -> str:
    wrong = [f"{turn} at place {place}" for place, turn in enumerate(turns, 1) if turn != place]
    return f"{len(turns)} in all; " + ", ".join(wrong[:10])
