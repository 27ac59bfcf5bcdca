"""One download: asks, follows, resumes and keeps to the limits, as the machine says; runs in a task of its own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from actors.download.machine import (
    REDIRECTS_MAX,
    Ended,
    GoOn,
    Problem,
    Progress,
    check_whole,
    complaint_about,
    headers_for,
    judged,
    without_credentials,
)
from actors.download.unpacking import NotPackedSo, TooLarge, unpacked
from messages.records import ATTACHMENT_BYTES_MAX
from supervision.circuit_breaker import CircuitOpenError
from supervision.http_addresses import PrivateAddress, UnknownName
from supervision.retry_mechanism import RetryPolicies, retry

if TYPE_CHECKING:
    from supervision.circuit_breaker import CircuitBreaker
    from supervision.retrying.policies import PolicySettings
    from supervision.world import World
    from supervision.world_library import LibraryWorld

IDLE_S: Final = 10.0
POLICY: Final = RetryPolicies.file_download_policy()


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of an address: a file under its digest, or the key of the words that say why there is none.

    retried: it took more than one attempt.
    """

    digest: str = ""
    size_bytes: int = 0
    name: str = ""
    media_type: str = ""
    problem: Problem | None = None
    detail: str = ""
    retried: bool = False


@dataclass(frozen=True, slots=True)
class Fetching:
    """How to download. by_s: monotonic, for all of it. policy: of the retries."""

    url: str
    by_s: float
    breaker: CircuitBreaker
    world: World
    library_world: LibraryWorld
    policy: PolicySettings
    allow_private: bool = False


def fetch(wanted: Fetching) -> tuple[Fetched, bytes, Progress]:
    """Download: what came of it (without a name), the file's bytes, and how it went. Never raises for a server."""
    progress = Progress()
    retries: list[str] = []
    once_more = retry(
        **wanted.policy, deadline_s=max(wanted.by_s - wanted.world.now(), 0.0), breaker=wanted.breaker,
        context="download", service="downloads", world=wanted.library_world,
        on_retry=lambda failed: retries.append(repr(failed.error)[:200]),
    )(_attempt)  # fmt: skip
    try:
        ended = once_more(wanted, progress)
    except Exception as error:  # noqa: BLE001 - whatever a server did, it ends in words
        ended = _ended_by(error)
    content = b""
    if ended is None:
        try:
            content = wanted.world.run_in_thread(
                unpacked, bytes(progress.received), progress.encoding, ATTACHMENT_BYTES_MAX
            )
        except TooLarge:
            ended = Ended("link_too_large", "there is more in it than may be")
        except NotPackedSo as error:
            ended = Ended("link", str(error))
    if ended is not None:
        return Fetched(problem=ended.problem, detail=ended.detail, retried=bool(retries)), b"", progress
    digest = wanted.world.run_in_thread(lambda: hashlib.sha256(content).hexdigest())
    return Fetched(digest, len(content), media_type=progress.media_type, retried=bool(retries)), content, progress


def _attempt(wanted: Fetching, progress: Progress) -> Ended | None:
    """Ask once, following redirects; None when the file is whole. Raises what another attempt may mend."""
    from supervision.world_http import HttpRequest, http_answer

    url = without_credentials(wanted.url)
    for _ in range(REDIRECTS_MAX + 1):
        request = HttpRequest(
            url, wanted.by_s, headers=headers_for(progress), idle_s=IDLE_S, allow_private=wanted.allow_private
        )
        try:
            with http_answer(request) as answer:
                verdict = judged(answer.status, answer.headers, url, progress)
                if isinstance(verdict, Ended):
                    return verdict
                if not isinstance(verdict, GoOn):
                    for chunk in answer.chunks:
                        progress.received += chunk
                        if (complaint := complaint_about(progress)) is not None:
                            return complaint
                    check_whole(progress)
                    return None
                url = without_credentials(verdict.url)
        except PrivateAddress as error:
            return Ended("link_refused", str(error))
        except UnknownName as error:
            return Ended("link_not_found", str(error))
    return Ended("link", "it redirects without end")


def _ended_by(error: Exception) -> Ended:
    if isinstance(error, CircuitOpenError):
        return Ended("link", str(error))
    # httpcore2's time-outs are named so, and are no TimeoutError.
    late = isinstance(error, TimeoutError) or "Timeout" in type(error).__name__
    return Ended("link_too_slow" if late else "link", repr(error)[:300])
