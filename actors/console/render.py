"""What people see in their terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

if TYPE_CHECKING:
    from messages.records import Reply

_COLOUR = {"final": "green", "interim": "yellow", "follow_up": "cyan", "rejected": "red"}


def console() -> Console:
    """Standard output, in colour where it can show it."""
    return Console(highlight=False)


def complain(what: object) -> None:
    """Say on standard error what went wrong, as command line programs do."""
    sys.stderr.write(f"unfailing: {what}\n")


def show_reply(out: Console, reply: Reply) -> None:
    """One reply: its text, and in grey how it came about."""
    colour = _COLOUR.get(reply.kind, "white")
    out.print(f"[{colour}]{escape(reply.text)}[/]")
    notes: list[str] = [reply.kind]
    if reply.turn is not None:
        notes.append(f"turn {reply.turn}")
    if reply.answered_by:
        notes.append(f"by {reply.answered_by}")
    if reply.recovered_by:
        notes.append("after " + ", ".join(reply.recovered_by))
    if reply.error is not None:
        notes.append(f"{reply.error.code}: {reply.error.detail}")
    notes += [f"[{button.label}]" for button in reply.buttons]
    out.print(f"[dim]{escape('  '.join(notes))}[/]")


def show_status(out: Console, status: dict[str, Any]) -> None:
    """One node: a table of facts, and its tree."""
    facts = Table.grid(padding=(0, 2))
    store = status["store"]
    facts.add_row("node", f"[bold]{escape(status['node'])}[/]  pid {status['pid']}")
    facts.add_row("store", _store(store))
    facts.add_row("partitions", f"{len(status['partitions'])} held: {_ranges(status['partitions'])}")
    facts.add_row("sessions", f"{status['sessions']} in memory, {status['in_hand']} at work")
    if store.get("dead_letters") is not None:
        facts.add_row("dead letters", str(store["dead_letters"]))
    waiting = [
        f"{count['waiting']} for {name}" for name, count in status.get("effects", {}).items() if count["waiting"]
    ]
    facts.add_row("effects waiting", ", ".join(waiting) or "none")
    for what, trouble in _troubles(status):
        facts.add_row(what, f"[red]{escape(trouble)}[/]")
    out.print(facts)
    if status["tree"] is not None:
        out.print(_tree(status["tree"]))


def _store(store: dict[str, Any]) -> str:
    if not store["reached"]:
        return "[red]not reached yet[/]"
    away = "" if store.get("dead_letters") is not None else "  [red]does not answer[/]"
    return f"generation {store['generation']}{away}"


def _troubles(status: dict[str, Any]) -> list[tuple[str, str]]:
    """What is not as it should be, and what of."""
    ledger, files = status.get("ledger", {}), status.get("files", {})
    found = []
    if ledger and ledger["state"] != "open":
        found.append(("ledger", f"{ledger['kind']} {ledger['state']}: {ledger['why']}".rstrip(": ")))
    if files and files["state"] not in ("ok", "behind"):
        found.append(("files", files["state"]))
    shut = [breaker["name"] for breaker in status.get("breakers", ()) if breaker["state"] == "OPEN"]
    if shut:
        found.append(("breakers open", ", ".join(sorted(shut))))
    return found


def show_breaker(out: Console, node: str, breaker: dict[str, Any]) -> None:
    """One breaker on one line."""
    colour = {"CLOSED": "green", "OPEN": "red"}.get(breaker["state"], "yellow")
    notes = [f"{breaker['failures']} failures", f"{breaker['successes']} successes", f"{breaker['refused']} refused"]
    if breaker["forced"]:
        notes.insert(0, "by an operator")
    if breaker["open_for_s"]:
        notes.insert(0, f"for another {breaker['open_for_s']:g} s")
    if breaker["cause"]:
        notes.insert(0, breaker["cause"])
    out.print(
        f"[{colour}]{breaker['state']:<9}[/] {escape(breaker['name'])}  [dim]{escape(node)} {', '.join(notes)}[/]"
    )


def _tree(actor: dict[str, Any]) -> Tree:
    tree = Tree(_line(actor))
    _grow(tree, actor)
    return tree


def _grow(tree: Tree, actor: dict[str, Any]) -> None:
    for child in actor.get("children", ()):
        _grow(tree.add(_line(child)), child)
    hidden = actor.get("children_count", 0) - len(actor.get("children", ()))
    if hidden > 0:
        tree.add(f"[dim]and {hidden} more[/]")


def _line(actor: dict[str, Any]) -> str:
    alive = actor["state"] == "alive"
    parts = [f"[{'bold' if alive else 'red'}]{escape(actor['id'])}[/]"]
    if not alive:
        parts.append(f"[red]{escape(actor['state'])}[/]")
    if actor.get("restarts"):
        parts.append(f"[yellow]{actor['restarts']} restarts[/]")
    if actor.get("mailbox"):
        parts.append(f"mailbox {actor['mailbox']}")
    if actor.get("in_hand"):
        parts.append(f"doing {escape(actor['in_hand'])}")
    if "uptime_s" in actor:
        parts.append(f"[dim]up {_duration(actor['uptime_s'])}[/]")
    return "  ".join(parts)


def _duration(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def _ranges(numbers: list[int]) -> str:
    """[0, 1, 2, 5] as "0-2, 5"."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(f"{part[0]}-{part[-1]}" if len(part) > 1 else str(part[0]) for part in parts)


def show_session(out: Console, session: dict[str, Any]) -> None:
    """A session's state, field by field."""
    table = Table.grid(padding=(0, 2))
    for name in ("chat_id", "user_id", "turn", "version", "language", "created_at", "updated_at", "unreadable"):
        if session.get(name) is not None:
            table.add_row(name, escape(str(session[name])))
    out.print(table)
    for said in session.get("messages", ()):
        out.print(f"[{'cyan' if said['by'] == 'person' else 'green'}]{said['by']}[/]: {escape(said['text'])}")
    for known in session.get("invoices", ()):
        number = known["invoice"].get("number")
        out.print(
            f"[dim]invoice[/] {escape(str(number))} [dim]from[/] {escape(known['file_name'])} [dim]at[/] {known['at']}"
        )
