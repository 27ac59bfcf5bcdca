"""A store's URL, taken apart. Pure.

`redis://[[user]:password@]host[:port][/db]`, `rediss://` the same over TLS, `unix://[[user]:password@]/path[?db=0]`,
and `redis+cluster://host:port,host:port` or `rediss+cluster://` with as many seeds as one likes. Options in the query
are redis-py's: `db`, `client_name`, `socket_keepalive` and those of TLS (`ssl_ca_certs=/path/ca.pem`, `ssl_cert_reqs`,
`ssl_certfile`, ...). Timeouts and retries are ours to set, so an option for them is refused rather than ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import SplitResult, quote, urlsplit

from redis.connection import parse_url as parse_redis_url

from actors.redis_connection.tls import TLS_OPTIONS
from actors.store_errors import UnsuitableStore

_DEFAULT_PORT: Final = 6379
_SCHEMES: Final = ("redis", "rediss", "unix", "redis+cluster", "rediss+cluster")
_ADDRESS: Final = frozenset({"host", "port", "path", "connection_class"})
_OPTIONS: Final = frozenset({"username", "password", "db", "client_name", "socket_keepalive"}) | TLS_OPTIONS


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """One server: a host and port, or the path of a unix socket."""

    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        if self.path:
            return self.path
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class StoreUrl:
    """Where the store is and how to get in. Its text and repr hold no password."""

    seeds: tuple[NodeAddress, ...]
    options: Mapping[str, Any] = field(repr=False)  # redis-py's keyword arguments of a connection, without the address
    tls: bool = False
    cluster: bool = False

    def __str__(self) -> str:
        scheme = "unix" if self.seeds[0].path else f"redis{'s' * self.tls}{'+cluster' * self.cluster}"
        return f"{scheme}://{','.join(map(str, self.seeds))}"


def unix_url(path: str) -> str:
    """Return the URL of a server that listens on a unix socket."""
    return f"unix://{quote(path)}"


def parse_url(url: str) -> StoreUrl:
    """Take a URL apart.

    Raises UnsuitableStore with a sentence that names the part it cannot use, and never the password.
    """
    try:
        parts = urlsplit(url)
        _check_scheme(parts.scheme)
        options = parse_redis_url(_as_redis_url(parts))  # type: ignore[no-untyped-call]
        seeds = _unix_seed(options) if parts.scheme == "unix" else _seeds(parts)
    except ValueError:
        # The error itself would show a piece of the URL, and that may be a piece of the password.
        raise UnsuitableStore(
            "the store's URL cannot be read: its host, its port or the value of an option is malformed. "
            "Characters such as / ? # @ : % in a password have to be percent-encoded (%2F for a slash)."
        ) from None
    cluster = parts.scheme.endswith("+cluster")
    options = {name: value for name, value in options.items() if name not in _ADDRESS}
    _check_options(options, cluster=cluster)
    return StoreUrl(seeds, options, tls=parts.scheme.startswith("rediss"), cluster=cluster)


def _check_scheme(scheme: str) -> None:
    if scheme not in _SCHEMES:
        raise UnsuitableStore(
            f"the store's URL begins with {scheme or 'nothing'}://, which is none of "
            f"{', '.join(f'{known}://' for known in _SCHEMES)}."
        )


def _as_redis_url(parts: SplitResult) -> str:
    """Return the URL with its first seed alone, under the scheme that redis-py knows."""
    credentials, at, hosts = parts.netloc.rpartition("@")
    scheme = parts.scheme.removesuffix("+cluster")
    return f"{scheme}://{credentials}{at}{hosts.partition(',')[0]}{parts.path}?{parts.query}"


def _unix_seed(options: Mapping[str, Any]) -> tuple[NodeAddress, ...]:
    if not options.get("path"):
        raise UnsuitableStore("unix:// needs the absolute path of a socket, such as unix:///run/valkey.sock.")
    return (NodeAddress(path=options["path"]),)


def _seeds(parts: SplitResult) -> tuple[NodeAddress, ...]:
    hosts = parts.netloc.rpartition("@")[2].split(",")
    if len(hosts) > 1 and not parts.scheme.endswith("+cluster"):
        raise UnsuitableStore(f"several hosts in the store's URL need the scheme {parts.scheme}+cluster://.")
    return tuple(
        NodeAddress(host=single.hostname or "localhost", port=single.port or _DEFAULT_PORT)
        for single in (urlsplit(f"//{host}") for host in hosts)
    )


def _check_options(options: Mapping[str, Any], *, cluster: bool) -> None:
    for name in options:
        if name not in _OPTIONS:
            raise UnsuitableStore(f"the store's URL sets {name}, which cannot be set there.")
    if cluster and options.get("db"):
        raise UnsuitableStore("a cluster has database 0 only: take the database out of the store's URL.")
