"""Rules for what happens on the way: names, routes, TLS, resets, cut bodies, proxies' pages, this machine's limits."""

from __future__ import annotations

import re
from typing import Final

from supervision.classification.evidence import Evidence
from supervision.classification.names import Domain
from supervision.classification.verdicts import Cause

# Linux numbers, with the BSD and Windows ones that show up in logs. Source: errno(3), WinSock error codes.
BY_ERRNO: Final[dict[int, Cause]] = {
    **dict.fromkeys((32, 99, 100, 101, 102, 103, 104, 107, 108, 111, 112, 113, 54, 61, 10053, 10054, 10061, 10051,
                     10065), Cause.CONNECTION),
    **dict.fromkeys((110, 60, 10060), Cause.TIMEOUT),
    **dict.fromkeys((23, 24), Cause.FD_LIMIT),
    **dict.fromkeys((4, 11, 16, 26, 105, 116), Cause.RESOURCE_BUSY),
    **dict.fromkeys((28, 122), Cause.DISK_FULL),
    5: Cause.DISK_IO,
    27: Cause.DOCUMENT_TOO_LARGE,
    **dict.fromkeys((1, 13), Cause.PERMISSION),
    **dict.fromkeys((2, 6, 17, 19, 20, 21, 22, 30, 36, 39, 40, 98), Cause.CONFIG_ERROR),
    12: Cause.OUT_OF_MEMORY,
    -3: Cause.DNS,
    **dict.fromkeys((-2, -5, 11001, 11004), Cause.DNS_UNKNOWN_NAME),
    11002: Cause.DNS,
}  # fmt: skip

# libcurl's codes as they appear in "cURL error 28". Source: curl.se/libcurl/c/libcurl-errors.html
BY_CURL: Final[dict[int, Cause]] = {
    3: Cause.CONFIG_ERROR, 5: Cause.DNS, 6: Cause.DNS, 7: Cause.CONNECTION, 16: Cause.CONNECTION,
    18: Cause.STREAM_INTERRUPTED, 28: Cause.TIMEOUT, 35: Cause.CONNECTION, 51: Cause.TLS, 52: Cause.CONNECTION,
    55: Cause.CONNECTION, 56: Cause.CONNECTION, 58: Cause.TLS, 60: Cause.TLS, 77: Cause.TLS, 83: Cause.TLS,
    92: Cause.STREAM_INTERRUPTED, 95: Cause.CONNECTION,
}  # fmt: skip

BY_STATUS: Final[dict[int, Cause]] = {
    400: Cause.INVALID_REQUEST, 401: Cause.AUTH, 402: Cause.QUOTA_EXCEEDED, 403: Cause.PERMISSION,
    404: Cause.NOT_FOUND, 405: Cause.INVALID_REQUEST, 406: Cause.INVALID_REQUEST, 407: Cause.AUTH,
    408: Cause.TIMEOUT, 409: Cause.CONFLICT, 410: Cause.NOT_FOUND, 411: Cause.INVALID_REQUEST,
    412: Cause.INVALID_REQUEST, 413: Cause.REQUEST_TOO_LARGE, 414: Cause.REQUEST_TOO_LARGE,
    415: Cause.INVALID_REQUEST, 417: Cause.INVALID_REQUEST, 421: Cause.CONNECTION, 422: Cause.INVALID_REQUEST,
    423: Cause.RESOURCE_BUSY, 424: Cause.SERVER_ERROR, 425: Cause.OVERLOADED, 429: Cause.RATE_LIMIT,
    431: Cause.REQUEST_TOO_LARGE, 444: Cause.CONNECTION, 451: Cause.PERMISSION, 495: Cause.TLS, 496: Cause.TLS,
    497: Cause.CONFIG_ERROR, 498: Cause.CONTENT_FILTER, 499: Cause.TIMEOUT, 500: Cause.SERVER_ERROR,
    501: Cause.INVALID_REQUEST, 502: Cause.BAD_GATEWAY, 503: Cause.OVERLOADED, 504: Cause.GATEWAY_TIMEOUT,
    505: Cause.INVALID_REQUEST, 507: Cause.DISK_FULL, 508: Cause.CONFIG_ERROR, 511: Cause.AUTH,
    520: Cause.BAD_GATEWAY, 521: Cause.BAD_GATEWAY, 522: Cause.GATEWAY_TIMEOUT, 523: Cause.BAD_GATEWAY,
    524: Cause.GATEWAY_TIMEOUT, 525: Cause.BAD_GATEWAY, 526: Cause.TLS, 527: Cause.BAD_GATEWAY,
    529: Cause.OVERLOADED, 530: Cause.BAD_GATEWAY, 598: Cause.GATEWAY_TIMEOUT, 599: Cause.GATEWAY_TIMEOUT,
}  # fmt: skip

_CURL: Final = re.compile(r"curl(?: error|:)? \(?(\d{1,3})")

# The more telling first: a generic "Connection error." is explained by what stands beneath it.
_ORDER: Final = (
    Cause.TLS,
    Cause.DNS_UNKNOWN_NAME,
    Cause.DNS,
    Cause.STREAM_INTERRUPTED,
    Cause.TIMEOUT,
    Cause.CONNECTION,
)
_TRANSPORT: Final = frozenset(_ORDER)

_CERTIFICATE: Final = ("certificate_verify_failed", "certificate verify failed", "self-signed certificate",
                       "self signed certificate", "certificate has expired", "hostname mismatch", "doesn't match",
                       "unable to get local issuer", "unable to get issuer", "unknown ca", "cert_has_expired",
                       "unable_to_verify_leaf", "wrong_version_number", "wrong version number", "sslv3_alert_handshake",
                       "handshake failure", "unsupported protocol", "certificate required", "bad certificate",
                       "not valid for", "err_cert", "depth_zero_self_signed")  # fmt: skip
_TLS_PASSING: Final = (
    "unexpected_eof",
    "eof occurred",
    "unexpected eof",
    "bad record mac",
    "bad_record_mac",
    "decryption_failed",
    "record layer failure",
    "bad length",
    "internal error",
    "tlsv1_alert_internal",
)
_DNS_UNKNOWN: Final = ("name or service not known", "no address associated", "nodename nor servname", "enotfound",
                       "getaddrinfo failed", "no such host", "name does not resolve", "nxdomain",
                       "could not resolve host", "could not translate host name")  # fmt: skip
_DNS: Final = ("temporary failure in name resolution", "eai_again", "name resolution", "dns lookup", "getaddrinfo",
               "failed to resolve", "dns resolution", "server misbehaving")  # fmt: skip
_CUT: Final = ("incomplete chunked read", "peer closed connection", "connection broken", "incompleteread",
               "incomplete read", "server disconnected", "response ended prematurely", "premature close",
               "stream disconnected", "stream interrupted", "stream closed", "stream error", "stream stalled",
               "stream ended", "unexpected eof", "unexpected end of stream", "socket hang up", "connection was closed",
               "remote end closed", "without response", "invalidchunklength", "terminated early", "closed before",
               "stream was reset", "upstream reset", "transfer closed", "without sending complete",
               "without a finish", "no finish_reason", "no finish reason", "stream timeout",
               "bytes remaining")  # fmt: skip
_TIMED_OUT: Final = ("timed out", "timeout", "time-out", "deadline exceeded", "took too long", "etimedout",
                     "deadline_exceeded")  # fmt: skip
_REFUSED: Final = ("connection refused", "actively refused", "econnrefused", "connection reset", "econnreset",
                   "reset by peer", "broken pipe", "epipe", "connection aborted", "connection error",
                   "network is unreachable",
                   "no route to host", "host is unreachable", "connection closed", "connection lost", "not connected",
                   "failed to establish a new connection", "upstream connect error", "connection terminated",
                   "fetch failed", "network error", "could not connect", "cannot connect", "unable to connect",
                   "failed to connect", "connection to ", "forcibly closed", "all connection attempts failed",
                   "max retries exceeded", "connect call failed", "no healthy upstream")  # fmt: skip
_MACHINE: Final = (
    ("too many open files", Cause.FD_LIMIT), ("no space left", Cause.DISK_FULL), ("disk full", Cause.DISK_FULL),
    ("disk quota exceeded", Cause.DISK_FULL), ("cannot allocate memory", Cause.OUT_OF_MEMORY),
    ("input/output error", Cause.DISK_IO), ("read-only file system", Cause.CONFIG_ERROR),
    ("permission denied", Cause.PERMISSION), ("no such file", Cause.CONFIG_ERROR),
    ("resource temporarily unavailable", Cause.RESOURCE_BUSY), ("memoryerror", Cause.OUT_OF_MEMORY),
    ("out of memory", Cause.OUT_OF_MEMORY), ("address already in use", Cause.CONFIG_ERROR),
)  # fmt: skip


def contains(text: str, phrases: tuple[str, ...]) -> bool:
    """Whether any phrase occurs in the text."""
    for phrase in phrases:  # noqa: SIM110 - a loop costs half of any() with a generator, and this is the hot spot
        if phrase in text:
            return True
    return False


def cause_on_the_way(found: Evidence) -> Cause | None:
    """The transport failure that classes and numbers of the whole chain tell, the most telling one; None for none."""
    seen: set[Cause] = set()
    for facts in (*found.facts, *found.named):
        if facts.cause in _TRANSPORT and facts.cause is not None:
            seen.add(facts.cause)
    for number in found.errnos:
        cause = BY_ERRNO.get(number)
        if cause in _TRANSPORT and cause is not None:
            seen.add(cause)
    if not seen:
        return None
    if Cause.DNS in seen and contains(found.text, _DNS_UNKNOWN) and Cause.DNS_UNKNOWN_NAME not in seen:
        seen.add(Cause.DNS_UNKNOWN_NAME)
    best = next(cause for cause in _ORDER if cause in seen)
    return _refined(best, found.text)


def _refined(cause: Cause, text: str) -> Cause:
    """The text beneath a class: a TLS error may be a cut connection, a generic one may be a bad certificate."""
    if "certificate" in text or "ssl" in text or "tls" in text:
        if contains(text, _CERTIFICATE):
            return Cause.TLS
        if cause is Cause.TLS and contains(text, _TLS_PASSING):
            return Cause.CONNECTION
    if cause in (Cause.CONNECTION, Cause.DNS):
        if "-3]" in text or "temporary failure in name" in text:
            return Cause.DNS
        if contains(text, _DNS_UNKNOWN):
            return Cause.DNS_UNKNOWN_NAME
        if contains(text, _DNS):
            return Cause.DNS
        if cause is Cause.CONNECTION and contains(text, _CUT):
            return Cause.STREAM_INTERRUPTED
    return cause


def cause_in_prose(text: str) -> Cause | None:
    """The transport failure that a lower-case text describes; the last resort."""
    if not text:
        return None
    if "curl" in text:
        found = _CURL.search(text)
        if found:
            return BY_CURL.get(int(found.group(1)), Cause.CONNECTION)
    if contains(text, _CERTIFICATE) and ("ssl" in text or "cert" in text or "tls" in text):
        return Cause.TLS
    if "temporary failure in name" in text or "eai_again" in text:
        return Cause.DNS
    for phrases, cause in ((_DNS_UNKNOWN, Cause.DNS_UNKNOWN_NAME), (_DNS, Cause.DNS), (_CUT, Cause.STREAM_INTERRUPTED),
                           (_TIMED_OUT, Cause.TIMEOUT), (_REFUSED, Cause.CONNECTION)):  # fmt: skip
        if contains(text, phrases):
            return cause
    return None


def cause_of_machine(found: Evidence) -> Cause | None:
    """A limit or a right of this machine: by number, by class, by words."""
    for number in found.errnos:
        cause = BY_ERRNO.get(number)
        if cause is not None:
            return cause
    for facts in found.facts:
        if facts.cause in (Cause.OUT_OF_MEMORY, Cause.PERMISSION, Cause.CONFIG_ERROR, Cause.RESOURCE_BUSY):
            return facts.cause
    return next((cause for phrase, cause in _MACHINE if phrase in found.text), None)


def cause_of_status(found: Evidence) -> Cause | None:
    """What the HTTP status alone says; unknown ones by their class."""
    status = found.status
    if status is None:
        return None
    cause = BY_STATUS.get(status)
    if cause is None:
        cause = Cause.SERVER_ERROR if status >= 500 else Cause.INVALID_REQUEST if status >= 400 else None  # noqa: PLR2004
    if cause is Cause.NOT_FOUND and found.domain is Domain.MODEL:
        return Cause.MODEL_NOT_FOUND
    if status == 530 and "1016" in found.text:  # noqa: PLR2004 - Cloudflare: the origin's name does not resolve
        return Cause.DNS_UNKNOWN_NAME
    return cause
