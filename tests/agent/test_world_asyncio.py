"""The asyncio face of the world, in an event loop."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from supervision.world import WaitTimeout
from supervision.world_asyncio import AsyncioWorld


def test_given_calls_of_one_pool_when_many_come_then_they_run_one_after_another_in_order() -> None:
    """Also when a caller is cancelled: its call is done all the same."""
    done: list[int] = []
    gate = threading.Event()

    def work(number: int) -> int:
        gate.wait(10.0)
        done.append(number)
        return number

    async def main() -> list[int | BaseException]:
        world = AsyncioWorld()
        calls = [asyncio.create_task(world.in_thread(work, number, pool="disk")) for number in range(20)]
        await asyncio.sleep(0)
        calls[3].cancel()
        gate.set()
        results = await asyncio.gather(*calls, return_exceptions=True)
        world.close()
        return results

    results = asyncio.run(main())

    assert done == list(range(20))
    assert [result for result in results if not isinstance(result, BaseException)] == [*range(3), *range(4, 20)]


def test_given_a_call_that_fails_when_awaited_then_its_error_comes_back() -> None:
    """As it was."""
    with pytest.raises(ZeroDivisionError):
        asyncio.run(AsyncioWorld().in_thread(lambda: 1 // 0))


def test_given_a_thread_that_hangs_when_the_program_ends_then_it_does_not_wait_for_it() -> None:
    """A file on a dead network share keeps nobody from leaving."""
    program = """
import asyncio, time
from supervision.world_asyncio import AsyncioWorld
async def main():
    world = AsyncioWorld()
    for pool in ("", "disk"):
        try:
            await world.within(0.05, world.in_thread(time.sleep, 3600, pool=pool))
        except Exception as error:
            print(type(error).__name__)
asyncio.run(main())
"""

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)

    assert (done.returncode, done.stdout) == (0, "WaitTimeout\nWaitTimeout\n")


def test_given_a_timeout_within_when_the_coroutine_raises_one_of_its_own_then_it_is_not_taken_for_ours() -> None:
    """A WaitTimeout is ours alone."""

    async def fail() -> None:
        raise TimeoutError

    async def main() -> None:
        world = AsyncioWorld()
        with pytest.raises(TimeoutError):
            await world.within(10.0, fail())
        with pytest.raises(WaitTimeout):
            await world.within(0.01, world.sleep(60.0))

    asyncio.run(main())


def test_given_a_program_when_started_then_it_can_be_waited_for_signalled_and_adopted(tmp_path: Path) -> None:
    """Its output goes to the log, its session is its own."""

    async def main() -> None:
        world = AsyncioWorld()
        argv = [sys.executable, "-c", "import os, time; print(os.getsid(0) == os.getpid(), flush=True); time.sleep(60)"]
        child = world.start_program(argv, env=os.environ, cwd=str(tmp_path), log=tmp_path / "log")
        adopted = world.program(child.pid)
        assert adopted is not None
        assert adopted.alive
        assert not await child.wait(0.05)
        while "True" not in (tmp_path / "log").read_text():
            await world.sleep(0.01)

        adopted.send_signal(signal.SIGTERM)

        assert await child.wait(10.0)
        assert await adopted.wait(10.0)
        assert child.exit_code == -signal.SIGTERM
        assert not adopted.alive
        adopted.send_signal(signal.SIGKILL)
        child.kill_group()
        for one in (child, adopted):
            one.close()
        assert world.program(child.pid) is None

    asyncio.run(main())
