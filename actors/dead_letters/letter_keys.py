"""Where the managed dead letters of a partition are kept, and the line that the index has of each. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from supervision.dead_letters.machine import turn_at_s
from supervision.dead_letters.sqlite_rows import phase_of, sort_of, unique_key

if TYPE_CHECKING:
    from actors.partition.keys import PartitionKeys
    from supervision.dead_letter_queue import DeadItem

LEASED: Final = "leased"
_PARTS: Final = 9


@dataclass(frozen=True, slots=True)
class Line:
    """What the index says of a letter; the sealed bytes are the truth, this is made from them."""

    revision: int
    phase: str
    turn: float
    kind: str
    state: str
    service: str
    cause: str
    enqueued_at_s: float
    token: str = ""

    def pack(self) -> str:
        """As it stands in the index."""
        return (
            f"{self.revision}|{self.phase}|{self.turn:.6f}|{self.kind}|{self.state}|{self.service}|{self.cause}"
            f"|{self.enqueued_at_s:.6f}|{self.token}"
        )

    @classmethod
    def of(cls, item: DeadItem) -> Line:
        """The line of a letter that nobody has leased."""
        return cls(
            item.revision, phase_of(item), turn_at_s(item), _plain(item.operation_type), item.state.value,
            _plain(item.service), item.fingerprint, item.enqueued_at_s,
        )  # fmt: skip

    @classmethod
    def unpack(cls, text: str) -> Line:
        """Read one. Raises ValueError for what is none."""
        parts = text.split("|")
        if len(parts) != _PARTS:
            raise ValueError(f"no line of an index: {text[:80]!r}")
        revision, phase, turn, kind, state, service, cause, enqueued_at_s, token = parts
        return cls(int(revision), phase, float(turn), kind, state, service, cause, float(enqueued_at_s), token)


def _plain(word: str) -> str:
    return word.replace("|", "/").replace("\n", " ")


def score_of(item: DeadItem) -> float:
    """Where a letter stands among those of its phase."""
    return sort_of(item)


def chat_of(item: DeadItem) -> str:
    """The chat that a letter belongs to, empty for none."""
    return item.context.get("chat_id", "")


def unique_of(item: DeadItem) -> str:
    """What no two letters of a partition share, empty for nothing."""
    return unique_key(item) or ""


@dataclass(frozen=True, slots=True)
class LetterKeys:
    """The keys beside one partition; see `scripts/letter_write.lua` for what each holds."""

    names: PartitionKeys

    def named(self, what: str) -> str:
        """letters, index, order, chats, keys, tally, groups, samples or aside."""
        return f"{self.names.base}dlq:{what}"

    def standing(self, phase: str, kind: str) -> str:
        """The sorted set in which letters of a phase and a type stand."""
        if phase in (LEASED, "done"):
            return self.named(phase)
        return self.named(f"{phase}:{kind}")

    def for_write(self, before: Line | None, after: Line | None) -> list[str]:
        """KEYS of `letter_write`."""
        some = before or after
        kind = some.kind if some is not None else ""
        stood = self.standing(before.phase, kind) if before is not None else self.standing("later", kind)
        stands = self.standing(after.phase, kind) if after is not None else stood
        return [
            self.names.lease,
            *map(self.named, ("letters", "index", "order", "chats", "keys", "tally", "groups", "samples")),
            self.names.dead, self.named("aside"), stood, self.standing("ready", kind), stands,
        ]  # fmt: skip

    def for_take(self, kinds: tuple[str, ...]) -> list[str]:
        """KEYS of `letter_take`."""
        standing = [self.standing(phase, kind) for kind in kinds for phase in ("later", "ready", "asleep")]
        return [self.names.lease, *map(self.named, ("letters", "index", "leased")), *standing]
