"""The chain against llmock: every fault it knows, and its verdict on us. Run unpatched, as plain_usage.py."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import openai
import pytest
from llmock.scenarios import Delay, Fail, Match, Reply, SlowFirstToken, StreamFault, ToolCall, ToolFault
from llmock.testing import LLMockServer
from llmock.verdict import judge

from supervision.circuit_breaker import BreakerSettings
from supervision.fallback_chain import AIFallbackChain, ChainResult, ModelConfig, ModelTier

PRIMARY, SECONDARY = "gpt-4o", "gpt-4o-mini"
ON_PRIMARY = Match(model=PRIMARY)
TOOLS = [{"type": "function", "function": {"name": "list_invoices", "parameters": {"type": "object"}}}]
ASKED_AGAIN = ("malformed_chunk_ignored", "truncated_stream_accepted")
PATIENT = BreakerSettings("patient", 100, 1.0, calls_min=100, window_calls=100)


@pytest.fixture(scope="module")
def served() -> Iterator[LLMockServer]:
    """A real server, in a thread of this process."""
    with LLMockServer() as server:
        yield server


@pytest.fixture
def server(served: LLMockServer) -> Iterator[LLMockServer]:
    """With an empty script and an empty journal; afterwards its verdict is asked for."""
    served.state.scenarios.clear()
    served.state.journal.clear()
    yield served
    until = time.monotonic() + 3  # a request stands in the journal only after its response has left
    known = -1
    while (unforgiven(served) or known < len(served.state.journal.records())) and time.monotonic() < until:
        known = len(served.state.journal.records())
        time.sleep(0.03)
    assert unforgiven(served) == [], judge(served.state.journal.records()).render()


def unforgiven(server: LLMockServer) -> list[str]:
    """What the verdict finds, save giving up, which handing on to the next tier is.

    A stream that was left in its middle ends at the server only when that notices; a retry that came before counts
    there as another call, and the broken one as accepted. It was asked again all the same: the journal has it.
    """
    records = server.state.journal.records()
    last_of = {record.fingerprint: record.seq for record in records}
    fingerprints = {record.seq: record.fingerprint for record in records}
    return [
        finding.code
        for finding in judge(records).findings
        if finding.code != "gave_up"
        and not (finding.code in ASKED_AGAIN and all(seq < last_of[fingerprints[seq]] for seq in finding.seqs))
    ]


def asked(result: ChainResult) -> int:
    """How many requests were sent."""
    return sum(attempt.outcome != "skipped" for attempt in result.attempts)


Ask = Callable[..., ChainResult]


@pytest.fixture(params=["sync", "async", "sync stream", "async stream"])
def ask(request: pytest.FixtureRequest, server: LLMockServer) -> Ask:
    """The chain through either shell, with either client, whole or streamed."""
    is_async, stream = "async" in request.param, "stream" in request.param

    def run(tiers: tuple[ModelTier, ...] = (ModelTier.PRIMARY, ModelTier.SECONDARY), **options: Any) -> ChainResult:
        names = {ModelTier.PRIMARY: PRIMARY, ModelTier.SECONDARY: SECONDARY}

        def chain_of(client: Any) -> AIFallbackChain:
            models = [
                ModelConfig(names[tier], tier, client, stream=stream, breaker=PATIENT, stall_timeout_s=0.6)
                for tier in tiers
            ]
            return AIFallbackChain([*models, ModelConfig("rules", ModelTier.LOCAL, lambda _: "by rules")])

        url = server.base_url("openai")
        if not is_async:
            with openai.OpenAI(base_url=url, api_key="-", http_client=httpx2.Client(verify=False)) as client:
                return chain_of(client).generate_sync("What do I owe?", **options)

        async def main() -> ChainResult:
            # building the TLS context costs a quarter of a second, and nothing here uses it
            http = httpx2.AsyncClient(verify=False)
            async with openai.AsyncOpenAI(base_url=url, api_key="-", http_client=http) as client:
                return await chain_of(client).generate("What do I owe?", **options)

        return asyncio.run(main())

    run.stream = stream  # type: ignore[attr-defined]
    return run


def test_given_no_fault_when_asked_then_the_primary_answers_and_usage_is_counted(
    ask: Ask, server: LLMockServer
) -> None:
    """One request."""
    result = ask()

    assert (result.answered_by, result.model, result.finish_reason) == ("primary", PRIMARY, "stop")
    assert result.usage.output_tokens > 0
    assert asked(result) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 413, 429, 500, 503, 529])
def test_given_any_failing_status_when_asked_then_the_next_tier_answers(
    ask: Ask, server: LLMockServer, status: int
) -> None:
    """Whatever it says, the person gets an answer, and nothing hopeless is repeated."""
    server.state.scenarios.add(Fail(status, times=None, match=ON_PRIMARY))

    result = ask(deadline_s=6.0)

    assert result.answered_by == "secondary"


def test_given_a_rate_limit_with_a_hint_when_nobody_else_is_there_then_it_waits_as_told(ask: Ask) -> None:
    """And then it is answered by the same model."""
    # the server fixture checks that Retry-After was kept
    result = _with_faults(ask, Fail(429, retry_after=1.0), tiers=(ModelTier.PRIMARY,), deadline_s=10.0)

    assert (result.answered_by, result.recovered_by) == ("primary", ("retry",))
    assert result.latency_s >= 1.0


def test_given_a_hint_past_the_deadline_when_asked_then_nobody_waits(ask: Ask) -> None:
    """At once to the next recovery."""
    result = _with_faults(ask, Fail(429, retry_after=60.0, times=None), tiers=(ModelTier.PRIMARY,), deadline_s=5.0)

    assert result.answered_by == "rules"
    assert result.latency_s < 2.0


def test_given_a_spent_quota_when_asked_then_it_is_not_retried(ask: Ask, server: LLMockServer) -> None:
    """A 429 that no waiting heals."""
    fault = Fail(
        429, message="You exceeded your current quota", code="insufficient_quota", times=None, match=ON_PRIMARY
    )
    result = _with_faults(ask, fault)

    assert result.answered_by == "secondary"
    assert result.attempts[0].cause == "quota_exceeded"
    assert asked(result) == 2


def test_given_a_context_overflow_when_asked_then_the_request_goes_elsewhere(ask: Ask, server: LLMockServer) -> None:
    """The same request would fail the same way."""
    message = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens."
    fault = Fail(400, message=message, code="context_length_exceeded", times=None, match=ON_PRIMARY)
    result = _with_faults(ask, fault)

    assert result.attempts[0].cause == "context_length"
    assert (result.answered_by, asked(result)) == ("secondary", 2)


def test_given_an_outage_of_everything_when_asked_then_rules_answer_in_time(ask: Ask) -> None:
    """Bounded attempts, then the rules."""
    result = _with_faults(ask, Fail(503, times=None), deadline_s=2.5)

    assert result.answered_by == "rules"
    assert result.latency_s <= 2.5


def test_given_a_short_outage_when_asked_then_a_model_answers_after_it(ask: Ask) -> None:
    """The models' second round."""
    result = _with_faults(ask, Fail(503, times=2), deadline_s=10.0)

    assert result.answered_by in {"primary", "secondary"}
    assert "retry" in result.recovered_by


def test_given_a_delay_beyond_its_share_when_asked_then_the_next_tier_answers(ask: Ask) -> None:
    """The deadline is divided."""
    result = _with_faults(ask, Delay(3.0, times=None, match=ON_PRIMARY), deadline_s=3.0)

    assert result.answered_by == "secondary"
    assert result.latency_s < 2.5


@pytest.mark.parametrize("kind", ["disconnect", "truncate", "stall", "malformed"])
@pytest.mark.parametrize("after_chunks", [0, 1, 3])
def test_given_a_broken_stream_when_asked_then_it_is_never_taken_for_an_answer(
    ask: Ask, server: LLMockServer, kind: Any, after_chunks: int
) -> None:
    """Cut, ended early, stalled, corrupted: once at the same model, and whole."""
    server.state.scenarios.add(Reply(text="You owe twelve euros and fifty cents in all.", times=None))
    fault = StreamFault(kind, after_chunks=after_chunks, stall_seconds=2.0, match=Match(model=PRIMARY, stream=True))

    result = _with_faults(ask, fault, deadline_s=8.0)

    assert result.text == "You owe twelve euros and fifty cents in all."
    if ask.stream and kind != "stall":  # type: ignore[attr-defined]
        assert (result.answered_by, result.recovered_by) == ("primary", ("retry",))


def test_given_streams_that_always_break_when_asked_then_another_way_is_found(ask: Ask) -> None:
    """No half answer, ever."""
    result = _with_faults(ask, StreamFault("disconnect", after_chunks=2, times=None), deadline_s=2.0)

    whole = result.answered_by == "rules" or not ask.stream  # type: ignore[attr-defined]
    assert whole


def test_given_a_slow_first_token_when_asked_then_the_next_tier_answers(ask: Ask) -> None:
    """A stream that does not begin is a stall."""
    result = _with_faults(ask, SlowFirstToken(5.0, times=None, match=Match(model=PRIMARY, stream=True)), deadline_s=6.0)

    expected = "secondary" if ask.stream else "primary"  # type: ignore[attr-defined]
    assert result.answered_by == expected
    assert result.latency_s < 4.0


@pytest.mark.parametrize("kind", ["malformed_arguments", "unknown_tool"])
def test_given_a_broken_tool_call_when_asked_then_it_is_repaired_once(
    ask: Ask, server: LLMockServer, kind: Any
) -> None:
    """The model is told; what it says next is checked as well."""
    server.state.scenarios.add(Reply(tool_calls=(ToolCall("list_invoices", {"due": "today"}),), times=None))
    result = _with_faults(ask, ToolFault(kind), tools=TOOLS)

    assert [call.name for call in result.tool_calls] == ["list_invoices"]
    assert result.recovered_by == ("repair",)


def test_given_an_answer_cut_at_its_longest_when_asked_then_it_is_repaired(ask: Ask, server: LLMockServer) -> None:
    """Finish reason "length" is no end."""
    server.state.scenarios.add(Reply(text="You owe twel", finish_reason="length"), Reply(text="12.50 EUR"))

    result = ask()

    assert (result.text, result.recovered_by) == ("12.50 EUR", ("repair",))


def test_given_a_wanted_form_when_the_answer_is_fenced_or_wrong_then_it_is_read_or_repaired(
    ask: Ask, server: LLMockServer
) -> None:
    """Fences cost no second call; a wrong field does."""
    schema = {"type": "object", "required": ["total"], "properties": {"total": {"type": "number"}}}
    fenced = 'Sure:\n```json\n{"total": 12.5}\n```'
    server.state.scenarios.add(Reply(text=fenced), Reply(text='{"sum": 1}'), Reply(text='{"total": 7}'))

    first, second = ask(schema=schema), ask(schema=schema)

    assert (first.data, first.recovered_by) == ({"total": 12.5}, ())
    assert (second.data, second.recovered_by) == ({"total": 7}, ("repair",))


def test_given_a_hundred_faults_in_turn_when_asked_then_each_call_is_answered(server: LLMockServer) -> None:
    """Random statuses and broken streams; no call without an answer, none late."""
    chance = random.Random(7)
    with openai.OpenAI(base_url=server.base_url("openai"), api_key="-") as client:
        chain = AIFallbackChain(
            [
                ModelConfig(PRIMARY, ModelTier.PRIMARY, client, stream=True),
                ModelConfig(SECONDARY, ModelTier.SECONDARY, client),
                ModelConfig("rules", ModelTier.LOCAL, lambda _: "by rules"),
            ]
        )
        late, answered = [], []
        for number in range(100):
            server.state.scenarios.clear()
            if chance.random() < 0.5:
                server.state.scenarios.add(
                    Fail(chance.choice([429, 500, 503]), retry_after=None, times=chance.choice([1, 2]))
                )
            elif chance.random() < 0.5:
                server.state.scenarios.add(StreamFault(chance.choice(["disconnect", "truncate", "malformed"]), times=1))
            begun = time.monotonic()
            result = chain.generate_sync(f"Question {number}", deadline_s=3.0)
            late.append(time.monotonic() - begun > 3.2)
            answered.append(result.answered_by)

    assert not any(late)
    assert all(answered)


def _with_faults(ask: Ask, *faults: Any, **options: Any) -> ChainResult:
    """Ask with these faults scripted."""
    server = _servers[-1]
    server.state.scenarios.add(*faults)
    return ask(**options)


_servers: list[LLMockServer] = []


@pytest.fixture(autouse=True)
def _present(server: LLMockServer) -> Iterator[None]:
    _servers.append(server)
    yield
    _servers.pop()
