"""Every usage example of the library interface, in a plain asyncio program: no gevent, nothing patched.

Run by test_library_unpatched.py in a process of its own.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from supervision.circuit_breaker import CircuitBreaker, CircuitBreakerPresets, CircuitOpenError, CircuitState
from supervision.error_classification import (
    ClassifiedError,
    ErrorCategory,
    ErrorClassifier,
    ErrorSeverity,
    error_classifier,
)
from supervision.fallback_chain import AIFallbackChain, ModelConfig, ModelTier
from supervision.retry_mechanism import RetryPolicies, async_retry, deadline, retry

HEAVY = ("gevent", "openai", "redis", "httpx", "httpx2", "sqlalchemy", "psycopg")
FAST = {"min_delay_s": 0.001, "max_delay_s": 0.01}


def test_given_the_interface_when_imported_then_no_runtime_and_no_client_is_loaded() -> None:
    """It works in any program, and costs none of them a client it does not use."""
    modules = "error_classification", "retry_mechanism", "circuit_breaker", "fallback_chain"
    program = f"import sys; import {', '.join('supervision.' + name for name in modules)}; "
    program += f"print([name for name in {HEAVY} if name in sys.modules])"

    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)

    assert said.stdout.strip() == "[]"


def test_given_an_error_when_classified_then_its_fields_are_there() -> None:
    """classify(error, context=None), register(rule), and the one ready to use."""
    verdict = error_classifier.classify(TimeoutError("timed out"), context={"provider": "openai"})

    assert isinstance(verdict, ClassifiedError)
    assert (verdict.category, verdict.severity) == (ErrorCategory.AI_MODEL, ErrorSeverity.TRANSIENT)
    assert (verdict.is_retryable, verdict.max_retries, verdict.retry_after) == (True, 5, None)
    assert verdict.user_message.startswith("I'm taking a bit longer than usual")
    assert "TimeoutError" in verdict.technical_detail
    assert isinstance(verdict.original, TimeoutError)
    assert verdict.recovery.value == "retry"
    assert {one.name for one in ErrorSeverity} == {"CRITICAL", "HIGH", "MEDIUM", "LOW", "TRANSIENT"}
    assert ErrorClassifier().classify(OSError(28, "No space left on device")).category is ErrorCategory.MEMORY


def test_given_each_policy_when_a_coroutine_function_is_decorated_then_it_is_retried() -> None:
    """`@async_retry(**RetryPolicies.ai_model_policy())` and its like."""
    for make in (
        RetryPolicies.ai_model_policy,
        RetryPolicies.database_policy,
        RetryPolicies.network_policy,
        RetryPolicies.file_download_policy,
        RetryPolicies.webhook_policy,
    ):
        calls: list[int] = []

        @async_retry(**{**make(), **FAST})  # type: ignore[arg-type]
        async def ask(what: str, calls: list[int] = calls) -> str:
            calls.append(1)
            if len(calls) < 3:
                raise ConnectionResetError(104, "Connection reset by peer")
            return what

        assert asyncio.run(ask("invoice 7")) == "invoice 7"
        assert len(calls) == 3
        assert asyncio.iscoroutinefunction(ask)


def test_given_the_policy_as_it_is_when_decorated_then_it_is_accepted_and_success_costs_no_wait() -> None:
    """The example word for word."""

    @async_retry(**RetryPolicies.ai_model_policy())
    async def ask() -> str:
        return "answered"

    @retry(**RetryPolicies.database_policy())
    def store() -> str:
        return "stored"

    assert asyncio.run(ask()) == "answered"
    assert store() == "stored"


def test_given_a_cancelled_task_when_it_retries_then_it_ends_at_once() -> None:
    """Cancellation passes through, in an attempt and between two."""
    calls: list[int] = []
    called = asyncio.Event()

    @async_retry(max_retries=5, min_delay_s=30.0, max_delay_s=30.0)
    async def ask() -> str:
        calls.append(1)
        called.set()
        raise ConnectionResetError("x")

    async def main() -> None:
        task = asyncio.create_task(ask())
        await called.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(asyncio.wait_for(main(), 5))
    assert len(calls) == 1


def test_given_a_deadline_when_an_attempt_hangs_then_it_is_cut_off() -> None:
    """Around everything, or the decorator's own."""

    @async_retry(deadline_s=30.0, **FAST)  # type: ignore[arg-type]
    async def ask() -> str:
        await asyncio.sleep(60)
        return "late"

    async def main() -> None:
        with deadline(0.05), pytest.raises(TimeoutError):
            await ask()

    asyncio.run(asyncio.wait_for(main(), 5))


def test_given_a_breaker_when_used_in_every_way_then_it_guards() -> None:
    """Plain calls, context managers and decorators, sync and async."""
    breaker = CircuitBreaker(CircuitBreakerPresets.ai_model())

    @breaker
    async def ask() -> str:
        return "asked"

    async def main() -> None:
        assert await ask() == "asked"
        async with breaker:
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            async with breaker:
                raise asyncio.CancelledError
        for _ in range(3):
            if breaker.can_execute():
                breaker.record_failure(TimeoutError("slow"))
        with pytest.raises(CircuitOpenError):
            await ask()

    asyncio.run(main())
    assert breaker.state is CircuitState.OPEN
    assert not breaker.can_execute()
    breaker.reset()
    with breaker:
        pass
    assert breaker.can_execute()
    breaker.record_success()
    breaker.force_open()
    breaker.force_closed()
    assert breaker.statistics().openings == 2


def test_given_tasks_side_by_side_when_they_hold_permits_then_each_reports_its_own() -> None:
    """Interleaved tasks of one thread do not mix up their calls."""
    breaker = CircuitBreaker(CircuitBreakerPresets.ai_model())

    async def call(seconds: float) -> None:
        assert breaker.can_execute()
        await asyncio.sleep(seconds)
        breaker.record_success()

    async def main() -> None:
        await asyncio.gather(*(call(0.01 * (number % 5)) for number in range(50)))

    asyncio.run(main())
    assert breaker.statistics().successes == 50


def test_given_threads_when_they_share_a_breaker_then_nothing_is_lost() -> None:
    """A thousand failures and successes of eight threads."""
    breaker = CircuitBreaker(CircuitBreakerPresets.webhook())
    breaker.force_closed()

    def work() -> None:
        for number in range(500):
            assert breaker.can_execute()
            if number % 2:
                breaker.record_failure(TimeoutError("x"))
            else:
                breaker.record_success()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    counts = breaker.statistics()
    assert (counts.admitted, counts.successes, counts.failures) == (4000, 2000, 2000)


def test_given_models_in_tiers_when_one_fails_then_the_next_answers() -> None:
    """`await chain.generate(prompt)`, and a plain call; sync and async callables side by side."""

    async def primary(prompt: str) -> str:
        raise ConnectionRefusedError(111, "Connection refused")

    def secondary(prompt: str, messages: list[dict[str, str]]) -> str:
        return f"{prompt} ({len(messages)} message)"

    chain = AIFallbackChain()
    chain.add_model(ModelConfig("big", ModelTier.PRIMARY, primary))
    chain.add_model(ModelConfig("small", ModelTier.SECONDARY, secondary))
    chain.add_model(ModelConfig("rules", ModelTier.LOCAL, lambda prompt: "by rules"))
    chain.add_model(ModelConfig("static", ModelTier.STATIC, "Please wait."))

    result = asyncio.run(chain.generate("When is it due?"))
    plain = chain("When is it due?")

    assert result.text == plain.text == "When is it due? (1 message)"
    assert (result.tier, result.model, result.answered_by) == (ModelTier.SECONDARY, "small", "secondary")
    assert [attempt.model for attempt in result.attempts] == ["big", "small"]
    assert result.attempts[0].cause is not None
    assert (result.cost, result.latency_s > 0) == (0, True)
    assert chain.statistics().answered_by == {"secondary": 2}


def test_given_no_model_when_asked_then_the_chain_answers_all_the_same() -> None:
    """Generate never raises for a model's failure."""
    assert asyncio.run(AIFallbackChain().generate("hello")).answered_by == "static"
    assert AIFallbackChain().generate_sync("hello").text


def test_given_all_of_this_when_done_then_gevent_was_never_loaded() -> None:
    """To the end."""
    assert "gevent" not in sys.modules
