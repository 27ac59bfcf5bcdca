"""A running pipeline to a real server, and what its tests ask of it."""

import contextlib
from collections.abc import Iterator
from typing import Any

from real_server import RealServer, wait_for

from actors.pipeline import PipeLimits, Pipeline, Request, Script
from actors.redis_connection import connect
from actors.store_errors import (
    StoreAway,
    StoreError,
)
from supervision import world

# Appends its argument to a list, once an argument: what a commit is to a session.
APPEND = Script.of("append", b"redis.call('RPUSH', KEYS[1], ARGV[1]) return redis.call('LLEN', KEYS[1])")
ECHO = Script.of("echo", b"return ARGV")
SLACK_S = 3.0  # what a busy machine may add; endless is still longer
# One lane, so that a test knows what travels together.
LIMITS = PipeLimits(lanes=1, batch_timeout_s=1.0, patience_s=0.5)


@contextlib.contextmanager
def piped(
    server: RealServer, limits: PipeLimits = LIMITS, scripts: tuple[Script, ...] = (APPEND,)
) -> Iterator[Pipeline]:
    """A running pipeline to it."""
    pipeline = Pipeline(connect(server.url), scripts, limits)
    pipeline.start()
    wait_for(lambda: pipeline.is_ready, "the pipeline")
    try:
        yield pipeline
    finally:
        assert pipeline.fault is None
        pipeline.stop()


def outcome(request: Request) -> Any:
    """A request's reply, or the type of its error with whether it was sent."""
    try:
        return request.result(10.0)
    except StoreAway as away:
        return (StoreAway, away.sent)
    except StoreError as error:
        return type(error)


def together(*functions: Any) -> None:
    """Run functions at once, and wait for all of them."""
    tasks = [world.current().spawn(function) for function in functions]
    for task in tasks:
        assert task.join(30.0)
        assert task.error is None
