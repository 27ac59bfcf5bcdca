"""The nodes of a deployment as an operator sees them: who beats, and whose file a rebuild of the store waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actors.console.client import reach
from actors.console.operators import Refused, known_nodes
from actors.partition.keys import rebuild_key
from actors.partition.store import SCRIPTS

if TYPE_CHECKING:
    from actors.settings import Settings

_NODE: Final = "n:"


def node_states(settings: Settings) -> dict[str, str]:
    """Every node by its id: `beats`, and while the store is rebuilt `wanted`, `offered` or `forgiven`."""
    states = dict.fromkeys(known_nodes(settings), "beats")
    return {**states, **rebuild_state(settings)}


def rebuild_state(settings: Settings) -> dict[str, str]:
    """What each node has done for the rebuild that is under way; nothing when none is.

    Raises NoDaemon and StoreError.
    """
    key = rebuild_key(settings.daemon.prefix)
    connection = reach(settings).blocking(key, role="operator")
    try:
        flat = connection.call("HGETALL", key)
    finally:
        connection.close()
    pairs = flat.items() if isinstance(flat, dict) else zip(flat[::2], flat[1::2], strict=True)
    found = {name.decode(errors="replace"): value.decode(errors="replace") for name, value in pairs}
    if found.get("s") != "offering":
        return {}
    return {name.removeprefix(_NODE): state for name, state in found.items() if name.startswith(_NODE)}


def forgive(settings: Settings, node_id: str) -> list[str]:
    """Go on without a node's file; returns the nodes that are still waited for.

    Raises Refused when no rebuild waits for it, NoDaemon and StoreError.
    """
    if rebuild_state(settings).get(node_id) != "wanted":
        raise Refused(f"no rebuild of the store waits for a node {node_id!r}; `node list` shows whom it waits for")
    key = rebuild_key(settings.daemon.prefix)
    connection = reach(settings).blocking(key, role="operator")
    try:
        _, *missing = connection.call("EVAL", SCRIPTS["rebuild_mark"].source, 1, key, "", node_id, "forgiven")
    finally:
        connection.close()
    return [name.decode(errors="replace") for name in missing]
