"""The one script for all writes of a turn: what each operation writes, and what each outcome means."""

from dataclasses import replace

import pytest
from msgspec import structs
from real_store import CHAT, RealStore, message, reply

from actors.partition.commits import Outcome, TakenIn
from messages.protocol import reply_from_json
from messages.records import Attachment


@pytest.mark.rule("C1")
def test_given_a_turn_when_committed_as_final_then_all_of_it_is_there(shop: RealStore) -> None:
    """Head, snapshot, reply with its turn, effect; the entry, `hand` and the journal are gone."""
    entry = shop.taken_and_handed_out()
    shop.store.write_journal(entry, "step", b"outcome")

    committed = shop.commit("final", entry, snapshot=b"\x00new", numbered=reply(), effects=(b"effect",))

    assert (committed.outcome, committed.turn) == (Outcome.DONE, 1)
    assert shop.head() == (1, 1, b"\x00new")
    assert [(said.kind, said.turn, said.text) for said in shop.replies()] == [("final", 1, "Done")]
    assert [fields[b"e"] for _, fields in shop.redis.xrange(shop.names().outbox)] == [b"effect"]
    assert shop.open_entries() == []
    assert shop.record().startswith("s")
    assert not shop.redis.exists(shop.names().hand, shop.names().journal(CHAT), shop.names().owed)


def test_given_an_interim_when_committed_then_only_it_is_said(shop: RealStore) -> None:
    """The message stays open and in hand; turn and version stand."""
    entry = shop.taken_and_handed_out()

    committed = shop.commit("interim", entry)

    assert committed.outcome is Outcome.DONE
    assert [said.kind for said in shop.replies()] == ["interim"]
    assert shop.head() == (0, 0, None)
    assert shop.open_entries() == [entry.entry_id]
    assert CHAT in shop.store.read_hand(entry.partition)
    assert shop.record().startswith("o")


@pytest.mark.rule("T4", "C3")
def test_given_an_interim_that_was_said_when_committed_again_then_it_is_mine(shop: RealStore) -> None:
    """Once for a message, whoever says it."""
    entry = shop.taken_and_handed_out()
    shop.commit("interim", entry)

    again = shop.commit("interim", entry)

    assert again.outcome is Outcome.MINE
    assert len(shop.replies()) == 1


@pytest.mark.rule("T4")
def test_given_a_static_when_committed_then_it_takes_the_turn_and_the_message_is_owed(shop: RealStore) -> None:
    """It stays in the stream and in hand; the index names it; head has the turn and no new version."""
    entry = shop.taken_and_handed_out()

    committed = shop.commit("static", entry)

    assert (committed.outcome, committed.turn) == (Outcome.DONE, 1)
    assert shop.turns() == [1]
    assert shop.head() == (0, 1, None)
    assert shop.open_entries() == [entry.entry_id]
    assert shop.redis.hgetall(shop.names().owed) == {entry.entry_id.encode(): b"789\nm-1"}
    assert shop.record().startswith("w")


@pytest.mark.rule("T4", "C3")
def test_given_a_static_was_first_when_the_session_comes_too_late_then_its_final_is_owed_and_settles(
    shop: RealStore,
) -> None:
    """First writer wins: the same turn is committed as a follow-up, and the turn number stands."""
    entry = shop.taken_and_handed_out()
    shop.commit("static", entry)

    late = shop.commit("final", entry, "attempt")
    settled = shop.commit("settle", entry, "attempt", snapshot=b"state")

    assert (late.outcome, settled.outcome) == (Outcome.OWED, Outcome.DONE)
    assert [(said.kind, said.turn) for said in shop.replies()] == [("final", 1), ("follow_up", None)]
    assert shop.head() == (1, 1, b"state")
    assert shop.open_entries() == []
    assert not shop.redis.exists(shop.names().owed, shop.names().hand)
    assert shop.record().startswith("s")


@pytest.mark.rule("T4", "C3")
def test_given_the_final_was_first_when_the_static_comes_then_it_is_answered(shop: RealStore) -> None:
    """First writer wins, the other way round; the person hears one final."""
    entry = shop.taken_and_handed_out()
    shop.commit("final", entry)

    late = shop.commit("static", entry)

    assert late.outcome is Outcome.ANSWERED
    assert shop.turns() == [1]


@pytest.mark.rule("T4")
def test_given_statics_while_turns_run_when_finals_follow_then_numbers_are_contiguous(shop: RealStore) -> None:
    """The script gives the numbers: a static of the next message takes one while the first still runs."""
    first, second = shop.taken_and_handed_out(message("m-1")), shop.taken_and_handed_out(message("m-2"))
    third = shop.taken_and_handed_out(message("m-3"))

    shop.commit("static", first)
    shop.commit("static", second)
    shop.commit("settle", first)
    shop.commit("settle", second, version=1)
    shop.commit("final", third, version=2)

    assert shop.turns() == [1, 2, 3]
    assert shop.head()[:2] == (3, 3)


@pytest.mark.rule("C3")
def test_given_a_commit_whose_answer_was_lost_when_repeated_then_it_is_mine_and_written_once(shop: RealStore) -> None:
    """The nonce of the attempt tells; also after the lease has passed to another."""
    entry = shop.taken_and_handed_out()
    shop.commit("final", entry, "attempt")
    before = shop.dump()

    again = shop.commit("final", entry, "attempt")
    shop.own(incarnation="i-2")
    later = shop.commit("final", entry, "attempt")

    assert (again.outcome, later.outcome) == (Outcome.MINE, Outcome.MINE)
    del before[shop.names().lease.encode()]
    assert {key: value for key, value in shop.dump().items() if key != shop.names().lease.encode()} == before


@pytest.mark.rule("C3")
def test_given_a_static_whose_answer_was_lost_when_repeated_then_it_is_mine_and_another_s_is_owed(
    shop: RealStore,
) -> None:
    """The person hears one static."""
    entry = shop.taken_and_handed_out()
    shop.commit("static", entry, "attempt")

    outcomes = [shop.commit("static", entry, nonce).outcome for nonce in ("attempt", "another")]

    assert outcomes == [Outcome.MINE, Outcome.OWED]
    assert shop.turns() == [1]


@pytest.mark.rule("C3")
@pytest.mark.parametrize("operation", ["final", "settle", "poison"])
def test_given_another_attempt_has_settled_when_committed_then_it_is_answered(shop: RealStore, operation: str) -> None:
    """Nothing is written but that the entry, should it be there again, is struck."""
    entry = shop.taken_and_handed_out()
    shop.commit("final", entry)
    shop.redis.xadd(shop.names().intake, {"m": b""}, id="9999999999999-0")

    answered = shop.commit(operation, replace(entry, entry_id="9999999999999-0"))

    assert answered.outcome is Outcome.ANSWERED
    assert len(shop.replies()) == 1
    assert shop.open_entries() == []


@pytest.mark.rule("K3", "C3")
@pytest.mark.parametrize("operation", ["final", "interim", "static", "settle", "follow_up", "poison", "reject"])
def test_given_another_owner_when_the_old_one_commits_then_it_is_stale_and_writes_nothing(
    shop: RealStore, operation: str
) -> None:
    """Every operation shows the fence."""
    entry = shop.taken_and_handed_out()
    if operation == "settle":
        shop.commit("static", entry)
    shop.own(incarnation="i-2")
    before = shop.dump()

    stale = shop.commit(operation, entry)

    assert stale.outcome is Outcome.STALE
    assert shop.dump() == before


@pytest.mark.rule("K3")
@pytest.mark.parametrize("fence", ["", "1:1", "1:1:other", "2:1:nonce1"])
def test_given_a_fence_that_is_equal_only_in_part_when_committed_then_it_is_stale(shop: RealStore, fence: str) -> None:
    """It is compared whole: generation, epoch and nonce."""
    entry = shop.taken_and_handed_out()
    assert shop.fence == "1:1:nonce1"

    assert shop.commit("final", replace(entry, fence=fence)).outcome is Outcome.STALE


@pytest.mark.rule("K3")
@pytest.mark.parametrize("fence", ["mine", ""])
def test_given_a_released_lease_when_committed_then_it_is_stale(shop: RealStore, fence: str) -> None:
    """Nobody owns the partition; no fence, not even an empty one, is that of nobody."""
    from actors.partition.store import SCRIPTS

    entry = shop.taken_and_handed_out()
    shop.store.call_script(SCRIPTS["lease_release"], (shop.names().lease,), (shop.fence,))
    before = shop.dump()

    stale = shop.commit("final", entry if fence else replace(entry, fence=""))

    assert stale.outcome is Outcome.STALE
    assert shop.dump() == before


@pytest.mark.rule("C2")
@pytest.mark.parametrize("operation", ["final", "settle"])
def test_given_a_turn_that_began_at_another_version_when_committed_then_it_is_stale(
    shop: RealStore, operation: str
) -> None:
    """Its memory is not what the store's state came from; behind or ahead, the store wins."""
    shop.commit("final", shop.taken_and_handed_out(message("m-0")))
    entry = shop.taken_and_handed_out()
    if operation == "settle":
        shop.commit("static", entry)
    before = shop.dump()

    outcomes = [shop.commit(operation, entry, version=version).outcome for version in (0, 2)]

    assert outcomes == [Outcome.STALE, Outcome.STALE]
    assert shop.dump() == before
    assert shop.commit(operation, entry, version=1).outcome is Outcome.DONE


@pytest.mark.rule("C2")
def test_given_statics_and_poison_when_committed_then_the_version_stands(shop: RealStore) -> None:
    """Only final and settle change it: nothing but they has a new state."""
    entry, other = shop.taken_and_handed_out(), shop.taken_and_handed_out(message("m-2"))

    for operation in ("interim", "static", "follow_up"):
        shop.commit(operation, entry)
    shop.commit("poison", other)

    assert shop.head() == (0, 2, None)
    assert shop.commit("settle", entry).outcome is Outcome.DONE


@pytest.mark.rule("C3", "A3")
def test_given_poison_when_committed_then_it_is_the_final_and_a_dead_letter(shop: RealStore) -> None:
    """The message is settled with the next turn; journal and hand are gone."""
    entry = shop.taken_and_handed_out()
    shop.store.write_journal(entry, "step", b"outcome")

    committed = shop.commit("poison", entry, numbered=reply(), dead_letters=(b"letter",))

    assert committed.outcome is Outcome.DONE
    assert shop.turns() == [1]
    assert [fields[b"d"] for _, fields in shop.redis.xrange(shop.names().dead)] == [b"letter"]
    assert shop.open_entries() == []
    assert shop.record().startswith("s")
    assert not shop.redis.exists(shop.names().hand, shop.names().journal(CHAT))


@pytest.mark.rule("C3", "A3")
def test_given_an_owed_message_when_poisoned_with_a_final_then_it_is_owed_and_a_follow_up_settles_it(
    shop: RealStore,
) -> None:
    """The static reply was its final, though the owner did not know yet: there is never a second one."""
    entry = shop.taken_and_handed_out()
    shop.commit("static", entry)

    late = shop.commit("poison", entry, numbered=reply(), dead_letters=(b"letter",))
    settled = shop.commit("poison", entry, plain=(reply("follow_up"),), dead_letters=(b"letter",))

    assert (late.outcome, settled.outcome) == (Outcome.OWED, Outcome.DONE)
    assert [(said.kind, said.turn) for said in shop.replies()] == [("final", 1), ("follow_up", None)]
    assert shop.redis.xlen(shop.names().dead) == 1
    assert not shop.redis.exists(shop.names().owed)


@pytest.mark.rule("C3")
@pytest.mark.parametrize("operation", ["settle", "poison"])
def test_given_an_open_message_when_settled_without_a_final_then_it_is_stale(shop: RealStore, operation: str) -> None:
    """Whoever thinks that its static was given looks at another history; nobody goes without a final."""
    entry = shop.taken_and_handed_out()

    assert shop.commit(operation, entry, plain=(reply("follow_up"),)).outcome is Outcome.STALE
    assert shop.open_entries() == [entry.entry_id]


@pytest.mark.rule("C3")
@pytest.mark.parametrize(("state", "outcome"), [("static", Outcome.OWED), ("final", Outcome.ANSWERED)])
def test_given_an_answered_message_when_an_interim_comes_too_late_then_it_is_not_said(
    shop: RealStore, state: str, outcome: Outcome
) -> None:
    """And the owner learns what was said before it."""
    entry = shop.taken_and_handed_out()
    shop.commit(state, entry)

    assert shop.commit("interim", entry).outcome is outcome
    assert len(shop.replies()) == 1


@pytest.mark.rule("D5")
def test_given_an_entry_nobody_can_read_when_rejected_then_one_script_answers_sets_aside_and_strikes(
    shop: RealStore,
) -> None:
    """And touches nothing else; once, however often it is asked for."""
    entry_id = shop.redis.xadd(shop.names().intake, {"m": b"{"}).decode()
    bad = replace(shop.fenced(message(), entry_id), digest="", week=0)

    outcomes = [shop.commit("reject", bad, dead_letters=(b"letter",)).outcome for _ in range(2)]

    assert outcomes == [Outcome.DONE, Outcome.MINE]
    names = shop.names()
    assert [said.kind for said in shop.replies()] == ["rejected"]
    written = {names.lease, names.intake, names.replies(CHAT), names.dead}
    assert {key.decode() for key in shop.redis.keys("*")} == written
    assert shop.open_entries() == []
    assert shop.redis.xlen(names.dead) == 1


@pytest.mark.rule("D5")
def test_given_a_bad_message_without_a_chat_when_rejected_then_it_is_said_where_all_hear(shop: RealStore) -> None:
    """On the channel and in the stream of rejections that name no chat."""
    entry_id = shop.redis.xadd(shop.names().intake, {"m": b"{"}).decode()
    bad = replace(shop.fenced(message(), entry_id), chat_id="", message_id="", digest="", week=0)
    with shop.redis.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe(shop.keys.rejected_channel)
        heard.get_message(timeout=5)

        shop.commit("reject", bad, plain=(structs.replace(reply("rejected"), chat_id=None, message_id=None),))

        published = heard.get_message(timeout=5)
    assert published is not None
    assert reply_from_json(published["data"]).chat_id is None
    assert shop.redis.xlen(shop.names().rejected) == 1


@pytest.mark.parametrize("broken", ["entries", "head", "replies", "record"])
def test_given_a_chat_whose_keys_are_broken_when_its_entry_is_rejected_then_it_is_gone_and_said(
    shop: RealStore, broken: str
) -> None:
    """A refusal needs none of the keys that may be the broken ones; it is published in any case."""
    names = shop.names()
    entry = shop.taken_and_handed_out()
    key = {"entries": names.entries(CHAT, shop.week), "head": names.head(CHAT), "replies": names.replies(CHAT)}
    if broken == "record":
        shop.redis.hset(names.entries(CHAT, shop.week), "m-1", "garbage")
    else:
        shop.redis.delete(key[broken])
        shop.redis.set(key[broken], "not what it should be")
    with shop.redis.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe(shop.keys.reply_channel(CHAT))
        heard.get_message(timeout=5)

        rejected = shop.commit("reject", replace(entry, digest=""), dead_letters=(b"letter",))

        assert heard.get_message(timeout=5) is not None
    assert rejected.outcome is Outcome.DONE
    assert shop.open_entries() == []
    assert shop.redis.xlen(names.dead) == 1
    assert not shop.redis.exists(names.hand)


@pytest.mark.rule("D1")
def test_given_a_registered_message_that_was_rejected_when_it_comes_again_then_it_is_rejected_again(
    shop: RealStore,
) -> None:
    """It is settled: a client that repeats is told, and does not wait for ever."""
    entry = shop.taken_and_handed_out()
    shop.commit("reject", replace(entry, digest=""))

    again = shop.take_in(message())

    assert again.how is TakenIn.AGAIN
    assert [said.kind for said in shop.replies()] == ["rejected", "rejected"]


@pytest.mark.rule("C1")
def test_given_two_messages_with_one_attachment_when_settled_then_the_second_lets_go_of_it(shop: RealStore) -> None:
    """A blob is kept for as long as any open message refers to it, and a while longer."""
    digest = "a" * 64
    files = (Attachment("a.pdf", "application/pdf", digest, 3),)
    first = shop.taken_and_handed_out(message("m-1", attachments=files))
    second = shop.taken_and_handed_out(message("m-2", attachments=files))

    freed = [shop.commit("final", first).freed, shop.commit("final", second, version=1).freed]

    assert freed == [(), (digest,)]
    assert not shop.redis.exists(shop.names().blobs)


@pytest.mark.rule("C6")
def test_given_replies_when_committed_then_the_stream_has_them_before_the_channel_and_expires(shop: RealStore) -> None:
    """Streams first: whoever was not subscribed finds them there, for two weeks."""
    shop.commit("final", shop.taken_and_handed_out())

    key = shop.names().replies(CHAT)
    assert shop.redis.xlen(key) == 1
    assert 14 * 86_400 - 60 < shop.redis.ttl(key) <= 14 * 86_400
