"""A process that is killed while it books has lost nothing that it acknowledged, and left no half of anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bookings_made import CHAT

from actors.ledger.ledger import Ledger
from actors.spreadsheet.local_file import LocalSheet
from invoices.book import BookQuery
from supervision import world as world_module

KILLS = 4
PROGRAM = Path(__file__).resolve().parent / "acknowledging.py"


def test_given_a_program_that_books_when_killed_again_and_again_then_what_it_acknowledged_is_there(
    tmp_path: Path,
) -> None:
    """In the ledger and in the spreadsheet's file; at most the one that was under way is there beside."""
    acknowledged = 0
    for kill in range(KILLS):
        with subprocess.Popen(
            [sys.executable, str(PROGRAM), str(tmp_path), str(acknowledged + 1)], stdout=subprocess.PIPE, text=True
        ) as program:
            assert program.stdout is not None
            for _ in range(5 + 7 * kill):
                acknowledged = int(program.stdout.readline())
            program.kill()
            acknowledged = max([acknowledged, *(int(line) for line in program.stdout.read().split())])

    ledger = Ledger(world_module.current(), "", tmp_path)
    said = ledger.open()
    booked = {booking.invoice_id for booking in ledger.find(CHAT, BookQuery())}
    ledger.close()
    sheet = LocalSheet(tmp_path / "invoices.csv")
    expected = {f"i-{number}" for number in range(1, acknowledged + 1)}
    assert said == ""
    assert expected <= booked <= expected | {f"i-{acknowledged + 1}"}
    assert [number for number in range(1, acknowledged + 1) if not sheet.revision_of(f"{CHAT}/i-{number}")] == []
    assert sheet.put([]) == ()
