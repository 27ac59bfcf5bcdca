"""A picture of the live tree: every actor with its path, state, restarts, mailbox and uptime, as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from actors.breakers import breaker_status, breakers_of
from actors.dead_letters.counting import unfinished_of
from supervision.supervisor import DynamicSupervisor, Supervisor, which_children

if TYPE_CHECKING:
    from actors.node import Node
    from supervision.actor import GeventActorRef

# A supervisor of a hundred thousand sessions is counted, not listed.
CHILDREN_SHOWN_MAX: Final = 200
ANSWER_S: Final = 2.0


def node_status(node: Node, pid: int) -> dict[str, Any]:
    """The node at a glance: identity, partitions, store, open work, and its tree."""
    root = node.whereis("root")
    return {
        "node": node.node_id,
        "incarnation": node.incarnation,
        "pid": pid,
        "draining": node.draining,
        "store": _store_status(node),
        "files": _files_status(node),
        "ledger": _ledger_status(node),
        "effects": {
            name: {"waiting": len(lines), "at_work": lines.at_work} for name, lines in node.effect_lines.items()
        },
        "partitions": sorted(node.leases),
        "sessions": len(node.sessions),
        "in_hand": node.in_hand,
        "breakers": [breaker_status(breaker) for breaker in (*breakers_of(node), *node.downloads.values())],
        "tree": actor_status(root, "root", node.world.now()) if root is not None else None,
    }


def _store_status(node: Node) -> dict[str, Any]:
    if node.access is None:
        return {"reached": False}
    return {
        "reached": True,
        "generation": node.access.generation,
        "partitions": node.access.store.keys.partitions,
        "memory_share": round(node.memory_share, 3),
        "dead_letters": _dead_letters(node),
    }


def _files_status(node: Node) -> dict[str, Any]:
    """The file layer: whether it can be written, and how far behind the store it is."""
    layer, health = node.files, node.files.health
    return {
        "state": health.trouble or ("behind" if layer.behind or layer.waiting else "ok"),
        "waiting": layer.waiting,
        "written": health.written,
        "dropped": health.dropped,
        "backup_at": health.backup_at,
    }


def _ledger_status(node: Node) -> dict[str, Any]:
    """Whether the ledger answers, and where the spreadsheet's rows go."""
    ledger, sheet = node.ledger, node.sheet
    return {
        "state": ledger.state if ledger is not None else "opening",
        "why": ledger.why if ledger is not None else "",
        "kind": "PostgreSQL" if node.settings.ledger.url else "SQLite",
        "spreadsheet": "file" if sheet is None else sheet.goes_to,
    }


def _dead_letters(node: Node) -> int | None:
    """How many wait, here and on other nodes; None while the store does not say."""
    keys = node.store.keys
    try:
        return sum(unfinished_of(node.store, keys.partition(number), ANSWER_S) for number in range(keys.partitions))
    except Exception:  # noqa: BLE001 - status is for bad times: what cannot be known is left out
        return None


def actor_status(ref: GeventActorRef[Any], child_id: str, now_s: float) -> dict[str, Any]:
    """One actor and all below it."""
    status: dict[str, Any] = {
        "id": child_id,
        "path": ref.path,
        "state": "alive" if ref.is_alive() else "dead",
        "restarts": ref.restarts,
        "mailbox": ref.mailbox_size,
    }
    started_at_s = getattr(ref, "started_at_s", None)
    if started_at_s is not None:
        status["uptime_s"] = round(now_s - started_at_s, 1)
    if ref.in_hand is not None:
        status["in_hand"] = type(ref.in_hand).__name__
    if not issubclass(ref.actor_class, Supervisor | DynamicSupervisor):
        return status
    try:
        children = which_children(ref)
    except Exception as error:  # noqa: BLE001 - a supervisor that does not answer is a finding, not a fault here
        status["state"] = f"does not answer ({type(error).__name__})"
        return status
    status["children_count"] = len(children)
    status["children"] = [
        _child_status(child, child_ref, now_s) for child, child_ref, _ in children[:CHILDREN_SHOWN_MAX]
    ]
    return status


def _child_status(child: str, ref: Any, now_s: float) -> dict[str, Any]:
    if ref is None or isinstance(ref, str):
        return {"id": child, "state": ref or "stopped"}
    return actor_status(ref, child, now_s)


def find_actor(root: GeventActorRef[Any], path: str) -> GeventActorRef[Any] | None:
    """The living actor at a path as `status` shows it; child ids may hold slashes."""
    if path in ("", "root"):
        return root
    for child, ref, _ in which_children(root):
        if ref is None or isinstance(ref, str):
            continue
        if path == child:
            found: GeventActorRef[Any] = ref
            return found
        if path.startswith(f"{child}/"):
            return find_actor(ref, path[len(child) + 1 :])
    return None
