"""The actor that downloads: so many at a time, so many from one server, a breaker before each server.

Weakness: breakers are this node's and live as long as this actor; another node finds a broken server out for itself.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final
from urllib.parse import urlsplit

from actors.download.fetching import POLICY, Fetched, Fetching, fetch
from actors.download.machine import named_after, without_credentials
from actors.job_runner import Job, JobRunner
from actors.logs import actor_logger
from actors.models.library_world import DaemonLibraryWorld
from actors.store_errors import StoreAway, StoreBacklog, StoreNotReady
from messages.redaction import redact_url
from supervision.circuit_breaker import CircuitBreaker, CircuitBreakerPresets
from supervision.supervisor import ChildSpec
from supervision.world import WaitTimeout

if TYPE_CHECKING:
    from actors.node import Node
    from messages.records import Attachment
    from supervision.actor import Reply
    from supervision.retrying.policies import PolicySettings

NAME: Final = "downloads"
RUNNING_OF_SERVER_MAX: Final = 3
SERVERS_MAX: Final = 256
PUT_AGAIN_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class FetchFile:
    """Download an attachment and keep it under a partition. by_s: monotonic. The reply is a `Fetched`."""

    attachment: Attachment
    partition: int
    by_s: float


@dataclass(eq=False, slots=True)
class _Job(Job):
    message: FetchFile
    server: str = ""


class Downloader(JobRunner[_Job]):
    """Takes addresses in and answers when their files are in the blob store, or why they are not."""

    takes: ClassVar[type] = FetchFile
    running_max: ClassVar[int] = 8
    waiting_max: ClassVar[int] = 500

    def __init__(self, node: Node, policy: PolicySettings = POLICY) -> None:
        """policy: of the retries."""
        super().__init__(node)
        self._policy = policy
        self._library_world = DaemonLibraryWorld(node.world)
        self._breakers: OrderedDict[str, CircuitBreaker] = OrderedDict()

    def on_start(self) -> None:
        """Be found."""
        self._log = actor_logger(self)
        self._node.names[NAME] = self.actor_ref
        self._node.downloads = self._breakers

    def on_stop(self) -> None:
        """End what runs; the breakers go with it."""
        super().on_stop()
        self._node.downloads = {}

    def _job(self, message: FetchFile, reply: Reply) -> _Job:
        return _Job(message, reply, server=_server_of(message.attachment.url or ""))

    def _title(self, job: _Job) -> str:
        return f"download from {job.server[:80]}"

    def _may_begin(self, job: _Job) -> bool:
        """A server that takes its time holds up its own files, and not those of others."""
        return sum(other.server == job.server for other in self._running) < RUNNING_OF_SERVER_MAX

    def _result(self, job: _Job) -> Fetched:
        message, attachment = job.message, job.message.attachment
        breaker = self._breaker(job.server)
        wanted = Fetching(
            attachment.url or "", message.by_s, breaker, self._node.world, self._library_world,
            self._policy, self._node.settings.download.allow_private,
        )  # fmt: skip
        fetched, content, progress = fetch(wanted)
        if fetched.problem is not None:
            self._log.warning(
                "a file could not be downloaded", url=_without_secrets(attachment.url or ""),
                problem=fetched.problem, reason=fetched.detail, breaker=breaker.state.value,
                next="the person is asked for the file itself",
            )  # fmt: skip
            return fetched
        self._keep(message, fetched.digest, content)
        return replace(fetched, name=named_after(attachment, progress))

    def _keep(self, message: FetchFile, digest: str, content: bytes) -> None:
        """Put the file into the blob store, however long that is away. Raises StoreError and OSError."""
        while True:
            try:
                self._node.blobs.put(message.partition, digest, content)
            except (StoreAway, StoreBacklog, StoreNotReady, WaitTimeout):
                if self._node.world.now() > message.by_s:
                    raise
                self._node.world.sleep(PUT_AGAIN_S)
            else:
                return

    def _breaker(self, server: str) -> CircuitBreaker:
        """The breaker before a server; of many servers the ones unused for longest are forgotten."""
        breaker = self._breakers.get(server)
        if breaker is None:
            limits = self._node.settings.breakers.file_service
            settings = replace(
                CircuitBreakerPresets.file_service(),
                failures_max=limits.failure_threshold, open_s=limits.recovery_timeout_s,
            )  # fmt: skip
            breaker = CircuitBreaker(settings, name=f"file_service/{server}", world=self._library_world)
            self._breakers[server] = breaker
        self._breakers.move_to_end(server)
        while len(self._breakers) > SERVERS_MAX:
            self._breakers.popitem(last=False)
        return breaker


def _without_secrets(url: str) -> str:
    """An address as the log may have it: what follows the path is often a signature that opens the file."""
    return redact_url(without_credentials(url).partition("?")[0])[:300]


def _server_of(url: str) -> str:
    return urlsplit(without_credentials(url)).netloc.lower()[:200]


def breakers_of(node: Node) -> list[CircuitBreaker]:
    """The breakers before servers that files were asked of lately."""
    return list(node.downloads.values())


def supervised(node: Node) -> ChildSpec:
    """The node's downloader."""
    return ChildSpec(id=NAME, start=partial(Downloader.start, node), shutdown_s=2.0)
