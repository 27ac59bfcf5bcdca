"""Connections to real servers: found, checked, waited on, listened to."""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from real_server import RealServer, free_port, running, wait_for

from actors.redis_connection import (
    Endpoint,
    Memory,
    NodeAddress,
    check_suitable,
    connect,
    memory_of,
    parse_url,
    read_redirection,
    server_facts,
    slot_of,
)
from actors.store_errors import (
    DiskRefused,
    StoreAway,
    StoreDenied,
    StoreError,
    StoreFull,
    StoreLoading,
    StoreReadOnly,
    StoreRefusal,
    UnsuitableStore,
    refusal,
)
from supervision import world


def test_given_a_server_when_connected_then_it_is_known_and_has_a_database(tmp_path: Path) -> None:
    """Version, policy and identity come with the first look; the URL's database is the one used."""
    with running(tmp_path / "v") as server:
        endpoint = connect(f"{server.url}?db=3")

        wire = endpoint.wire()
        wire.call("SET", "k", "v", timeout_s=5)
        wire.close()

        assert server.client.info("keyspace") == {
            "db3": {"keys": 1, "expires": 0, "avg_ttl": 0, "keys_with_volatile_items": 0}
        }
        assert endpoint.facts().product == "valkey"
        assert endpoint.facts().process_id == server.process.pid
        assert not endpoint.cluster


def test_given_a_server_that_was_restarted_when_asked_then_its_identity_has_changed(tmp_path: Path) -> None:
    """Leases are dropped on it: the store may have been rolled back."""
    with running(tmp_path / "v") as server:
        endpoint = connect(server.url)
        before = endpoint.server_identity()

        server.kill()
        server.start()

        assert endpoint.server_identity().run_id != before.run_id


def test_given_a_server_that_evicts_when_connected_then_it_is_refused_with_the_way_out(tmp_path: Path) -> None:
    """It would throw away messages that were accepted."""
    with (
        running(tmp_path / "v", "--maxmemory-policy", "allkeys-lru") as server,
        pytest.raises(UnsuitableStore, match="CONFIG SET maxmemory-policy noeviction"),
    ):
        connect(server.url)


def test_given_a_replica_when_connected_then_it_is_refused_for_now(tmp_path: Path) -> None:
    """It may be promoted in a moment, so this is not for ever."""
    with running(tmp_path / "v", "--replicaof", "127.0.0.1 1") as server, pytest.raises(StoreReadOnly):
        connect(server.url)


def test_given_a_servers_policy_when_asked_then_it_is_told_and_who_does_not_tell_counts_as_strict(
    tmp_path: Path,
) -> None:
    """`always`, another policy, and a user who may not read the configuration."""
    with running(tmp_path / "v", "--appendonly", "yes", "--appendfsync", "always") as server:
        endpoint = connect(server.url)
        strict = endpoint.syncs_each_round()
        server.client.config_set("appendfsync", "everysec")
        endpoint.wire().call("ACL", "SETUSER", "agent", "on", ">pw", "~*", "+@all", "-config", timeout_s=5)

        assert strict
        assert not endpoint.syncs_each_round()
        assert connect(f"unix://agent:pw@{server.socket}").syncs_each_round()


def test_given_users_and_passwords_when_connected_then_the_right_ones_get_in(tmp_path: Path) -> None:
    """The default user's password, an ACL user, a wrong one, and one that may not look around."""
    with running(tmp_path / "v", "--requirepass", "s3cret/") as server:
        path = server.socket
        connect(f"unix://:s3cret%2F@{path}").wire().call(
            "ACL", "SETUSER", "agent", "on", ">pw", "~*", "+@all", timeout_s=5
        )
        connect(f"unix://agent:pw@{path}").wire().call(
            "ACL", "SETUSER", "blind", "on", ">pw", "~*", "+ping", timeout_s=5
        )

        outcomes = []
        for credentials in ("", ":wrong@", "agent:wrong@", "blind:pw@"):
            with pytest.raises(StoreDenied) as denied:
                connect(f"unix://{credentials}{path}")
            outcomes.append(str(denied.value))

        assert not any("wrong" in outcome or "s3cret" in outcome for outcome in outcomes)


def test_given_nobody_there_when_connected_then_it_is_away_and_nothing_was_sent(tmp_path: Path) -> None:
    """The caller tries again."""
    for url in (f"unix://{tmp_path}/none", f"redis://127.0.0.1:{free_port()}", "redis+cluster://127.0.0.1:1"):
        with pytest.raises(StoreAway) as away:
            connect(url)

        assert not away.value.sent
        assert not away.value.silent


def test_given_a_single_server_when_a_cluster_is_asked_for_then_it_is_refused(tmp_path: Path) -> None:
    """The operator believes in more than there is."""
    with running(tmp_path / "v", port=free_port()) as server, pytest.raises(UnsuitableStore, match="none"):
        connect(server.url.replace("redis:", "redis+cluster:"))


def test_given_a_blocking_read_when_nothing_comes_for_long_then_it_returns_empty(tmp_path: Path) -> None:
    """No timeout of the client cuts a wait in the server, and one wait does not hold up another."""
    with running(tmp_path / "v") as server:
        endpoint = connect(server.url)
        with endpoint.blocking() as reader:
            began_s = time.monotonic()
            empty = reader.call("XREAD", "BLOCK", 300, "STREAMS", "s", "$", block_s=0.3)
            waited_s = time.monotonic() - began_s

            server.client.xadd("s", {"m": "x"})
            [[name, entries]] = reader.call("XREAD", "BLOCK", 5000, "STREAMS", "s", "0", block_s=5)

        assert empty is None
        assert 0.25 < waited_s < 3
        assert (name, len(entries)) == (b"s", 1)


def test_given_a_broken_blocking_connection_when_used_again_then_it_opens_itself(tmp_path: Path) -> None:
    """The first use after the loss raises, the second works."""
    with running(tmp_path / "v") as server:
        reader = connect(server.url).blocking()
        reader.call("PING")
        server.kill()
        server.start()

        with pytest.raises(StoreAway):
            reader.call("PING")

        assert reader.call("PING") == b"PONG"
        reader.close()


def test_given_a_subscription_when_things_are_published_then_they_are_read_in_batches(tmp_path: Path) -> None:
    """Nothing is lost between two reads, and an empty read is no error."""
    with running(tmp_path / "v") as server, connect(server.url).subscription(["a", "b"]) as subscription:
        subscription.open()
        empty = subscription.read(0.05)
        for number in range(500):
            server.client.publish("ab"[number % 2], f"{number}")

        heard = []
        while len(heard) < 500:
            heard += subscription.read(5)

        assert empty == []
        assert [int(message.payload) for message in heard] == list(range(500))
        assert {message.channel for message in heard} == {"a", "b"}


def test_given_a_lost_subscription_when_read_then_it_raises_and_can_be_opened_again(tmp_path: Path) -> None:
    """The gap is the caller's to report."""
    with running(tmp_path / "v") as server, connect(server.url).subscription(["a"]) as subscription:
        subscription.open()
        server.kill()
        server.start()
        with pytest.raises(StoreAway):
            subscription.read(5)
        assert not subscription.is_open

        subscription.open()
        server.client.publish("a", "back")

        assert [message.payload for message in subscription.read(5)] == [b"back"]


def test_given_a_busy_hub_when_a_native_thread_uses_a_connection_then_it_is_not_held_up(tmp_path: Path) -> None:
    """Leases beat from a native thread: the hub may be silent for seconds, and the lease must not be."""
    answered: list[float] = []

    def beat(endpoint: Endpoint) -> None:
        with endpoint.blocking(role="beat") as connection:
            for _ in range(10):
                connection.call("SET", "beat", "x")
                answered.append(time.monotonic())
                world.current().sleep(0.02)

    with running(tmp_path / "v") as server:
        thread = world.current().native_thread(beat, connect(server.url), name="beat")
        spin_until_s = time.monotonic() + 1.0
        while time.monotonic() < spin_until_s:
            pass
        beats_meanwhile = sum(1 for at_s in answered if at_s < spin_until_s)

        assert thread.join(10)
        assert beats_meanwhile >= 3
        assert threading.current_thread() is threading.main_thread()


def test_given_an_unpatched_process_when_connected_then_it_works_as_well(tmp_path: Path) -> None:
    """The library interface is imported into programs that know nothing of gevent's patches."""
    program = (
        "import sys, gevent.monkey; from actors.redis_connection import connect; "
        "assert not gevent.monkey.is_module_patched('socket'); "
        "e = connect(sys.argv[1]); print(e.wire().call('PING', timeout_s=5), e.facts().product)"
    )
    with running(tmp_path / "v") as server:
        done = subprocess.run(
            [sys.executable, "-c", program, server.url], check=False, capture_output=True, text=True, timeout=60
        )

    assert (done.stdout, done.returncode) == ("b'PONG' valkey\n", 0), done.stderr


def test_given_a_stopped_server_when_asked_then_the_deadline_holds_and_silence_is_told_from_absence(
    tmp_path: Path,
) -> None:
    """The supervisor of the embedded server kills a silent one and adopts a loading one: it has to know which it is."""
    with running(tmp_path / "v") as server:
        wire = connect(server.url).wire()
        wire.open()
        server.signal(signal.SIGSTOP)
        began_s = time.monotonic()

        with pytest.raises(StoreAway) as away:
            wire.call("PING", timeout_s=0.2)

        assert time.monotonic() - began_s < 3
        assert away.value.silent
        assert away.value.sent


def test_given_a_server_that_reads_its_data_when_connected_then_it_is_loading(tmp_path: Path) -> None:
    """Alive, and soon ready: nobody may start another one."""
    server = RealServer(tmp_path / "v", "--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024")
    server.start()
    pipeline = server.client.pipeline()
    for number in range(1500):
        pipeline.set(f"k{number}", "x" * 100)
    pipeline.execute()
    server.client.bgrewriteaof()
    wait_for(lambda: server.client.info("persistence")["aof_rewrite_in_progress"] == 0, "the rewrite")
    server.kill()

    server.launch()
    try:
        errors = []

        def connected() -> bool:
            try:
                connect(server.url)
            except StoreError as error:
                errors.append(type(error))
                return False
            return True

        wait_for(connected, "the server to have loaded")
    finally:
        server.kill()

    assert StoreLoading in errors
    assert set(errors) <= {StoreLoading, StoreAway}


INFO_REDIS_6 = b"redis_version:6.2.14\r\nmaxmemory_policy:noeviction\r\n"
INFO_VALKEY_7_2 = b"redis_version:7.2.4\r\nvalkey_version:7.2.5\r\nmaxmemory_policy:noeviction\r\n"
INFO_REDIS_7 = (
    b"# Server\r\nredis_version:7.0.15\r\nmaxmemory_policy:noeviction\r\nmaxmemory:1000\r\nused_memory:801\r\n"
)


def test_given_versions_when_checked_then_the_old_ones_are_refused() -> None:
    """Redis 7.0 and Valkey 7.2 are the oldest that know scripts with flags."""
    check_suitable(server_facts(INFO_REDIS_7))
    check_suitable(server_facts(INFO_VALKEY_7_2))

    with pytest.raises(UnsuitableStore, match=r"redis 6\.2\.14; Redis 7\.0 or Valkey 7\.2"):
        check_suitable(server_facts(INFO_REDIS_6))
    with pytest.raises(UnsuitableStore, match="unknown version"):
        check_suitable(server_facts(b""))


def test_given_memory_figures_when_read_then_doors_know_when_to_close() -> None:
    """No limit means never."""
    assert memory_of(INFO_REDIS_7).share == pytest.approx(0.801)
    assert memory_of(b"used_memory:5\r\nmaxmemory:0\r\n") == Memory(5, 0)
    assert memory_of(b"used_memory:5\r\nmaxmemory:0\r\n").share == 0.0


@given(info=st.binary(max_size=300))
def test_given_any_bytes_for_info_when_read_then_there_are_facts(info: bytes) -> None:
    """A proxy that answers nonsense is unsuitable, not a crash."""
    facts = server_facts(info)

    with pytest.raises(UnsuitableStore):
        check_suitable(facts)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("OOM command not allowed when used memory > 'maxmemory'.", StoreFull),
        ("MISCONF Errors writing to the AOF file", DiskRefused),
        ("NOREPLICAS Not enough good replicas to write.", DiskRefused),
        ("ERR wrong number of arguments", StoreRefusal),
        ("", StoreRefusal),
    ],
)
def test_given_an_error_answer_when_typed_then_it_is_of_its_kind(text: str, kind: type[StoreRefusal]) -> None:
    """Callers decide by type, never by text."""
    assert type(refusal(text)) is kind
    assert refusal(text).text == text


def test_given_keys_when_their_slots_are_computed_then_they_are_the_clusters_own() -> None:
    """Figures from the cluster specification, and from CLUSTER KEYSLOT."""
    assert slot_of("123456789") == 0x31C3
    assert slot_of("unfailing:{p:07}:intake") == slot_of(b"p:07")
    assert slot_of("a{}b") == slot_of(b"a{}b")
    assert slot_of("a{}b") != slot_of("")


@given(text=st.text(max_size=60))
def test_given_any_error_text_when_read_as_a_redirection_then_it_is_one_or_none(text: str) -> None:
    """Whatever a server says, nothing is raised."""
    asked = NodeAddress("here", 1)

    assert read_redirection(text, asked) is None or text.startswith(("MOVED", "ASK"))
    assert read_redirection("MOVED 3999 10.0.0.1:6381", asked).node == NodeAddress("10.0.0.1", 6381)  # type: ignore[union-attr]
    assert read_redirection("ASK 1 :6381", asked).node == NodeAddress("here", 6381)  # type: ignore[union-attr]
    assert read_redirection("MOVED 3999 ::1:6381", asked).node == NodeAddress("::1", 6381)  # type: ignore[union-attr]
    assert parse_url("redis://[::1]:6381").seeds == (NodeAddress("::1", 6381),)
