"""`status`, `actor kill` and `session show`: what operators ask."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import msgspec

from actors.console.client import NoDaemon
from actors.console.nodes import forgive, node_states
from actors.console.operators import ask_local, ask_node, forget, known_nodes, session_of
from actors.console.render import complain, console, show_breaker, show_session, show_status
from supervision import world as world_module

if TYPE_CHECKING:
    from actors.settings import Settings


def _print_json(fields: dict[str, Any]) -> None:
    sys.stdout.write(msgspec.json.encode(fields).decode() + "\n")
    sys.stdout.flush()


def status(settings: Settings, *, node: str | None, as_json: bool) -> int:
    """Print the live tree of one node, or of every node; 1 when none answers."""
    shown = 0
    for answer in _statuses(settings, node):
        shown += 1
        if as_json:
            _print_json(answer)
        else:
            show_status(console(), answer)
    return 0 if shown else 1


def _statuses(settings: Settings, node: str | None) -> list[dict[str, Any]]:
    world = world_module.current()
    request = {"do": "status"}
    statuses: list[dict[str, Any]] = []
    try:
        local = ask_local(settings, world, request)["status"]
    except NoDaemon as missing:
        local = None
        if not settings.daemon.redis_url:
            raise missing from None
    if local is not None and node in (None, local["node"]):
        statuses.append(local)
    others = [node] if node is not None else known_nodes(settings)
    for other in others:
        if local is not None and other == local["node"]:
            continue
        try:
            statuses.append(ask_node(settings, world, other, request)["status"])
        except NoDaemon as silent:
            complain(silent)
    return statuses


def kill(settings: Settings, path: str, *, node: str | None, reason: str, as_json: bool) -> int:
    """Crash an actor as a drill."""
    world = world_module.current()
    request = {"do": "kill", "path": path, "reason": reason}
    answer = ask_local(settings, world, request) if node is None else ask_node(settings, world, node, request)
    if as_json:
        _print_json({"killed": answer["killed"]})
    else:
        console().print(f"crashed {answer['killed']}; the log shows how it comes back")
    return 0


def list_breakers(settings: Settings, *, as_json: bool) -> int:
    """Print the breakers of every node that answers."""
    for answer in _statuses(settings, None):
        for breaker in answer["breakers"]:
            if as_json:
                _print_json({"node": answer["node"], **breaker})
            else:
                show_breaker(console(), answer["node"], breaker)
    return 0


def set_breaker(settings: Settings, name: str, what: str, *, as_json: bool) -> int:
    """Open, close or reset a breaker; every node follows."""
    answer = ask_local(settings, world_module.current(), {"do": "breaker", "name": name, "what": what})
    if as_json:
        _print_json(answer["breaker"])
    else:
        show_breaker(console(), "", answer["breaker"])
    return 0


def list_nodes(settings: Settings, *, as_json: bool) -> int:
    """Print the nodes of the deployment, and what a rebuild of the store has of them."""
    for node, state in sorted(node_states(settings).items()):
        if as_json:
            _print_json({"node": node, "state": state})
        else:
            console().print(f"{node}  {state}")
    return 0


def forgive_node(settings: Settings, node_id: str, *, as_json: bool) -> int:
    """Have the rebuild of the store go on without a node's file."""
    missing = forgive(settings, node_id)
    if as_json:
        _print_json({"forgiven": node_id, "missing": missing})
    else:
        console().print(f"went on without {node_id}" + (f"; still waiting for {', '.join(missing)}" if missing else ""))
    return 0


def forget_session(settings: Settings, chat_id: str, *, as_json: bool) -> int:
    """Remove a session from every layer; a tombstone with its version stays."""
    forget(settings, world_module.current(), chat_id)
    if as_json:
        _print_json({"forgotten": chat_id})
    else:
        console().print(f"forgot {chat_id}")
    return 0


def show_one_session(settings: Settings, chat_id: str, *, as_json: bool) -> int:
    """Print a session's state; 1 when there is no such session."""
    session = session_of(settings, chat_id)
    if session is None:
        complain(f"there is no session {chat_id!r}.")
        return 1
    if as_json:
        _print_json(session)
    else:
        show_session(console(), session)
    return 0
