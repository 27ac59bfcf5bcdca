"""The log: one structured event a line on standard error, for people on a terminal and as JSON anywhere else.

`configure_logging` is called once, by the command line. Everything that logs through structlog or the standard library
(pykka, redis, openai, asyncio, warnings) then takes the same way: level, time, redaction, rendering. Ids are bound to
a logger or passed with the event (`actor`, `message_id`, `chat_id`), never kept in context variables: greenlets do not
inherit those. Below the level an event costs one call that does nothing, above it some 10 us.

Weakness: lines are written where they arise, so a standard error that nobody reads any more (a stopped pager) stops the
node once its pipe is full; other nodes then take over. A journal or a file never does that.

No lock is taken: in a patched process it would be a greenlet's lock, and a greenlet that waits for one which a native
thread holds may wait for ever.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, Final, TextIO

import msgspec
import structlog

from messages.redaction import redact, redact_text

if TYPE_CHECKING:
    from supervision.actor import GeventActor

Event = MutableMapping[str, Any]

LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}

# These tell every request or command at a level that is not theirs to choose.
_TALKATIVE: Final = (
    "alembic", "asyncio", "httpcore", "httpcore2", "httpx", "httpx2", "openai", "pykka", "redis", "urllib3",
)  # fmt: skip
_ROOT: Final = logging.getLogger()
_OWN_KEYS: Final = frozenset(("event", "level", "timestamp", "logger", "node"))


def configure_logging(
    level: str = "info", *, node: str | None = None, stream: TextIO | None = None, as_json: bool | None = None
) -> None:
    """Send every event of this process to the stream (standard error), from this level up.

    level: debug, info, warning or error. node: bound to every event. as_json: None means when the stream is no
    terminal. May be called again; the last call holds.
    """
    threshold = LEVELS[level]
    out = sys.stderr if stream is None else stream
    render = _JsonRenderer() if (not out.isatty() if as_json is None else as_json) else _people_renderer(out)
    lines = _Lines(out)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _NodeAdder(node),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        redact_event,
    ]
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        context_class=dict,
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=False,
    )
    _route_standard_library(threshold, shared, render, lines)


def says_debug() -> bool:
    """Whether debug events are said: for the hot path, where even one that nobody hears costs 2 us."""
    return _ROOT.isEnabledFor(logging.DEBUG)


class Seldom:
    """Says what lasts when it begins, and then now and then: not at each of a thousand tries a night."""

    def __init__(self, every_s: float = 60.0) -> None:
        """Nothing was said yet."""
        self._every_s = every_s
        self._next_s = 0.0

    def is_due(self, now_s: float) -> bool:
        """Whether to say it. now_s: monotonic."""
        if now_s < self._next_s:
            return False
        self._next_s = now_s + self._every_s
        return True


class _Lines:
    """Writes each event by one call to the system, so that lines of several threads stay whole without a lock.

    A line that cannot be written, on a full disk or into a pipe that nobody reads any more, is dropped: whoever says
    what has happened must not end for having said it.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._is_torn = False
        try:
            self._descriptor: int | None = out.fileno()
        except (OSError, ValueError, AttributeError):
            self._descriptor = None

    def msg(self, message: str) -> None:
        if self._descriptor is None:
            self._out.write(message + "\n")
            self._out.flush()
            return
        line = ("\n" if self._is_torn else "") + message + "\n"
        whole = left = line.encode(errors="backslashreplace")
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError:
            self._is_torn = self._is_torn or len(left) < len(whole)
        else:
            self._is_torn = False

    log = debug = info = warn = warning = msg
    fatal = failure = err = error = critical = exception = msg


class _LinesHandler(logging.Handler):
    """The standard library's way to the same lines."""

    def __init__(self, lines: _Lines) -> None:
        super().__init__()
        self._lines = lines

    def createLock(self) -> None:  # noqa: N802 - the standard library's name
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._lines.msg(self.format(record))
        except Exception:  # noqa: BLE001 - as every handler does
            self.handleError(record)


def actor_logger(actor: GeventActor) -> Any:
    """Give a logger that names the actor by its path in the tree; from `on_start` on, when it has one."""
    ref = actor.actor_ref
    return structlog.get_logger(actor.__module__).bind(actor=ref.path or str(ref))


def redact_event(_logger: Any, _method: str, event: Event) -> Event:
    """Processor: take secrets and bulk out of every value, the exception's text included."""
    for key, value in event.items():
        if key == "event":
            event[key] = redact_text(value if isinstance(value, str) else repr(value))
        elif key not in _OWN_KEYS:
            event[key] = redact(value, key)
    return event


class _NodeAdder:
    """Processor: say which node speaks, unless the event says so itself."""

    def __init__(self, node: str | None) -> None:
        self._node = node

    def __call__(self, _logger: Any, _method: str, event: Event) -> Event:
        if self._node is not None:
            event.setdefault("node", self._node)
        return event


class _JsonRenderer:
    """Processor: one JSON object a line, whatever the values are."""

    def __call__(self, _logger: Any, _method: str, event: Event) -> str:
        ordered = {"timestamp": event.pop("timestamp", None), "level": event.pop("level", None), **event}
        try:
            return msgspec.json.encode(ordered, enc_hook=repr).decode()
        except (UnicodeEncodeError, TypeError, ValueError, OverflowError, RecursionError):
            return json.dumps(ordered, default=repr, skipkeys=True)


def _people_renderer(out: TextIO) -> structlog.dev.ConsoleRenderer:
    # Its own choice for tracebacks shows the local variables of every frame, secrets included.
    return structlog.dev.ConsoleRenderer(
        colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback, pad_event_to=36
    )


def _route_standard_library(threshold: int, shared: list[Any], render: Any, lines: _Lines) -> None:
    handler = _LinesHandler(lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(threshold)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))
    logging.captureWarnings(capture=True)
