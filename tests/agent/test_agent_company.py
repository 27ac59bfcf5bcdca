"""Whose daemon it is: found, started, shared, taken over, and ended by the last."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from agent_under_test import AgentUnderTest, answered, daemon_pid, processes_of
from daemon_under_test import DaemonUnderTest, wait_for


def test_given_a_daemon_that_runs_when_the_agent_starts_and_closes_then_it_is_left_alone(folder: Path) -> None:
    """Somebody else's daemon is used, not started, and not ended."""
    folder.mkdir()
    with DaemonUnderTest(folder) as daemon:
        with AgentUnderTest(folder) as agent:
            reply = agent.process("c")
            health = agent.health()
            agent.close()

        assert reply["turn"] == 1
        assert (health["daemon"], health["starts"]) == ("other", 0)
        assert daemon.process is not None
        assert daemon.process.poll() is None


def test_given_somebody_elses_daemon_when_it_is_gone_for_good_then_the_agent_starts_one(folder: Path) -> None:
    """Its service manager had its time."""
    folder.mkdir()
    with DaemonUnderTest(folder) as daemon, AgentUnderTest(folder) as agent:
        agent.process("c")
        daemon.kill()
        reply = agent.process("c")

        assert (reply["answered_by"], reply["turn"]) == ("rules", 2)
        assert agent.health()["daemon"] == "own"


def test_given_two_agents_at_once_on_one_directory_when_one_closes_then_the_other_takes_the_daemon_over(
    folder: Path,
) -> None:
    """One daemon for both; who closes first does not end it, who closes last does."""
    one, other = AgentUnderTest(folder), AgentUnderTest(folder)
    with one, other:
        replies = answered([agent.begin("c") for agent in (one, other) for _ in range(10)])
        owners = [agent.health()["daemon"] for agent in (one, other)]
        first, second = (one, other) if owners[0] == "own" else (other, one)
        first.close()
        wait_for(lambda: second.health()["daemon"] == "own", "the daemon to be taken over")
        last = second.process("c")
        second.close()

    assert sorted(reply["turn"] for reply in replies) == list(range(1, 21))
    assert sorted(owners) == ["other", "own"]
    assert last["turn"] == 21
    assert processes_of(folder) == []


def test_given_an_agent_that_was_killed_when_the_next_one_closes_then_no_process_is_left(folder: Path) -> None:
    """The daemon outlives a killed program, and is the next one's to end."""
    with AgentUnderTest(folder) as agent:
        pid = daemon_pid(agent)
        agent.kill()
    with AgentUnderTest(folder) as agent:
        taken_over = daemon_pid(agent)
        agent.close()

    assert taken_over == pid
    assert processes_of(folder) == []


def test_given_a_program_that_forgets_to_close_when_it_ends_then_no_process_is_left(folder: Path) -> None:
    """The daemon is told to end when its program does."""
    program = f"""
import asyncio
from actors.self_healing_agent import SelfHealingInvoiceAgent
async def main():
    agent = SelfHealingInvoiceAgent(data_dir={str(folder)!r})
    await agent.initialize()
    return (await agent.process_message("u", "c", "hello")).turn
assert asyncio.run(main()) == 1
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr
    wait_for(lambda: processes_of(folder) == [], "the daemon to end")
