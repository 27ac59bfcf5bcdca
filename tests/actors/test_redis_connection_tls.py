"""TLS, against a Redis that has it (Debian's redis-server; the embedded server has none)."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from real_server import RealServer, free_port, wait_for

from actors.pipeline import PipeLimits, Pipeline, Script
from actors.redis_connection import connect, parse_url
from actors.redis_connection.tls import make_context
from actors.store_errors import StoreAway, StoreError, UnsuitableStore

PROGRAM = shutil.which("redis-server")
needs_tls_server = pytest.mark.skipif(
    PROGRAM is None or shutil.which("openssl") is None,
    reason="no redis-server with TLS on the path (apt-get install redis-server), or no openssl",
)


@dataclass(frozen=True)
class Certificates:
    """An authority, a server of its, a client of its, and an authority that nobody knows."""

    folder: Path

    def __truediv__(self, name: str) -> Path:
        return self.folder / name


def openssl(*arguments: str) -> None:
    """Run openssl."""
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Made anew for each run."""
    folder = tmp_path_factory.mktemp("certificates")
    for authority in ("ca", "stranger"):
        files = ["-keyout", f"{folder}/{authority}.key", "-out", f"{folder}/{authority}.crt"]
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={authority}", *files)
    (folder / "extensions").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    for name in ("server", "client"):
        files = ["-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.csr"]
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", *files)
        signing = ["-CA", f"{folder}/ca.crt", "-CAkey", f"{folder}/ca.key", "-CAcreateserial", "-days", "2"]
        files = ["-in", f"{folder}/{name}.csr", "-out", f"{folder}/{name}.crt", "-extfile", f"{folder}/extensions"]
        openssl("x509", "-req", *files, *signing)
    return Certificates(folder)


class TlsServer(RealServer):
    """Redis on a TLS port, and on a unix socket to look at it from outside."""

    def __init__(self, folder: Path, certificates: Certificates, *directives: str) -> None:
        self.tls_port = free_port()
        super().__init__(
            folder,
            *("--tls-port", str(self.tls_port), "--tls-cert-file", str(certificates / "server.crt")),
            *("--tls-key-file", str(certificates / "server.key"), "--tls-ca-cert-file", str(certificates / "ca.crt")),
            *directives,
            program=PROGRAM,
        )

    def tls_url(self, query: str, credentials: str = "", host: str = "127.0.0.1") -> str:
        """Where it listens with TLS."""
        return f"rediss://{credentials}{host}:{self.tls_port}?{query}"


@pytest.fixture
def server(tmp_path: Path, certificates: Certificates) -> Iterator[TlsServer]:
    """A Redis that takes any client."""
    server = TlsServer(tmp_path / "r", certificates, "--tls-auth-clients", "no")
    try:
        server.start()
        yield server
    finally:
        server.kill()


@needs_tls_server
def test_given_a_known_authority_when_connected_then_all_goes_over_tls(
    server: TlsServer, certificates: Certificates
) -> None:
    """By address and by name; Redis 7 as well as Valkey."""
    for host in ("127.0.0.1", "localhost"):
        endpoint = connect(server.tls_url(f"ssl_ca_certs={certificates / 'ca.crt'}", host=host))

        assert endpoint.facts().product == "redis"
        assert endpoint.wire().call("SET", "k", "x" * 1_000_000, timeout_s=5.0) == b"OK"
        assert len(endpoint.wire().call("GET", "k", timeout_s=5.0)) == 1_000_000


@needs_tls_server
def test_given_an_unknown_authority_when_connected_then_it_is_refused_unless_told_otherwise(
    server: TlsServer, certificates: Certificates
) -> None:
    """No certificate is believed just so."""
    for query in ("", f"ssl_ca_certs={certificates / 'stranger.crt'}"):
        with pytest.raises(StoreAway, match="CERTIFICATE_VERIFY_FAILED"):
            connect(server.tls_url(query))

    assert connect(server.tls_url("ssl_cert_reqs=none")).facts().role == "master"


@needs_tls_server
def test_given_a_server_that_wants_a_certificate_when_connected_then_ours_lets_us_in(
    tmp_path: Path, certificates: Certificates
) -> None:
    """And a password beside it; without the certificate there is no way in."""
    server = TlsServer(tmp_path / "r", certificates, "--tls-auth-clients", "yes", "--requirepass", "p/w")
    trusted = f"ssl_ca_certs={certificates / 'ca.crt'}"
    ours = f"ssl_certfile={certificates / 'client.crt'}&ssl_keyfile={certificates / 'client.key'}&ssl_min_version=771"
    try:
        server.start()

        assert connect(server.tls_url(f"{trusted}&{ours}", credentials=":p%2Fw@")).facts().role == "master"
        with pytest.raises(StoreAway):
            connect(server.tls_url(trusted, credentials=":p%2Fw@"))
    finally:
        server.kill()


@needs_tls_server
def test_given_a_pipeline_over_tls_when_the_server_dies_and_hangs_then_it_behaves_as_any(
    server: TlsServer, certificates: Certificates
) -> None:
    """Large answers, a kill, a hang: deadlines hold over TLS too."""
    append = Script.of("append", b"redis.call('RPUSH', KEYS[1], ARGV[1]) return redis.call('LLEN', KEYS[1])")
    endpoint = connect(server.tls_url(f"ssl_ca_certs={certificates / 'ca.crt'}"))
    pipeline = Pipeline(endpoint, [append], PipeLimits(batch_timeout_s=1.0, patience_s=1.0))
    pipeline.start()
    requests = [pipeline.submit(append, ["l"], ["x" * 20_000]) for _ in range(300)]
    assert [request.result(10.0) for request in requests] == list(range(1, 301))
    assert sum(map(len, pipeline.call("LRANGE", "l", 0, -1))) == 6_000_000

    server.signal(signal.SIGSTOP)
    with pytest.raises(StoreAway) as hung:
        pipeline.execute(append, ["l"], ["y"])
    server.kill()
    server.start()

    def again() -> bool:
        try:
            return bool(pipeline.execute(append, ["l"], ["z"]))
        except StoreError:
            return False

    assert hung.value.sent
    wait_for(again, "the pipeline to be back")
    server.kill()
    # Over TLS the server's farewell may be seen only at the next exchange, so this one may count as sent or not.
    with pytest.raises(StoreAway):
        pipeline.execute(append, ["l"], ["never"], timeout_s=10.0)
    pipeline.stop()


@needs_tls_server
def test_given_a_subscription_and_a_reader_over_tls_when_used_then_they_wait_and_hear(
    server: TlsServer, certificates: Certificates
) -> None:
    """Bytes that TLS has decrypted already are not waited for in the socket."""
    endpoint = connect(server.tls_url(f"ssl_ca_certs={certificates / 'ca.crt'}"))
    with endpoint.subscription(["a"]) as subscription, endpoint.blocking() as reader:
        subscription.open()
        for number in range(200):
            server.client.publish("a", f"{number}")
        heard = []
        while len(heard) < 200:
            heard += subscription.read(5.0)
        assert subscription.read(0.05) == []
        assert reader.call("XREAD", "BLOCK", 100, "STREAMS", "s", "$", block_s=0.1) is None

    assert [int(message.payload) for message in heard] == list(range(200))


@pytest.mark.parametrize(
    "query",
    [
        "ssl_cert_reqs=maybe",
        "ssl_ca_certs=/no/such/file",
        "ssl_ciphers=NONSENSE",
        "ssl_min_version=1",
        "ssl_certfile=/none",
    ],
)
def test_given_tls_options_that_cannot_be_used_when_a_context_is_made_then_the_words_say_so(query: str) -> None:
    """At the start, not at the first message."""
    with pytest.raises(UnsuitableStore, match=r"ssl_cert_reqs|TLS options"):
        make_context(parse_url(f"rediss://h?{query}").options)
