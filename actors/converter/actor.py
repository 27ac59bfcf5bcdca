"""The actor that has documents turned into PDF: the service first, the local program else, each so many at a time."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from actors.converter import libreoffice
from actors.converter.cloudconvert import CloudConvert
from actors.converter.kinds import is_local
from actors.converter.outcome import By, ConversionRefused, Converted
from actors.logs import actor_logger
from actors.models.library_world import DaemonLibraryWorld
from actors.settings import read_secret
from supervision.actor import GeventActor
from supervision.circuit_breaker import CircuitBreaker, CircuitBreakerPresets
from supervision.retry_mechanism import RetryPolicies, retry
from supervision.supervisor import ChildSpec

if TYPE_CHECKING:
    from actors.node import Node
    from supervision.actor import Reply
    from supervision.retrying.policies import PolicySettings
    from supervision.world import Task

NAME: Final = "converter"
SERVICE: Final = "cloudconvert"
RUNNING_MAX: Final = 2
WAITING_MAX: Final = 100
POLICY: Final = RetryPolicies.network_policy()
# What the local program gets of a conversion's time however long the service took.
LOCAL_S_MIN: Final = 10.0


class ConverterBusy(Exception):  # noqa: N818 - named after what is the case
    """So many documents wait already that one more would not be turned in time."""


@dataclass(frozen=True, slots=True)
class Convert:
    """Turn a document into PDF and keep that under a partition. by_s: monotonic. tag: the same at every attempt."""

    content: bytes
    kind: str
    tag: str
    partition: int
    by_s: float


@dataclass(eq=False, slots=True)
class _Job:
    message: Convert
    reply: Reply
    task: Task | None = None
    retried: bool = False


@dataclass(frozen=True, slots=True)
class _Ended:
    job: _Job


def prepare(node: Node) -> None:
    """Make the service's breaker, once, where the service is configured.

    It outlives its actor, and is kept and shared like those of the models.
    """
    if node.settings.converter.api_key_env and node.converter_breaker is None:
        limits = node.settings.breakers.external_api
        settings = replace(
            CircuitBreakerPresets.external_api(),
            failures_max=limits.failure_threshold, open_s=limits.recovery_timeout_s,
        )  # fmt: skip
        node.converter_breaker = CircuitBreaker(settings, name=SERVICE, world=DaemonLibraryWorld(node.world))


class Converter(GeventActor):
    """Takes documents in and answers when their PDF is in the blob store, or why there is none."""

    on_failure_timeout_s: ClassVar[float | None] = 2.0

    def __init__(self, node: Node, policy: PolicySettings = POLICY) -> None:
        """policy: of the retries."""
        super().__init__()
        self._node = node
        self._policy = policy
        self._library_world = DaemonLibraryWorld(node.world)
        self._waiting: deque[_Job] = deque()
        self._running: list[_Job] = []

    def on_start(self) -> None:
        """Be found."""
        self._log = actor_logger(self)
        prepare(self._node)
        self._node.names[NAME] = self.actor_ref

    def on_stop(self) -> None:
        """End what runs; who asked hears that the converter is gone."""
        for job in self._running:
            if job.task is not None:
                job.task.kill()

    def on_failure(self, *_: Any) -> None:
        """The same, after a crash."""
        self.on_stop()

    def on_receive(self, message: Any) -> Any:
        """A document, or the end of one."""
        match message:
            case Convert():
                self._take(message)
            case _Ended():
                self._running.remove(message.job)
                self._begin_waiting()
            case _:
                return super().on_receive(message)
        return None

    def _take(self, message: Convert) -> None:
        reply = self.defer_reply()
        if reply is None:
            return
        if len(self._waiting) >= WAITING_MAX:
            reply.fail(ConverterBusy(f"{WAITING_MAX} documents are waiting"))
            return
        self._waiting.append(_Job(message, reply))
        self._begin_waiting()

    def _begin_waiting(self) -> None:
        while self._waiting and len(self._running) < RUNNING_MAX:
            job = self._waiting.popleft()
            self._running.append(job)
            job.task = self._node.world.spawn(self._run, job, name=f"conversion of a {job.message.kind}")

    def _run(self, job: _Job) -> None:
        """Turn one; a task of its own."""
        try:
            job.reply.set(self._converted(job))
        except Exception as error:  # noqa: BLE001 - the store's, for whoever asked
            job.reply.fail(error)
        finally:
            if self.actor_ref.is_alive():
                self.actor_ref.tell(_Ended(job))

    def _converted(self, job: _Job) -> Converted:
        """Ask one after the other; the first PDF counts, and the first word that it is the file's own fault."""
        failures: list[str] = []
        for by, turn in (("cloudconvert", self._by_service), ("libreoffice", self._by_program)):
            name: By = "cloudconvert" if by == "cloudconvert" else "libreoffice"
            try:
                content = turn(job)
            except ConversionRefused as refused:
                return Converted(problem="refused", by=name, detail=str(refused), retried=job.retried)
            except Exception as error:  # noqa: BLE001 - whatever it was, the other one is asked
                failures.append(f"{by}: {error!r}"[:300])
                self._log.warning(
                    "a document could not be converted", by=by, kind=job.message.kind, reason=repr(error)[:300],
                    next="the next way is tried, and else the person is asked for a PDF",
                )  # fmt: skip
                continue
            if content is not None:
                digest = self._node.world.run_in_thread(hashlib.sha256, content).hexdigest()
                self._node.blobs.put(job.message.partition, digest, content)
                return Converted(digest, name, retried=job.retried)
        if failures:
            return Converted(problem="failed", detail="; ".join(failures), retried=job.retried)
        return Converted(problem="skipped", detail="neither a service nor a program for such files is there")

    def _by_service(self, job: _Job) -> bytes | None:
        """By CloudConvert; None where there is no key."""
        settings, message = self._node.settings.converter, job.message
        key = read_secret(settings.api_key_env, os.environ)
        if key is None:
            return None

        def again(_: Any) -> None:
            job.retried = True

        def ask() -> bytes | ConversionRefused:
            service = CloudConvert(
                self._node.world, settings.base_url, key, message.by_s, allow_private=settings.allow_private
            )
            try:
                return service.pdf_of(message.content, message.kind, message.tag)
            except ConversionRefused as refused:
                # It has done its work: nothing that the breaker should count, or another attempt would change.
                return refused

        outcome = retry(
            **self._policy, deadline_s=max(message.by_s - self._node.world.now(), 0.0),
            breaker=self._node.converter_breaker, context="cloudconvert", service=SERVICE, world=self._library_world,
            on_retry=again,
        )(ask)()  # fmt: skip
        if isinstance(outcome, ConversionRefused):
            raise outcome
        return outcome

    def _by_program(self, job: _Job) -> bytes | None:
        """By LibreOffice; None where it is not installed, cannot be kept off the network, or does not know the kind."""
        message, world = job.message, self._node.world
        program = libreoffice.program_of(self._node.settings.converter.soffice)
        if program is None or not is_local(message.kind):
            return None
        prefix = libreoffice.without_network(world)
        if prefix is None:
            self._log.warning(
                "LibreOffice is not used", reason="it cannot be kept off the network here (`unshare -rn` fails)",
                next="people are asked for a PDF",
            )  # fmt: skip
            return None
        timeout_s = max(message.by_s - world.now(), LOCAL_S_MIN)
        return libreoffice.pdf_of(world, program, prefix, message.content, message.kind, timeout_s)


def supervised(node: Node) -> ChildSpec:
    """The node's converter."""
    return ChildSpec(id=NAME, start=partial(Converter.start, node), shutdown_s=3.0)
