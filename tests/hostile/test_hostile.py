"""A sample of the hostile set against a running daemon; `show_hostile.py` sends all of it and counts."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from daemon_under_test import DaemonUnderTest, short_folder, wait_for
from hostile_cases import flips, made_cases, ordinary, shared_cases, truncations
from hostile_run import Ears, readers, send_round


@pytest.mark.timeout(400)
def test_given_hostile_documents_when_sent_to_a_daemon_then_each_has_a_final_reply_and_so_has_everybody_else() -> None:
    """Each kind once, and the daemon reads on with all of its readers."""
    cases = [*list(shared_cases())[::4], *made_cases(), *truncations(34), *flips(4)]
    with short_folder() as folder, DaemonUnderTest(folder) as daemon, Ears(daemon) as ears:
        count = len(readers(daemon))

        report = send_round(daemon, ears, "hostile", cases)

        after = send_round(daemon, ears, "after", ordinary())
        wait_for(lambda: len(readers(daemon)) == count, "as many readers as at the start")
    assert report.unanswered == []
    assert sum(report.finals.values()) == report.sent == len(cases)
    assert report.talk_unanswered == 0
    assert after.unanswered == []
    assert after.finals["an invoice"] >= len(ordinary()) - 2
