"""What a sender says about a file is made safe without losing what is useful."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.attachments import clean_media_type, clean_name, decode_base64, name_of_url, usable_url


@pytest.mark.parametrize(
    ("given_name", "expected"),
    [
        ("march.pdf", "march.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\März Rechnung.pdf", "März Rechnung.pdf"),
        ("a\0b\nc\u202e.pdf", "abc.pdf"),
        ("..", "attachment"),
        ("/", "attachment"),
        ("", "attachment"),
        (None, "attachment"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
        ("x" * 300, "x" * 200),
        ("x." + "y" * 300, "x." + "y" * 198),
        ("\ud800.pdf", ".pdf"),
    ],
)
def test_given_a_name_when_cleaned_then_its_last_printable_part(given_name: str | None, expected: str) -> None:
    """No path, no control character, no direction override, a bounded length, the suffix kept."""
    assert clean_name(given_name) == expected


@pytest.mark.parametrize(
    ("given_type", "expected"),
    [
        ("application/pdf", "application/pdf"),
        ("Text/XML; charset=utf-8", "text/xml"),
        (" application/vnd.ms-excel ", "application/vnd.ms-excel"),
        ("pdf", "application/octet-stream"),
        ("a/b/c", "application/octet-stream"),
        ("text/\nplain", "application/octet-stream"),
        ("a" * 500 + "/b", "application/octet-stream"),
        ("", "application/octet-stream"),
        (None, "application/octet-stream"),
    ],
)
def test_given_a_media_type_when_cleaned_then_bare_or_unknown(given_type: str | None, expected: str) -> None:
    """A wrong one is no reason to refuse: the content decides."""
    assert clean_media_type(given_type) == expected


@given(st.text(max_size=300), st.text(max_size=300))
def test_given_any_text_when_cleaned_then_within_bounds(name: str, media_type: str) -> None:
    """For every text there is."""
    cleaned = clean_name(name)

    assert 1 <= len(cleaned) <= 200
    assert cleaned.isprintable()
    assert not set(cleaned) & {"/", "\\"}
    assert clean_media_type(media_type).isascii()


@pytest.mark.parametrize("text", ["a-_b", "YQ", "YQ===", "=YQ=", "Y*Q=", "é"])
def test_given_no_standard_base64_when_decoded_then_a_value_error(text: str) -> None:
    """A guess would file the wrong bytes."""
    with pytest.raises(ValueError):  # noqa: PT011 - the text is the standard library's
        decode_base64(text)


@pytest.mark.parametrize(
    ("url", "usable"),
    [
        ("https://files.example/a.pdf?x=1#y", True),
        ("HTTP://[2001:db8::1]:8080/", True),
        ("ftp://files.example/a", False),
        ("javascript:alert(1)", False),
        ("//files.example/a", False),
        ("https://", False),
        ("https://a b/", False),
        ("https://a/\n", False),
        ("https://a:x/", False),
        ("http://[::1", False),
        ("https://a/" + "x" * 2048, False),
        ("", False),
    ],
)
def test_given_an_address_when_looked_at_then_only_http_with_a_host_is_usable(url: str, usable: bool) -> None:  # noqa: FBT001 - a table
    """Whether it may be fetched is decided where it is fetched."""
    assert usable_url(url) is usable


def test_given_an_address_when_named_then_after_its_last_part() -> None:
    """Percent signs are resolved first, so that none hides a path."""
    assert name_of_url("https://a.example/x/b%20c.pdf?q=1") == "b c.pdf"
    assert name_of_url("https://a.example/x%2F..%2Fd.pdf") == "d.pdf"
    assert name_of_url("https://a.example/") == "attachment"
    assert name_of_url("https://a.example/%ff.pdf") == "\ufffd.pdf"
