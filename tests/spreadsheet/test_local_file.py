"""The spreadsheet's local file: one row an invoice, whole after any crash, and nothing in it computes."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import msgspec
import pytest
from bookings_made import bookings, made
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.spreadsheet.local_file import LocalSheet
from actors.spreadsheet.rows import HEADER, as_text, key_of

if TYPE_CHECKING:
    from pathlib import Path

    from invoices.book import Booking


def rows_in(path: Path) -> list[list[str]]:
    """All rows but the header."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        header, *rows = csv.reader(lines, strict=True)
    assert tuple(header) == HEADER
    return rows


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(bookings, max_size=4), max_size=6), st.booleans())
def test_given_any_bookings_when_written_then_each_has_one_row_of_its_last_revision(
    tmp_path: Path,
    batches: list[list[Booking]],
    is_reopened: bool,  # noqa: FBT001 - drawn by Hypothesis
) -> None:
    """In any order, repeated, by one writer or by one after another."""
    path = tmp_path / "rows.csv"
    path.unlink(missing_ok=True)
    sheet = LocalSheet(path)

    for batch in [*batches, *batches]:
        sheet = LocalSheet(path) if is_reopened else sheet
        assert sheet.put(batch) == ()

    newest: dict[str, int] = {}
    for booking in (one for batch in batches for one in batch):
        newest[key_of(booking)] = max(newest.get(key_of(booking), 0), booking.revision)
    found = {row[0].removeprefix("'"): int(row[1]) for row in rows_in(path)} if path.exists() else {}
    assert found == newest
    assert all(LocalSheet(path).revision_of(key) == revision for key, revision in newest.items())


@pytest.mark.parametrize("begins", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\uff1d1"])
def test_given_a_formula_in_a_document_when_written_then_the_cell_is_text(tmp_path: Path, begins: str) -> None:
    """An apostrophe before it; amounts below zero stay numbers."""
    booking = made(1, gross="-119.00")
    evil = msgspec.structs.replace(booking, invoice=booking.invoice.with_value("seller.name", begins, None))

    LocalSheet(tmp_path / "rows.csv").put([evil])

    (row,) = rows_in(tmp_path / "rows.csv")
    assert row[HEADER.index("seller_name")].startswith("'")
    assert row[HEADER.index("gross")] == "-119.00"


def test_given_a_crash_within_an_append_when_written_again_then_no_row_is_lost_or_doubled(tmp_path: Path) -> None:
    """Cut at every byte of the last row; names have letters of several bytes and lines of their own."""
    path = tmp_path / "rows.csv"
    LocalSheet(path).put([made(1), made(2)])
    before = path.read_bytes()
    last = made(3)
    last = msgspec.structs.replace(last, invoice=last.invoice.with_value("seller.name", 'Müller "☃"\r\n& Söhne', None))
    LocalSheet(path).put([last])
    after = path.read_bytes()

    for cut in range(len(before), len(after)):
        path.write_bytes(after[:cut])
        said = LocalSheet(path).put([last])

        assert said == (), cut
        assert [row[0] for row in rows_in(path)] == ["chat-1/i-1", "chat-1/i-2", "chat-1/i-3"], cut
        assert rows_in(path)[2] == as_text(last), cut


def test_given_another_file_of_that_name_when_written_then_it_is_kept_and_a_new_one_begun(tmp_path: Path) -> None:
    """Bytes that are not ours are never overwritten."""
    path = tmp_path / "rows.csv"
    path.write_text("my,own\r\ntable,1\r\n")

    (said,) = LocalSheet(path).put([made(1)])

    assert "rows.csv.kept-1" in said
    assert (tmp_path / "rows.csv.kept-1").read_bytes() == b"my,own\r\ntable,1\r\n"
    assert len(rows_in(path)) == 1


def test_given_a_chat_when_forgotten_then_its_rows_are_gone(tmp_path: Path) -> None:
    """And no other chat's, whose name begins alike."""
    sheet = LocalSheet(tmp_path / "rows.csv")
    sheet.put([made(1), made(1, chat="chat-11")])

    sheet.forget("chat-1/")

    assert [row[0] for row in rows_in(tmp_path / "rows.csv")] == ["chat-11/i-1"]
