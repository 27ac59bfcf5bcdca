"""Files behind addresses, from a real server that serves badly."""

import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import msgspec
import pytest
from files.file_server import FileServer, answer, cut, drip, endless, file_server, ranged, redirect, silence

from actors.blobs import FileBlobs
from actors.download import Downloader, Fetched, FetchFile
from actors.node import Node, StoreAccess
from actors.node_directory import node_paths
from actors.settings import Settings, load_settings
from messages.records import ATTACHMENT_BYTES_MAX, Attachment
from supervision import world
from supervision.retrying.policies import PolicySettings

CONTENT = bytes(range(256)) * 512
QUICK = PolicySettings(policy="file_download", max_retries=3, min_delay_s=0.01, max_delay_s=0.05)
Fetch = Callable[..., Fetched]


@pytest.fixture
def server() -> Iterator[FileServer]:
    """A server of files."""
    with file_server() as files:
        yield files


def node_on(folder: Path, *, allow_private: bool) -> Node:
    """A node that has a blob store and settings, and nothing else."""
    plain: dict[str, Any] = msgspec.to_builtins(load_settings({}, data_dir=str(folder)))
    plain["download"]["allow_private"] = allow_private
    plain["breakers"]["file_service"] = {"failure_threshold": 3, "recovery_timeout_s": 60.0}
    here = world.current()
    node = Node(msgspec.convert(plain, Settings), node_paths(str(folder)), "n", "n", here)
    unused: Any = None
    node.access = StoreAccess(unused, unused, FileBlobs(here, folder / "blobs"), 1)
    return node


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """One that may ask this machine."""
    return node_on(tmp_path, allow_private=True)


@pytest.fixture
def fetch(node: Node) -> Iterator[Fetch]:
    """Has an address fetched, within so many seconds."""
    downloader = Downloader.start(node, QUICK)

    def fetched(url: str, within_s: float = 10.0, name: str = "march.pdf") -> Fetched:
        attachment = Attachment(name, "application/octet-stream", "", 0, url)
        found: Fetched = downloader.ask(FetchFile(attachment, 3, node.world.now() + within_s), timeout=within_s + 5)
        return found

    yield fetched
    downloader.stop()


def content_of(node: Node, fetched: Fetched) -> bytes:
    """The bytes in the blob store."""
    assert fetched.problem is None, fetched
    return node.blobs.get(3, fetched.digest)


def test_given_a_file_when_fetched_then_it_is_in_the_blob_store_under_its_digest(
    server: FileServer, node: Node, fetch: Fetch
) -> None:
    """With the name and the type that the server gives it, where the sender gave none."""
    url = server.serve("/f", answer(200, CONTENT, Content_Type="application/pdf; x=y",
                                    Content_Disposition="attachment; filename*=UTF-8''M%C3%A4rz.pdf"))  # fmt: skip

    fetched = fetch(url, name="f")

    assert content_of(node, fetched) == CONTENT
    assert fetched.digest == hashlib.sha256(CONTENT).hexdigest()
    assert (fetched.name, fetched.media_type, fetched.size_bytes) == ("März.pdf", "application/pdf", len(CONTENT))
    assert not fetched.retried


@pytest.mark.parametrize("validator", [{"ETag": '"v1"'}, {"Last_Modified": "Tue, 24 Nov 2026 10:00:00 GMT"}])
def test_given_a_transfer_that_is_cut_when_tried_again_then_only_the_rest_is_asked_for(
    server: FileServer, node: Node, fetch: Fetch, validator: dict[str, str]
) -> None:
    """From where it broke, twice."""
    second = 90_000

    def cut_again(asked: Any, connection: Any) -> None:
        ranged(CONTENT, **validator)(asked, _Stingy(connection, second - 50_000))

    url = server.serve("/f", cut(CONTENT, 50_000, **validator), cut_again, ranged(CONTENT, **validator))

    fetched = fetch(url)

    assert content_of(node, fetched) == CONTENT
    assert fetched.retried
    assert server.asked[1].range_start == 50_000
    assert 50_000 < (server.asked[2].range_start or 0) <= second
    assert server.asked[1].headers["if-range"] == next(iter(validator.values()))


class _Stingy:
    """A connection that hangs up after so many bytes of a body."""

    def __init__(self, connection: Any, after: int) -> None:
        self._connection, self._after = connection, after

    def sendall(self, data: bytes) -> None:
        """All of the head, some of the body."""
        until = data.index(b"\r\n\r\n") + 4 + self._after
        self._connection.sendall(data[:until])


@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"weak"'}])
def test_given_no_strong_validator_when_a_transfer_is_cut_then_the_next_begins_anew(
    server: FileServer, node: Node, fetch: Fetch, headers: dict[str, str]
) -> None:
    """Two halves of two files make no file."""
    url = server.serve("/f", cut(CONTENT, 50_000, **headers), ranged(CONTENT, **headers))

    fetched = fetch(url)

    assert content_of(node, fetched) == CONTENT
    assert server.asked[1].range_start is None


def test_given_a_file_that_changed_when_resumed_then_it_is_the_new_one_alone(
    server: FileServer, node: Node, fetch: Fetch
) -> None:
    """If-Range has the server send all of it; one that ignores If-Range is found out by its tag."""
    other = bytes(reversed(CONTENT))
    honest = server.serve("/honest", cut(CONTENT, 50_000, ETag='"v1"'), answer(200, other, ETag='"v2"'))
    careless = server.serve("/careless", cut(CONTENT, 50_000, ETag='"v1"'), ranged(other, ETag='"v2"'))

    found = [content_of(node, fetch(url)) for url in (honest, careless)]

    assert found == [other, other]


def test_given_a_server_without_that_rest_when_resumed_then_the_transfer_begins_anew(
    server: FileServer, node: Node, fetch: Fetch
) -> None:
    """416 is the answer to a range, not to the file."""
    url = server.serve("/f", cut(CONTENT, 9, ETag='"v"'), answer(416), answer(200, CONTENT))

    assert content_of(node, fetch(url)) == CONTENT


def test_given_a_server_that_is_busy_when_fetched_then_its_hint_is_kept_to(
    server: FileServer, node: Node, fetch: Fetch
) -> None:
    """503 with Retry-After passes."""
    url = server.serve("/f", answer(503, Retry_After="1"), answer(200, CONTENT))
    began_s = node.world.now()

    fetched = fetch(url)

    assert content_of(node, fetched) == CONTENT
    assert node.world.now() - began_s >= 1.0


@pytest.mark.parametrize(
    ("serve", "problem", "asked"),
    [
        (answer(404), "link_not_found", 1),
        (answer(410), "link_not_found", 1),
        (answer(401), "link_login", 1),
        (answer(403), "link_login", 1),
        (answer(413), "link_too_large", 1),
        (answer(418), "link", 1),
        (answer(500), "link", 3),
        (answer(503, Retry_After="3600"), "link", 1),
        (answer(200, b"not that", Content_Encoding="br"), "link", 1),
        (answer(200, b"not that", Content_Encoding="gzip"), "link", 1),
        (redirect("ftp://example.com/f"), "link", 1),
        (redirect("file:///etc/passwd"), "link", 1),
        (answer(302), "link", 1),
        (endless, "link_too_large", 1),
    ],
    ids=lambda value: getattr(value, "__name__", None) or str(value),
)
def test_given_a_server_without_the_file_when_fetched_then_the_person_gets_fitting_words(
    server: FileServer, fetch: Fetch, serve: Any, problem: str, asked: int
) -> None:
    """What will not pass is asked for once; what may, as often as the policy and the breaker allow."""
    url = server.serve("/f", serve)

    fetched = fetch(url)

    assert fetched.problem == problem
    assert len(server.asked) == asked


def test_given_redirects_when_fetched_then_they_are_followed_up_to_a_number(
    server: FileServer, node: Node, fetch: Fetch
) -> None:
    """Relative ones too; a ring ends."""
    server.serve("/c", answer(200, CONTENT))
    server.serve("/b", redirect("c", 307))
    around = server.serve("/around", redirect("/around"))

    fetched, lost = fetch(server.serve("/a", redirect("/b?x=1", 301))), fetch(around)

    assert content_of(node, fetched) == CONTENT
    assert lost.problem == "link"
    assert sum(asked.path == "/around" for asked in server.asked) == 6


def test_given_a_file_beyond_the_limit_when_it_says_so_then_nothing_of_it_is_taken(
    server: FileServer, fetch: Fetch
) -> None:
    """Its length is enough."""

    def huge(_: Any, connection: Any) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (ATTACHMENT_BYTES_MAX + 1))

    assert fetch(server.serve("/f", huge)).problem == "link_too_large"


@pytest.mark.parametrize(("coding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_given_a_bomb_when_fetched_then_it_does_not_go_off(
    server: FileServer, node: Node, fetch: Fetch, coding: str, pack: Callable[[bytes], bytes]
) -> None:
    """A packed body that is small packed and large unpacked; an ordinary packed one is a file."""
    bomb = server.serve("/bomb", answer(200, pack(bytes(200_000_000)), Content_Encoding=coding))
    small = server.serve("/small", answer(200, pack(CONTENT), Content_Encoding=coding))

    exploded, fetched = fetch(bomb), fetch(small)

    assert exploded.problem == "link_too_large"
    assert content_of(node, fetched) == CONTENT


def test_given_a_wrong_length_when_fetched_then_no_half_file_is_a_file(server: FileServer, fetch: Fetch) -> None:
    """A server that always promises more than it has is given up."""
    url = server.serve("/f", cut(CONTENT, 100))

    fetched = fetch(url)

    assert fetched.problem == "link"
    assert fetched.retried


@pytest.mark.parametrize("serve", [drip(CONTENT, 0.05), silence], ids=["drip", "silence"])
def test_given_a_server_that_takes_its_time_when_the_deadline_comes_then_it_is_given_up(
    server: FileServer, node: Node, fetch: Fetch, serve: Any
) -> None:
    """A byte now and then keeps nobody waiting beyond it."""
    url = server.serve("/f", serve)
    began_s = node.world.now()

    fetched = fetch(url, within_s=0.6)

    assert fetched.problem == "link_too_slow"
    assert node.world.now() - began_s < 2.0


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/f", "http://localhost/f", "http://169.254.169.254/latest/meta-data/", "http://[::1]/",
        "http://[::ffff:127.0.0.1]/", "http://10.0.0.1/", "http://0.0.0.0/", "http://2130706433/", "http://0x7f.1/",
        "http://[64:ff9b::7f00:1]/", "http://user@127.0.0.1/",
    ],
)  # fmt: skip
def test_given_an_address_of_ours_when_fetched_then_it_is_refused(tmp_path: Path, url: str) -> None:
    """Whatever the spelling: what counts is where the name leads."""
    node = node_on(tmp_path, allow_private=False)
    downloader = Downloader.start(node, QUICK)

    found = downloader.ask(FetchFile(Attachment("f", "", "", 0, url), 3, node.world.now() + 5), timeout=10)

    downloader.stop()
    assert found.problem == "link_refused"


def test_given_a_public_server_that_redirects_to_us_when_followed_then_it_is_refused(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each hop is checked: at first the name is public, then it is not (which is what rebinding does, too)."""
    from supervision import world_http

    node = node_on(tmp_path, allow_private=False)
    public = {"127.0.0.1": iter([True, False, True, False])}
    monkeypatch.setattr(world_http, "is_public", lambda address: next(public[address], False))
    secret = server.serve("/secret", answer(200, b"the keys"))
    downloader = Downloader.start(node, QUICK)

    metadata = server.serve("/a", redirect("http://169.254.169.254/latest/meta-data/"))
    public["169.254.169.254"] = iter([False])
    found = [
        downloader.ask(FetchFile(Attachment("f", "", "", 0, url), 3, node.world.now() + 5), timeout=10)
        for url in (server.serve("/b", redirect(secret)), metadata)
    ]

    downloader.stop()
    assert [one.problem for one in found] == ["link_refused", "link_refused"]
    assert "/secret" not in {asked.path for asked in server.asked}


def test_given_a_server_that_keeps_failing_when_asked_again_then_its_breaker_spares_it_and_no_other(
    server: FileServer, node: Node, fetch: Fetch
) -> None:
    """One broken server is left alone; the next one is asked."""
    fetch(server.serve("/f", answer(500)))
    count = len(server.asked)

    refused = fetch(server.url("/f"))
    with file_server() as another:
        served = fetch(another.serve("/f", answer(200, CONTENT)))

    assert refused.problem == "link"
    assert len(server.asked) == count
    assert content_of(node, served) == CONTENT


def test_given_a_slow_server_when_many_files_are_wanted_then_others_are_served_meanwhile(
    server: FileServer, node: Node, fetch: Fetch
) -> None:
    """A server takes at most its share of the downloads that run."""
    slow = server.serve("/slow", silence)
    waiting = [gevent.spawn(fetch, slow, 2.0) for _ in range(12)]
    gevent.sleep(0)
    with file_server() as another:
        served = fetch(another.serve("/f", answer(200, CONTENT)), 1.5)

    gevent.joinall(waiting)
    assert content_of(node, served) == CONTENT
    assert len(server.asked) <= 3
