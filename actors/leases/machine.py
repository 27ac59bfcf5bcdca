"""Who holds which partition: decided from what is seen in the store and this node's own monotonic clock.

A lease has no expiry by the server's clock. Its holder beats; a contender takes over when the beat has stood still for
`PATIENCE_S` of the contender's own clock, so that neither a jump of the server's clock nor a pause of one node can give
a partition to two owners: the fence decides at every write.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PATIENCE_S = 5.0
# A node whose beat stood still this long is taken out of the list of nodes.
FORGET_NODE_S = 60.0


@dataclass(frozen=True, slots=True)
class LeaseView:
    """A lease as it stands in the store; fence is empty when nobody holds it."""

    fence: str = ""
    beat: str = ""
    node: str = ""
    incarnation: str = ""
    released: bool = False

    @property
    def is_free(self) -> bool:
        """Nobody ever held it, or it was let go of in good order."""
        return not self.fence or self.released


@dataclass(frozen=True, slots=True)
class Take:
    """Take this lease; fence and beat are those that stood still, empty when there is no holder to outwait."""

    partition: int
    fence: str = ""
    beat: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now: leases to take, how many partitions to let go of, nodes to strike from the list."""

    take: tuple[Take, ...] = ()
    surplus: int = 0
    forget_nodes: tuple[str, ...] = ()


def share(rank: int, nodes: int, partitions: int) -> int:
    """How many partitions the node of that rank holds: P/L, rounded up for the first P mod L ranks."""
    return partitions // nodes + (1 if rank < partitions % nodes else 0)


class LeaseWatch:
    """What one node has seen of leases and nodes, and since when each beat stands still."""

    def __init__(self, node: str) -> None:
        """Start having seen nothing, as that node."""
        self._node = node
        self._leases: dict[int, tuple[str, str, float]] = {}
        self._nodes: dict[str, tuple[str, float]] = {}

    def observe(
        self, leases: Sequence[LeaseView], nodes: Mapping[str, str], held: frozenset[int], now_s: float
    ) -> Plan:
        """Say what to take and how much to let go of.

        leases: one for each partition, in order. nodes: beats by node id. held: partitions this node works on now.
        """
        live = self._live_nodes(nodes, now_s)
        rank = live.index(self._node)
        partitions = len(leases)
        quota = share(rank, len(live), partitions)
        mine: list[Take] = []
        others: list[Take] = []
        for partition, lease in enumerate(leases):
            still_s = self._still_s(partition, lease, now_s)
            if partition in held:
                continue
            if not lease.is_free and lease.node == self._node:
                mine.append(Take(partition))
            elif lease.is_free:
                others.append(Take(partition))
            elif still_s >= PATIENCE_S:
                others.append(Take(partition, lease.fence, lease.beat))
        # Ranks begin at different places, so that nodes that start together seldom want the same lease.
        start = rank * partitions // len(live)
        others.sort(key=lambda take: (take.partition - start) % partitions)
        room = max(0, quota - len(held) - len(mine))
        gone = tuple(node for node, (_, since_s) in self._nodes.items() if now_s - since_s >= FORGET_NODE_S)
        return Plan((*mine, *others[:room]), max(0, len(held) - quota), gone)

    def forget(self) -> None:
        """Forget what was seen: the server is another one now, and its beats say nothing about the past."""
        self._leases.clear()
        self._nodes.clear()

    def _still_s(self, partition: int, lease: LeaseView, now_s: float) -> float:
        fence, beat, since_s = self._leases.get(partition, ("", "", now_s))
        if (fence, beat) != (lease.fence, lease.beat):
            since_s = now_s
        self._leases[partition] = (lease.fence, lease.beat, since_s)
        return now_s - since_s

    def _live_nodes(self, nodes: Mapping[str, str], now_s: float) -> list[str]:
        for node in [node for node in self._nodes if node not in nodes]:
            del self._nodes[node]
        for node, beat in nodes.items():
            known, since_s = self._nodes.get(node, ("", now_s))
            self._nodes[node] = (beat, since_s if beat == known else now_s)
        live = {node for node, (_, since_s) in self._nodes.items() if now_s - since_s < PATIENCE_S}
        return sorted(live | {self._node})
