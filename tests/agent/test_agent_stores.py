"""Stores that are somebody else's: by URL, with a password, in a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redis
from agent_under_test import AgentUnderTest, processes_of
from daemon_under_test import store_client, wait_for
from real_server import RealServer, free_port, running

if TYPE_CHECKING:
    from conftest import ValkeyUnderTest


def test_given_a_url_when_no_daemon_works_on_the_store_then_one_is_started_and_ended(
    folder: Path, valkey: ValkeyUnderTest
) -> None:
    """The store is somebody else's; the daemon on it is the agent's own."""
    with AgentUnderTest(folder, redis_url=valkey.url) as agent:
        reply = agent.process("c")
        health = agent.health()
        agent.close()

    assert reply["turn"] == 1
    assert health["daemon"] == "own"
    assert processes_of(folder) == []


def test_given_a_url_when_the_store_dies_then_messages_are_kept_and_sent_when_it_is_back(
    folder: Path, valkey: ValkeyUnderTest
) -> None:
    """Redis is away: static replies, then the answers."""
    with AgentUnderTest(folder, redis_url=valkey.url, hard_deadline_s=3.0) as agent:
        agent.process("c")
        valkey.process.kill()
        valkey.process.wait(10.0)
        reply = agent.process("c")
        valkey.restart()
        follow_ups = agent.wait_for_follow_ups(1)

        assert reply["answered_by"] == "static"
        assert follow_ups[0]["message_id"] == reply["message_id"]
        with pytest.raises(redis.ConnectionError), store_client(folder) as client:
            client.ping()
        agent.close()


def test_given_a_store_with_a_password_when_its_url_has_it_then_all_is_well_and_without_it_nothing_raises(
    folder: Path,
) -> None:
    """A wrong key is an operator's to mend; the person has a static reply."""
    folder.mkdir()
    with running(folder / "store", "--requirepass", "s/cret") as server:
        path = server.socket
        with AgentUnderTest(folder / "d", redis_url=f"unix://:s%2Fcret@{path}") as agent:
            answered = agent.process("c")
            agent.close()
        locked_out = AgentUnderTest(
            folder / "e", redis_url=f"unix://:wrong@{path}", hard_deadline_s=1.0, initialize_s=0.1
        )
        with locked_out as agent:
            refused = agent.process("c")
            health = agent.health()

    assert answered["turn"] == 1
    assert refused["answered_by"] == "static"
    assert "WRONGPASS" in health["detail"] or "password" in health["detail"]
    assert "wrong" not in health["detail"].replace("WRONGPASS", "")


def test_given_a_cluster_when_chats_lie_on_all_its_servers_then_each_is_answered(folder: Path) -> None:
    """Two masters, sixteen partitions; one of them dies and comes back."""
    folder.mkdir()
    ports = [free_port(), free_port()]
    servers = [
        RealServer(folder / f"{port}", "--cluster-enabled", "yes", "--cluster-node-timeout", "2000", port=port)
        for port in ports
    ]
    try:
        for number, server in enumerate(servers):
            server.start()
            server.client.execute_command("CLUSTER ADDSLOTSRANGE", number * 8192, number * 8192 + 8191)
            server.client.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
        servers[0].client.execute_command("CLUSTER MEET", "127.0.0.1", ports[1])
        wait_for(lambda: all(is_whole(server) for server in servers), "the cluster")
        with AgentUnderTest(folder / "d", redis_url=servers[0].url) as agent:
            before = [one.result() for one in [agent.begin(f"chat-{number}") for number in range(50)]]
            servers[1].kill()
            during = [agent.begin(f"chat-{number}") for number in range(50)]
            servers[1].start()
            after = [one.result() for one in during]
            agent.close()
    finally:
        for server in servers:
            server.kill()

    assert {(reply["kind"], reply["turn"]) for reply in before} == {("final", 1)}
    assert {(reply["kind"], reply["turn"]) for reply in after} == {("final", 2)}


def is_whole(server: RealServer) -> bool:
    """Whether a server sees all slots served."""
    return bool(server.client.execute_command("CLUSTER INFO")["cluster_state"] == "ok")
