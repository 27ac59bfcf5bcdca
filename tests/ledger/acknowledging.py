"""A program that books one invoice after another into a ledger's file and a spreadsheet's, and says so line by line.

`acknowledging.py FOLDER FIRST`: numbers from FIRST on, until it is killed.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parent)]

from bookings_made import made

from actors.ledger import statements
from actors.ledger.database import Database, Place
from actors.spreadsheet.local_file import LocalSheet

folder = Path(sys.argv[1])
database = Database(Place("", folder / "ledger.sqlite3"), writes=True)
sheet = LocalSheet(folder / "invoices.csv")
for number in itertools.count(int(sys.argv[2])):
    booking = made(number)
    database.transact(lambda connection, one=booking: statements.put(connection, [one]))
    sheet.put([booking])
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()
