"""TLS to the store: one context for all connections.

redis-py makes a context for each connection, and so reads every root certificate of the system each time: 27 ms on the
hub, measured. The options are redis-py's and mean the same.
"""

import ssl
from collections.abc import Mapping
from typing import Any, Final

from redis.connection import SSLConnection

from actors.store_errors import UnsuitableStore

TLS_OPTIONS: Final = frozenset(
    {
        "ssl_ca_certs",  # file of certificates to trust, in PEM
        "ssl_ca_data",  # the same as text
        "ssl_ca_path",  # the same as a directory
        "ssl_cert_reqs",  # none | optional | required
        "ssl_certfile",  # our own certificate
        "ssl_check_hostname",
        "ssl_ciphers",
        "ssl_keyfile",
        "ssl_min_version",  # 771 is TLS 1.2, 772 is TLS 1.3
        "ssl_password",  # of the key file
    }
)
_CERT_REQS: Final = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


class TlsConnection(SSLConnection):
    """redis-py's connection over TLS, with a context it is given."""

    def __init__(self, *, context: ssl.SSLContext, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._context = context

    def _wrap_socket_with_ssl(self, sock: Any) -> Any:
        return self._context.wrap_socket(sock, server_hostname=self.host)


def make_context(options: Mapping[str, Any]) -> ssl.SSLContext:
    """Make the context for a URL's options. Takes some 30 ms.

    Raises UnsuitableStore when a file or a value is no good.
    """
    requirement = options.get("ssl_cert_reqs", "required")
    if requirement not in _CERT_REQS:
        raise UnsuitableStore(f"ssl_cert_reqs is {requirement}; it can be none, optional or required.")
    try:
        context = ssl.create_default_context()
        # In this order: the ssl module refuses a context that checks names and not certificates.
        context.check_hostname = requirement != "none" and options.get("ssl_check_hostname") is not False
        context.verify_mode = _CERT_REQS[requirement]
        trusted = (options.get("ssl_ca_certs"), options.get("ssl_ca_path"), options.get("ssl_ca_data"))
        if any(trusted):
            context.load_verify_locations(*trusted)
        if options.get("ssl_certfile"):
            context.load_cert_chain(options["ssl_certfile"], options.get("ssl_keyfile"), options.get("ssl_password"))
        if options.get("ssl_min_version") is not None:
            context.minimum_version = ssl.TLSVersion(options["ssl_min_version"])
        if options.get("ssl_ciphers"):
            context.set_ciphers(options["ssl_ciphers"])
    except (OSError, ValueError) as error:
        raise UnsuitableStore(f"the TLS options of the store's URL cannot be used: {error}") from error
    return context
