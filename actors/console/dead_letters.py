"""`dlq`: what operators do with dead letters, on whichever node holds them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from actors.console.client import NoDaemon
from actors.console.operators import Refused, ask_local, ask_node, known_nodes
from actors.console.render import complain, console
from actors.control import ELSEWHERE
from supervision import world as world_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from actors.settings import Settings

    Ask = Callable[[dict[str, Any]], dict[str, Any]]

PAGE: Final = 200
IDS_SHOWN_MAX: Final = 1000
_COLOURS: Final = {"dead": "red", "queued": "yellow", "retrying": "yellow", "resolved": "green", "discarded": "dim"}


def _print_json(fields: Mapping[str, Any]) -> None:
    sys.stdout.write(msgspec.json.encode(fields).decode() + "\n")
    sys.stdout.flush()


def _nodes(settings: Settings) -> Iterator[Ask]:
    """A way to ask each node that answers, the local one first. Raises NoDaemon when there is none."""
    world, local = world_module.current(), ""
    try:
        local = ask_local(settings, world, {"do": "dlq", "what": "stats"})["node"]
        yield lambda request: ask_local(settings, world, {"do": "dlq", **request})
    except NoDaemon:
        if not settings.daemon.redis_url:
            raise
    for node in known_nodes(settings) if settings.daemon.redis_url else []:
        if node != local:
            yield lambda request, node=node: ask_node(settings, world, node, {"do": "dlq", **request})  # type: ignore[misc]


def list_letters(settings: Settings, chosen: Mapping[str, Any], *, limit: int | None, as_json: bool) -> int:
    """Print letters page by page, the oldest of each partition first."""
    shown = 0
    for letter in _letters(settings, chosen):
        if limit is not None and shown >= limit:
            break
        shown += 1
        if as_json:
            _print_json(letter)
        else:
            console().print(_line(letter))
    if not shown and not as_json:
        console().print("no dead letters")
    return 0


def _letters(settings: Settings, chosen: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for ask in _nodes(settings):
        after: str | None = ""
        while after is not None:
            page = ask({"what": "list", **chosen, "after": after, "limit": PAGE})
            yield from page["letters"]
            after = page["next"] or None


def _line(letter: Mapping[str, Any]) -> str:
    colour = _COLOURS.get(letter["state"], "white")
    chat = f"  chat {escape(str(letter['chat_id']))}" if letter.get("chat_id") else ""
    return (
        f"[{colour}]{letter['state']:<9}[/] {letter['id']}  {escape(letter['type'])}  {letter['attempts']} attempts"
        f"{chat}  [dim]{letter['age_s']:.0f} s old  {escape(letter['error'][:120])}[/]"
    )


def show_letter(settings: Settings, item_id: str, *, as_json: bool) -> int:
    """Print one letter with its payload (secrets taken out), its attempts and what was decided about it."""
    letter = _where_it_is(settings, {"what": "show", "id": item_id})["letter"]
    if as_json:
        _print_json(letter)
        return 0
    table = Table.grid(padding=(0, 2))
    for name, value in letter.items():
        if name not in ("history", "notes") and value not in (None, ""):
            table.add_row(name, escape(value if isinstance(value, str) else msgspec.json.encode(value).decode()))
    console().print(table)
    for attempt in letter["history"]:
        console().print(f"[dim]{attempt['at']}[/] {attempt['outcome']}: {escape(attempt['detail'])}")
        if attempt["traceback"]:
            console().print(f"[dim]{escape(attempt['traceback'])}[/]")
    for note in letter["notes"]:
        console().print(f"[dim]{note['at']}[/] {note['what']} by {escape(note['by'])} {escape(note['detail'])}")
    return 0


def _where_it_is(settings: Settings, request: dict[str, Any]) -> dict[str, Any]:
    """The answer of the node that holds the letter's partition. Raises Refused."""
    refused: Refused | None = None
    for ask in _nodes(settings):
        try:
            return ask(request)
        except Refused as not_here:
            if not str(not_here).startswith(ELSEWHERE):
                raise
            refused = not_here
    raise refused or NoDaemon("no node answers.")


def change_letters(
    settings: Settings, what: str, item_id: str | None, chosen: Mapping[str, Any], order: Mapping[str, Any], *,
    as_json: bool,
) -> int:  # fmt: skip
    """Replay or discard one letter, or all that the filter names. order: dry_run, reason, by, everything."""
    if item_id is None and not any(chosen.values()) and not order.get("everything"):
        complain(f"say which: an ID, a filter (--type, --service, --state, --cause) or --all, for `dlq {what}`.")
        return 2
    request = {"what": what, **chosen, **order}
    if item_id is not None:
        answer = _where_it_is(settings, {**request, "id": item_id})
        _report(what, answer["done"], len(answer["done"]), answer["skipped"], answer, as_json=as_json)
        return 0 if answer["done"] else 1
    ids: list[str] = []
    count = skipped = 0
    answer = {"dry_run": bool(order.get("dry_run"))}
    with _progress(as_json=as_json) as progress:
        task = progress.add_task(what, total=None)
        for ask in _nodes(settings):
            going_on: dict[str, Any] | None = {"after": "", "before": 0}
            while going_on is not None:
                answer = ask({**request, **going_on})
                count, skipped = count + len(answer["done"]), skipped + int(answer["skipped"])
                ids += answer["done"][: IDS_SHOWN_MAX - len(ids)]
                progress.update(task, completed=count)
                following = {"after": answer["next"], "before": answer["before"], "begun_at_s": answer["begun_at_s"]}
                going_on = following if answer["next"] else None
    _report(what, ids, count, skipped, answer, as_json=as_json)
    return 0


def _progress(*, as_json: bool) -> Progress:
    """On standard error, where it is a terminal."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}"))
    screen = Console(stderr=True)
    return Progress(*columns, TimeElapsedColumn(), console=screen, transient=True,
                    disable=as_json or not screen.is_terminal)  # fmt: skip


def _report(what: str, ids: list[str], count: int, skipped: int, answer: Mapping[str, Any], *, as_json: bool) -> None:
    is_dry_run = bool(answer["dry_run"])
    if as_json:
        _print_json({"what": what, "done": count, "skipped": skipped, "dry_run": is_dry_run, "ids": ids})
    else:
        done = {"replay": "replayed", "discard": "discarded"}[what]
        skips = f", skipped {skipped}" if skipped else ""
        console().print(f"{'would have ' if is_dry_run else ''}{done} {count}{skips}")


def show_statistics(settings: Settings, *, as_json: bool) -> int:
    """Print counts by state, type and cause, of every node that answers."""
    for ask in _nodes(settings):
        answer = ask({"what": "stats"})
        counts = answer["stats"]
        if as_json:
            _print_json({"node": answer["node"], **counts})
            continue
        out = console()
        out.print(f"[bold]{escape(answer['node'])}[/]  {counts['items']} letters, {counts['size_bytes']} bytes, oldest "
                  f"{counts['oldest_s']:.0f} s, {counts['running']} at work, {counts['aside']} set aside")  # fmt: skip
        for title in ("by_state", "by_type"):
            words = ", ".join(f"{escape(name)} {number}" for name, number in sorted(counts[title].items()))
            out.print(f"  {title.replace('_', ' ')}: {words or 'none'}")
        for group in counts["groups"]:
            out.print(f"  {group['items']:>6} {group['cause']}  {escape(group['service'])}  "
                      f"[dim]{escape(group['error'][:120])}  such as {group['sample']}[/]")  # fmt: skip
    return 0
