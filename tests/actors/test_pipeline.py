"""The pipeline against a real server: batches, lost scripts, lost connections, and never an endless wait."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import redis
from real_server import RealServer, running, wait_for

from actors.pipeline import PipeLimits, Pipeline, Request, Script, load_scripts
from actors.pipeline.limits import reconnect_delay_s
from actors.redis_connection import connect
from actors.store_errors import (
    StoreAway,
    StoreBacklog,
    StoreBusy,
    StoreError,
    StoreFull,
    StoreReadOnly,
    StoreRefusal,
)
from supervision import world

# Appends its argument to a list, once an argument: what a commit is to a session.
APPEND = Script.of("append", b"redis.call('RPUSH', KEYS[1], ARGV[1]) return redis.call('LLEN', KEYS[1])")
ECHO = Script.of("echo", b"return ARGV")
SLACK_S = 3.0  # what a busy machine may add; endless is still longer
# One lane, so that a test knows what travels together.
LIMITS = PipeLimits(lanes=1, batch_timeout_s=1.0, patience_s=0.5)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RealServer]:
    """A server of its own for each test, since most of them do something to it."""
    with running(tmp_path / "v") as server:
        yield server


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


def test_given_a_script_when_executed_then_its_reply_comes_back_with_arguments_of_every_kind(
    server: RealServer,
) -> None:
    """Text, bytes, whole and broken numbers."""
    with piped(server, scripts=(ECHO,)) as pipeline:
        reply = pipeline.execute(ECHO, ["k"], ["ä\r\n", b"\x00\xff", 7, 1.5, ""])

        assert reply == ["ä\r\n".encode(), b"\x00\xff", b"7", b"1.5", b""]
        assert pipeline.call("SET", "a", 1) == b"OK"
        assert pipeline.call("MGET", "a", "b") == [b"1", None]
        assert pipeline.call_each("GET", "a") == {connect(server.url).masters[0]: b"1"}


def test_given_many_callers_at_once_when_they_commit_then_they_share_batches(server: RealServer) -> None:
    """One sync of the file for many commits is what makes durability affordable."""
    with piped(server) as pipeline:
        together(*[lambda: [pipeline.execute(APPEND, ["l"], [n]) for n in range(5)] for _ in range(200)])

        [status] = pipeline.status()
        assert server.client.llen("l") == 1000
        assert status.counts.requests == 1000
        assert status.counts.batches < 50
        assert (status.waiting, status.waiting_bytes, status.in_flight) == (0, 0, 0)


def test_given_more_than_a_batch_takes_when_submitted_then_order_is_kept_over_batches(server: RealServer) -> None:
    """By count and by bytes."""
    with piped(server, PipeLimits(lanes=1, batch_count_max=7, batch_bytes_max=2000)) as pipeline:
        requests = [pipeline.submit(APPEND, ["l"], [f"{n:03}" + "x" * (n % 5) * 300]) for n in range(100)]

        assert [outcome(request) for request in requests] == list(range(1, 101))
        assert [int(item[:3]) for item in server.client.lrange("l", 0, -1)] == list(range(100))


def test_given_several_lanes_when_many_keys_are_written_then_all_are_used_and_each_keeps_its_order(
    server: RealServer,
) -> None:
    """A partition keeps to its lane; sixteen partitions spread evenly over eight."""
    with piped(server, PipeLimits(batch_count_max=5)) as pipeline:
        keys = [f"{{p:{number:02}}}:l" for number in range(16)]
        requests = {key: [] for key in keys}
        for number in range(30):
            for key in keys:
                requests[key].append(pipeline.submit(APPEND, [key], [number]))

        assert all([outcome(request) for request in requests[key]] == list(range(1, 31)) for key in keys)
        assert all(server.client.lrange(key, 0, -1) == [str(n).encode() for n in range(30)] for key in keys)
        assert [status.counts.requests for status in pipeline.status()] == [60] * 8
        assert {(status.server, status.lane) for status in pipeline.status()} == {
            (str(server.socket), lane) for lane in range(8)
        }


def test_given_callbacks_when_done_then_each_is_called_once_and_one_that_raises_harms_nobody(
    server: RealServer,
) -> None:
    """Owners are told by callback; their faults are theirs."""
    told: list[int] = []

    def listener(request: Request) -> None:
        told.append(request.reply)
        if request.reply == 3:
            raise RuntimeError("a listener's fault")

    with piped(server) as pipeline:
        requests = [pipeline.submit(APPEND, ["l"], [n], listener) for n in range(6)]

        assert [outcome(request) for request in requests] == [1, 2, 3, 4, 5, 6]
        assert told == [1, 2, 3, 4, 5, 6]


def test_given_scripts_flushed_in_the_middle_of_a_pipeline_when_it_goes_on_then_only_those_are_sent_again(
    server: RealServer,
) -> None:
    """NOSCRIPT: load, resend those alone; what was done is not done twice, and order stays."""
    with piped(server) as pipeline:
        requests = [pipeline.submit(APPEND, ["l"], [n]) for n in range(3)]
        requests += [pipeline.submit_call("SCRIPT", "FLUSH"), pipeline.submit_call("INCR", "n")]
        requests += [pipeline.submit(APPEND, ["l"], [n]) for n in range(3, 6)]

        assert [outcome(request) for request in requests] == [1, 2, 3, b"OK", 1, 4, 5, 6]
        assert server.client.lrange("l", 0, -1) == [b"0", b"1", b"2", b"3", b"4", b"5"]
        assert server.client.get("n") == b"1"


def test_given_a_script_it_was_not_told_of_when_submitted_then_it_is_loaded_and_kept(server: RealServer) -> None:
    """And given to the server again after a restart."""
    with piped(server, scripts=()) as pipeline:
        assert pipeline.execute(APPEND, ["l"], ["a"]) == 1

        server.kill()
        server.start()
        wait_for(lambda: pipeline.is_ready, "the pipeline")
        loads = pipeline.status()[0].counts.script_loads

        assert pipeline.execute(APPEND, ["l"], ["b"]) == 2
        assert pipeline.status()[0].counts.script_loads == loads


def test_given_a_script_that_fails_when_executed_then_its_caller_alone_hears(server: RealServer) -> None:
    """An error answer is data, typed; the batch and the connection go on."""
    bad = Script.of("bad", b"return redis.error_reply('ERR no such luck')")
    with piped(server) as pipeline:
        requests = [
            pipeline.submit(APPEND, ["l"], ["a"]),
            pipeline.submit(bad, [], []),
            pipeline.submit(APPEND, ["l"], ["b"]),
        ]

        assert [outcome(request) for request in requests] == [1, StoreRefusal, 2]
        with pytest.raises(StoreRefusal, match="no such luck"):
            requests[1].result(1.0)
        assert pipeline.status()[0].counts.connections == 1


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


def test_given_a_stopped_pipeline_when_asked_then_it_fails_at_once(server: RealServer) -> None:
    """Whoever still holds it hears that the store is away; what was on its way got its answer first."""
    with piped(server) as pipeline:
        under_way = [pipeline.submit(APPEND, ["l"], [n]) for n in range(3)]
        world.current().sleep(0)

        pipeline.stop()
        late = pipeline.submit(APPEND, ["l"], ["late"])

        assert outcome(late) == (StoreAway, False)
        assert all(outcome(request) in {1, 2, 3, (StoreAway, False)} for request in under_way)
        pipeline.start()
        assert isinstance(pipeline.execute(APPEND, ["l"], ["again"]), int)


def test_given_too_much_waiting_when_submitted_then_it_is_refused_at_once(server: RealServer) -> None:
    """Everything has a limit; the caller hears before it has given anything away."""
    with piped(server, PipeLimits(lanes=1, waiting_count_max=10, batch_timeout_s=10.0)) as pipeline:
        server.signal(signal.SIGSTOP)
        accepted = [pipeline.submit(APPEND, ["l"], [n]) for n in range(10)]

        with pytest.raises(StoreBacklog):
            pipeline.submit(APPEND, ["l"], ["one too many"])

        server.signal(signal.SIGCONT)
        assert [outcome(request) for request in accepted] == list(range(1, 11))


def test_given_a_full_server_when_asked_then_it_is_full_and_scripts_that_free_it_still_run(server: RealServer) -> None:
    """The commit begins with its flags line: without it a full server would refuse the very script that frees it."""
    free = Script.of("free", b"#!lua flags=allow-oom\nreturn redis.call('DEL', KEYS[1])")
    store = Script.of("store", b"#!lua\nreturn redis.call('SET', KEYS[1], ARGV[1])")
    with piped(server, scripts=(free, store)) as pipeline:
        pipeline.execute(store, ["k"], ["x" * 1_000_000])
        server.client.config_set("maxmemory", "1mb")

        assert outcome(pipeline.submit(store, ["l"], ["y"])) is StoreFull
        assert pipeline.execute(free, ["k"], []) == 1
        server.client.config_set("maxmemory", 0)


def test_given_a_server_that_becomes_a_replica_when_asked_then_it_is_read_only_until_it_is_promoted(
    server: RealServer,
) -> None:
    """After a failover the old master refuses writes; the next connection may lead elsewhere."""
    with piped(server) as pipeline:
        assert pipeline.execute(APPEND, ["l"], ["a"]) == 1
        server.client.replicaof("127.0.0.1", 1)

        assert outcome(pipeline.submit_call("SET", "k", "v")) is StoreReadOnly

        server.client.replicaof("NO", "ONE")
        wait_for(lambda: outcome(pipeline.submit_call("SET", "k", "v")) == b"OK", "a master")
        assert pipeline.status()[0].counts.connections >= 2


def test_given_a_script_that_runs_for_ever_when_others_ask_then_the_store_is_busy(server: RealServer) -> None:
    """Somebody else's script; it is a state of the store, not a fault of the request."""

    def run_for_ever() -> None:
        with contextlib.suppress(redis.ResponseError):
            server.client.eval("while true do end", 0)

    server.client.config_set("busy-reply-threshold", 50)
    with piped(server) as pipeline:
        blocker = world.current().spawn(run_for_ever)
        wait_for(lambda: outcome(pipeline.submit_call("GET", "k")) is StoreBusy, "the server to be busy")

        server.client.script_kill()

        wait_for(lambda: outcome(pipeline.submit_call("GET", "k")) is None, "the server to be free")
        assert blocker.join(5.0)


def test_given_an_unpatched_process_when_it_uses_the_pipeline_then_it_works(server: RealServer) -> None:
    """No module of the library patches, and each works without."""
    program = (
        "import sys; from actors.pipeline import *; from actors.redis_connection import connect; "
        "s = Script.of('s', b'return 7'); p = Pipeline(connect(sys.argv[1]), [s]); p.start(); "
        "print(p.execute(s, ['k'], []), p.call('PING')); p.stop()"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, server.url], check=False, capture_output=True, text=True, timeout=60
    )

    assert done.stdout.splitlines()[-1] == "7 b'PONG'", done.stderr


def test_given_scripts_in_a_package_when_loaded_then_they_are_there_by_name() -> None:
    """The digest is the server's own."""
    scripts = load_scripts("actors.partition")

    assert scripts
    assert all(len(script.sha) == 40 and script.source for script in scripts.values())
    assert Script.of("x", b"return 1").sha == "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"


def test_given_attempts_when_delays_are_drawn_then_they_grow_and_stay_bounded() -> None:
    """A dead server is not hammered, a live one not waited for."""
    limits = PipeLimits()
    random = Random(1)

    delays = [reconnect_delay_s(attempt, limits, random.random()) for attempt in range(40)]

    assert all(limits.reconnect_s_min / 2 <= delay_s <= limits.reconnect_s_max for delay_s in delays)
    assert delays[0] < 0.011
    assert min(delays[10:]) >= limits.reconnect_s_max / 2
