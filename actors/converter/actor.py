"""The actor that has documents turned into PDF: the service first, the local program else, each so many at a time."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from actors.converter import libreoffice
from actors.converter.cloudconvert import CloudConvert
from actors.converter.kinds import is_local
from actors.converter.outcome import By, ConversionRefused, Converted
from actors.job_runner import Job, JobRunner
from actors.logs import actor_logger
from actors.models.library_world import DaemonLibraryWorld
from actors.settings import read_secret
from supervision.circuit_breaker import CircuitBreaker, CircuitBreakerPresets
from supervision.retry_mechanism import RetryPolicies, retry
from supervision.supervisor import ChildSpec

if TYPE_CHECKING:
    from actors.node import Node
    from supervision.actor import Reply
    from supervision.retrying.policies import PolicySettings

NAME: Final = "converter"
SERVICE: Final = "cloudconvert"
POLICY: Final = RetryPolicies.network_policy()
# What the local program gets of a conversion's time however long the service took.
LOCAL_S_MIN: Final = 10.0


@dataclass(frozen=True, slots=True)
class Convert:
    """Turn a document into PDF and keep that under a partition. by_s: monotonic. tag: the same at every attempt."""

    content: bytes
    kind: str
    tag: str
    partition: int
    by_s: float


@dataclass(eq=False, slots=True)
class _Job(Job):
    message: Convert
    retried: bool = False


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


class Converter(JobRunner[_Job]):
    """Takes documents in and answers when their PDF is in the blob store, or why there is none."""

    takes: ClassVar[type] = Convert
    running_max: ClassVar[int] = 2
    waiting_max: ClassVar[int] = 100

    def __init__(self, node: Node, policy: PolicySettings = POLICY) -> None:
        """policy: of the retries."""
        super().__init__(node)
        self._policy = policy
        self._library_world = DaemonLibraryWorld(node.world)

    def on_start(self) -> None:
        """Be found."""
        self._log = actor_logger(self)
        prepare(self._node)
        self._node.names[NAME] = self.actor_ref

    def _job(self, message: Convert, reply: Reply) -> _Job:
        return _Job(message, reply)

    def _title(self, job: _Job) -> str:
        return f"conversion of a {job.message.kind}"

    def _result(self, job: _Job) -> Converted:
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
