"""The chain's shells in real time: threads, tasks, deadlines, hedges, cancellation. Run as plain_usage.py is."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from typing import Any

import pytest

from supervision.fallback_chain import AIFallbackChain, ModelConfig, ModelTier
from supervision.retry_mechanism import deadline
from supervision.world_library import CallTimeout, library_world


def both(chain: AIFallbackChain, prompt: str, **options: Any) -> list[Any]:
    """The same through both shells."""
    return [chain.generate_sync(prompt, **options), asyncio.run(chain.generate(prompt, **options))]


@pytest.mark.parametrize("hedge", [False, True])
def test_given_a_hanging_thread_when_the_deadline_comes_then_it_is_left_behind(*, hedge: bool) -> None:
    """A client that ignores its timeout holds nobody up."""
    release = threading.Event()

    def hang(_: str) -> str:
        release.wait(20)
        return "late"

    chain = AIFallbackChain(
        [ModelConfig("p", ModelTier.PRIMARY, hang), ModelConfig("r", ModelTier.LOCAL, lambda _: "rules")], hedge=hedge
    )

    begun = time.monotonic()
    results = both(chain, "x", deadline_s=0.4)
    took = time.monotonic() - begun
    release.set()

    assert [result.answered_by for result in results] == ["rules", "rules"]
    assert took < 2.0


def test_given_a_coroutine_that_hangs_when_the_deadline_comes_then_it_is_cancelled() -> None:
    """In either shell."""
    cancelled = []

    async def hang(_: str) -> str:
        try:
            await asyncio.sleep(20)
        except asyncio.CancelledError:
            cancelled.append(1)
            raise
        return "late"

    chain = AIFallbackChain([ModelConfig("p", ModelTier.PRIMARY, hang)])

    results = both(chain, "x", deadline_s=0.3)
    until = time.monotonic() + 5
    while len(cancelled) < 2 and time.monotonic() < until:
        time.sleep(0.01)

    assert [result.answered_by for result in results] == ["static", "static"]
    assert cancelled == [1, 1]


@pytest.mark.parametrize("make_async", [False, True])
def test_given_a_slow_primary_when_hedged_then_the_second_answers_in_both_shells(*, make_async: bool) -> None:
    """The first good answer wins, the other is left."""
    slow = threading.Event()

    def primary(_: str) -> str:
        time.sleep(2.0 if slow.is_set() else 0.002)
        return "p"

    async def primary_async(_: str) -> str:
        await asyncio.sleep(2.0 if slow.is_set() else 0.002)
        return "p"

    chain = AIFallbackChain(
        [
            ModelConfig("p", ModelTier.PRIMARY, primary_async if make_async else primary),
            ModelConfig("s", ModelTier.SECONDARY, lambda _: "s"),
        ],
        hedge=True,
    )
    # So many answers tell it what is slow; a busy machine may hedge one of them already.
    for _ in range(25):
        chain.generate_sync("x")
    slow.set()

    begun = time.monotonic()
    results = both(chain, "x")

    assert [result.text for result in results] == ["s", "s"]
    assert time.monotonic() - begun < 1.5
    assert all(("p", "lost") in [(one.model, one.outcome) for one in result.attempts] for result in results)


def test_given_a_cancelled_caller_when_a_model_is_asked_then_nothing_goes_on_and_nothing_is_blamed() -> None:
    """The permit comes back, the task ends."""
    ended = []

    async def hang(_: str) -> str:
        try:
            await asyncio.sleep(20)
        finally:
            ended.append(1)
        return "late"

    for hedge in (False, True):
        chain = AIFallbackChain([ModelConfig("p", ModelTier.PRIMARY, hang)], hedge=hedge)

        async def main(chain: AIFallbackChain = chain) -> None:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(chain.generate("x"), 0.05)
            await asyncio.sleep(0.01)

        asyncio.run(main())
        counts = chain.breaker("p").statistics()
        assert (counts.admitted, counts.ignored, counts.failures) == (1, 1, 0)

    assert ended == [1, 1]


def test_given_a_deadline_around_it_when_the_chain_is_asked_then_it_keeps_to_that() -> None:
    """One deadline goes through everything."""
    chain = AIFallbackChain([ModelConfig("p", ModelTier.PRIMARY, lambda _: time.sleep(5))])

    begun = time.monotonic()
    with deadline(0.3):
        result = chain.generate_sync("x", deadline_s=20.0)

    assert result.answered_by == "static"
    assert time.monotonic() - begun < 1.0


def test_given_a_lambda_that_returns_a_coroutine_when_asked_then_it_is_awaited() -> None:
    """A callable need not look asynchronous to be so."""

    async def say(prompt: str) -> str:
        await asyncio.sleep(0)
        return prompt.upper()

    chain = AIFallbackChain([ModelConfig("p", ModelTier.PRIMARY, lambda prompt: say(prompt + "y"))])

    assert [result.text for result in both(chain, "x")] == ["XY", "XY"]


@pytest.mark.parametrize(
    ("said", "cause"),
    [(None, "empty_response"), ("", "empty_response"), ("<html><title>502</title>", "invalid_response")],
)
def test_given_no_answer_when_a_callable_returns_then_it_is_not_taken_for_one(said: Any, cause: str) -> None:
    """Nothing, emptiness, a web page."""
    chain = AIFallbackChain([ModelConfig("p", ModelTier.PRIMARY, lambda _: said)])

    result = chain.generate_sync("x", deadline_s=0.5)

    assert result.answered_by == "static"
    assert result.attempts[0].cause == cause


def test_given_a_thousand_left_calls_when_their_threads_return_then_threads_are_used_again() -> None:
    """No thread for each call."""
    world = library_world()
    before = threading.active_count()

    for _ in range(200):
        assert world.call(lambda: 1, 5.0) == 1
    with pytest.raises(CallTimeout):
        world.call(lambda: time.sleep(0.2), 0.01)
    gc.collect()

    assert threading.active_count() <= before + 3


def test_given_a_prompt_of_nothing_when_asked_then_that_is_the_callers_mistake() -> None:
    """The one thing generate raises for."""
    with pytest.raises(ValueError, match="empty"):
        AIFallbackChain().generate_sync("")
    with pytest.raises(ValueError, match="empty"):
        asyncio.run(AIFallbackChain().generate([]))


def test_given_a_wrong_client_or_a_name_in_use_when_added_then_it_is_refused() -> None:
    """At once, not in the first outage."""
    chain = AIFallbackChain([ModelConfig("p", ModelTier.PRIMARY, lambda _: "x")])

    with pytest.raises(ValueError, match="already"):
        chain.add_model(ModelConfig("p", ModelTier.SECONDARY, lambda _: "x"))
    with pytest.raises(TypeError, match="neither"):
        chain.add_model(ModelConfig("q", ModelTier.SECONDARY, 42))
