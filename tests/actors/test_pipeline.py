"""The pipeline against a real server: batches, lost scripts, and what a server refuses."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import redis
from piped import APPEND, ECHO, outcome, piped, together
from real_server import RealServer, running, wait_for

from actors.pipeline import PipeLimits, Request, Script, load_scripts
from actors.pipeline.limits import reconnect_delay_s
from actors.redis_connection import connect
from actors.store_errors import (
    StoreAway,
    StoreBacklog,
    StoreBusy,
    StoreFull,
    StoreReadOnly,
    StoreRefusal,
)
from supervision import world


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RealServer]:
    """A server of its own for each test, since most of them do something to it."""
    with running(tmp_path / "v") as server:
        yield server


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
