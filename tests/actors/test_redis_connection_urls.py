"""A URL says where the store is; what cannot be used is said in words, without the password."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from actors.redis_connection import NodeAddress, parse_url, unix_url
from actors.store_errors import UnsuitableStore


@pytest.mark.parametrize(
    ("url", "seeds", "options"),
    [
        ("redis://h", (NodeAddress("h", 6379),), {}),
        ("redis://u:p%40ss@h:1/3", (NodeAddress("h", 1),), {"username": "u", "password": "p@ss", "db": 3}),
        ("redis://:pw@[::1]:7000", (NodeAddress("::1", 7000),), {"password": "pw"}),
        ("unix:///run/a%20b.sock?db=2", (NodeAddress(path="/run/a b.sock"),), {"db": 2}),
        ("unix://u:pw@/run/s", (NodeAddress(path="/run/s"),), {"username": "u", "password": "pw"}),
        ("rediss://h/?ssl_ca_certs=/ca.pem", (NodeAddress("h", 6379),), {"ssl_ca_certs": "/ca.pem"}),
        (
            "redis+cluster://u:pw@a:1,b:2",
            (NodeAddress("a", 1), NodeAddress("b", 2)),
            {"username": "u", "password": "pw"},
        ),
        ("rediss+cluster://a", (NodeAddress("a", 6379),), {}),
    ],
)
def test_given_a_url_of_each_kind_when_parsed_then_address_and_options_are_there(
    url: str, seeds: tuple[NodeAddress, ...], options: dict[str, object]
) -> None:
    """Every form the operators' page names."""
    parsed = parse_url(url)

    assert parsed.seeds == seeds
    assert parsed.options == options
    assert (parsed.tls, parsed.cluster) == (url.startswith("rediss"), "+cluster" in url)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://h", "none of redis://"),
        ("", "begins with nothing"),
        ("redis://a,b", "need the scheme redis[+]cluster"),
        ("redis://h?socket_timeout=5", "socket_timeout, which cannot be set"),
        ("redis://h?retry_on_timeout=1", "retry_on_timeout"),
        ("redis+cluster://h/3", "database 0 only"),
        ("redis://h:notaport", "cannot be read"),
        ("redis://h?db=x", "cannot be read"),
        ("unix://", "absolute path"),
    ],
)
def test_given_a_url_that_cannot_be_used_when_parsed_then_the_words_say_what(url: str, words: str) -> None:
    """An operator reads the sentence, not a traceback."""
    with pytest.raises(UnsuitableStore, match=words):
        parse_url(url)


@given(password=st.text(alphabet="abcXYZ0123456789", min_size=12, max_size=20), rest=st.text(max_size=30))
def test_given_any_url_with_a_password_when_shown_or_refused_then_it_is_not_there(password: str, rest: str) -> None:
    """Nobody sees a secret: neither in a repr, nor in an error, nor in what caused it."""
    assume(password not in rest)
    url = f"redis://user:{password}@host{rest}"

    try:
        shown = [repr(parse_url(url)), str(parse_url(url))]
    except UnsuitableStore as error:
        shown = [str(error), repr(error.__cause__)]

    assert not any(password in text for text in shown)


def test_given_a_password_with_a_slash_when_refused_then_no_piece_of_it_is_shown() -> None:
    """The part before the slash looks like a port, and the parser's own error would quote it."""
    with pytest.raises(UnsuitableStore, match="percent-encoded") as refused:
        parse_url("redis://:secret/more@host")

    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None


@given(path=st.text(min_size=1, max_size=60).filter(lambda text: "\0" not in text))
def test_given_any_path_when_made_a_url_then_it_comes_back(path: str) -> None:
    """Data directories have spaces, percent signs and accents."""
    path = f"/{path.lstrip('/')}".encode("utf-8", "replace").decode()

    parsed = parse_url(unix_url(path))

    assert parsed.seeds == (NodeAddress(path=path),)
    assert parsed.options == {}
