"""The daemon's ladder of models, against real servers with real faults."""

import json
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from daemon_under_test import DaemonUnderTest, ask_control, short_folder, wait_for
from models.model_server import ModelServer, model_server

WORDS = "should I be worried about any of it?"
HARD_S = 10.0


@pytest.fixture(scope="module")
def primary() -> Iterator[ModelServer]:
    """The first tier's server."""
    with model_server() as server:
        yield server


@pytest.fixture(scope="module")
def secondary() -> Iterator[ModelServer]:
    """The second tier's server."""
    with model_server() as server:
        yield server


def settings(primary: ModelServer, secondary: ModelServer, **more: object) -> dict[str, object]:
    """Two tiers, short deadlines."""
    return {
        "MODELS__0__NAME": "one", "MODELS__0__TIER": "primary", "MODELS__0__BASE_URL": primary.base_url,
        "MODELS__0__API_KEY_ENV": "", "MODELS__0__TIMEOUT_S": 3, "MODELS__0__ACCOUNT": "first",
        "MODELS__1__NAME": "two", "MODELS__1__TIER": "secondary", "MODELS__1__BASE_URL": secondary.base_url,
        "MODELS__1__API_KEY_ENV": "", "MODELS__1__TIMEOUT_S": 3, "MODELS__1__ACCOUNT": "second",
        "DAEMON__SOFT_DEADLINE_S": 4, "DAEMON__HARD_DEADLINE_S": HARD_S, **more,
    }  # fmt: skip


@pytest.fixture(scope="module")
def daemon(primary: ModelServer, secondary: ModelServer) -> Iterator[DaemonUnderTest]:
    """One daemon for the faults of this file."""
    with short_folder() as folder, DaemonUnderTest(folder, **settings(primary, secondary)) as node:
        yield node


@pytest.fixture
def clean(daemon: DaemonUnderTest, primary: ModelServer, secondary: ModelServer) -> DaemonUnderTest:
    """The daemon, with breakers and servers as new."""
    for server in (primary, secondary):
        server.reset()
    for breaker in daemon.status()["breakers"]:
        assert ask_control(daemon.data_dir, {"do": "breaker", "name": breaker["name"], "what": "reset"})["ok"]
    return daemon


def replies_to(node: DaemonUnderTest, chat: str, text: str = WORDS) -> list[dict[str, Any]]:
    """Send a text and return the replies, the last of which is final."""
    ran = node.command("send", chat, text, "--json", "--wait", "30")
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


def final_of(node: DaemonUnderTest, chat: str) -> dict[str, Any]:
    """The final reply to a text that needs understanding."""
    return replies_to(node, chat)[-1]


def test_given_a_model_that_answers_when_understanding_is_needed_then_it_is_the_primary_s_answer(
    clean: DaemonUnderTest, primary: ModelServer
) -> None:
    """Words go to the first tier, and nothing had to help."""
    primary.expect({"type": "reply", "text": "It looks fine to me."})

    final = final_of(clean, "well")

    assert final["text"] == "It looks fine to me."
    assert final["answered_by"] == "primary"
    assert final["recovered_by"] == []
    assert primary.findings() == []


@pytest.mark.parametrize(
    ("fault", "answered_by", "helped"),
    [
        ({"type": "fail", "status": 503, "times": None}, "secondary", "fallback"),
        ({"type": "fail", "status": 500, "times": None}, "secondary", "fallback"),
        ({"type": "fail", "status": 401, "times": None}, "secondary", "fallback"),
        ({"type": "fail", "status": 404, "times": None}, "secondary", "fallback"),
        ({"type": "fail", "status": 400, "code": "context_length_exceeded", "times": None}, "secondary", "fallback"),
        ({"type": "fail", "status": 429, "code": "insufficient_quota", "times": None}, "secondary", "fallback"),
        ({"type": "fail", "status": 429, "retry_after": 300, "times": None}, "secondary", "fallback"),
        ({"type": "delay", "seconds": 30, "times": None}, "secondary", "fallback"),
        ({"type": "reply", "text": "You owe 98,765.43 EUR.", "times": None}, "secondary", "fallback"),
        ({"type": "reply", "text": "cut off", "finish_reason": "length", "times": None}, "secondary", "fallback"),
    ],
)
def test_given_a_fault_of_the_primary_when_understanding_is_needed_then_the_next_tier_answers(
    clean: DaemonUnderTest,
    primary: ModelServer,
    secondary: ModelServer,
    fault: dict[str, Any],
    answered_by: str,
    helped: str,
) -> None:
    """Each fault hands on, the reply says so, and the server has nothing to say against the client."""
    primary.expect(fault)
    secondary.expect({"type": "reply", "text": "The second says yes.", "times": None})

    final = final_of(clean, "fault")

    assert (final["answered_by"], final["text"]) == (answered_by, "The second says yes.")
    assert helped in final["recovered_by"]
    assert primary.findings(without=("gave_up",)) == []
    assert secondary.findings() == []


def test_given_all_models_out_when_understanding_is_needed_then_rules_answer_in_time(
    clean: DaemonUnderTest, primary: ModelServer, secondary: ModelServer
) -> None:
    """Degraded mode: the person still gets an answer, by the hard deadline, and it says who gave it."""
    for server in (primary, secondary):
        server.expect({"type": "fail", "status": 503, "times": None})
    began_s = time.monotonic()

    final = final_of(clean, "outage")

    assert time.monotonic() - began_s < HARD_S
    assert final["answered_by"] == "rules"
    assert final["recovered_by"][-1] == "degraded"


def test_given_models_that_hang_when_understanding_is_needed_then_interim_and_final_come_in_time(
    clean: DaemonUnderTest, primary: ModelServer, secondary: ModelServer
) -> None:
    """A session that waits for models cannot hear a timer: its owner speaks at the soft deadline."""
    for server in (primary, secondary):
        server.expect({"type": "delay", "seconds": 60, "times": None})
    began_s = time.monotonic()

    replies = replies_to(clean, "hang")

    assert time.monotonic() - began_s < HARD_S
    assert [reply["kind"] for reply in replies] == ["interim", "final"]
    assert replies[-1]["answered_by"] in ("rules", "static")


def test_given_an_open_breaker_when_the_node_is_killed_then_it_is_open_again_for_the_time_that_remains(
    primary: ModelServer, secondary: ModelServer
) -> None:
    """A breaker's state survives its node."""
    primary.reset()
    secondary.reset()
    primary.expect({"type": "fail", "status": 429, "code": "insufficient_quota", "retry_after": 300, "times": None})
    with short_folder() as folder, DaemonUnderTest(folder, **settings(primary, secondary)) as node:
        final_of(node, "quota")
        before = _breaker(node, "one")
        node.kill()

        node.start()
        after = wait_for(lambda: (found := _breaker(node, "one"))["state"] == "OPEN" and found, "the breaker", 5.0)

    assert before["state"] == "OPEN"
    assert 0 < after["open_for_s"] <= before["open_for_s"]


def test_given_two_nodes_when_a_breaker_opens_on_one_then_it_is_open_on_the_other_within_a_second(
    primary: ModelServer, secondary: ModelServer, valkey: Any
) -> None:
    """Nodes on one store tell each other of an opening, and of an operator's closing."""
    primary.reset()
    shared = settings(primary, secondary, DAEMON__REDIS_URL=valkey.url)
    with (
        short_folder() as one_dir,
        short_folder() as two_dir,
        DaemonUnderTest(one_dir, **shared) as one,
        DaemonUnderTest(two_dir, **shared) as two,
    ):
        name = one.status()["breakers"][0]["name"]

        assert one.command("breaker", "open", name).returncode == 0
        took_s = _until(lambda: _breaker(two, "one")["state"] == "OPEN")
        assert two.command("breaker", "reset", name).returncode == 0
        back_s = _until(lambda: _breaker(one, "one")["state"] == "CLOSED")

    assert took_s < 1.5
    assert back_s < 1.5


def test_given_a_turn_in_a_model_call_when_the_node_is_killed_then_the_message_is_answered_once(
    primary: ModelServer, secondary: ModelServer
) -> None:
    """What was in hand is handed out again by the next daemon, with the same turn number."""
    primary.reset()
    primary.expect({"type": "delay", "seconds": 2})
    with (
        short_folder() as folder,
        DaemonUnderTest(folder, **settings(primary, secondary)) as node,
        node.client() as client,
    ):
        message = json.dumps({"message_id": "m-1", "chat_id": "c", "user_id": "u", "text": WORDS})
        client.xadd("unfailing:intake", {"m": message})
        wait_for(primary.requests, "the model to be asked")
        assert node.process is not None
        node.process.send_signal(signal.SIGKILL)
        node.process.wait()
        node.start()

        finals = wait_for(lambda: _finals(client, "c"), "the final reply", 20.0)

    assert [(final["message_id"], final["turn"]) for final in finals] == [("m-1", 1)]


def _finals(client: Any, chat: str) -> list[dict[str, Any]]:
    keys = list(client.scan_iter(match=f"*:replies:{chat}"))
    replies = [json.loads(fields[b"r"]) for key in keys for _, fields in client.xrange(key)]
    return [reply for reply in replies if reply["kind"] == "final"]


def _breaker(node: DaemonUnderTest, model: str) -> dict[str, Any]:
    return next(one for one in node.status()["breakers"] if one["name"].startswith(f"{model}@"))


def _until(is_so: Any) -> float:
    began_s = time.monotonic()
    wait_for(is_so, "the other node to follow", 5.0)
    return time.monotonic() - began_s
