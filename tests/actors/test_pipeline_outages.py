"""The pipeline while its server is killed, hung or away: no endless wait, and nothing acknowledged is lost."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from piped import APPEND, LIMITS, SLACK_S, outcome, piped, together
from real_server import RealServer, running, wait_for

from actors.pipeline import PipeLimits, Pipeline, Script
from actors.redis_connection import connect
from actors.store_errors import (
    StoreAway,
    StoreError,
)
from supervision import world


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RealServer]:
    """A server of its own for each test, since most of them do something to it."""
    with running(tmp_path / "v") as server:
        yield server


def test_given_load_when_the_server_is_killed_then_what_was_acknowledged_is_there_and_order_holds(
    server: RealServer,
) -> None:
    """Callers repeat what was lost, as commits do under their nonce; what was acknowledged is there, in order."""
    once = Script.of(
        "once",
        b"if redis.call('SADD', KEYS[2], ARGV[1]) == 1 then redis.call('RPUSH', KEYS[1], ARGV[1]) end return 'done'",
    )
    stop_s = time.monotonic() + 2.0
    losses = []

    def session(name: int) -> None:
        number = 0
        while time.monotonic() < stop_s or number < 20:
            try:
                pipeline.execute(once, [f"l{name}", f"s{name}"], [number])
                number += 1
            except StoreError as error:
                losses.append(error)
        counts[name] = number

    def killer() -> None:
        for _ in range(3):
            world.current().sleep(0.4)
            server.kill()
            server.start()

    counts: dict[int, int] = {}
    with piped(server, scripts=(once,)) as pipeline:
        together(killer, *[lambda name=name: session(name) for name in range(50)])

        assert losses
        for name, count in counts.items():
            assert [int(item) for item in server.client.lrange(f"l{name}", 0, -1)] == list(range(count))


def test_given_a_server_killed_under_a_batch_when_its_requests_fail_then_they_know_whether_they_were_sent(
    server: RealServer,
) -> None:
    """What was on its way has an unknown outcome; what waited behind it was not sent, and does not overtake."""
    with piped(server, PipeLimits(lanes=1, batch_count_max=3, patience_s=0.5)) as pipeline:
        server.signal(signal.SIGSTOP)
        requests = [pipeline.submit(APPEND, ["l"], [n]) for n in range(5)]
        wait_for(lambda: pipeline.status()[0].in_flight == 3, "the batch to be on its way")

        server.kill()

        assert [outcome(request) for request in requests] == [(StoreAway, True)] * 3 + [(StoreAway, False)] * 2


def test_given_a_server_that_hangs_when_a_batch_is_sent_then_its_deadline_holds(server: RealServer) -> None:
    """Never an endless wait; and when the server wakes up, the pipeline does."""
    with piped(server) as pipeline:
        server.signal(signal.SIGSTOP)
        began_s = time.monotonic()

        assert outcome(pipeline.submit(APPEND, ["l"], ["a"])) == (StoreAway, True)
        assert time.monotonic() - began_s < LIMITS.batch_timeout_s + SLACK_S
        assert outcome(pipeline.submit(APPEND, ["l"], ["b"])) == (StoreAway, False)
        assert time.monotonic() - began_s < LIMITS.batch_timeout_s + LIMITS.patience_s + SLACK_S

        server.signal(signal.SIGCONT)
        wait_for(lambda: pipeline.is_ready, "the pipeline to be back")
        assert pipeline.execute(APPEND, ["m"], ["c"]) == 1


def test_given_a_server_that_hangs_when_a_large_batch_is_sent_then_the_deadline_holds_for_sending_too(
    server: RealServer,
) -> None:
    """The socket's buffer is full long before the batch is out."""
    with piped(server) as pipeline:
        server.signal(signal.SIGSTOP)
        began_s = time.monotonic()

        assert outcome(pipeline.submit(APPEND, ["l"], ["x" * 3_000_000])) == (StoreAway, True)
        assert time.monotonic() - began_s < LIMITS.batch_timeout_s + SLACK_S
        server.signal(signal.SIGCONT)


def test_given_a_caller_with_less_time_when_it_passes_then_it_stops_waiting_and_the_batch_goes_on(
    server: RealServer,
) -> None:
    """A turn's deadline is shorter than the pipeline's."""
    with piped(server, PipeLimits(lanes=1, batch_timeout_s=10.0)) as pipeline:
        server.signal(signal.SIGSTOP)
        patient = pipeline.submit(APPEND, ["l"], ["a"])

        with pytest.raises(StoreAway) as away:
            pipeline.execute(APPEND, ["l"], ["b"], timeout_s=0.1)

        server.signal(signal.SIGCONT)
        assert away.value.sent in {True, False}
        assert outcome(patient) == 1


def test_given_a_caller_that_is_killed_while_waiting_when_the_server_answers_then_nobody_is_harmed(
    server: RealServer,
) -> None:
    """A crash thrown into a handler: what had not been sent is withdrawn, the others get their answers."""
    with piped(server, PipeLimits(lanes=1, batch_count_max=1, batch_timeout_s=10.0)) as pipeline:
        server.signal(signal.SIGSTOP)
        first = pipeline.submit(APPEND, ["l"], ["first"])
        wait_for(lambda: pipeline.status()[0].in_flight == 1, "the first to be on its way")
        doomed = world.current().spawn(pipeline.execute, APPEND, ["l"], ["doomed"])
        wait_for(lambda: pipeline.status()[0].waiting == 1, "the doomed one to wait")
        last = pipeline.submit(APPEND, ["l"], ["last"])

        doomed.kill()
        assert doomed.join(5.0)
        server.signal(signal.SIGCONT)

        assert [outcome(first), outcome(last)] == [1, 2]
        assert server.client.lrange("l", 0, -1) == [b"first", b"last"]


def test_given_a_server_that_restarts_quickly_when_asked_meanwhile_then_requests_just_wait(server: RealServer) -> None:
    """An embedded server is back in a tenth of a second; nobody needs to hear of that who has sent nothing."""
    with piped(server, PipeLimits(lanes=1, patience_s=5.0)) as pipeline:
        server.kill()
        wait_for(lambda: not pipeline.is_ready, "the loss to be noticed")
        request = pipeline.submit(APPEND, ["l"], ["a"])

        server.start()

        assert outcome(request) == 1


def test_given_a_server_that_died_unnoticed_when_asked_then_it_fails_unsent_within_patience(server: RealServer) -> None:
    """The dead connection is seen before anything is sent over it, so the outcome is known."""
    with piped(server) as pipeline:
        server.kill()
        began_s = time.monotonic()

        assert outcome(pipeline.submit(APPEND, ["l"], ["a"])) == (StoreAway, False)
        assert time.monotonic() - began_s < LIMITS.patience_s + SLACK_S


def test_given_nobody_there_for_long_when_asked_then_it_fails_unsent_and_changes_are_told(server: RealServer) -> None:
    """What comes and goes is told once each time, so that doors can say so."""
    changes: list[bool] = []
    pipeline = Pipeline(connect(server.url), [APPEND], LIMITS, changes.append)
    pipeline.start()
    wait_for(lambda: pipeline.is_ready, "the pipeline")
    server.kill()
    wait_for(lambda: not pipeline.is_ready, "the loss to be noticed")
    began_s = time.monotonic()

    outcomes = [outcome(pipeline.submit(APPEND, ["l"], [n])) for n in range(2)]

    assert outcomes == [(StoreAway, False)] * 2
    assert time.monotonic() - began_s < 2 * LIMITS.patience_s + SLACK_S
    server.start()
    wait_for(lambda: pipeline.is_ready, "the pipeline to be back")
    pipeline.stop()
    assert changes == [True, False, True, False]
