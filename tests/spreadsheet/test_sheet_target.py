"""The spreadsheet as the relay sees it: at Google, in the file while Google is away, and in the file alone."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import gevent
import pytest
from bookings_made import effect_of, made
from gspread.exceptions import APIError

from actors.effects import services
from actors.ledger import asking, mending
from actors.ledger import writer as ledger_writer
from actors.native_lane import LaneLate
from actors.node import Node
from actors.node_directory import node_paths
from actors.settings import Settings, SheetsSettings
from actors.spreadsheet import local_file, writer
from actors.spreadsheet.local_file import LocalSheet
from invoices.book import BookQuery
from supervision import world as world_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sheets_server import SheetsServer

    from invoices.book import Booking

DEADLINE_S = 10.0


@contextlib.contextmanager
def running(folder: Path, sheets: SheetsSettings) -> Iterator[Node]:
    """A node's targets with the actors that write for them."""
    node = Node(Settings(sheets=sheets), node_paths(folder), "node-1", "1-a", world_module.current())
    node.is_listening = True
    services.prepare(node)
    refs = [ledger_writer.supervised(node).start(), writer.supervised(node).start()]
    try:
        yield node
    finally:
        for ref in refs:
            ref.stop(timeout=20.0)
        ledger_writer.ledger_of(node).close()
        with contextlib.suppress(LaneLate):
            writer.sheet_of(node).close()


def perform(node: Node, target: str, *bookings: Booking) -> None:
    """Perform their effects, side by side as the relay does. Raises what the first failure raised."""
    tasks = [gevent.spawn(node.targets[target].perform, effect_of(booking, target), DEADLINE_S) for booking in bookings]
    gevent.joinall(tasks, timeout=60.0)
    for task in tasks:
        task.get(block=False)


def in_file(folder: Path) -> set[str]:
    """Whose rows the local file has."""
    sheet = LocalSheet(folder / local_file.FILE_NAME)
    return {f"i-{number}" for number in range(1, 200) if sheet.revision_of(f"chat-1/i-{number}")}


def test_given_no_google_when_booking_then_rows_are_in_the_file(tmp_path: Path) -> None:
    """Together, and seen to have happened."""
    with running(tmp_path, SheetsSettings()) as node:
        perform(node, "sheet", *(made(number) for number in range(1, 101)))

        target = node.targets["sheet"]
        assert target.delivery == "keyed"
        assert in_file(tmp_path) == {f"i-{number}" for number in range(1, 101)}
        assert target.happened(effect_of(made(7), "sheet")) is True
        assert target.happened(effect_of(made(7, 2), "sheet")) is False


def test_given_google_when_many_are_booked_then_few_requests_are_made(
    google: SheetsServer, settings_of_google: SheetsSettings, tmp_path: Path
) -> None:
    """Google allows sixty a minute."""
    with running(tmp_path, settings_of_google) as node:
        perform(node, "sheet", *(made(number) for number in range(1, 101)))

        assert node.targets["sheet"].delivery == "checkable"
        assert node.targets["sheet"].happened(effect_of(made(7), "sheet")) is True
        assert len(google.rows()) == 101
        assert len(google.requests()) < 12
        assert in_file(tmp_path) == set()


def test_given_a_chat_when_forgotten_then_no_file_of_the_node_knows_it(tmp_path: Path) -> None:
    """Neither the ledger, nor its backup, nor the spreadsheet's file; other chats' bookings stay."""
    with running(tmp_path, SheetsSettings()) as node:
        for target in ("ledger", "sheet"):
            perform(node, target, made(1, chat="unmistakable-chat"), made(2))
        mending.back_up(ledger_writer.ledger_of(node).path)

        count = asking.forget_chat(node, "unmistakable-chat")
        found = asking.book_of(node, "chat-1").find(BookQuery())

    knowing = [path.name for path in tmp_path.rglob("*") if path.is_file() and b"unmistakable" in path.read_bytes()]
    assert count == 1
    assert [booking.invoice_id for booking in found] == ["i-2"]
    assert in_file(tmp_path) == {"i-2"}
    assert knowing == []


@pytest.mark.parametrize("fault", ["503", "lost", "429"])
def test_given_google_away_when_booking_then_the_row_is_in_the_file_and_waits_for_google(
    google: SheetsServer, settings_of_google: SheetsSettings, tmp_path: Path, fault: str
) -> None:
    """And comes to Google once, when it is back."""
    with running(tmp_path, settings_of_google) as node:
        perform(node, "sheet", made(1))
        google.order(fault, 1, after=1)
        with pytest.raises(APIError):
            perform(node, "sheet", made(2))
        meanwhile = in_file(tmp_path)
        if not node.targets["sheet"].happened(effect_of(made(2), "sheet")):
            perform(node, "sheet", made(2))

        assert meanwhile == {"i-2"}
        assert [row[0] for row in google.rows()[1:]] == ["chat-1/i-1", "chat-1/i-2"]


def test_given_the_breaker_open_when_something_is_booked_in_the_ledger_then_its_row_is_in_the_file(
    settings_of_google: SheetsSettings, tmp_path: Path
) -> None:
    """The relay asks Google nothing then, and the row is to be seen all the same."""
    with running(tmp_path, settings_of_google) as node:
        node.effect_breakers["spreadsheet"].force_open()
        perform(node, "ledger", made(1))

        with gevent.Timeout(10.0):
            while in_file(tmp_path) != {"i-1"}:
                gevent.sleep(0.05)


def test_given_a_server_that_hangs_when_booking_then_the_hub_goes_on_and_the_caller_is_told_in_time(
    google: SheetsServer, settings_of_google: SheetsSettings, tmp_path: Path
) -> None:
    """Who comes after it fails at once, until the client has given up."""
    with running(tmp_path, settings_of_google) as node:
        perform(node, "sheet", made(1))
        google.order("hang", 1)
        began_s = node.world.now()
        with pytest.raises(LaneLate):
            node.targets["sheet"].perform(effect_of(made(2), "sheet"), 2.0)
        waited_s = node.world.now() - began_s
        google.kill()
        google.start()

        with gevent.Timeout(40.0):
            while True:
                with contextlib.suppress(Exception):
                    perform(node, "sheet", made(2))
                    break
                gevent.sleep(0.1)
        assert waited_s < 4.0
        assert [row[0] for row in google.rows()[1:]] == ["chat-1/i-1", "chat-1/i-2"]
