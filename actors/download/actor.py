"""The actor that downloads: so many at a time, so many from one server, a breaker before each server.

Weakness: breakers are this node's and live as long as this actor; another node finds a broken server out for itself.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import urlsplit

from actors.download.fetching import POLICY, Fetched, Fetching, fetch
from actors.download.machine import named_after, without_credentials
from actors.logs import actor_logger
from actors.models.library_world import DaemonLibraryWorld
from actors.store_errors import StoreAway, StoreBacklog, StoreNotReady
from messages.redaction import redact_url
from supervision.actor import GeventActor
from supervision.circuit_breaker import CircuitBreaker, CircuitBreakerPresets
from supervision.supervisor import ChildSpec
from supervision.world import WaitTimeout

if TYPE_CHECKING:
    from actors.node import Node
    from messages.records import Attachment
    from supervision.actor import Reply
    from supervision.retrying.policies import PolicySettings
    from supervision.world import Task

NAME: Final = "downloads"
RUNNING_MAX: Final = 8
RUNNING_OF_SERVER_MAX: Final = 3
WAITING_MAX: Final = 500
SERVERS_MAX: Final = 256
PUT_AGAIN_S: Final = 0.25


class DownloadsBusy(Exception):  # noqa: N818 - named after what is the case
    """So many downloads wait already that one more would not be done in time."""


@dataclass(frozen=True, slots=True)
class FetchFile:
    """Download an attachment and keep it under a partition. by_s: monotonic. The reply is a `Fetched`."""

    attachment: Attachment
    partition: int
    by_s: float


@dataclass(eq=False, slots=True)
class _Job:
    message: FetchFile
    server: str
    reply: Reply
    task: Task | None = None


@dataclass(frozen=True, slots=True)
class _Ended:
    job: _Job


class Downloader(GeventActor):
    """Takes addresses in and answers when their files are in the blob store, or why they are not."""

    on_failure_timeout_s: ClassVar[float | None] = 2.0

    def __init__(self, node: Node, policy: PolicySettings = POLICY) -> None:
        """policy: of the retries."""
        super().__init__()
        self._node = node
        self._policy = policy
        self._library_world = DaemonLibraryWorld(node.world)
        self._breakers: OrderedDict[str, CircuitBreaker] = OrderedDict()
        self._waiting: list[_Job] = []
        self._running: list[_Job] = []

    def on_start(self) -> None:
        """Be found."""
        self._log = actor_logger(self)
        self._node.names[NAME] = self.actor_ref
        self._node.downloads = self._breakers

    def on_stop(self) -> None:
        """End what runs; who asked hears that the downloader is gone."""
        for job in self._running:
            if job.task is not None:
                job.task.kill()
        self._node.downloads = {}

    def on_failure(self, *_: Any) -> None:
        """The same, after a crash."""
        self.on_stop()

    def on_receive(self, message: Any) -> Any:
        """A download, or the end of one."""
        match message:
            case FetchFile():
                self._take(message)
            case _Ended():
                self._running.remove(message.job)
                self._begin_waiting()
            case _:
                return super().on_receive(message)
        return None

    def _take(self, message: FetchFile) -> None:
        reply = self.defer_reply()
        if reply is None:
            return
        if len(self._waiting) >= WAITING_MAX:
            reply.fail(DownloadsBusy(f"{WAITING_MAX} downloads are waiting"))
            return
        self._waiting.append(_Job(message, _server_of(message.attachment.url or ""), reply))
        self._begin_waiting()

    def _begin_waiting(self) -> None:
        """Begin what may run: a server that takes its time holds up its own files, and not those of others."""
        running = Counter(job.server for job in self._running)
        for job in list(self._waiting):
            if len(self._running) >= RUNNING_MAX:
                return
            if running[job.server] >= RUNNING_OF_SERVER_MAX:
                continue
            self._waiting.remove(job)
            running[job.server] += 1
            self._running.append(job)
            job.task = self._node.world.spawn(self._run, job, name=f"download from {job.server[:80]}")

    def _run(self, job: _Job) -> None:
        """Download one; a task of its own."""
        try:
            job.reply.set(self._fetched(job))
        except Exception as error:  # noqa: BLE001 - the store's, for whoever asked: nothing is known of the file
            job.reply.fail(error)
        finally:
            if self.actor_ref.is_alive():
                self.actor_ref.tell(_Ended(job))

    def _fetched(self, job: _Job) -> Fetched:
        message, attachment = job.message, job.message.attachment
        breaker = self._breaker(job.server)
        wanted = Fetching(
            attachment.url or "", message.by_s, breaker, self._node.world, self._library_world,
            self._policy, self._node.settings.download.allow_private,
        )  # fmt: skip
        fetched, content, progress = fetch(wanted)
        if fetched.problem is not None:
            self._log.warning(
                "a file could not be downloaded", url=redact_url(without_credentials(attachment.url or ""))[:300],
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


def _server_of(url: str) -> str:
    return urlsplit(without_credentials(url)).netloc.lower()[:200]


def breakers_of(node: Node) -> list[CircuitBreaker]:
    """The breakers before servers that files were asked of lately."""
    return list(node.downloads.values())


def supervised(node: Node) -> ChildSpec:
    """The node's downloader."""
    return ChildSpec(id=NAME, start=partial(Downloader.start, node), shutdown_s=2.0)
