"""Attachments that come as an address, from the message to the reply."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from files.file_server import FileServer, answer, file_server
from files.test_export import ACME, booking
from turn.real_nodes import Person, wait_for

from actors.settings import DownloadSettings
from invoices.export import export

Starter = Callable[..., Any]
INVOICE = export([booking(ACME)], "ubl").content


@pytest.fixture
def server() -> Iterator[FileServer]:
    """A server of files."""
    with file_server() as files:
        yield files


def start(start_node: Starter, **download: Any) -> Any:
    """A node with these settings of downloads."""
    node = start_node(max_attempts=3).node
    node.settings = msgspec.structs.replace(node.settings, download=DownloadSettings(**download))
    return node


def link(url: str, name: str = "march.xml") -> dict[str, Any]:
    """An attachment that is an address."""
    return {"attachments": [{"name": name, "url": url}]}


def test_given_an_address_of_an_invoice_when_it_is_sent_then_it_is_read_like_any_attachment(
    start_node: Starter, person: Person, server: FileServer
) -> None:
    """The figures are in the reply."""
    start(start_node, allow_private=True)

    person.says("789", "m-1", None, **link(server.serve("/f", answer(200, INVOICE))))

    [reply] = person.hears("789")
    assert reply.data["invoice"]["gross"] == "1190.00"


def test_given_a_fetched_file_when_its_turn_crashes_then_it_is_not_fetched_again(
    start_node: Starter, person: Person, server: FileServer, folder: Path
) -> None:
    """The bytes are kept until the turn is committed, and the note of them is gone with it."""
    start(start_node, allow_private=True)
    url = server.serve("/f", answer(200, INVOICE))

    person.says("789", "m-1", f"!crash unless {folder}/crashed", **link(url))

    [reply] = person.hears("789")
    assert (folder / "crashed").exists()
    assert reply.data["invoice"]["number"] == ACME.number
    assert "restart" in reply.recovered_by
    assert len(server.asked) == 1
    names = person.keys.partition(person.keys.partition_of("789"))
    wait_for(lambda: not person.redis.exists(names.journal("789")), "the journal to be gone")
    blob = names.blob(sha256(INVOICE).hexdigest())
    assert 0 < person.redis.ttl(blob) <= 3600, "the file is let go of with its message"


def test_given_a_private_address_when_it_is_sent_then_the_person_is_asked_for_the_file(
    start_node: Starter, person: Person, server: FileServer
) -> None:
    """As the settings have it unless someone says otherwise; nothing is asked there."""
    start(start_node)

    person.says("789", "m-1", None, **link(server.serve("/f", answer(200, INVOICE))))

    [reply] = person.hears("789")
    assert "not allowed to go" in reply.text
    assert "attachment" in reply.text
    assert server.asked == []


def test_given_a_downloader_that_dies_when_a_file_is_wanted_then_the_next_one_fetches_it(
    start_node: Starter, person: Person, server: FileServer
) -> None:
    """Its death in the middle of a download costs the person nothing but time."""
    node = start(start_node, allow_private=True)

    def die_once(asked: Any, connection: Any) -> None:
        node.names["downloads"].crash(RuntimeError("drill"))

    person.says("789", "m-1", None, **link(server.serve("/f", die_once, answer(200, INVOICE))))

    [reply] = person.hears("789")
    assert reply.data["invoice"]["number"] == ACME.number
    assert len(server.asked) == 2
