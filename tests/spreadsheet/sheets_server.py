"""Google Sheets as far as the spreadsheet's rows need it, as a process of its own that breaks when it is told to.

As a program: `sheets_server.py PORT BOOK`; what is written is kept in the file BOOK, over restarts.
`PUT /fault/NAME/N/M` has N requests of the API, after M that are served, meet: `429` (with Retry-After), `503` (nothing
done), `lost` (done, then 503), `hang` (no answer), `drip` (an answer that never ends), `garbage` (a page of HTML with
status 200), `401`.
"""

from __future__ import annotations

import json
import re
import sys
import time
import urllib.parse
import urllib.request
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from server_process import HOST, ServerProcess

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

ID = "sheet-of-tests"
_RANGE = re.compile(r"(?P<sheet>[^!]+)!(?P<column>[A-Z]+)(?P<row>\d+)(:(?P<to>[A-Z]+)(?P<to_row>\d*))?")


class _Sheets:
    """Rows by sheet; written to the book at each change."""

    def __init__(self, book: Path) -> None:
        self._book = book
        self.lock = Lock()
        self.fault, self.left, self.after = "", 0, 0
        self.requests: list[str] = []
        self.sheets: dict[str, dict[str, Any]] = json.loads(book.read_text()) if book.exists() else {}
        if not self.sheets:
            self.sheets["Sheet1"] = {"id": 0, "rows": [], "hidden": []}

    def keep(self) -> None:
        self._book.write_text(json.dumps(self.sheets))

    def write(self, where: str, values: list[list[Any]]) -> None:
        place = _RANGE.fullmatch(where)
        assert place is not None, where
        assert place["column"] == "A", where
        rows = self.sheets[place["sheet"]]["rows"]
        for number, row in enumerate(values, start=int(place["row"]) - 1):
            rows.extend([] for _ in range(number + 1 - len(rows)))
            rows[number] = row

    def batch(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        replies: list[dict[str, Any]] = []
        for request in requests:
            if "addSheet" in request:
                properties = request["addSheet"]["properties"]
                if properties["title"] in self.sheets:
                    raise ValueError(f'A sheet with the name "{properties["title"]}" already exists.')
                number = len(self.sheets)
                self.sheets[properties["title"]] = {"id": number, "rows": [], "hidden": []}
                replies.append({"addSheet": {"properties": {**properties, "sheetId": number}}})
            else:
                where = request["updateDimensionProperties"]["range"]
                (sheet,) = (one for one in self.sheets.values() if one["id"] == where["sheetId"])
                sheet["hidden"] = list(range(where["startIndex"], where["endIndex"]))
                replies.append({})
        return replies


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    sheets: _Sheets

    def do_PUT(self) -> None:
        """An order."""
        _, _, name, count, after = self.path.split("/")
        self.sheets.fault, self.sheets.left, self.sheets.after = name, int(count), int(after)
        self._answer(200, {})

    def do_GET(self) -> None:
        """Something is read."""
        if self.path == "/":
            self._answer(200, {"sheets": self.sheets.sheets, "requests": self.sheets.requests})
            return
        self._serve()

    def do_POST(self) -> None:
        """Something is written, or a token asked for."""
        self._serve()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = urllib.parse.unquote(self.path.partition("?")[0])
        if path == "/token":
            self._answer(200, {"access_token": "token-of-tests", "expires_in": 3600, "token_type": "Bearer"})
            return
        with self.sheets.lock:
            is_spared, self.sheets.after = self.sheets.after > 0, self.sheets.after - 1
            fault = self.sheets.fault if self.sheets.left > 0 and not is_spared else ""
            self.sheets.left -= bool(fault)
            self.sheets.requests.append(f"{self.command} {path}")
        if fault and fault != "lost":
            self._break(fault)
            return
        if self.headers.get("authorization") != "Bearer token-of-tests":
            self._answer(401, {"error": {"code": 401, "message": "no credentials", "status": "UNAUTHENTICATED"}})
            return
        try:
            with self.sheets.lock:
                answer = self._done(path, json.loads(body or b"{}"))
                self.sheets.keep()
        except ValueError as error:
            self._answer(400, {"error": {"code": 400, "message": str(error), "status": "INVALID_ARGUMENT"}})
            return
        if fault == "lost":
            self._break("503")
        else:
            self._answer(200, answer)

    def _done(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        place = path.removeprefix(f"/v4/spreadsheets/{ID}")
        assert place != path, path
        if place == "":
            properties = [{"properties": {"sheetId": one["id"], "title": title}}
                          for title, one in self.sheets.sheets.items()]  # fmt: skip
            return {"sheets": properties}
        if place == ":batchUpdate":
            return {"replies": self.sheets.batch(body["requests"])}
        if place == "/values:batchUpdate":
            assert body["valueInputOption"] == "RAW"
            for part in body["data"]:
                self.sheets.write(part["range"], part["values"])
            return {"totalUpdatedRows": len(body["data"])}
        if place.endswith(":append"):
            sheet = place.removeprefix("/values/").partition("!")[0]
            assert "valueInputOption=RAW" in self.path
            self.sheets.sheets[sheet]["rows"] += body["values"]
            return {"updates": {"updatedRows": len(body["values"])}}
        where = _RANGE.fullmatch(place.removeprefix("/values/"))
        assert where is not None, place
        width = ord(where["to"]) - ord("A") + 1
        rows = self.sheets.sheets[where["sheet"]]["rows"][int(where["row"]) - 1 :]
        return {"range": place, "values": [row[:width] for row in rows]}

    def _break(self, fault: str) -> None:
        if fault == "hang":
            time.sleep(3600.0)
        if fault == "drip":
            self.send_response(200)
            self.send_header("content-length", "1000000")
            self.end_headers()
            with suppress(OSError):
                while True:
                    self.wfile.write(b" ")
                    self.wfile.flush()
                    time.sleep(0.2)
        if fault == "garbage":
            self._send(200, b"<html>maintenance</html>", "text/html")
            return
        status = int(fault)
        name = {429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE", 401: "UNAUTHENTICATED"}[status]
        self._answer(status, {"error": {"code": status, "message": "an injected fault", "status": name}})

    def _answer(self, status: int, answer: dict[str, Any]) -> None:
        self._send(status, json.dumps(answer).encode(), "application/json")

    def _send(self, status: int, body: bytes, media_type: str) -> None:
        self.send_response(status)
        self.send_header("content-type", media_type)
        self.send_header("content-length", str(len(body)))
        if status == 429:
            self.send_header("retry-after", "3")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """The book is the log."""


class SheetsServer(ServerProcess):
    """One server; its book outlives its process."""

    def __init__(self, port: int, folder: Path) -> None:
        super().__init__(__file__, port, folder / "sheets.json")
        self.url = self.address
        self.credentials = folder / "credentials.json"
        self.credentials.write_text(json.dumps(_service_account(self.url)))

    def order(self, fault: str, count: int, after: int = 0) -> None:
        """Have so many requests, after so many that are served, meet this fault."""
        self.put(f"/fault/{fault}/{count}/{after}")

    def rows(self) -> list[list[Any]]:
        """All rows of the sheet of invoices, its header first."""
        found = self._state()["sheets"].get("Invoices")
        return found["rows"] if found else []

    def hidden(self) -> list[int]:
        """Which columns of it are hidden."""
        return self._state()["sheets"]["Invoices"]["hidden"]

    def requests(self) -> list[str]:
        """What was asked, in order."""
        return self._state()["requests"]

    def _state(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/", timeout=5.0) as answer:
            return json.loads(answer.read())


def _service_account(url: str) -> dict[str, str]:
    """A service account's key file, made here; the token comes from the server."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {"type": "service_account", "client_email": "agent@tests.iam.example", "private_key_id": "1",
            "private_key": pem, "token_uri": f"{url}/token"}  # fmt: skip


def sheets_server(port: int, folder: Path) -> AbstractContextManager[SheetsServer]:
    """A server that is up, gone with the test."""
    return SheetsServer(port, folder).running()


if __name__ == "__main__":
    _Handler.sheets = _Sheets(Path(sys.argv[2]))
    ThreadingHTTPServer((HOST, int(sys.argv[1])), _Handler).serve_forever()
