"""Which addresses of the network are everybody's: the pure half of asking strangers' servers."""

from __future__ import annotations

import ipaddress
from typing import Final

# Prefixes of IPv6 within which an IPv4 address stands, and where: RFC 6052 (NAT64), RFC 3056 (6to4).
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


class PrivateAddress(ConnectionError):  # noqa: N818 - what the address is
    """A name leads into a private network, this machine, or nowhere public; nothing was sent there."""


class UnknownName(ConnectionError):  # noqa: N818 - what the name is
    """No address stands under that name."""


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet.

    Not public: private, loopback, link-local (cloud metadata among them), shared, reserved, multicast and unspecified
    addresses, and IPv6 forms that carry such an IPv4 address inside. False for what is no address at all.
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = _carried(parsed)
        if inner is not None:
            return is_public(str(inner))
        if parsed.is_site_local:
            return False
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved


def _carried(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return None
