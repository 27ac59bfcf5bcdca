"""What the store may say instead of an answer.

    StoreError
    ├── StoreAway             no answer came; sent says whether the outcome is unknown
    ├── StoreBacklog          too much is waiting already; nothing was sent
    ├── UnsuitableStore       this server cannot keep the promises; said at start, with the way out
    └── StoreRefusal          the server answered with an error; text is what it said
        ├── StoreNotReady     not now: the same request may be sent again later, it has done nothing
        │   ├── StoreLoading        it is reading its data
        │   ├── StoreBusy           a script runs for too long
        │   ├── StoreReadOnly       a replica, or one that has become one
        │   ├── MasterDown          a replica without its master
        │   ├── ClusterDown         slots are not served
        │   ├── SlotMoving          keys of one request lie on two servers (TRYAGAIN, or redirected too often)
        │   ├── StoreFull           maxmemory is reached
        │   └── DiskRefused         it cannot write its files, or lacks the replicas it was told to have
        ├── StoreDenied       password or ACL
        └── ScriptMissing     NOSCRIPT for a script whose source is not known here

"Has done nothing" holds for a request that is one command or one script that declares its flags (`#!lua`): such a
script is refused before its first line. A script without that line may be refused in its middle.
"""

from typing import Final

from messages.errors import UnfailingError


class StoreError(UnfailingError):
    """The root of what the store says instead of an answer."""


class StoreAway(StoreError):  # noqa: N818 - a state of the store, said as such
    """No answer: the connection was lost, or the deadline passed.

    sent: True when the request had gone out. Its outcome is then unknown: it may have been done, or may yet be done by
    a server that wakes up. False: it was never sent, and never will be. silent: True when the server is there and says
    nothing, False when there is no connection to it.
    """

    def __init__(self, detail: str, *, sent: bool, silent: bool = False) -> None:
        super().__init__(f"{detail} ({'its outcome is unknown' if sent else 'it was not sent'})")
        self.detail = detail
        self.sent = sent
        self.silent = silent


class StoreBacklog(StoreError):  # noqa: N818 - the same
    """So many requests, or so many bytes, wait for the store that another one is refused. It was not sent."""


class UnsuitableStore(StoreError):  # noqa: N818 - the same
    """A server, or a URL, with which the promises cannot be kept. The text says what to change."""


class StoreRefusal(StoreError):  # noqa: N818 - the same
    """The server's error answer. text is the whole of it, code its first word."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text
        self.code = text.partition(" ")[0]


class StoreNotReady(StoreRefusal):
    """The server cannot do this now. It has done nothing of it."""


class StoreLoading(StoreNotReady):
    """The server reads its data after a start: alive, and soon ready."""


class StoreBusy(StoreNotReady):
    """A script or function of somebody runs for longer than the server's limit."""


class StoreReadOnly(StoreNotReady):
    """The server is a replica."""


class MasterDown(StoreNotReady):
    """The server is a replica that has lost its master."""


class ClusterDown(StoreNotReady):
    """The cluster does not serve this slot."""


class SlotMoving(StoreNotReady):
    """The slot is on its way from one server to another, and has been for too long."""


class StoreFull(StoreNotReady):
    """The server has reached maxmemory."""


class DiskRefused(StoreNotReady):
    """The server cannot persist, or has too few replicas in step, and takes no writes (MISCONF, NOREPLICAS)."""


class StoreDenied(StoreRefusal):
    """Wrong password, or an ACL that does not allow this."""


class ScriptMissing(StoreRefusal):
    """The server does not know the script's digest, and its source was not given."""


_ERROR_BY_CODE: Final[dict[str, type[StoreRefusal]]] = {
    "LOADING": StoreLoading,
    "BUSY": StoreBusy,
    "READONLY": StoreReadOnly,
    "MASTERDOWN": MasterDown,
    "CLUSTERDOWN": ClusterDown,
    "TRYAGAIN": SlotMoving,
    "MOVED": SlotMoving,
    "ASK": SlotMoving,
    "OOM": StoreFull,
    "MISCONF": DiskRefused,
    "NOREPLICAS": DiskRefused,
    "NOAUTH": StoreDenied,
    "WRONGPASS": StoreDenied,
    "NOPERM": StoreDenied,
    "NOSCRIPT": ScriptMissing,
}


def refusal(text: str) -> StoreRefusal:
    """Return the typed error for a server's error answer, its text without the leading `-`."""
    return _ERROR_BY_CODE.get(text.partition(" ")[0], StoreRefusal)(text)
