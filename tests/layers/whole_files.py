"""Waits until a node's file has all that the store has: a commit is heard of after its reply was published."""

from turn.real_nodes import wait_for

from actors.node import Node


def written(node: Node) -> None:
    """Wait until every chat of the store stands in the file at its version."""
    wait_for(
        lambda: not node.files.behind and not node.files.waiting and _is_whole(node), "the file to have everything"
    )


def _is_whole(node: Node) -> bool:
    keys = node.store.keys
    names = node.store.call(keys.partition(0).intake, "KEYS", f"{keys.prefix}:{{p:*}}:head:*")
    versions = {
        name.decode().partition("}:head:")[2]: int(node.store.call(name.decode(), "HGET", name, "v") or 0)
        for name in names
    }
    places = node.files.call(node.files.files.places, list(versions), timeout_s=10.0)
    return all(chat in places and places[chat][0].version == version for chat, version in versions.items() if version)
