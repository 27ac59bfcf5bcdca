"""The agent as its users write it, in plain asyncio programs; run by test_plain_usage.py, where nothing is patched."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_under_test import processes_of

from actors.self_healing_agent import Reply, SelfHealingInvoiceAgent

INVOICE = Path(__file__).parents[2] / "examples" / "files" / "invoice-en.cii.xml"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data directory with a short path."""
    home = Path(tempfile.mkdtemp(prefix="ua-", dir="/tmp"))
    yield home / "d"
    for pid in processes_of(home):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    shutil.rmtree(home, ignore_errors=True)


def test_given_the_usage_example_when_run_then_every_message_has_its_text(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """As it stands in the interface: no option, no daemon before, no daemon after."""
    monkeypatch.setenv("UNFAILING_DATA_DIR", str(folder))

    async def main() -> tuple[Reply, Reply, str]:
        agent = SelfHealingInvoiceAgent()
        await agent.initialize()
        greeted = await agent.process_message(user_id="456", chat_id="789", message_text="hello")
        read = await agent.process_message("456", "789", "Here is an invoice", attachments=[INVOICE])
        health = agent.health()
        assert await agent.health() == health
        await agent.close()
        return greeted, read, health.status

    greeted, read, status = asyncio.run(main())

    assert greeted.text
    assert (greeted.kind, greeted.turn, read.turn) == ("final", 1, 2)
    assert read.data["invoice"]["number"] in read.text  # type: ignore[index,call-overload,operator]
    assert status == "ok"
    assert processes_of(folder) == []
    assert capfd.readouterr() == ("", "")
    assert not logging.getLogger("actors").handlers
    assert {"gevent", "pykka", "openai"} & set(sys.modules) == set()


async def kept_messages(folder: Path, count: int) -> list[Reply]:
    """Static replies to messages that wait on the disk."""
    agent = SelfHealingInvoiceAgent(data_dir=folder, start_daemon=False, hard_deadline_s=0.5)
    await agent.initialize(timeout_s=0.0)
    replies = await asyncio.gather(*(agent.process_message("u", "c", f"hello {number}") for number in range(count)))
    await agent.close()
    return replies


async def use_and_fail(agent: SelfHealingInvoiceAgent) -> None:
    """A program with a mistake in it."""
    async with agent:
        await agent.initialize()
        assert (await agent.process_message("u", "c", "hello")).text
        raise LookupError


def test_given_a_context_when_left_then_the_agent_is_closed_and_closing_again_does_nothing(folder: Path) -> None:
    """Also when its body raises."""

    async def main() -> None:
        agent = SelfHealingInvoiceAgent(data_dir=folder)
        with pytest.raises(LookupError):
            await use_and_fail(agent)
        await agent.close()
        with pytest.raises(RuntimeError, match="closed"):
            await agent.process_message("u", "c", "hello")
        with pytest.raises(RuntimeError, match="closed"):
            await agent.initialize()
        assert (await agent.health()).status == "closed"

    asyncio.run(main())

    assert processes_of(folder) == []
    for thread in threading.enumerate():
        if thread.name.startswith("unfailing"):
            thread.join(5.0)
            assert not thread.is_alive()


def test_given_an_agent_that_is_not_initialized_when_used_then_it_says_so(folder: Path) -> None:
    """And it has started nothing."""

    async def main() -> None:
        agent = SelfHealingInvoiceAgent(data_dir=folder)
        with pytest.raises(RuntimeError, match="initialize"):
            await agent.process_message("u", "c", "hello")
        assert (await agent.health()).status == "closed"
        await agent.close()

    asyncio.run(main())

    assert not folder.exists()


def test_given_wrong_arguments_when_a_message_is_processed_then_they_raise_at_once(folder: Path) -> None:
    """A mistake of the program is no failure of the system."""

    async def main() -> None:
        async with SelfHealingInvoiceAgent(data_dir=folder) as agent:
            with pytest.raises(TypeError, match="user_id"):
                await agent.process_message(None, "c", "hello")  # type: ignore[arg-type]
            with pytest.raises(ValueError, match="chat_id"):
                await agent.process_message("u", "", "hello")
            with pytest.raises(TypeError, match="attachments"):
                await agent.process_message("u", "c", "hello", attachments="invoice.pdf")  # type: ignore[arg-type]
            one = asyncio.create_task(agent.process_message("u", "c", "hello", message_id="m"))
            await asyncio.sleep(0)
            with pytest.raises(ValueError, match="worked on"):
                await agent.process_message("u", "c", "hello", message_id="m")
            assert (await one).turn == 1

    asyncio.run(main())


def test_given_a_missing_file_when_attached_then_the_reply_is_rejected_and_others_of_the_chat_go_on(
    folder: Path,
) -> None:
    """A file may be gone by the time it is read; that is nobody's mistake."""

    async def main() -> tuple[Reply, Reply]:
        async with SelfHealingInvoiceAgent(data_dir=folder) as agent:
            return await asyncio.gather(
                agent.process_message("u", "c", "see", attachments=["/nowhere.pdf"]),
                agent.process_message("u", "c", "hello"),
            )

    refused, answered = asyncio.run(main())

    assert refused.kind == "rejected"
    assert refused.text
    assert refused.error is not None
    assert refused.error.code == "invalid_message"
    assert answered.turn == 1


def test_given_a_large_document_when_a_question_comes_behind_it_then_it_is_not_overtaken(folder: Path) -> None:
    """Reading takes a thread and a while; the order is that of the calls."""

    async def main() -> list[Reply]:
        async with SelfHealingInvoiceAgent(data_dir=folder) as agent:
            large = [("large.txt", b"x" * 5_000_000)]
            return await asyncio.gather(
                *(
                    agent.process_message("u", "c", "hello", attachments=large if number == 0 else ())
                    for number in range(5)
                )
            )

    replies = asyncio.run(main())

    assert [reply.turn for reply in replies] == [1, 2, 3, 4, 5]


def test_given_a_caller_that_loses_patience_when_nothing_was_sent_then_the_message_is_withdrawn(folder: Path) -> None:
    """Its cancellation passes through, and no answer comes from nowhere."""

    async def main() -> tuple[int, int | None]:
        agent = SelfHealingInvoiceAgent(data_dir=folder, start_daemon=False)
        await agent.initialize(timeout_s=0.1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(agent.process_message("u", "c", "never mind"), 0.2)
        health = await agent.health()
        await agent.close()
        async with SelfHealingInvoiceAgent(data_dir=folder) as agent:
            return health.open, (await agent.process_message("u", "c", "hello")).turn

    open_, turn = asyncio.run(main())

    assert open_ == 0
    assert turn == 1


def test_given_what_was_kept_when_the_next_agent_iterates_over_follow_ups_then_the_answers_come(folder: Path) -> None:
    """The iterator is the other way to be told; it ends when the agent is closed."""

    async def main() -> tuple[list[Reply], list[Reply], int]:
        kept = await kept_messages(folder, 3)
        agent = SelfHealingInvoiceAgent(data_dir=folder)
        await agent.initialize()
        came: list[Reply] = []
        async for reply in agent.follow_ups():
            came.append(reply)
            if len(came) == len(kept):
                asyncio.get_running_loop().call_soon(asyncio.ensure_future, agent.close())
        async with SelfHealingInvoiceAgent(data_dir=folder) as again:
            return kept, came, (await again.health()).open

    kept, came, left = asyncio.run(main())

    assert [reply.answered_by for reply in kept] == ["static"] * 3
    assert [reply.message_id for reply in came] == [reply.message_id for reply in kept]
    assert left <= 1  # the last one was in hand when the iteration ended


def test_given_a_callback_that_fails_when_a_follow_up_comes_then_it_is_called_again(folder: Path) -> None:
    """The program's own trouble loses no answer; coroutine functions are awaited."""
    calls: list[str] = []

    async def main() -> None:
        await kept_messages(folder, 1)
        done = asyncio.Event()

        async def callback(reply: Reply) -> None:
            calls.append(reply.kind)
            if len(calls) == 1:
                raise ConnectionError
            done.set()

        async with SelfHealingInvoiceAgent(data_dir=folder, on_follow_up=callback) as agent:
            await asyncio.wait_for(done.wait(), 30.0)
            with pytest.raises(RuntimeError, match="on_follow_up"):
                agent.follow_ups()

    asyncio.run(main())

    assert calls == ["follow_up", "follow_up"]


def test_given_another_event_loop_when_the_agent_is_used_there_then_it_says_so(folder: Path) -> None:
    """It belongs to the one it was initialized in."""
    agent = SelfHealingInvoiceAgent(data_dir=folder, start_daemon=False)
    asyncio.run(agent.initialize(timeout_s=0.0))

    with pytest.raises(RuntimeError, match="event loop"):
        asyncio.run(agent.process_message("u", "c", "hello"))


def test_given_agents_that_share_a_daemon_when_all_close_at_once_then_none_leaves_it_to_another(folder: Path) -> None:
    """Five times, since it is a matter of moments."""

    async def main() -> None:
        agents = [SelfHealingInvoiceAgent(data_dir=folder) for _ in range(4)]
        await asyncio.gather(*(agent.initialize() for agent in agents))
        await asyncio.gather(*(agent.close() for agent in agents))

    for _ in range(5):
        asyncio.run(main())

        assert processes_of(folder) == []


def test_given_two_agents_in_one_program_when_both_talk_then_they_share_one_daemon(folder: Path) -> None:
    """Each has its own spool, connections and replies."""

    async def main() -> list[Reply]:
        async with SelfHealingInvoiceAgent(data_dir=folder) as one, SelfHealingInvoiceAgent(data_dir=folder) as other:
            assert (await one.health()).daemon_pid is not None
            assert (await other.health()).daemon == "other"
            return await asyncio.gather(
                *(agent.process_message("u", "c", "hello") for agent in (one, other) for _ in range(10))
            )

    replies = asyncio.run(main())

    assert sorted(reply.turn or 0 for reply in replies) == list(range(1, 21))
    assert processes_of(folder) == []
