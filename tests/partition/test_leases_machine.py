"""Who takes and lets go of which partition, decided by several nodes from what each sees. No clock runs."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actors.leases.machine import FORGET_NODE_S, PATIENCE_S, LeaseView, LeaseWatch, Take, share

LIVING = LeaseView("1:1:a", "7", "n-2", "i-1")


@given(nodes=st.integers(1, 40), partitions=st.integers(1, 200))
@pytest.mark.rule("O4")
def test_given_any_number_of_nodes_when_shared_then_the_shares_sum_up_and_differ_by_one_at_most(
    nodes: int, partitions: int
) -> None:
    """P/L, rounded down or up by rank."""
    shares = [share(rank, nodes, partitions) for rank in range(nodes)]

    assert sum(shares) == partitions
    assert max(shares) - min(shares) <= 1
    assert shares == sorted(shares, reverse=True)


@pytest.mark.rule("O2")
def test_given_a_beat_that_stands_still_when_five_seconds_have_passed_then_it_is_taken_over() -> None:
    """By the contender's own clock, from when it saw the beat for the first time; naming what stood still."""
    watch = LeaseWatch("n-1")

    plans = [watch.observe([LIVING], {"n-1": "x"}, frozenset(), now_s) for now_s in (100.0, 104.9, 105.0)]

    assert [plan.take for plan in plans] == [(), (), (Take(0, "1:1:a", "7"),)]


@pytest.mark.rule("O2")
def test_given_a_beat_that_moves_when_any_time_passes_then_it_is_left_alone() -> None:
    """Each move counts anew, whatever the beat says; so does another fence."""
    watch = LeaseWatch("n-1")
    beats = ["7", "8", "3", "4"]

    plans = [
        watch.observe([LeaseView("1:1:a", beat, "n-2", "i-1")], {"n-1": "x"}, frozenset(), 100.0 + 4.9 * number)
        for number, beat in enumerate(beats)
    ]
    renewed = watch.observe([LeaseView("1:2:b", "4", "n-3", "i-1")], {"n-1": "x"}, frozenset(), 120.0)

    assert [plan.take for plan in (*plans, renewed)] == [()] * 5


@pytest.mark.rule("O2")
def test_given_a_restarted_node_when_it_looks_for_the_first_time_then_it_takes_its_own_back_at_once() -> None:
    """Without any waiting, and before what is free."""
    own = LeaseView("1:1:a", "7", "n-1", "an earlier life")

    plan = LeaseWatch("n-1").observe([LeaseView(), own], {}, frozenset(), 100.0)

    assert plan.take == (Take(1), Take(0))


@pytest.mark.rule("O2")
def test_given_another_server_when_everything_is_forgotten_then_beats_are_watched_anew() -> None:
    """What stood still on the old one says nothing about the new one."""
    watch = LeaseWatch("n-1")
    watch.observe([LIVING], {}, frozenset(), 100.0)

    watch.forget()

    assert watch.observe([LIVING], {}, frozenset(), 106.0).take == ()


@pytest.mark.rule("O4")
def test_given_a_second_node_when_it_beats_then_the_first_lets_go_of_half() -> None:
    """The surplus, and no more; the second takes what is released, never what is held."""
    first, second = LeaseWatch("n-1"), LeaseWatch("n-2")
    held = [LeaseView(f"1:1:{number}", "1", "n-1", "i-1") for number in range(5)]
    nodes = {"n-1": "1", "n-2": "1"}

    plan = first.observe(held, nodes, frozenset(range(5)), 100.0)
    while_held = second.observe(held, nodes, frozenset(), 100.0)
    released = [*held[:3], LeaseView("", "", "n-1", "i-1", released=True), LeaseView(released=True)]
    then = second.observe(released, nodes, frozenset(), 100.5)

    assert (plan.surplus, plan.take) == (2, ())
    assert (while_held.take, while_held.surplus) == ((), 0)
    assert {take.partition for take in then.take} == {3, 4}


@pytest.mark.rule("O4")
def test_given_a_node_whose_beat_stands_still_when_five_seconds_have_passed_then_it_has_no_share() -> None:
    """And after a minute it is struck from the list."""
    watch = LeaseWatch("n-1")
    nodes = {"n-1": "1", "n-2": "1"}
    free = [LeaseView() for _ in range(4)]

    taken = [
        len(watch.observe(free, {**nodes, "n-1": str(now_s)}, frozenset(), now_s).take)
        for now_s in (100.0, 100.0 + PATIENCE_S)
    ]
    gone = watch.observe(free, {**nodes, "n-1": "x"}, frozenset(), 100.0 + FORGET_NODE_S).forget_nodes

    assert taken == [2, 4]
    assert gone == ("n-2",)


@dataclass
class Node:
    """One node of the model: what it has seen, and which partitions it works on."""

    watch: LeaseWatch
    incarnation: int = 1
    beat: int = 0
    alive: bool = True
    held: set[int] = field(default_factory=set)


class Cluster(RuleBasedStateMachine):
    """Nodes come, die, stand still and return, each looking every second; the store does what its scripts do."""

    PARTITIONS = 7
    IDS = ("n-1", "n-2", "n-3")

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 1000.0
        self.leases = [LeaseView() for _ in range(self.PARTITIONS)]
        self.nodes: dict[str, str] = {}
        self.living: dict[str, Node] = {}
        self.epoch = 0

    @rule(node_id=st.sampled_from(IDS))
    def starts(self, node_id: str) -> None:
        """For the first time, or again after its death: a new life under its old id."""
        before = self.living.get(node_id)
        if before is None or not before.alive:
            self.living[node_id] = Node(LeaseWatch(node_id), before.incarnation + 1 if before else 1)

    @rule(node_id=st.sampled_from(IDS))
    def dies(self, node_id: str) -> None:
        """Its leases stand, with a beat that stands still."""
        if node_id in self.living:
            self.living[node_id].alive = False
            self.living[node_id].held.clear()

    @rule(order=st.permutations(IDS), seconds=st.sampled_from([0.3, 1.0, 1.0, 1.0]))
    def a_moment_passes(self, order: list[str], seconds: float) -> None:
        """Every living node beats and looks once, in any order."""
        self.now_s += seconds
        for node_id in order:
            if node_id in self.living and self.living[node_id].alive:
                self._beats(node_id)
                self._looks(node_id)

    def _beats(self, node_id: str) -> None:
        node = self.living[node_id]
        node.beat += 1
        self.nodes[node_id] = f"{node.incarnation}:{node.beat}"
        for partition in list(node.held):
            lease = self.leases[partition]
            if lease.node == node_id and not lease.released:
                self.leases[partition] = LeaseView(lease.fence, str(int(lease.beat) + 1), node_id, lease.incarnation)
            else:
                node.held.discard(partition)

    def _looks(self, node_id: str) -> None:
        node = self.living[node_id]
        plan = node.watch.observe(self.leases, self.nodes, frozenset(node.held), self.now_s)
        for take in plan.take:
            lease = self.leases[take.partition]
            if lease.is_free or lease.node == node_id or (lease.fence, lease.beat) == (take.fence, take.beat):
                self._taken(node_id, take.partition)
        for partition in sorted(node.held)[: plan.surplus]:
            node.held.discard(partition)
            self.leases[partition] = LeaseView("", self.leases[partition].beat, node_id, "", released=True)
        for gone in plan.forget_nodes:
            self.nodes.pop(gone, None)

    def _taken(self, node_id: str, partition: int) -> None:
        self.epoch += 1
        lease = self.leases[partition]
        assert not any(
            other.alive and partition in other.held for name, other in self.living.items() if name != node_id
        ), f"{lease} was alive"
        self.leases[partition] = LeaseView(f"1:{self.epoch}:x", "0", node_id, str(self.living[node_id].incarnation))
        self.living[node_id].held.add(partition)

    @precondition(lambda self: any(node.alive for node in self.living.values()))
    @rule()
    def when_nothing_happens_for_a_while_all_is_level_and_stays_so(self) -> None:
        """Every partition is held, evenly; and then nobody moves any more: no oscillation."""
        for _ in range(12):
            self.a_moment_passes(list(self.IDS), 1.0)
        alive = {node_id: node for node_id, node in self.living.items() if node.alive}
        assert sorted(partition for node in alive.values() for partition in node.held) == list(range(self.PARTITIONS))
        sizes = [len(node.held) for node in alive.values()]
        assert max(sizes) - min(sizes) <= 1
        before = {node_id: set(node.held) for node_id, node in alive.items()}
        for _ in range(8):
            self.a_moment_passes(list(reversed(self.IDS)), 1.0)
        assert {node_id: node.held for node_id, node in alive.items()} == before

    @invariant()
    def no_partition_has_two_living_holders(self) -> None:
        """Though the fence would decide even then."""
        held = [partition for node in self.living.values() if node.alive for partition in node.held]
        assert len(held) == len(set(held))


Cluster.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestCluster = pytest.mark.rule("O2", "O4")(Cluster.TestCase)
