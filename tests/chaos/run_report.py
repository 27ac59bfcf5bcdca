"""The figures of a run as tables: counts, latencies, and each kill with its recovery."""

from __future__ import annotations

import statistics
from itertools import pairwise
from typing import TYPE_CHECKING

from rich.table import Table
from verdict import latency_s

if TYPE_CHECKING:
    from pathlib import Path

    from faults import Kill
    from kill_under_load import Run
    from rich.console import Console

# Answers that were on their way when the node was killed are not its successor's.
ON_THE_WAY_S = 0.1


def print_report(run: Run, console: Console) -> None:
    """Print the counts, the latencies, and the kills with their recoveries."""
    options, ledger = run.options, run.ledger
    replies = run.verdict.replies if run.verdict else []
    figures = Table("figure", "value", title=f"kill under load, seed {options.seed}", title_justify="left")

    def row(name: str, value: object) -> None:
        figures.add_row(name, str(value))

    kinds: dict[str, int] = {}
    for message in ledger.messages.values():
        for tag in (message.kind, f"by the {message.door}"):
            kinds[tag] = kinds.get(tag, 0) + 1
    row("messages accepted", len(ledger.messages))
    for tag, count in sorted(kinds.items()):
        row(f"  {tag}", count)
    row("  sent again until acknowledged", sum(1 for message in ledger.messages.values() if message.tries > 1))
    row("chats", options.chats)
    row("load, messages a second", round(len(ledger.messages) / options.seconds, 1))
    for kind in ("final", "interim", "follow_up", "rejected"):
        row(f"{kind} replies", sum(1 for reply in replies if reply["kind"] == kind))
    row(
        "finals that were static",
        sum(1 for reply in replies if reply["kind"] == "final" and reply["answered_by"] == "static"),
    )
    row(
        "node: starts / kills / ended by itself",
        f"{run.node.starts} / {_count(run.kills, 'node')} / {len(run.node.unplanned_exits) - 1}",
    )
    row("exit status of the last node, drained", run.exit_status)
    row("restarts by supervisors", _restarts(run.node.log))
    row("kills of the server", _count(run.kills, "server"))
    row("drills", len(run.kills) - _count(run.kills, "node") - _count(run.kills, "server"))
    row("set aside as poison", len(run.verdict.poisoned) if run.verdict else "-")
    row("fewest open at a kill", min((kill.open_count for kill in run.kills), default="-"))
    row("time to answer all that was left, s", round(run.drained_s, 1))
    groups = _latency_groups(run)
    late = sum(1 for waited_s in groups["over all"] if waited_s > options.hard_deadline)
    row("finals after their hard deadline", late)
    for name, chosen in groups.items():
        row(f"latency {name}: p50 / p99 / max, ms", _spread(chosen))
    row("violations", len(run.verdict.violations) if run.verdict else "not judged")
    console.print(figures)
    console.print(_kills_table(run))


def _count(kills: list[Kill], what: str) -> int:
    return sum(1 for kill in kills if kill.what == what)


def _restarts(log: Path) -> int:
    return sum(
        1
        for line in log.read_text(errors="replace").splitlines()
        if '"report":"supervisor"' in line and "child_terminated" in line
    )


def _latency_groups(run: Run) -> dict[str, list[float]]:
    """In the calm before the first kill and before anything was slowed down, and over the whole run."""
    first_kill_s = run.kills[0].at_s if run.kills else float("inf")
    groups: dict[str, list[float]] = {"in the calm": [], "over all": []}
    for key, message in run.ledger.messages.items():
        final = run.ledger.finals.get(key)
        if final is None:
            continue
        groups["over all"].append(latency_s(message, final))
        if message.first_try_s < first_kill_s - 1.0 and message.kind != "slow":
            groups["in the calm"].append(latency_s(message, final))
    return groups


def _spread(seconds: list[float]) -> str:
    if len(seconds) < 2:
        return "-"
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return f"{cuts[49] * 1000:.0f} / {cuts[98] * 1000:.0f} / {max(seconds) * 1000:.0f}"


def _kills_table(run: Run) -> Table:
    headings = (
        "at, s", "killed", "open then", "next final after, s", "longest silence till the next, s",
        "all open then answered after, s",
    )  # fmt: skip
    table = Table(*headings, title="kills", title_justify="left")
    finals_s = sorted(heard.at_s for heard in run.ledger.finals.values())
    ends_s = [*(kill.at_s for kill in run.kills[1:]), run.began_s + run.options.seconds]
    for kill, end_s in zip(run.kills, ends_s, strict=True):
        margin_s = ON_THE_WAY_S if kill.what == "node" else 0.0
        after = next((at_s for at_s in finals_s if at_s > kill.at_s + margin_s), None)
        next_s = "-" if after is None else f"{after - kill.at_s:.2f}"
        table.add_row(
            f"{kill.at_s - run.began_s:.1f}", kill.what, str(kill.open_count), next_s,
            f"{_longest_silence_s(finals_s, kill.at_s, end_s):.2f}", _all_answered(run, kill),
        )  # fmt: skip
    return table


def _longest_silence_s(finals_s: list[float], from_s: float, to_s: float) -> float:
    """The longest time without a final reply between two moments."""
    moments_s = [from_s, *(at_s for at_s in finals_s if from_s < at_s < to_s), to_s]
    return max(after_s - before_s for before_s, after_s in pairwise(moments_s))


def _all_answered(run: Run, kill: Kill) -> str:
    finals = run.ledger.finals
    if not kill.open_keys <= finals.keys():
        return "never"
    return f"{max((finals[key].at_s - kill.at_s for key in kill.open_keys), default=0.0):.2f}"
