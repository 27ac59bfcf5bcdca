"""Kills its own process before or after a chosen step of a message's way, or writes down which steps there are.

`install` puts itself around the writes and calls of a turn and its effects, in a program of the tests; what runs in
between is what ships. The plan, `step:number:chat` in UNFAILING_DIE_AT, is one place: the number-th time that this step
is passed for this chat. UNFAILING_STEPS_FILE gets every step that is passed, one a line.
"""

import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

PLAN = "UNFAILING_DIE_AT"
STEPS = "UNFAILING_STEPS_FILE"

_passed: Counter[str] = Counter()


def reach(step: str, chat_id: str) -> None:
    """A step is passed."""
    place = f"{step}:{chat_id}"
    _passed[place] += 1
    here = f"{step}:{_passed[place]}:{chat_id}"
    trace = os.environ.get(STEPS, "")
    if trace:
        with Path(trace).open("a", encoding="utf-8") as steps:
            steps.write(f"{here}\n")
    if os.environ.get(PLAN, "") == here:
        os.kill(os.getpid(), signal.SIGKILL)


def _around(owner: Any, name: str, chat_of: Callable[..., str], step: str) -> None:
    """A call that returns when it is done."""
    plain = getattr(owner, name)

    def stepped(*arguments: Any, **named: Any) -> Any:
        chat_id = chat_of(*arguments)
        reach(f"before {step}", chat_id)
        result = plain(*arguments, **named)
        reach(f"after {step}", chat_id)
        return result

    setattr(owner, name, stepped)


def _around_submitted(owner: Any, name: str, chat_of: Callable[..., str], done_at: int, step: str) -> None:
    """A call that tells a callback, its argument number done_at, when it is done."""
    plain = getattr(owner, name)

    def stepped(*arguments: Any, **named: Any) -> Any:
        chat_id = chat_of(*arguments)
        done = arguments[done_at]

        def answered(answer: Any) -> Any:
            reach(f"after {step}", chat_id)
            return done(answer)

        reach(f"before {step}", chat_id)
        result = plain(*arguments[:done_at], answered, *arguments[done_at + 1 :], **named)
        reach(f"during {step}", chat_id)
        return result

    setattr(owner, name, stepped)


def install() -> None:
    """Put steps around everything that is written and called on the way of a message."""
    from actors.doors import intake
    from actors.effects import outbox
    from actors.effects.webhook import WebhookTarget
    from actors.ledger.ledger import Ledger
    from actors.ledger.target import LedgerTarget
    from actors.partition.store import Store
    from actors.session import shell
    from actors.session.documents import DocumentDesk
    from actors.session.understanding import Understanding
    from actors.spreadsheet.target import SheetTarget
    from actors.spreadsheet.writer import Spreadsheet

    _around(intake, "_keep_blobs", lambda _node, item: item.message.chat_id, "blobs")
    _around_submitted(Store, "submit_take_in", lambda _s, message, *_: message.chat_id, 4, "take in")
    _around_submitted(Store, "submit_hand_out", lambda _s, _p, _f, wanted, _d: wanted[0].chat_id, 4, "hand out")
    _around(DocumentDesk, "read_all", lambda _desk, turn: turn.chat_id, "reading")
    _around(Store, "write_journal", lambda _s, entry, *_: entry.chat_id, "journal")
    _around(Understanding, "_ask", lambda _u, _chain, turn, *_: turn.chat_id, "model")
    _around(shell, "take_turn", lambda state, *_: state.chat_id, "turn")
    _around(Store, "commit", lambda _s, commit: commit.entry.chat_id, "commit")
    _around(outbox, "begin", lambda _n, waiting, *_: waiting.chat_id, "begin")
    for target in (LedgerTarget, SheetTarget, WebhookTarget):
        _around(target, "perform", lambda _t, effect, _d: effect.chat_id, f"{target.name}")
    _around(Ledger, "put", lambda _l, bookings: bookings[0].chat_id, "ledger row")
    _around(Spreadsheet, "put_in_file", lambda _s, bookings: bookings[0].chat_id, "sheet row")
    _around_submitted(outbox, "submit_end", lambda _n, waiting, *_: waiting.chat_id, 4, "end")
