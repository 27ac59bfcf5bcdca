"""The spreadsheet at Google: looks which rows are there before it writes any. Blocking, for one thread.

What is written is found again by the key in the first column, so a request whose answer was lost is not made twice:
the next look shows whether it was done. Two requests a batch, however many rows: Google allows sixty a minute.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import gspread
from google.oauth2.service_account import Credentials
from gspread.exceptions import APIError
from gspread.http_client import HTTPClient
from gspread.urls import SPREADSHEETS_API_V4_BASE_URL

from actors.effects.target import Misconfigured
from actors.spreadsheet.rows import HEADER, as_json, key_of
from supervision.world import current

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from requests import Response

    from actors.settings import SheetsSettings
    from invoices.book import Booking

SHEET: Final = "Invoices"
CONNECT_S: Final = 4.0
READ_S: Final = 8.0
ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
_PIECE_BYTES: Final = 64 * 1024
_SCOPES: Final = ("https://www.googleapis.com/auth/spreadsheets",)
_GOOGLE: Final = SPREADSHEETS_API_V4_BASE_URL.removesuffix("/v4/spreadsheets")
_LAST_COLUMN: Final = gspread.utils.rowcol_to_a1(1, len(HEADER)).rstrip("1")
_BAD_REQUEST: Final = 400


class SheetLate(TimeoutError):  # noqa: N818 - what it is
    """Google's answer has not come in time; what was asked may have been done."""


class _Client(HTTPClient):
    """gspread's, at another address when told so, and with an end to every answer, however slowly it drips."""

    def __init__(self, credentials: Credentials, address: str, is_over: Callable[[], bool]) -> None:
        super().__init__(credentials)
        self._address = address.rstrip("/")
        self._is_over = is_over

    def request(
        self,
        method: str,
        endpoint: str,
        params: Any = None,
        data: bytes | None = None,
        json: Any = None,
        files: Any = None,
        headers: Any = None,
    ) -> Response:
        """As gspread's. Raises APIError, SheetLate, and what `requests` raises."""
        session: Any = self.session
        response = session.request(
            method=method, url=endpoint.replace(_GOOGLE, self._address, 1), timeout=(CONNECT_S, READ_S), stream=True,
            params=params, data=data, json=json, files=files, headers=headers, max_allowed_time=CONNECT_S + READ_S,
            allow_redirects=False,
        )  # fmt: skip
        # Read here, where its end can be bounded, and given to those who read it from the response as usual.
        response._content = self._whole(response)  # noqa: SLF001
        response._content_consumed = True  # noqa: SLF001
        if response.ok:
            return cast("Response", response)
        raise APIError(response)

    def _whole(self, response: Response) -> bytes:
        body = io.BytesIO()
        while piece := response.raw.read1(_PIECE_BYTES, decode_content=True):
            body.write(piece)
            if self._is_over() or body.tell() > ANSWER_BYTES_MAX:
                response.close()
                raise SheetLate("Google's answer did not end in time")
        return body.getvalue()


class GoogleSheet:
    """One spreadsheet. Not for two threads at once, except `interrupt`."""

    def __init__(self, settings: SheetsSettings) -> None:
        """Raises Misconfigured when the credentials cannot be used."""
        self._id = settings.spreadsheet
        self._over_at_s = 0.0
        self._was_interrupted = False
        self._client = _Client(credentials_of(settings.credentials_file), settings.api_url, self._is_over)
        self._is_made = False

    def put(self, bookings: Sequence[Booking], deadline_s: float) -> int:
        """Write their rows, unless a later revision is there; how many were written.

        Raises APIError, SheetLate, what `requests` and google-auth raise.
        """
        self._begin(deadline_s)
        there = self._rows()
        newest = {key_of(one): one for one in sorted(bookings, key=lambda one: one.revision)}
        due = {key: one for key, one in newest.items() if there.get(key, (0, 0))[1] < one.revision}
        changed = [
            {"range": f"{SHEET}!A{there[key][0]}:{_LAST_COLUMN}{there[key][0]}", "values": [as_json(one)]}
            for key, one in due.items()
            if key in there
        ]
        added = [as_json(one) for key, one in due.items() if key not in there]
        if changed:
            self._client.values_batch_update(self._id, body={"valueInputOption": "RAW", "data": changed})
        if added:
            options: Any = {"valueInputOption": "RAW", "insertDataOption": "INSERT_ROWS"}
            self._client.values_append(self._id, f"{SHEET}!A1", options, {"values": added})
        return len(due)

    def revision_of(self, key: str, deadline_s: float) -> int:
        """The revision that is shown; 0 when there is no such row. Raises as `put`."""
        self._begin(deadline_s)
        return self._rows().get(key, (0, 0))[1]

    def interrupt(self) -> None:
        """Have an answer that drips end now; from another thread."""
        self._was_interrupted = True

    def close(self) -> None:
        """Let the connections go."""
        self._client.session.close()
        self._is_made = False

    def _begin(self, deadline_s: float) -> None:
        self._was_interrupted = False
        self._over_at_s = current().now() + deadline_s
        if not self._is_made:
            self._make()
            self._is_made = True

    def _is_over(self) -> bool:
        return self._was_interrupted or current().now() > self._over_at_s

    def _rows(self) -> dict[str, tuple[int, int]]:
        """Of each key the number of its row, and the revision it shows."""
        answer = self._client.values_get(self._id, f"{SHEET}!A2:B", {"valueRenderOption": "UNFORMATTED_VALUE"})
        rows: dict[str, tuple[int, int]] = {}
        for number, row in enumerate(answer.get("values", ()), start=2):
            if row and row[0] and str(row[0]) not in rows:
                rows[str(row[0])] = (number, _revision(row))
        return rows

    def _make(self) -> None:
        """Have a sheet of our name, whose first row names the columns and whose first two columns are hidden."""
        found = self._client.spreadsheets_get(self._id, {"fields": "sheets.properties(sheetId,title)"})
        titles = {sheet["properties"]["title"] for sheet in found.get("sheets", ())}
        if SHEET in titles:
            return
        try:
            made = self._client.batch_update(
                self._id, {"requests": [{"addSheet": {"properties": {"title": SHEET, "gridProperties": {
                    "rowCount": 1000, "columnCount": len(HEADER), "frozenRowCount": 1}}}}]}
            )  # fmt: skip
        except APIError as error:
            # Another node has made it in between.
            if error.response.status_code == _BAD_REQUEST and "already exists" in str(error):
                return
            raise
        sheet_id = made["replies"][0]["addSheet"]["properties"]["sheetId"]
        header = {"range": f"{SHEET}!A1:{_LAST_COLUMN}1", "values": [list(HEADER)]}
        self._client.values_batch_update(self._id, body={"valueInputOption": "RAW", "data": [header]})
        hidden = {"range": {"sheetId": sheet_id, "dimension": "COLUMNS", "startIndex": 0, "endIndex": 2},
                  "properties": {"hiddenByUser": True}, "fields": "hiddenByUser"}  # fmt: skip
        self._client.batch_update(self._id, {"requests": [{"updateDimensionProperties": hidden}]})


def credentials_of(file: str) -> Credentials:
    """The service account's. Raises Misconfigured, whose text holds nothing of the file's content."""
    try:
        info = json.loads(Path(file).read_text(encoding="utf-8"))
        return cast("Credentials", Credentials.from_service_account_info(info, scopes=_SCOPES))  # type: ignore[no-untyped-call]
    except OSError as error:
        raise Misconfigured(f"[sheets] credentials_file cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Misconfigured("[sheets] credentials_file is not the key of a Google service account") from None


def _revision(row: list[Any]) -> int:
    try:
        return int(row[1])
    except (IndexError, TypeError, ValueError):
        return 0
