"""The pipeline on a cluster of three real servers: slots found, moved, lost and found again."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import redis
from real_server import RealServer, free_port, wait_for

from actors.pipeline import PipeLimits, Pipeline, Script
from actors.redis_connection import Endpoint, connect, parse_url, slot_of
from actors.store_errors import ClusterDown, SlotMoving, StoreAway, StoreError
from supervision import world

APPEND = Script.of(
    "append",
    b"redis.call('RPUSH', KEYS[1], ARGV[1]) redis.call('SET', KEYS[2], ARGV[1]) return redis.call('LLEN', KEYS[1])",
)
PUSH = Script.of("push", b"return redis.call('RPUSH', KEYS[1], ARGV[1])")
LIMITS = PipeLimits(batch_timeout_s=2.0, patience_s=1.0)


@dataclass
class Cluster:
    """Three masters, a third of the slots each."""

    servers: list[RealServer]

    @property
    def url(self) -> str:
        """One seed is enough."""
        return self.servers[0].url

    def holder(self, slot: int) -> RealServer:
        """The server that holds a slot, by its own account."""
        for server in self.servers:
            for (first, last), *_ in slots_of(server):
                if first <= slot <= last:
                    return server
        raise AssertionError(f"nobody holds {slot}")

    def node_id(self, server: RealServer) -> str:
        """A server's name in the cluster."""
        return str(server.client.execute_command("CLUSTER MYID").decode())

    def others(self, server: RealServer) -> list[RealServer]:
        """All but one."""
        return [other for other in self.servers if other is not server]

    def begin_move(self, slot: int) -> tuple[RealServer, RealServer]:
        """Put a slot on its way: its keys may now be here or there. Returns from where, to where."""
        source = self.holder(slot)
        target = self.others(source)[0]
        target.client.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", self.node_id(source))
        source.client.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", self.node_id(target))
        return source, target

    def move_keys(self, slot: int, source: RealServer, target: RealServer, *keys: bytes) -> None:
        """Carry keys over; all there are, unless some are named."""
        moving = keys or tuple(source.client.execute_command("CLUSTER GETKEYSINSLOT", slot, 1000))
        if moving:
            source.client.execute_command("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *moving)

    def end_move(self, slot: int, source: RealServer, target: RealServer) -> None:
        """Settle it."""
        for server in (target, source, *[s for s in self.servers if s not in {source, target}]):
            server.client.execute_command("CLUSTER SETSLOT", slot, "NODE", self.node_id(target))


def slots_of(server: RealServer) -> list[tuple[tuple[int, int], int]]:
    """Ranges this server serves itself, with its port."""
    reply = server.client.connection_pool.get_connection()
    try:
        reply.send_command("CLUSTER", "SLOTS")
        ranges = reply.read_response()
    finally:
        reply.disconnect()
    return [((int(r[0]), int(r[1])), int(r[2][1])) for r in ranges if int(r[2][1]) == server.port]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of three; every test leaves it whole."""
    root = tmp_path_factory.mktemp("cluster")
    ports: list[int] = []
    while len(ports) < 3:
        port = free_port()
        ports += [port] * (port not in ports)
    servers = [
        RealServer(root / f"{port}", "--cluster-enabled", "yes", "--cluster-node-timeout", "1000", port=port)
        for port in ports
    ]
    try:
        for number, server in enumerate(servers):
            server.start()
            first, last = number * 16384 // 3, (number + 1) * 16384 // 3 - 1
            server.client.execute_command("CLUSTER ADDSLOTSRANGE", first, last)
            server.client.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
        for server in servers[1:]:
            servers[0].client.execute_command("CLUSTER MEET", "127.0.0.1", server.port)
        wait_for(lambda: all(is_whole(server) for server in servers), "the cluster")
        yield Cluster(servers)
    finally:
        for server in servers:
            server.kill()


def is_whole(server: RealServer) -> bool:
    """Whether a server sees all slots served."""
    return b"cluster_state:ok" in raw(server, "CLUSTER", "INFO")


def raw(server: RealServer, *command: Any) -> Any:
    """One command, its answer as it came."""
    with contextlib.closing(Endpoint(parse_url(server.url)).wire()) as wire:
        return wire.call(*command, timeout_s=5.0)


@pytest.fixture
def pipeline(cluster: Cluster) -> Iterator[Pipeline]:
    """A running pipeline to it."""
    pipeline = Pipeline(connect(cluster.url), [APPEND], LIMITS)
    pipeline.start()
    wait_for(lambda: pipeline.is_ready, "the pipeline")
    yield pipeline
    assert pipeline.fault is None
    pipeline.stop()


def keys(partition: str) -> list[str]:
    """The two keys of a partition's commit."""
    return [f"t:{{p:{partition}}}:list", f"t:{{p:{partition}}}:head"]


def test_given_a_cluster_when_connected_then_it_is_found_out_and_has_three_masters(cluster: Cluster) -> None:
    """With the plain scheme and with the cluster's own; with dead seeds before the living one."""
    dead = f"127.0.0.1:{free_port()}"

    plain = connect(cluster.url)
    named = connect(cluster.url.replace("redis://", f"redis+cluster://{dead},"))

    assert plain.cluster
    assert {node.port for node in plain.masters} == {server.port for server in cluster.servers}
    assert set(named.masters) == set(plain.masters)


def test_given_partitions_all_over_when_committed_then_each_reaches_its_server_in_order(
    cluster: Cluster, pipeline: Pipeline
) -> None:
    """A few lanes to each master; a partition's commits keep their order."""
    requests = {f"{n:02}": [pipeline.submit(APPEND, keys(f"{n:02}"), [i]) for i in range(20)] for n in range(40)}

    for partition, sent in requests.items():
        assert [request.result(5.0) for request in sent] == list(range(1, 21)), partition
    assert all(status.counts.requests for status in pipeline.status())
    assert len({status.server for status in pipeline.status()}) == 3
    assert len(pipeline.call_each("PING")) == 3
    assert pipeline.call("GET", keys("00")[1], key=keys("00")[1]) == b"19"


def test_given_a_slot_that_moved_when_committed_then_it_is_followed_and_order_stays(
    cluster: Cluster, pipeline: Pipeline
) -> None:
    """MOVED: the map is corrected, and what was refused goes first."""
    slot = slot_of("p:moved")
    first = pipeline.execute(APPEND, keys("moved"), [0])
    source, target = cluster.begin_move(slot)
    cluster.move_keys(slot, source, target)
    cluster.end_move(slot, source, target)

    requests = [pipeline.submit(APPEND, keys("moved"), [n]) for n in range(1, 50)]

    assert first == 1
    assert [request.result(5.0) for request in requests] == list(range(2, 51))
    assert target.client.lrange(keys("moved")[0], 0, -1) == [str(n).encode() for n in range(50)]


def test_given_a_slot_on_its_way_when_committed_then_requests_are_answered_where_the_keys_are(
    cluster: Cluster, pipeline: Pipeline
) -> None:
    """ASK: what is not here any more is asked for over there; the script is loaded there as well."""
    slot = slot_of("p:asked")
    key = keys("asked")[0]
    source, target = cluster.begin_move(slot)

    requests = [pipeline.submit(PUSH, [key], [n]) for n in range(10)]

    assert [request.result(5.0) for request in requests] == list(range(1, 11))
    assert target.client.execute_command("CLUSTER COUNTKEYSINSLOT", slot) == 1
    cluster.end_move(slot, source, target)
    assert pipeline.execute(PUSH, [key], [10]) == 11
    assert target.client.lrange(key, 0, -1) == [str(n).encode() for n in range(11)]


def test_given_keys_on_both_sides_when_committed_then_the_commit_waits_and_others_do_not(
    cluster: Cluster, pipeline: Pipeline
) -> None:
    """TRYAGAIN: a partition stands still while its keys are apart; no other partition of that server does."""
    slot = slot_of("p:apart")
    assert pipeline.execute(APPEND, keys("apart"), [0]) == 1
    source, target = cluster.begin_move(slot)
    cluster.move_keys(slot, source, target, keys("apart")[0].encode())
    neighbour = next(f"n{n}" for n in range(1000) if cluster.holder(slot_of(f"p:n{n}")) is source)

    requests = [pipeline.submit(APPEND, keys("apart"), [n]) for n in range(1, 6)]
    began_s = time.monotonic()
    assert pipeline.execute(APPEND, keys(neighbour), ["x"]) == 1
    assert time.monotonic() - began_s < 1.8
    assert not any(request.done for request in requests)
    cluster.move_keys(slot, source, target)
    cluster.end_move(slot, source, target)

    assert [request.result(5.0) for request in requests] == [2, 3, 4, 5, 6]
    assert target.client.lrange(keys("apart")[0], 0, -1) == [b"0", b"1", b"2", b"3", b"4", b"5"]


def test_given_keys_that_stay_apart_when_committed_then_it_ends_in_an_error(
    cluster: Cluster, pipeline: Pipeline
) -> None:
    """An operator who forgets a move half done does not make anybody wait for ever."""
    slot = slot_of("p:stuck")
    assert pipeline.execute(APPEND, keys("stuck"), [0]) == 1
    source, target = cluster.begin_move(slot)
    cluster.move_keys(slot, source, target, keys("stuck")[0].encode())

    with pytest.raises(SlotMoving):
        pipeline.execute(APPEND, keys("stuck"), [1], timeout_s=10.0)

    cluster.move_keys(slot, source, target)
    cluster.end_move(slot, source, target)


def test_given_slots_moving_to_and_fro_under_load_when_all_is_over_then_no_commit_is_lost_or_out_of_order(
    cluster: Cluster, pipeline: Pipeline
) -> None:
    """Resharding while people are talking."""
    partitions = [f"r{n}" for n in range(6)]
    stop_s = time.monotonic() + 3.0
    counts: dict[str, int] = {}

    def session(partition: str) -> None:
        number = 0
        while time.monotonic() < stop_s:
            assert pipeline.execute(APPEND, keys(partition), [number], timeout_s=10.0) == number + 1
            number += 1
        counts[partition] = number

    def mover() -> None:
        while time.monotonic() < stop_s - 0.5:
            for partition in partitions[:3]:
                slot = slot_of(f"p:{partition}")
                source, target = cluster.begin_move(slot)
                world.current().sleep(0.02)
                cluster.move_keys(slot, source, target)
                cluster.end_move(slot, source, target)

    tasks = [world.current().spawn(session, partition) for partition in partitions]
    tasks.append(world.current().spawn(mover))
    for task in tasks:
        assert task.join(20.0)

    assert [task.error for task in tasks] == [None] * 7
    assert all(counts[partition] > 10 for partition in partitions)
    assert sum(status.counts.redirections for status in pipeline.status()) > 0


def test_given_a_master_killed_when_committed_then_its_partitions_fail_in_time_and_others_go_on(
    cluster: Cluster, pipeline: Pipeline
) -> None:
    """And when it is back, with its data, everything goes on without anybody's help."""
    lost = "lost"
    victim = cluster.holder(slot_of(f"p:{lost}"))
    assert pipeline.execute(APPEND, keys(lost), [0]) == 1
    victim.kill()
    began_s = time.monotonic()

    with pytest.raises((StoreAway, ClusterDown)):
        pipeline.execute(APPEND, keys(lost), [1], timeout_s=10.0)

    assert time.monotonic() - began_s < 8.0
    victim.start()

    def committed() -> Any:
        try:
            return pipeline.execute(APPEND, keys(lost), [1])
        except StoreError:
            return None

    assert wait_for(committed, "the commit") == 2
    wait_for(lambda: all(is_whole(server) for server in cluster.servers), "the cluster")
    wait_for(lambda: pipeline.is_ready, "the pipeline")


def test_given_a_blocking_reader_when_its_slot_moves_then_the_next_read_finds_it(cluster: Cluster) -> None:
    """The owner reads its partition's stream; the move is an error once, and then over."""
    key = "t:{p:read}:intake"
    slot = slot_of(key)
    endpoint = connect(cluster.url)
    with endpoint.blocking(key) as reader:
        cluster.holder(slot).client.xadd(key, {"m": "1"})
        assert reader.call("XREAD", "STREAMS", key, "0")[0][0] == key.encode()
        source, target = cluster.begin_move(slot)
        cluster.move_keys(slot, source, target)
        cluster.end_move(slot, source, target)

        with pytest.raises(SlotMoving):
            reader.call("XREAD", "STREAMS", key, "0")

        assert len(reader.call("XREAD", "STREAMS", key, "0")[0][1]) == 1


def test_given_a_subscription_on_one_server_when_another_is_told_then_it_hears(cluster: Cluster) -> None:
    """A plain PUBLISH goes to the whole cluster."""
    with connect(cluster.url).subscription(["news"]) as subscription:
        subscription.open()

        for server in cluster.servers:
            redis.Redis(port=server.port).publish("news", str(server.port))

        heard: set[bytes] = set()
        while len(heard) < 3:
            messages = subscription.read(5.0)
            assert messages
            heard |= {message.payload for message in messages}
        assert heard == {str(server.port).encode() for server in cluster.servers}
