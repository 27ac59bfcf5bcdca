"""The replies of one batch as they come: each answers its request at once.

Who waits for an early one goes on while the server works on the rest, so that the two work side by side.
"""

from collections.abc import Iterator
from typing import Any

import hiredis
import structlog

from actors.pipeline.request import Request

_log = structlog.get_logger("actors.pipeline")


class Answers(list[Any]):
    """What a wire appends replies to. Error answers are set aside in `refused`, for when the batch is over."""

    def __init__(self, batch: list[Request], skipped: int) -> None:
        """skipped: how many replies come before those to the batch."""
        super().__init__()
        self.refused: list[tuple[Request, str]] = []
        self._skipped = skipped
        self._requests: Iterator[Request] = iter(batch)

    def append(self, reply: Any) -> None:
        """Answer the next request. Never raises."""
        super().append(reply)
        if len(self) <= self._skipped:
            return
        request = next(self._requests)
        if type(reply) is hiredis.ReplyError:
            self.refused.append((request, str(reply)))
            return
        try:
            request.answer(reply)
        except Exception:  # noqa: BLE001 - a listener's fault is the listener's
            _log.exception("pipeline.listener_failed", request=repr(request))
