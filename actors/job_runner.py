"""An actor that has jobs done beside each other, so many at a time, each in a task of its own; the others wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from supervision.actor import GeventActor

if TYPE_CHECKING:
    from actors.node import Node
    from supervision.actor import Reply
    from supervision.world import Task


class JobsWait(Exception):  # noqa: N818 - named after what is the case
    """So many jobs wait already that one more would not be done in time."""


@dataclass(eq=False, slots=True)
class Job:
    """What is wanted, and who hears of it."""

    message: Any
    reply: Reply
    task: Task | None = None


@dataclass(frozen=True, slots=True)
class JobEnded:
    """A job's task to its actor."""

    job: Job


JobT = TypeVar("JobT", bound=Job)


class JobRunner(GeventActor, Generic[JobT]):
    """Takes messages of one type in and answers each when its job is done, or with what that raised."""

    on_failure_timeout_s: ClassVar[float | None] = 2.0
    takes: ClassVar[type]
    running_max: ClassVar[int]
    waiting_max: ClassVar[int]

    def __init__(self, node: Node) -> None:
        super().__init__()
        self._node = node
        self._waiting: list[JobT] = []
        self._running: list[JobT] = []

    def on_stop(self) -> None:
        """End what runs; who asked hears that this actor is gone."""
        for job in self._running:
            if job.task is not None:
                job.task.kill()

    def on_failure(self, *_: Any) -> None:
        """The same, after a crash."""
        self.on_stop()

    def on_receive(self, message: Any) -> Any:
        """A job, or the end of one."""
        if isinstance(message, self.takes):
            self._take(message)
        elif isinstance(message, JobEnded):
            self._running = [job for job in self._running if job is not message.job]
            self._begin_waiting()
        else:
            return super().on_receive(message)
        return None

    def _take(self, message: Any) -> None:
        reply = self.defer_reply()
        if reply is None:
            return
        if len(self._waiting) >= self.waiting_max:
            reply.fail(JobsWait(f"{self.waiting_max} wait already"))
            return
        self._waiting.append(self._job(message, reply))
        self._begin_waiting()

    def _begin_waiting(self) -> None:
        for job in list(self._waiting):
            if len(self._running) >= self.running_max:
                return
            if self._may_begin(job):
                self._waiting.remove(job)
                self._running.append(job)
                job.task = self._node.world.spawn(self._run, job, name=self._title(job))

    def _run(self, job: JobT) -> None:
        """Do one; a task of its own."""
        try:
            job.reply.set(self._result(job))
        except Exception as error:  # noqa: BLE001 - the store's, for whoever asked: nothing is known of the file
            job.reply.fail(error)
        finally:
            if self.actor_ref.is_alive():
                self.actor_ref.tell(JobEnded(job))

    def _job(self, message: Any, reply: Reply) -> JobT:
        """The job that a message makes."""
        raise NotImplementedError

    def _title(self, job: JobT) -> str:
        """The name of the job's task."""
        raise NotImplementedError

    def _may_begin(self, job: JobT) -> bool:  # noqa: ARG002 - for those who mind
        """Whether it may run beside what runs."""
        return True

    def _result(self, job: JobT) -> Any:
        """What the one who asked gets; runs in the job's task."""
        raise NotImplementedError
