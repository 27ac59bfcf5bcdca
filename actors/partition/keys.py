"""Names of everything that is kept in the store.

All keys of a partition carry its hash tag, so that one script may touch them and a cluster may place them anywhere.
"""

from dataclasses import dataclass
from functools import cached_property

from messages.protocol import partition_of, partition_tag


@dataclass(frozen=True)
class PartitionKeys:
    """The keys of one partition; `base` ends with the hash tag and a colon."""

    base: str

    @cached_property
    def intake(self) -> str:
        """Stream of the messages not yet settled: what is in it is exactly what is left to do."""
        return f"{self.base}intake"

    @cached_property
    def lease(self) -> str:
        """Hash: the owner's fence, its beat, its node and incarnation, and whether it was released cleanly."""
        return f"{self.base}lease"

    @cached_property
    def hand(self) -> str:
        """Hash chat -> entry id, attempts, suspicion: what is being worked on."""
        return f"{self.base}hand"

    @cached_property
    def owed(self) -> str:
        """Hash entry id -> chat, message id: what has its static reply and still waits for its work."""
        return f"{self.base}owed"

    @cached_property
    def outbox(self) -> str:
        """Stream of effects to do."""
        return f"{self.base}outbox"

    @cached_property
    def attempts(self) -> str:
        """Hash outbox entry id -> what is known of the attempts at that effect (`effect_begin.lua`)."""
        return f"{self.base}attempts"

    @cached_property
    def reminders(self) -> str:
        """Sorted set of `chat, key` by when they are due, in unix milliseconds."""
        return f"{self.base}reminders"

    @cached_property
    def reminder_records(self) -> str:
        """Hash `chat, key` -> the reminder, or what is left of one that was said or taken back."""
        return f"{self.base}reminders:records"

    @cached_property
    def dead(self) -> str:
        """Stream of dead letters."""
        return f"{self.base}dead"

    @cached_property
    def blobs(self) -> str:
        """Sorted set of `digest, chat, message id`: who refers to which attachment."""
        return f"{self.base}blobs"

    @cached_property
    def forgotten(self) -> str:
        """Hash chat -> version at which it was forgotten."""
        return f"{self.base}forgotten"

    @cached_property
    def rejected(self) -> str:
        """Reply stream of messages that name no usable chat."""
        return f"{self.base}rejected"

    @cached_property
    def rebuilt(self) -> str:
        """Hash effect id -> rebuild: effects that a rebuild has put into the outbox, or found there."""
        return f"{self.base}rebuilt"

    def entries(self, chat: str, week: int) -> str:
        """Hash message id -> state of the messages that the chat sent in that week of the server's clock."""
        return f"{self.base}entries:{chat}:{week}"

    def head(self, chat: str) -> str:
        """Hash v version, t turn, s snapshot of the session; version and turn never go back."""
        return f"{self.base}head:{chat}"

    def replies(self, chat: str) -> str:
        """Stream of the chat's replies, bounded in length and age."""
        return f"{self.base}replies:{chat}"

    def journal(self, chat: str) -> str:
        """Hash step -> outcome of the costly steps that the open turn has paid for."""
        return f"{self.base}journal:{chat}"

    def blob(self, digest: str) -> str:
        """An attachment, when no files are shared by those who need it."""
        return f"{self.base}blob:{digest}"


class Keys:
    """All key and channel names of one deployment."""

    def __init__(self, prefix: str, partitions: int) -> None:
        """Names under `prefix`, with the stored number of partitions."""
        self.prefix = prefix
        self.partitions = partitions
        self._partitions = [PartitionKeys(f"{prefix}:{{p:{partition_tag(number)}}}:") for number in range(partitions)]

    def partition(self, number: int) -> PartitionKeys:
        """Keys of one partition."""
        return self._partitions[number]

    def partition_of(self, chat: str) -> int:
        """The partition that a chat hashes to."""
        return partition_of(chat, self.partitions)

    def reply_channel(self, chat: str) -> str:
        """Channel on which the replies of a chat are published."""
        return f"{self.prefix}:replies:{chat}"

    @property
    def inbox(self) -> str:
        """Channel on which messages are published to the agent."""
        return inbox_channel(self.prefix)

    @property
    def rejected_channel(self) -> str:
        """Channel for rejections that name no usable chat."""
        return f"{self.prefix}:rejected"

    @property
    def front(self) -> str:
        """Stream on which anyone may leave a message without knowing about partitions."""
        return f"{self.prefix}:intake"

    @property
    def nodes(self) -> str:
        """Hash node id -> beat of the nodes that share this deployment."""
        return f"{self.prefix}:nodes"


def inbox_channel(prefix: str) -> str:
    """Channel on which messages are published to the agent."""
    return f"{prefix}:inbox"


def generation_key(prefix: str) -> str:
    """Counts how often the deployment's store was lost."""
    return f"{prefix}:generation"


def rebuild_key(prefix: str) -> str:
    """Hash: the rebuild of a store that was lost, and whose files it waits for."""
    return f"{prefix}:rebuild"


def partitions_key(prefix: str) -> str:
    """The number of partitions, fixed at the first start of a deployment."""
    return f"{prefix}:partitions"
