"""Operations: one after another, each given up where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from supervision.operations import Operations

if TYPE_CHECKING:
    from supervision.operations import Operation


@given(st.lists(st.lists(st.booleans(), max_size=4), max_size=6))
def test_given_operations_when_outcomes_come_at_once_or_late_then_they_run_in_order_and_never_together(
    plan: list[list[bool]],
) -> None:
    """True: the step's outcome comes at once; False: when nothing else is left to do."""
    trace: list[tuple[int, int]] = []
    late: list[Any] = []
    operations = Operations(lambda error: trace.append((-1, hash(error))))

    def operation(number: int, steps: list[bool]) -> Operation[None]:
        for position, at_once in enumerate(steps):
            value = yield (lambda done, position=position: done(position)) if at_once else late.append
            trace.append((number, position))
            assert value == (position if at_once else "late")

    for number, steps in enumerate(plan):
        operations.add(operation(number, steps))
        assert len(late) <= 1
    while late:
        late.pop()("late")

    assert trace == [(number, position) for number, steps in enumerate(plan) for position in range(len(steps))]
    assert operations.idle


def test_given_an_operation_under_way_when_closed_then_its_clean_up_runs_and_nothing_after_it() -> None:
    """Its late outcome goes nowhere, what waits never begins, and what is added is closed."""
    trace: list[str] = []
    late: list[Any] = []
    operations = Operations(lambda error: trace.append(repr(error)))

    def waiting() -> Operation[None]:
        try:
            yield late.append
            trace.append("went on")
        finally:
            trace.append("cleaned up")

    def never() -> Operation[None]:
        trace.append("never")
        yield late.append

    operations.add(waiting())
    operations.add(never())
    operations.close()
    late[0]("too late")
    operations.add(never())

    assert trace == ["cleaned up"]
    assert operations.idle


def test_given_an_operation_that_closes_its_own_queue_when_it_goes_on_then_it_ends_at_its_next_step() -> None:
    """A supervisor gives up from within an operation."""
    trace: list[str] = []
    operations = Operations(lambda error: trace.append(repr(error)))

    def closing() -> Operation[None]:
        operations.close()
        trace.append("closed")
        yield lambda done: done(None)
        trace.append("went on")

    operations.add(closing())

    assert trace == ["closed"]
    assert operations.idle


def test_given_an_operation_with_a_fault_when_it_raises_then_its_owner_hears() -> None:
    """A fault in the supervisor is the supervisor's own crash."""
    crashes: list[BaseException] = []
    operations = Operations(crashes.append)

    def faulty() -> Operation[None]:
        yield lambda done: done(None)
        raise KeyError("fault")

    operations.add(faulty())

    assert [type(error) for error in crashes] == [KeyError]


def test_given_a_step_with_two_outcomes_when_the_second_comes_then_it_does_nothing() -> None:
    """The first one counts."""
    values: list[Any] = []
    operations = Operations(values.append)

    def operation() -> Operation[None]:
        values.append((yield lambda done: (done(1), done(2))))
        values.append((yield lambda done: done(3)))

    operations.add(operation())

    assert values == [1, 3]
