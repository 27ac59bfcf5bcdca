"""The webhook, to a real receiver: signed, known by its id, and never anybody's way into a private network."""

import base64
import datetime as dt
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from effects.places import Outbox, effect, hook, node_with, quick_breakers
from effects.receiver import Answer, Receiver, receiver
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook
from turn.real_nodes import wait_for

from actors.effects.performing import perform, verdict_of
from actors.effects.signing import signature, signing_key
from actors.effects.target import Misconfigured, ServiceEnded
from actors.effects.webhook import WebhookAnswer, WebhookTarget, body_of
from actors.node import Node
from actors.node_directory import NodePaths
from actors.settings import Settings, WebhookSettings
from supervision import world
from supervision.circuit_breaker import CircuitState
from supervision.classification.verdicts import Cause

SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()


def target(settings: WebhookSettings) -> WebhookTarget:
    """A target by itself."""
    here = world.current()
    everything = msgspec.structs.replace(Settings(), webhook=settings)
    return WebhookTarget(Node(everything, NodePaths(Path("/tmp")), "n", "i", here))


@given(key=st.binary(min_size=1, max_size=64), body=st.binary(max_size=500), second=st.integers(0, 2**33))
def test_given_any_body_when_it_is_signed_then_the_scheme_s_own_library_says_the_same(
    key: bytes, body: bytes, second: int
) -> None:
    """An independent implementation is the judge; it takes text, so that is what it gets."""
    text = body.decode("latin-1")
    secret = base64.b64encode(key).decode()

    ours = signature(signing_key(f"whsec_{secret}"), "evt_1", second, text.encode())

    moment = dt.datetime.fromtimestamp(second, dt.UTC)
    assert ours == Webhook(f"whsec_{secret}").sign("evt_1", moment, text)


def test_given_an_effect_when_it_is_delivered_then_the_receiver_can_verify_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the scheme's own library, with the id of the effect."""
    monkeypatch.setitem(os.environ, "HOOK_SECRET", SECRET)
    one = effect(target="webhook")
    with receiver() as there:
        target(hook(there.url, secret_env="HOOK_SECRET")).perform(one, 5.0)

    [came] = there.came
    assert Webhook(SECRET).verify(came.body, came.headers) == came.event
    assert came.event_id == one.effect_id
    assert came.event == {
        "type": "invoice.recorded", "timestamp": one.at,
        "data": {"chat_id": "789", "message_id": one.message_id, "revision": one.revision, **one.payload},
    }  # fmt: skip


@pytest.mark.parametrize("value", ["", "whsec_!!!", "whsec_"])
def test_given_a_secret_that_is_none_when_an_event_would_go_out_then_it_does_not_and_nobody_sees_the_secret(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unsigned event would be refused, or worse, taken."""
    monkeypatch.setitem(os.environ, "HOOK_SECRET", value)
    with receiver() as there, pytest.raises(Misconfigured) as failed:
        target(hook(there.url, secret_env="HOOK_SECRET")).perform(effect(), 5.0)

    assert there.came == []
    assert "!!!" not in str(failed.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1", "0.0.0.0"])
def test_given_a_private_address_when_it_is_not_allowed_then_nothing_is_sent_there(host: str) -> None:
    """Whatever name it goes by: the address is looked at where the connection is made."""
    with receiver() as there, pytest.raises(Misconfigured) as failed:
        target(WebhookSettings(f"http://{host}:{there.port}/hook")).perform(effect(), 5.0)

    assert there.came == []
    assert verdict_of(failed.value, target(WebhookSettings())).cause is Cause.CONFIG_ERROR


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_given_a_redirect_when_an_event_is_delivered_then_it_is_not_followed(status: int) -> None:
    """It could lead into a private network, and a moved receiver is for a person to configure."""
    with receiver() as there, receiver() as elsewhere:
        there.answers = lambda _: Answer(status, (("location", elsewhere.url),))
        with pytest.raises(Misconfigured):
            target(hook(there.url)).perform(effect(), 5.0)

    assert (len(there.came), elsewhere.came) == (1, [])


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_given_any_answer_of_success_when_an_event_is_delivered_then_it_is_done(status: int) -> None:
    """The scheme asks for no particular one."""
    with receiver() as there:
        there.answers = lambda _: Answer(status)
        target(hook(there.url)).perform(effect(), 5.0)

    assert len(there.came) == 1


def test_given_an_endless_answer_when_it_is_a_failure_then_only_its_beginning_is_read() -> None:
    """A receiver cannot fill this node's memory."""
    with receiver() as there:
        there.answers = lambda _: Answer(500, body=b"x" * 10_000_000)
        with pytest.raises(WebhookAnswer) as failed:
            target(hook(there.url)).perform(effect(), 5.0)

    assert len(failed.value.body) <= 512


def test_given_a_receiver_that_does_not_answer_when_the_time_is_over_then_the_attempt_ends() -> None:
    """The time is for the whole of it, not for each read."""
    here = world.current()
    with receiver() as there:
        there.answers = lambda _: Answer(after_s=10.0)
        began_s = here.now()
        with pytest.raises(Exception, match=r"."):
            target(hook(there.url)).perform(effect(), 0.3)

    assert here.now() - began_s < 3.0


def delivered(node: Node, outbox: Outbox, there: Receiver, count: int) -> list[str]:
    """Write so many events of one chat, and wait until they have left the outbox; their ids."""
    those = [effect(target="webhook") for _ in range(count)]
    outbox.put(node, *those)
    wait_for(lambda: outbox.left() == 0, lambda: f"{count} deliveries, of {len(there.came)}", 30.0)
    return [one.effect_id for one in those]


def test_given_a_receiver_that_was_away_when_it_comes_back_then_every_event_comes_in_order_under_its_id(
    valkey: Any, folder: Path, outbox: Outbox
) -> None:
    """No event is lost to an outage, nor does one overtake another of its chat."""
    with receiver() as there:
        there.close()
        with node_with(valkey.url, folder / "n", webhook=hook(there.url), breakers=quick_breakers(1, 0.1)) as node:
            breaker = node.effect_breakers["webhook"]
            those = [effect(target="webhook") for _ in range(5)]
            outbox.put(node, *those)
            wait_for(lambda: breaker.statistics().openings >= 2, "an open breaker")

            there.open()

            wait_for(lambda: outbox.left() == 0, "an empty outbox", 30.0)
        assert [came.event_id for came in there.came] == [one.effect_id for one in those]


def test_given_a_receiver_that_asks_to_wait_when_it_is_told_again_then_not_before(
    valkey: Any, folder: Path, outbox: Outbox
) -> None:
    """Retry-After is for all events, and burns none."""
    with receiver() as there:
        there.answers = lambda _: Answer(429, (("retry-after", "1"),)) if len(there.came) == 1 else Answer()
        with node_with(valkey.url, folder / "n", webhook=hook(there.url)) as node:
            delivered(node, outbox, there, 2)

    first, second, third = there.came
    assert second.at_s - first.at_s >= 1.0
    assert first.event_id == second.event_id != third.event_id


def test_given_an_answer_that_was_lost_when_the_event_is_told_again_then_under_the_same_id(
    valkey: Any, folder: Path, outbox: Outbox
) -> None:
    """A receiver that drops ids it knows sees it once."""
    with receiver() as there:
        there.answers = lambda _: Answer(503, (("retry-after", "0.1"),)) if len(there.came) < 3 else Answer()
        with node_with(valkey.url, folder / "n", webhook=hook(there.url)) as node:
            ids = delivered(node, outbox, there, 1)

    assert there.ids == {ids[0]: 3}
    assert len({came.body for came in there.came}) == 1


def test_given_a_receiver_that_is_gone_when_events_follow_then_none_is_sent_until_an_operator_says_so(
    valkey: Any, folder: Path, outbox: Outbox
) -> None:
    """410 ends deliveries; the events wait in the outbox, in order, also over a restart of the node."""
    those = [effect(target="webhook") for _ in range(3)]
    with receiver() as there:
        there.answers = lambda _: Answer(410)
        with node_with(valkey.url, folder / "n", webhook=hook(there.url)) as node:
            outbox.put(node, *those)
            wait_for(lambda: node.effect_breakers["webhook"].state is CircuitState.OPEN, "an end of deliveries")
            wait_for(lambda: outbox.redis.hexists("unfailing:breakers", "webhook"), "the state to be kept")
        assert (len(there.came), outbox.left()) == (1, 3)
        there.answers = lambda _: Answer()
        with node_with(valkey.url, folder / "n", webhook=hook(there.url)) as node:
            wait_for(lambda: node.effect_breakers["webhook"].state is CircuitState.OPEN, "what was kept")
            assert len(there.came) <= 2

            node.effect_breakers["webhook"].reset()

            wait_for(lambda: outbox.left() == 0, "an empty outbox")
        assert sorted({came.event_id for came in there.came}) == sorted(one.effect_id for one in those)


def test_given_an_event_that_is_refused_when_it_is_a_dead_letter_then_its_replay_has_the_same_id(
    valkey: Any, folder: Path, outbox: Outbox
) -> None:
    """`perform` is what a replay does; the receiver knows it again."""
    one = effect(target="webhook")
    with receiver() as there:
        there.answers = lambda _: Answer(422)
        with node_with(valkey.url, folder / "n", webhook=hook(there.url)) as node:
            outbox.put(node, one)
            wait_for(outbox.dead, "a dead letter")
            there.answers = lambda _: Answer()

            perform(node, one, repeated=True)

    assert there.ids == {one.effect_id: 2}


def test_given_a_slow_receiver_when_a_person_writes_then_their_reply_does_not_wait(
    valkey: Any, folder: Path, outbox: Outbox, person: Any
) -> None:
    """Delivery holds up nobody."""
    with receiver() as there:
        there.answers = lambda _: Answer(after_s=3.0)
        with node_with(valkey.url, folder / "n", webhook=hook(there.url)) as node:
            outbox.put(node, *(effect(f"chat-{number}", "webhook") for number in range(40)))
            wait_for(lambda: there.at_once == WebhookTarget.at_once_max, "as many as are told at once")

            entry_id = person.says("789", "m-1")

            person.hears("789")
            [(_, after_s)] = person.heard_after_s("789", entry_id)
            assert after_s < 2.0


def test_given_two_gone_receivers_when_one_effect_is_performed_by_hand_then_its_end_is_told() -> None:
    """The error says what an operator can do about it."""
    with receiver() as there:
        there.answers = lambda _: Answer(410)
        with pytest.raises(ServiceEnded, match="410"):
            target(hook(there.url)).perform(effect(), 5.0)


def test_given_the_same_effect_when_its_body_is_made_twice_then_it_is_the_same_to_the_byte() -> None:
    """Its timestamp is that of the event, not of the delivery."""
    one = effect()

    assert body_of(one) == body_of(one)
