"""A node in the foreground: opens its directory, starts the tree, waits for a signal or the root's death, drains."""

from __future__ import annotations

import gc
import signal
from typing import TYPE_CHECKING, Any, Final

import structlog

from actors.leases.keeper import Drain
from actors.node import Node
from actors.node_directory import open_node_directory
from actors.tree import start_tree
from supervision import world as world_module
from supervision.supervisor import StartFailed

if TYPE_CHECKING:
    from actors.node_directory import NodeDirectory
    from actors.settings import Settings
    from supervision.actor import GeventActorRef
    from supervision.world import World

_log = structlog.get_logger(__name__)

POLL_S: Final = 0.1
LISTENS_S: Final = 5.0
LOOK_S: Final = 0.02
DRAIN_S: Final = 12.0
STOP_S: Final = 30.0
# Objects made and not yet freed before the collector looks at them: some 300 messages, and a pause of 3 ms.
GC_YOUNG_MAX: Final = 10_000


class Signals:
    """Remembers what was asked for; a handler does no more than that."""

    def __init__(self) -> None:
        """Nothing was asked for yet."""
        self.asked = 0

    def install(self) -> None:
        """Take SIGTERM and SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: Any) -> None:
        self.asked += 1


def run_daemon(settings: Settings) -> int:
    """Run a node until SIGTERM, SIGINT or the root's death. Returns the exit status: 0 drained, 1 the root gave up.

    Raises NodeDirectoryError when the data directory cannot be used.
    """
    world = world_module.current()
    directory = open_node_directory(settings.daemon.data_dir, f"node-{world.nonce()[:8]}", world.nonce())
    signals = Signals()
    signals.install()
    try:
        return _run(settings, directory, world, signals)
    finally:
        directory.close()


def _run(settings: Settings, directory: NodeDirectory, world: World, signals: Signals) -> int:
    node = Node(settings, directory.paths, directory.node_id, directory.incarnation, world)
    began_s = world.now()
    try:
        root = start_tree(node)
    except StartFailed as failed:
        _log.error(
            "the node cannot start", child=failed.child_id, reason=str(failed.reason), next="exits with status 1"
        )
        return 1
    node.names["root"] = root
    _spare_the_collector()
    _wait_until_it_listens(node, root, signals)
    _log.info(
        "the node is up", node=node.node_id, incarnation=node.incarnation, data_dir=str(directory.paths.root),
        store=settings.daemon.redis_url or "embedded", listens=node.is_listening,
        took_s=round(world.now() - began_s, 2),
    )  # fmt: skip
    while root.is_alive() and not signals.asked:
        world.sleep(POLL_S)
    if not root.is_alive():
        _log.error("the root gave up", next="exits with status 1; its service manager starts the node anew")
        return 1
    return _drain(node, root, signals)


def _wait_until_it_listens(node: Node, root: GeventActorRef[Any], signals: Signals) -> None:
    """A node is up when it hears what is published; while the store is away it is up for operators alone."""
    until_s = node.world.now() + LISTENS_S
    while not node.is_listening and root.is_alive() and not signals.asked and node.world.now() < until_s:
        node.world.sleep(LOOK_S)


def _spare_the_collector() -> None:
    """Let garbage collection cost a fiftieth of the time under load, instead of a seventh (measured).

    What stands now stands for as long as the process, so full collections need not walk it again. A turn leaves no
    cycles behind, only tracebacks do: young objects need not be looked at often.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_YOUNG_MAX, 20, 20)


def _drain(node: Node, root: GeventActorRef[Any], signals: Signals) -> int:
    """Let go of every partition, idle ones at once and busy ones after a while, then stop from the leaves up."""
    world = node.world
    node.draining = True
    _log.info("draining", in_hand=node.in_hand, next=f"stops within {DRAIN_S:g} s; a second signal stops at once")
    until_s = world.now() + DRAIN_S
    while world.now() < until_s and signals.asked == 1 and not _is_drained(node):
        world.sleep(POLL_S)
    try:
        root.stop(timeout=STOP_S)
    except Exception as error:  # noqa: BLE001 - whatever is left is left to redelivery
        _log.warning("not everything stopped in time", reason=repr(error), next="exits; nothing accepted is lost")
    _log.info("stopped", left_in_hand=node.in_hand)
    return 0


def _is_drained(node: Node) -> bool:
    keeper = node.whereis("leases")
    if keeper is None or node.access is None:
        return True
    try:
        return bool(keeper.ask(Drain(), timeout=5.0))
    except Exception:  # noqa: BLE001 - asked again until the time is over
        return False
