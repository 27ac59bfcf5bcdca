"""Files over TLS: from a server whose certificate is trusted, and from no other."""

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpcore2
import pytest
from files.file_server import FileServer, answer
from gevent.server import StreamServer
from gevent.ssl import SSLContext

from supervision import world, world_http

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate with")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for localhost that nobody has signed; its key lies beside it."""
    made = tmp_path / "certificate"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost", "-keyout", f"{made}.key", "-out", str(made),
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    return made


@pytest.fixture
def port(certificate: Path) -> Iterator[int]:
    """Of a server that has it."""
    files = FileServer()
    files.serve("/f", answer(200, b"hello"))
    context = SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(certificate), f"{certificate}.key")
    server = StreamServer(("127.0.0.1", 0), files.handle, ssl_context=context)
    server.start()
    yield server.server_port
    server.stop(timeout=0.1)


def fetched(host: str, port: int) -> bytes:
    """The file of that server."""
    by_s = world.current().now() + 10.0
    request = world_http.HttpRequest(f"https://{host}:{port}/f", by_s, allow_private=True)
    with world_http.http_answer(request) as found:
        return found.body(100)


def trusting(certificate: Path) -> list[Any]:
    """What stands in place of the machine's trusted certificates."""
    context = SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(str(certificate))
    return [context]


def test_given_a_certificate_that_is_trusted_when_asked_then_the_file_comes(
    port: int, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And only under the name it is for."""
    monkeypatch.setattr(world_http, "_tls", trusting(certificate))

    content = fetched("localhost", port)

    assert content == b"hello"
    with pytest.raises(httpcore2.ConnectError):
        fetched("127.0.0.1", port)


def test_given_a_certificate_that_nobody_has_signed_when_asked_then_nothing_is_sent(port: int) -> None:
    """By the certificates that this machine trusts."""
    with pytest.raises(httpcore2.ConnectError):
        fetched("localhost", port)
