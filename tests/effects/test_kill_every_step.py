import pytest
from effects.kill_every_step import kill_at_every_step

STEPS = ("after journal:1", "after commit:2", "after ledger row:1", "after webhook:1")


@pytest.mark.timeout(300)
def test_given_a_node_that_is_killed_at_a_step_when_it_is_started_again_then_all_there_is_is_there_once() -> None:
    """One final a message, one row in the ledger, one event, one row in the sheet, and a model that is paid once.

    Four of the steps; `kill_every_step.py` takes them all.
    """
    counted = kill_at_every_step(len(STEPS), STEPS)

    assert counted.wrong == []
    assert (counted.kills, counted.not_reached) == (len(STEPS), [])
