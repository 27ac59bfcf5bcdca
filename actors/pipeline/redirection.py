"""ASK: requests answered by the server a slot is moving to, while the slot still belongs to another."""

from collections.abc import Sequence
from typing import Any, Final

import hiredis

from actors.pipeline.pipe import deliver, finish, loads, scripts_of
from actors.pipeline.request import Request
from actors.redis_connection.wire import Wire, pack
from actors.store_errors import SlotMoving, StoreError, refusal

_ASKING: Final = pack(("ASKING",))


def ask(wire: Wire, requests: Sequence[Request], timeout_s: float) -> list[Request]:
    """Send requests with leave to be answered, in order, over a wire of their own, which is closed.

    Returns those that were redirected once more. All others are answered or failed; raises nothing but a kill.
    """
    scripts = loads(scripts_of(requests))
    packed = [part for request in requests for part in (_ASKING, request.packed)]
    replies: list[Any] = []
    try:
        wire.open()
        wire.exchange([*scripts, *packed], replies, timeout_s)
    except StoreError as error:
        # What has been answered before the loss is settled below; the rest is as lost as the connection.
        failure = error
    else:
        failure = SlotMoving("TRYAGAIN no answer to ASKING")
    finally:
        wire.close()
    answers = replies[len(scripts) + 1 :: 2]
    for request in requests[len(answers) :]:
        finish(request, failure)
    return [request for request, reply in zip(requests, answers, strict=False) if not _settled(request, reply)]


def _settled(request: Request, reply: Any) -> bool:
    """Answer or fail a request; false when it has to go on elsewhere."""
    if not isinstance(reply, hiredis.ReplyError):
        deliver(request, reply)
        return True
    error = refusal(str(reply))
    if isinstance(error, SlotMoving):
        return False
    finish(request, error)
    return True
