"""What a download decides, for any course that it may take."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.download.machine import (
    Body,
    Ended,
    GoOn,
    Progress,
    TransferBroken,
    check_whole,
    headers_for,
    judged,
    without_credentials,
)
from actors.download.unpacking import NotPackedSo, TooLarge, unpacked
from supervision.http_addresses import is_public


@given(
    st.lists(st.tuples(st.binary(min_size=1, max_size=40), st.integers(0, 40), st.booleans()), min_size=1, max_size=6)
)
def test_given_any_course_of_broken_transfers_when_one_ends_whole_then_it_is_one_file(
    course: list[tuple[bytes, int, bool]],
) -> None:
    """Each attempt meets a file of that moment, is cut somewhere, and may be answered without regard to If-Range."""
    progress = Progress()
    whole = False
    for content, cut, careless in course:
        tag = f'"{zlib.crc32(content)}"'
        headers = headers_for(progress)
        start = int(headers["Range"].removeprefix("bytes=").removesuffix("-")) if headers else 0
        if headers and start < len(content) and (careless or headers["If-Range"] == tag):
            given_headers = {"etag": tag, "content-range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
            status, sent = 206, content[start:]
        else:
            status, given_headers, sent = 200, {"etag": tag, "content-length": str(len(content))}, content
        try:
            assert judged(status, given_headers, "http://a/", progress) == Body()
            progress.received += sent[:cut]
            check_whole(progress)
        except TransferBroken:
            continue
        whole = True
        break

    assert not whole or bytes(progress.received) == content


@given(
    st.integers(100, 599),
    st.dictionaries(
        st.sampled_from(["location", "content-length", "content-range", "etag", "content-disposition", "content-type"]),
        st.text(max_size=30),
    ),
    st.binary(max_size=5),
)
def test_given_any_answer_when_judged_then_it_is_a_body_a_way_on_an_end_or_a_fault(
    status: int, headers: dict[str, str], received: bytes
) -> None:
    """Whatever a server says, nothing else comes of it."""
    progress = Progress(bytearray(received), validator='"v"')

    try:
        verdict = judged(status, headers, "http://a/b", progress)
    except Exception as error:  # noqa: BLE001 - its kind is what is tested
        assert type(error).__name__ in ("ServerFailed", "TransferBroken")
    else:
        assert isinstance(verdict, Body | GoOn | Ended)
        assert not isinstance(verdict, GoOn) or verdict.url.lower().startswith(("http://", "https://"))


@given(st.binary(max_size=2000), st.sampled_from(["", "identity", "gzip", "deflate", "gzip, gzip"]))
def test_given_any_content_when_packed_then_it_is_unpacked_within_its_limit(content: bytes, encoding: str) -> None:
    """The limit is of what comes out, and to the byte."""
    packed = content
    for coding in encoding.split(", "):
        packed = {"gzip": gzip.compress, "deflate": zlib.compress}.get(coding, bytes)(packed)
    whole = unpacked(packed, encoding, max(len(content), len(packed)))

    assert whole == content
    if content and encoding in ("", "identity"):
        with pytest.raises(TooLarge):
            unpacked(packed, encoding, len(content) - 1)


@given(st.binary(max_size=200), st.text(max_size=20))
def test_given_any_bytes_when_unpacked_then_it_is_content_or_a_typed_refusal(content: bytes, encoding: str) -> None:
    """A server's word about its packing is only a word."""
    try:
        out = unpacked(content, encoding, 1000)
    except (TooLarge, NotPackedSo):
        return

    assert len(out) <= 1000


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True), ("2606:2800:220:1:248:1893:25c8:1946", True), ("127.0.0.1", False),
        ("10.1.2.3", False), ("172.16.0.1", False), ("192.168.1.1", False), ("169.254.169.254", False),
        ("100.64.0.1", False), ("0.0.0.0", False), ("224.0.0.1", False), ("255.255.255.255", False), ("::1", False),
        ("::", False), ("fe80::1%eth0", False), ("fc00::1", False), ("fec0::1", False), ("ff02::1", False),
        ("::ffff:10.0.0.1", False), ("::ffff:93.184.216.34", True), ("2002:7f00:1::", False),
        ("64:ff9b::a9fe:a9fe", False), ("64:ff9b::5db8:d822", True), ("192.0.2.1", False), ("no address", False),
    ],
)  # fmt: skip
def test_given_an_address_when_asked_whose_it_is_then_only_the_public_ones_are_public(
    address: str, *, public: bool
) -> None:
    """IPv6 that carries IPv4 is judged by what it carries."""
    assert is_public(address) is public


def test_given_an_address_with_a_login_when_used_then_the_login_is_left_out() -> None:
    """We log in nowhere for anyone, and write no password down."""
    assert without_credentials("https://u:p@example.com:8443/f?x=1#top") == "https://example.com:8443/f?x=1"
