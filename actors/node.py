"""What the actors of one node share: who it is, its settings, and where to find each other.

The directory is by name, as registered names are in OTP: whoever restarts registers anew, and nobody keeps a reference
longer than a message. It holds no state that would have to survive the process.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from actors.partition.solo import Solo
from actors.persistence.file_layer import FileLayer
from actors.store_errors import StoreAway
from messages.protocol import iso_timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.blobs import BlobStore
    from actors.dead_letters.desk import Letters
    from actors.effects.lines import Lines
    from actors.effects.target import Target
    from actors.ledger.ledger import Ledger
    from actors.node_directory import NodePaths
    from actors.partition.store import Store
    from actors.redis_connection import Endpoint
    from actors.settings import Settings
    from actors.spreadsheet.writer import Spreadsheet
    from messages.records import InboundMessage
    from supervision.actor import GeventActorRef
    from supervision.circuit_breaker import CircuitBreaker
    from supervision.fallback_chain import AIFallbackChain
    from supervision.world import World


@dataclass(slots=True)
class LivingSession:
    """A session that can be told: its actor, the version its memory stands at, and what it has in hand.

    Invariant: entry_id and fence are empty when it is idle.
    """

    ref: GeventActorRef[Any]
    version: int | None = None
    entry_id: str = ""
    fence: str = ""


@dataclass(slots=True)
class Held:
    """A lease that this node holds. suspects: taken from the dead, and what was in hand is not yet marked."""

    fence: str
    suspects: bool = False


@dataclass(frozen=True, slots=True)
class StoreAccess:
    """Everything that is there once the store was reached for the first time."""

    endpoint: Endpoint
    store: Store
    blobs: BlobStore
    generation: int


@dataclass(slots=True)
class Node:
    """One daemon."""

    settings: Settings
    paths: NodePaths
    node_id: str
    incarnation: str
    world: World
    access: StoreAccess | None = None
    # Whether the store is known to be what it was: until then nothing is handed out, and doors that can wait do.
    is_open: bool = False
    # Messages of owners that have just stopped, with id and digest: taken in again when the store has lost them.
    left_open: list[tuple[InboundMessage, str, str]] = field(default_factory=list)
    # Leases live apart from who uses them: whoever restarts finds them here.
    leases: dict[int, Held] = field(default_factory=dict)
    sessions: dict[str, LivingSession] = field(default_factory=dict)
    names: dict[str, GeventActorRef[Any]] = field(default_factory=dict)
    solo: Solo = field(default_factory=Solo)
    memory_share: float = 0.0
    # The breakers before servers that files were asked of, by server.
    downloads: Mapping[str, CircuitBreaker] = field(default_factory=dict)
    # Before CloudConvert; made with the tree.
    converter_breaker: CircuitBreaker | None = None
    # None where no models are configured: then the rules answer everything.
    chain: AIFallbackChain | None = None
    # Where effects go, by name, and the breakers before them, by service; made once, before the services start.
    targets: dict[str, Target] = field(default_factory=dict)
    effect_breakers: dict[str, CircuitBreaker] = field(default_factory=dict)
    # What waits for each target here, for those who look.
    effect_lines: dict[str, Lines] = field(default_factory=dict)
    # What is booked; made on first use, and kept through restarts of its writer.
    ledger: Ledger | None = None
    sheet: Spreadsheet | None = None
    # The desk of its dead letters; made anew with each life of their actor.
    letters: Letters | None = None
    _files: FileLayer | None = None
    _at_from_s: float = 0.0
    _at: str = ""
    _attempts: int = 0
    # It knows its partitions, and hears the inbox channel: from here on nothing that is published passes it by.
    knows_leases: bool = False
    is_listening: bool = False
    draining: bool = False
    # The embedded server's file was repaired, so acknowledged writes may be missing: the generation is to be raised.
    store_repaired: bool = False

    def whereis(self, name: str) -> GeventActorRef[Any] | None:
        """The living actor registered under that name."""
        ref = self.names.get(name)
        return ref if ref is not None and ref.is_alive() else None

    def attempt(self) -> str:
        """A nonce for one attempt to commit, like no other of any node; it need not be hard to guess."""
        self._attempts += 1
        return f"{self.incarnation[-8:]}{self._attempts:x}"

    def at(self) -> str:
        """The time now, as replies carry it; written once a millisecond, since every message asks for it twice."""
        wall_s = self.world.wall()
        if not self._at_from_s <= wall_s < self._at_from_s + 0.001:
            self._at_from_s = int(wall_s * 1000) / 1000
            self._at = iso_timestamp(wall_s)
        return self._at

    @property
    def files(self) -> FileLayer:
        """What is kept of committed turns on this node's disk."""
        if self._files is None:
            self._files = FileLayer(self.world, self.paths.root / "files")
        return self._files

    @property
    def in_hand(self) -> int:
        """How many sessions are at work."""
        return sum(1 for session in self.sessions.values() if session.entry_id)

    @property
    def store(self) -> Store:
        """The store. Raises StoreAway before it was reached for the first time."""
        return self._reached().store

    @property
    def endpoint(self) -> Endpoint:
        """Where the store is. Raises StoreAway as `store` does."""
        return self._reached().endpoint

    @property
    def blobs(self) -> BlobStore:
        """Where attachments are. Raises StoreAway as `store` does."""
        return self._reached().blobs

    @property
    def generation(self) -> int:
        """How often the deployment's store was lost. Raises StoreAway as `store` does."""
        return self._reached().generation

    def _reached(self) -> StoreAccess:
        if self.access is None:
            raise StoreAway("the store has not been reached yet", sent=False)
        return self.access
