"""The only caller of the partition scripts: typed questions in, typed answers out.

Everything is submitted: the answer comes to a callback on the hub, so that an owner never blocks and many requests
travel in one pipeline. `commit` is the blocking form for sessions, which have nothing else to do meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from actors.partition.commits import Commit, Committed, Fenced, Handed, HandOut, Outcome, TakenIn, Wanted
from actors.partition.hand_record import HandRecord
from actors.partition.keys import Keys
from actors.pipeline import Pipeline, Request, Script, load_scripts
from actors.store_errors import StoreError
from messages.codec import encode
from messages.light import light_record
from messages.records import InboundMessage

if TYPE_CHECKING:
    from supervision.world import World

SCRIPTS: Final = load_scripts("actors.partition")

WEEK_S: Final = 604_800
HAND_OUT_MAX: Final = 16
# Two answers of the wrong week in a row mean a clock at the turn of a week; more mean a fault.
WEEK_TRIES_MAX: Final = 3
CALL_S: Final = 5.0
COMMIT_S: Final = 30.0

# What scripts answer, as it comes from the wire: looking a member up by its value costs ten times as much.
_HAND_OUTS: Final = {status.value.encode(): status for status in HandOut}
_OUTCOMES: Final = {outcome.value.encode(): outcome for outcome in Outcome}
_TAKEN_IN: Final = {how.value.encode(): how for how in TakenIn}
# A week's records live for fourteen days after its first one.
ENTRIES_WEEKS: Final = 4

Done: TypeAlias = Callable[[Any], None]
Follow: TypeAlias = Callable[[Commit, Sequence[Any], Committed], object]


@light_record
class Taken:
    """A door's answer. entry_id is empty unless the message is new or open; replies: how many were published again."""

    how: TakenIn
    entry_id: str = ""
    replies: int = 0
    week: int = 0


class Store:
    """Typed access to one deployment's partitions."""

    def __init__(
        self, world: World, pipeline: Pipeline, keys: Keys, *, shares_blobs: bool, follow: Follow | None = None
    ) -> None:
        """shares_blobs: attachments are kept in the store itself, so commits let go of them there.

        follow: told of every commit, its arguments and what came of it, before its caller is; it must not wait.
        """
        self._world = world
        self._pipeline = pipeline
        self.keys = keys
        self._shares_blobs = shares_blobs
        self._follow: Follow = follow or (lambda _commit, _arguments, _committed: None)
        self._week = int(world.wall()) // WEEK_S

    def submit(self, key: str, command: Sequence[Any], done: Done) -> None:
        """Send a plain command to the server of `key`; `done` gets the answer or a StoreError. It raises none."""
        try:
            self._pipeline.submit_call(*command, key=key, on_done=_answer_to(done))
        except StoreError as error:
            self._world.call_soon(done, error)

    def submit_script(self, script: Script, keys: Sequence[str], arguments: Sequence[Any], done: Done) -> None:
        """Send a script; `done` gets the answer or a StoreError. Never raises StoreError."""
        try:
            self._pipeline.submit(script, keys, arguments, _answer_to(done))
        except StoreError as error:
            self._world.call_soon(done, error)

    def call(self, key: str, *command: Any, timeout_s: float = CALL_S) -> Any:
        """Send a plain command and wait for its answer. Raises StoreError."""
        return self._pipeline.call(*command, key=key, timeout_s=timeout_s)

    def call_script(
        self, script: Script, keys: Sequence[str], arguments: Sequence[Any], timeout_s: float = CALL_S
    ) -> Any:
        """Send a script and wait for its answer. Raises StoreError."""
        return self._pipeline.execute(script, keys, arguments, timeout_s)

    def submit_take_in(
        self, message: InboundMessage, message_id: str, digest: str, done: Done, tries_left: int = WEEK_TRIES_MAX
    ) -> None:
        """Take a message in at a door; `done` gets a Taken or a StoreError. Safe to repeat: the id makes it one."""
        keys = self.keys.partition(self.keys.partition_of(message.chat_id))
        week, chat = self._week, message.chat_id

        def answered(answer: Any) -> None:
            if isinstance(answer, StoreError):
                done(answer)
            elif answer[0] == b"week" and tries_left > 0:
                self._week = int(answer[1])
                self.submit_take_in(message, message_id, digest, done, tries_left - 1)
            else:
                done(_taken(answer))

        self.submit_script(
            SCRIPTS["take_in"],
            (keys.intake, keys.entries(chat, week), keys.entries(chat, week - 1), keys.replies(chat), keys.blobs),
            (
                week, message_id, digest, encode(message), self.keys.reply_channel(chat), chat,
                *(attachment.digest for attachment in message.attachments if attachment.digest),
            ),
            answered,
        )  # fmt: skip

    def submit_hand_out(
        self, partition: int, fence: str, wanted: Sequence[Wanted], done: Done, tries_left: int = WEEK_TRIES_MAX
    ) -> None:
        """Hand out up to HAND_OUT_MAX messages; `done` gets a list of Handed, Outcome.STALE or a StoreError."""
        keys, week = self.keys.partition(partition), self._week
        names: list[str] = [keys.lease, keys.intake, keys.hand, keys.blobs, keys.owed]
        arguments: list[Any] = [fence, week]
        for item in wanted:
            item_week = week if item.straight else item.week
            names += (
                keys.head(item.chat_id), keys.entries(item.chat_id, item_week),
                keys.entries(item.chat_id, item_week - 1), keys.replies(item.chat_id),
            )  # fmt: skip
            arguments += (
                "hand" if item.hand else "register", "1" if item.straight else "0", item.chat_id, item.entry_id,
                item.message_id, item.digest, "" if item.known_version is None else item.known_version, item.hand,
                self.keys.reply_channel(item.chat_id), ",".join(item.blobs), item.shown,
            )  # fmt: skip

        def answered(answer: Any) -> None:
            if isinstance(answer, StoreError):
                done(answer)
            elif answer[0] == b"week" and tries_left > 0:
                self._week = int(answer[1])
                self.submit_hand_out(partition, fence, wanted, done, tries_left - 1)
            elif answer[0] != b"ok":
                done(Outcome.STALE)
            else:
                done([_handed(item, want, want.week or week) for item, want in zip(answer[1:], wanted, strict=True)])

        self.submit_script(SCRIPTS["hand_out"], names, arguments, answered)

    def submit_commit(self, commit: Commit, done: Done) -> None:
        """Commit; `done` gets a Committed or a StoreError. Safe to repeat with the same nonce."""
        names, arguments = self._commit_call(commit)

        def answered(answer: Any) -> None:
            if isinstance(answer, StoreError):
                done(answer)
                return
            committed = _committed(answer)
            self._follow(commit, arguments, committed)
            done(committed)

        self.submit_script(SCRIPTS["commit"], names, arguments, answered)

    def _commit_call(self, commit: Commit) -> tuple[list[str], list[str | bytes | int]]:
        """KEYS and ARGV of the commit script."""
        entry = commit.entry
        keys, chat = self.keys.partition(entry.partition), entry.chat_id
        names = [
            keys.lease, keys.intake, keys.hand, keys.owed, keys.entries(chat, entry.week), keys.head(chat),
            keys.replies(chat) if chat else keys.rejected, keys.journal(chat),
        ]  # fmt: skip
        if commit.effects or commit.dead_letters or entry.blobs:
            names += (keys.outbox, keys.dead, keys.blobs)
            if self._shares_blobs:
                names += (keys.blob(digest) for digest in entry.blobs)
        channel = self.keys.reply_channel(chat) if chat else self.keys.rejected_channel
        return names, commit.arguments(channel)

    def commit(self, commit: Commit) -> Committed:
        """Commit and wait for the answer. Safe to repeat with the same nonce. Raises StoreError."""
        names, arguments = self._commit_call(commit)
        # The pipe always answers; this deadline is for a pipe that was replaced meanwhile.
        committed = _committed(self._pipeline.execute(SCRIPTS["commit"], names, arguments, COMMIT_S))
        self._follow(commit, arguments, committed)
        return committed

    def read_hand(self, partition: int) -> dict[str, HandRecord]:
        """What the partition has in hand, by chat. Raises StoreError."""
        pairs = self.call(self.keys.partition(partition).hand, "HGETALL", self.keys.partition(partition).hand)
        return {chat.decode(): HandRecord.unpack(text.decode(errors="replace")) for chat, text in _pairs(pairs)}

    def read_owed(self, partition: int) -> set[str]:
        """Ids of the entries whose static reply was given and whose work is still owed. Raises StoreError."""
        owed = self.keys.partition(partition).owed
        return {entry_id.decode() for entry_id in self.call(owed, "HKEYS", owed)}

    def write_hand(self, partition: int, fence: str, records: Mapping[str, HandRecord]) -> bool:
        """Write records of what is in hand under the fence; False when it is not ours any more. Raises StoreError."""
        if not records:
            return True
        keys = self.keys.partition(partition)
        arguments: list[str] = [fence]
        for chat, record in records.items():
            arguments += (chat, record.pack())
        answer = self.call_script(SCRIPTS["hand_write"], (keys.lease, keys.hand), arguments)
        return bool(answer == b"done")

    def submit_forget(self, partition: int, fence: str, chat: str, done: Done) -> None:
        """Forget a chat; `done` gets its last version, None while one of its messages is in hand, or a StoreError.

        A stale fence counts as in hand: its present owner knows.
        """
        keys, week = self.keys.partition(partition), self._week
        names = (
            keys.lease, keys.forgotten, keys.head(chat), keys.replies(chat), keys.journal(chat), keys.hand,
            keys.outbox, keys.dead, keys.reminders, keys.reminder_records,
            *(keys.entries(chat, week - ago) for ago in range(-1, ENTRIES_WEEKS)),
        )  # fmt: skip

        def answered(answer: Any) -> None:
            if isinstance(answer, StoreError):
                done(answer)
            else:
                done(int(answer[1]) if answer[0] == b"done" else None)

        self.submit_script(SCRIPTS["forget"], names, (fence, chat), answered)

    def submit_fetch(self, partition: int, entry_id: str, done: Done) -> None:
        """Fetch one entry's fields again; `done` gets them (None when it is gone) or a StoreError."""
        intake = self.keys.partition(partition).intake

        def answered(answer: Any) -> None:
            if isinstance(answer, StoreError):
                done(answer)
            else:
                done(fields_of(answer[0][1]) if answer else None)

        self.submit(intake, ("XRANGE", intake, entry_id, entry_id), answered)

    def is_referred_to(self, partition: int, digest: str) -> bool:
        """Whether an open message refers to an attachment. Raises StoreError."""
        blobs = self.keys.partition(partition).blobs
        found = self.call(blobs, "ZRANGEBYLEX", blobs, f"[{digest}\n", f"({digest}\x0b", "LIMIT", 0, 1)
        return bool(found)

    def write_journal(self, entry: Fenced, step: str, outcome: bytes) -> bool:
        """Keep a costly step's outcome until the turn is committed; False under a stale fence. Raises StoreError."""
        keys = self.keys.partition(entry.partition)
        journal = keys.journal(entry.chat_id)
        answer = self.call_script(SCRIPTS["journal_write"], (keys.lease, journal), (entry.fence, step, outcome))
        return bool(answer == b"done")

    def read_journal(self, entry: Fenced, step: str) -> bytes | None:
        """The outcome of a step that an earlier attempt of the turn has paid for. Raises StoreError."""
        journal = self.keys.partition(entry.partition).journal(entry.chat_id)
        outcome: bytes | None = self.call(journal, "HGET", journal, step)
        return outcome


def _answer_to(done: Done) -> Callable[[Request], object]:
    def on_done(request: Request) -> None:
        done(request.reply if request.error is None else request.error)

    return on_done


def fields_of(flat: Sequence[bytes]) -> dict[bytes, bytes]:
    """A stream entry's fields, which come as one flat list."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _pairs(answer: Any) -> list[tuple[bytes, bytes]]:
    """HGETALL's answer: a flat list under RESP2, a map under RESP3."""
    if isinstance(answer, Mapping):
        return list(answer.items())
    return list(zip(answer[::2], answer[1::2], strict=True))


def _taken(answer: Sequence[Any]) -> Taken:
    how = _TAKEN_IN[answer[0]]
    if how in (TakenIn.NEW, TakenIn.OPEN):
        return Taken(how, entry_id=answer[1].decode())
    return Taken(how, replies=int(answer[1])) if how is TakenIn.AGAIN else Taken(how, week=int(answer[1]))


def _handed(item: Sequence[Any], want: Wanted, week: int) -> Handed:
    status = _HAND_OUTS[item[0]]
    if status is HandOut.BROKEN:
        return Handed(status, why=item[1].decode(errors="replace"))
    if status is not HandOut.GO:
        return Handed(status, week=week)
    return Handed(
        status,
        owed=item[1] == b"w",
        week=int(item[2]),
        version=int(item[3]),
        interim_sent=item[4] == b"1",
        snapshot=None if want.known_version == int(item[3]) else item[5],
        turn=int(item[6]),
    )


def _committed(answer: Sequence[Any]) -> Committed:
    outcome = _OUTCOMES[answer[0]]
    if outcome is not Outcome.DONE:
        return Committed(outcome)
    return Committed(outcome, int(answer[1]), tuple(digest.decode() for digest in answer[2:]))
