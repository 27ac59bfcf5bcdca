"""What recovery costs where nothing is wrong: ratios against the usual libraries, measured in turns.

    python bench/recovery_bench.py [--rounds 7]

A missing library skips its rows. Prints machine, versions and the spread beside each figure.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from supervision.circuit_breaker import CircuitBreaker, CircuitBreakerPresets
from supervision.error_classification import error_classifier
from supervision.fallback_chain import AIFallbackChain, ModelConfig, ModelTier
from supervision.retry_mechanism import RetryPolicies, retry

PROMPT = "What do I owe?"


def optional(name: str) -> Any:
    """A library, or None where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def in_turns(subjects: dict[str, Callable[[], Any]], calls: int, rounds: int) -> dict[str, list[float]]:
    """Microseconds a call for each subject, `rounds` times, taking turns so that noise strikes all alike."""
    results: dict[str, list[float]] = {name: [] for name in subjects}
    for call in subjects.values():
        for _ in range(max(calls // 10, 3)):
            call()
    for _ in range(rounds):
        for name, call in subjects.items():
            begun = time.perf_counter()
            for _ in range(calls):
                call()
            results[name].append((time.perf_counter() - begun) / calls * 1e6)
    return results


def show(title: str, results: dict[str, list[float]], against: str) -> None:
    """One table: median, spread, and the median of the ratios taken round by round."""
    print(f"\n{title}")
    for name, values in results.items():
        ratios = [value / base for value, base in zip(values, results[against], strict=True)]
        low, high = min(values), max(values)
        median = statistics.median(values)
        print(
            f"  {name:34} {median:10.2f} us  ({low:.2f} to {high:.2f})   {statistics.median(ratios):6.2f} x {against}"
        )


def bench_classification(rounds: int) -> None:
    """Real exceptions of the openai client, and a database's."""
    openai = optional("openai")
    cases: dict[str, tuple[object, str]] = {"TimeoutError": (TimeoutError("timed out"), "database")}
    if openai is not None:
        httpx2 = importlib.import_module("httpx2")
        bodies = {
            "openai 429 rate": (429, {"retry-after": "2"}, {"message": "Rate limit reached. Please try again in 2s.",
                                "type": "requests", "param": None, "code": "rate_limit_exceeded"}),
            "openai 429 quota": (429, {}, {"message": "You exceeded your current quota.", "type": "insufficient_quota",
                                 "param": None, "code": "insufficient_quota"}),
            "openai 503 html": (503, {"content-type": "text/html"}, None),
        }  # fmt: skip
        for name, (status, headers, body) in bodies.items():
            request = httpx2.Request("POST", "https://api.openai.com/v1/chat/completions")
            response = httpx2.Response(
                status,
                headers=headers,
                request=request,
                text="<html><title>503 Service Unavailable</title></html>" if body is None else "",
            )
            kind = openai.RateLimitError if status == 429 else openai.InternalServerError
            cases[name] = (kind(f"Error code: {status} - {body}", response=response, body=body), "openai")
    subjects = {
        name: (lambda error=error, provider=provider: error_classifier.classify(error, provider))
        for name, (error, provider) in cases.items()
    }
    show("A classification (goal: 30 us or less)", in_turns(subjects, 2000, rounds), "TimeoutError")


def bench_retry(rounds: int) -> None:
    """A decorated function that succeeds."""

    def work() -> int:
        return 1

    subjects: dict[str, Callable[[], Any]] = {"bare": work, "@retry": retry(**RetryPolicies.ai_model_policy())(work)}
    tenacity, stamina = optional("tenacity"), optional("stamina")
    if tenacity is not None:
        subjects["tenacity"] = tenacity.retry(work)
    if stamina is not None:
        subjects["stamina"] = stamina.retry(on=ValueError)(work)
    show("A call under @retry, on success", in_turns(subjects, 5000, rounds), "@retry")


def bench_breaker(rounds: int) -> None:
    """can_execute and record_success, against pybreaker's call."""
    breaker = CircuitBreaker(CircuitBreakerPresets.ai_model())

    def ours() -> None:
        if breaker.can_execute():
            breaker.record_success()

    def nothing() -> None:
        pass

    subjects: dict[str, Callable[[], Any]] = {
        "can_execute + record_success": ours,
        "breaker.call": lambda: breaker.call(nothing),
    }
    pybreaker = optional("pybreaker")
    against = "can_execute + record_success"
    if pybreaker is not None:
        other = pybreaker.CircuitBreaker()
        subjects["pybreaker"] = lambda: other.call(nothing)
        against = "pybreaker"
    show("A breaker, closed and well (goal: half of pybreaker)", in_turns(subjects, 50000, rounds), against)
    print("  eight calls of 50 ms side by side:")
    print(f"    ours       {side_by_side(breaker.call):6.0f} ms")
    if pybreaker is not None:
        print(f"    pybreaker  {side_by_side(pybreaker.CircuitBreaker().call):6.0f} ms")


def side_by_side(guarded: Callable[..., Any]) -> float:
    """Milliseconds until eight guarded calls of 50 ms, begun together in threads, are all done."""
    threads = [threading.Thread(target=guarded, args=(time.sleep, 0.05)) for _ in range(8)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (time.perf_counter() - begun) * 1000


def bench_chain(rounds: int) -> None:
    """The chain over the plain openai client, against a local server in a process of its own."""
    openai = optional("openai")
    if openai is None or optional("llmock") is None:
        print("\nThe chain: skipped, since openai or llmock is not installed")
        return
    port = 18571
    server = subprocess.Popen(
        [sys.executable, "-m", "llmock.cli", "serve", "--port", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(openai, url)
        measure_chain(openai, url, rounds)
    finally:
        server.terminate()
        server.wait(10)


def wait_for(openai: Any, url: str) -> None:
    """Until the server answers."""
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="-", max_retries=0)
    until = time.monotonic() + 20
    while True:
        try:
            client.models.list()
        except openai.OpenAIError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


def measure_chain(openai: Any, url: str, rounds: int) -> None:
    """Success, and a primary that answers 503, each against a plain successful call."""
    plain = openai.OpenAI(base_url=f"{url}/v1", api_key="-", max_retries=0)
    broken = openai.OpenAI(base_url=f"{url}/v1", api_key="-", default_headers={"x-llmock-force-status": "503"})
    chain = AIFallbackChain([ModelConfig("gpt-4o", ModelTier.PRIMARY, plain)])

    def failing_primary() -> None:
        fresh = AIFallbackChain([
            ModelConfig("gpt-4o", ModelTier.PRIMARY, broken),
            ModelConfig("gpt-4o-mini", ModelTier.SECONDARY, plain),
        ])  # fmt: skip
        assert fresh.generate_sync(PROMPT).answered_by == "secondary"

    kept = AIFallbackChain([
        ModelConfig("gpt-4o", ModelTier.PRIMARY, broken),
        ModelConfig("gpt-4o-mini", ModelTier.SECONDARY, plain),
    ])  # fmt: skip
    subjects: dict[str, Callable[[], Any]] = {
        "plain": lambda: plain.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": PROMPT}]),
        "chain": lambda: chain.generate_sync(PROMPT),
        "chain, primary 503, breaker closed": failing_primary,
        "chain, primary 503, as it goes on": lambda: kept.generate_sync(PROMPT),
    }
    litellm = optional("litellm")
    if litellm is not None:
        add_litellm(litellm, url, subjects)
    show(
        "The chain (goals: 1.1 x plain; 2.6 x with the primary answering 503)", in_turns(subjects, 60, rounds), "plain"
    )


def add_litellm(litellm: Any, url: str, subjects: dict[str, Callable[[], Any]]) -> None:
    """LiteLLM's Router over the same server."""
    litellm.suppress_debug_info = True
    shared = {"api_base": f"{url}/v1", "api_key": "-"}
    failing = {**shared, "extra_headers": {"x-llmock-force-status": "503"}}
    messages = [{"role": "user", "content": PROMPT}]
    good = litellm.Router(model_list=[{"model_name": "a", "litellm_params": {"model": "openai/gpt-4o", **shared}}])
    handing = litellm.Router(
        model_list=[
            {"model_name": "a", "litellm_params": {"model": "openai/gpt-4o", **failing}},
            {"model_name": "b", "litellm_params": {"model": "openai/gpt-4o-mini", **shared}},
        ],
        fallbacks=[{"a": ["b"]}],
        num_retries=0,
    )
    subjects["LiteLLM Router"] = lambda: good.completion(model="a", messages=messages)
    subjects["LiteLLM Router, primary 503"] = lambda: handing.completion(model="a", messages=messages)


def main() -> None:
    """All of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="classification, retry, breaker or chain")
    options = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    for name in ("openai", "llmock", "tenacity", "stamina", "pybreaker", "litellm"):
        try:
            print(f"  {name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            print(f"  {name}: not installed")
    parts = {
        "classification": bench_classification,
        "retry": bench_retry,
        "breaker": bench_breaker,
        "chain": bench_chain,
    }
    for name, part in parts.items():
        if options.only in ("", name):
            part(options.rounds)


if __name__ == "__main__":
    main()
