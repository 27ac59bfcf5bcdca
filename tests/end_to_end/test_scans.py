"""A scan through a running daemon: read in time, or its final reply in time and what it says as a follow-up."""

import sys
from pathlib import Path

import pytest
from conversation import append, await_final, message, replies
from daemon_under_test import DaemonUnderTest, wait_for

sys.path.insert(0, str(Path(__file__).parents[1] / "invoices"))

from scanned import EXPECTED, page, scan

from invoices.ocr.engines import engines_installed

pytestmark = pytest.mark.skipif(not engines_installed(), reason="no engine of character recognition is installed here")
# A static reply is given two seconds before the hard deadline; two pages take longer than that leaves.
TIGHT = {"DAEMON__SOFT_DEADLINE_S": 0.5, "DAEMON__HARD_DEADLINE_S": 3.5}
TURNED_PAGES = 1


@pytest.mark.timeout(240)
def test_given_a_scan_that_takes_long_when_sent_then_its_final_is_in_time_and_the_invoice_follows(
    own_folder: Path, tmp_path: Path
) -> None:
    """Still reading, it says as an interim and as the final reply; what the scan says follows when it is read."""
    pages = [page().rotate(90, expand=True) for _ in range(TURNED_PAGES)]
    slow = tmp_path / "scan.pdf"
    slow.write_bytes(scan(page(), *pages))
    with DaemonUnderTest(own_folder, **TIGHT) as daemon, daemon.client() as client:
        append(client, message("slow-scan", "m-1", files=(slow,)))

        final = await_final(client, "slow-scan", "m-1")

        wait_for(lambda: any(reply["kind"] == "follow_up" for reply in replies(client, "slow-scan")), "it", 200.0)
        kinds = {reply["kind"]: reply for reply in replies(client, "slow-scan")}
    assert "still reading" in kinds["interim"]["text"]
    assert "still reading" in final["text"]
    assert final["answered_by"] == "static"
    found = kinds["follow_up"]["data"]["invoice"]
    assert {name: found[name] for name in EXPECTED} == EXPECTED
    assert found["fields"]["gross"]["source"] == "ocr"
