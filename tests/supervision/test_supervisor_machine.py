"""A whole supervisor under random events in a virtual world, against a model of what must be there."""

from __future__ import annotations

from typing import Any

import structlog
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from stage import Stage, Worker

from supervision.registry import registered
from supervision.restarts import RESTARTS, STRATEGIES
from supervision.supervisor import (
    AlreadyPresent,
    AlreadyStarted,
    NotFound,
    Running,
    count_children,
    delete_child,
    restart_child,
    start_child,
    terminate_child,
    which_children,
)
from supervision.world_virtual import VirtualWorld

NAMES = st.sampled_from("abcdef")


class SupervisorMachine(RuleBasedStateMachine):
    """The model: ids in start order with restart type and whether they run. No intensity is ever exceeded here."""

    @initialize(seed=st.integers(0, 2**32), strategy=st.sampled_from(STRATEGIES))
    def begin(self, seed: int, strategy: str) -> None:
        """Start a supervisor without children."""
        self.logs = structlog.testing.capture_logs()
        self.logs.__enter__()
        registered.clear()
        self.world = VirtualWorld(seed)
        self.world.__enter__()
        self.stage = Stage(self.world, 1.0)
        self.strategy = strategy
        self.model: dict[str, str] = {}
        self.running: set[str] = set()
        self.supervisor = self.stage.supervisor(strategy=strategy, intensity=10**6)

    def teardown(self) -> None:
        """Stop it: nobody may be left."""
        if hasattr(self, "supervisor"):
            self.supervisor.stop()
            left = [ref for ref in registered if ref.actor_class is Worker]
            self.world.__exit__(None, None, None)
            self.logs.__exit__(None, None, None)
            registered.clear()
            assert left == []

    @rule(name=NAMES, restart=st.sampled_from(RESTARTS))
    def start(self, name: str, restart: str) -> None:
        """A new id starts; one in use is refused by what it is doing."""
        try:
            start_child(self.supervisor, self.stage.spec(name, restart=restart))
        except AlreadyStarted:
            assert name in self.running
        except AlreadyPresent:
            assert name in self.model
            assert name not in self.running
        else:
            assert name not in self.model
            self.model[name] = restart
            self.running.add(name)

    @rule(name=NAMES)
    def terminate(self, name: str) -> None:
        """It stops; a temporary one is forgotten."""
        try:
            terminate_child(self.supervisor, name)
        except NotFound:
            assert name not in self.model
        else:
            self.running.discard(name)
            if self.model[name] == "temporary":
                del self.model[name]

    @rule(name=NAMES)
    def restart(self, name: str) -> None:
        """Only a stopped one is started again."""
        try:
            restart_child(self.supervisor, name)
        except NotFound:
            assert name not in self.model
        except Running:
            assert name in self.running
        else:
            self.running.add(name)

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        """Only a stopped one is deleted."""
        try:
            delete_child(self.supervisor, name)
        except NotFound:
            assert name not in self.model
        except Running:
            assert name in self.running
        else:
            del self.model[name]

    @precondition(lambda self: getattr(self, "running", None))
    @rule(data=st.data(), how=st.sampled_from(["crash", "stop", "shutdown", "fence", "drill"]))
    def end(self, data: Any, how: str) -> None:
        """A running child ends; its type and the strategy say what comes of it."""
        name = data.draw(st.sampled_from(sorted(self.running)))
        ref = self.stage.child(self.supervisor, name)
        ends = {
            "crash": lambda: ref.tell("crash"),
            "stop": lambda: ref.tell("stop"),
            "shutdown": ref.stop,
            "fence": ref.fence,
            "drill": lambda: ref.crash(ValueError("drill")),
        }
        ends[how]()
        self.stage.until(lambda: ref.is_gone)
        self.stage.settle(self.supervisor)
        self._model_end(name, orderly=how in {"stop", "shutdown"})

    def _model_end(self, name: str, *, orderly: bool) -> None:
        restart = self.model[name]
        if restart == "temporary":
            self.running.discard(name)
            del self.model[name]
        elif restart == "transient" and orderly:
            self.running.discard(name)
        else:
            order = list(self.model)
            others = {
                "one_for_one": [],
                "one_for_all": [other for other in order if other != name],
                "rest_for_one": order[order.index(name) + 1 :],
            }[self.strategy]
            for other in others:
                if self.model[other] == "temporary":
                    self.running.discard(other)
                    del self.model[other]
                else:
                    self.running.add(other)

    @invariant()
    def shows_what_there_is(self) -> None:
        """The list is the model in its order; each that runs is alive, and nobody else is."""
        if not hasattr(self, "supervisor"):
            return
        children = which_children(self.supervisor)
        assert [child_id for child_id, _, _ in children] == list(self.model)
        assert {child_id for child_id, ref, _ in children if ref is not None} == self.running
        shown = {ref for _, ref, _ in children if ref is not None}
        assert shown == {ref for ref in registered if ref.actor_class is Worker}
        assert count_children(self.supervisor)["active"] == len(self.running)


TestSupervisorMachine = SupervisorMachine.TestCase
TestSupervisorMachine.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
