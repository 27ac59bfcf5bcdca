"""A chat is forgotten: nothing of it stays in the store but a tombstone, and nothing old comes back."""

from typing import Any

import pytest
from real_store import CHAT, RealStore, message, reply

from actors.partition.commits import Outcome, TakenIn

pytestmark = pytest.mark.rule("X2")


def forget(shop: RealStore, fence: str | None = None, chat_id: str = CHAT) -> int | None:
    """As the owner does; the version of the tombstone."""
    partition, mine = shop.keys.partition_of(chat_id), shop.fence if fence is None else fence
    answer: int | None = shop.answer(lambda done: shop.store.submit_forget(partition, mine, chat_id, done))
    return answer


def lived(shop: RealStore, chat_id: str = CHAT) -> Any:
    """A chat with everything that a chat may leave: replies, effects, a journal, a dead letter; its last entry."""
    first = shop.taken_and_handed_out(message("m-1", chat_id=chat_id))
    shop.commit("final", first, effects=(b"effect",), numbered=reply(chat_id=chat_id))
    second = shop.taken_and_handed_out(message("m-2", chat_id=chat_id))
    said = reply(message_id="m-2", chat_id=chat_id)
    shop.commit("poison", second, numbered=said, dead_letters=(b"letter",))
    names = shop.names(chat_id)
    shop.redis.hset(names.journal(chat_id), "step", "outcome")
    shop.redis.zadd(names.reminders, {f"{chat_id}\nr-1": 1.0})
    shop.redis.hset(names.reminder_records, f"{chat_id}\nr-1", "1|words")
    return second


def test_given_a_chat_when_forgotten_then_only_a_tombstone_with_its_version_stays(shop: RealStore) -> None:
    """Head, entries of all weeks, replies, journal, outbox rows, dead letters and reminders are gone."""
    lived(shop)
    names = shop.names()
    shop.redis.hset(names.entries(CHAT, shop.week - 1), "m-0", "s|1-0|0||0|")

    version = forget(shop)

    assert version == 2
    assert shop.redis.hgetall(names.forgotten) == {b"789": b"2"}
    assert shop.head() == (2, 0, None)
    left = {key.decode() for key in shop.redis.keys("*") if b"789" in key}
    assert left == {names.head(CHAT)}
    assert [shop.redis.xlen(stream) for stream in (names.intake, names.outbox, names.dead)] == [0, 0, 0]
    assert (shop.redis.zcard(names.reminders), shop.redis.hlen(names.reminder_records)) == (0, 0)


def test_given_two_chats_when_one_is_forgotten_then_the_other_is_untouched(shop: RealStore) -> None:
    """Though they share the partition's streams."""
    home = shop.keys.partition_of(CHAT)
    other = next(chat for chat in map(str, range(10_000)) if chat != CHAT and shop.keys.partition_of(chat) == home)
    lived(shop, other)
    lived(shop)
    said, head = shop.replies(other), shop.head(other)

    forget(shop)

    names = shop.names()
    assert (shop.replies(other), shop.head(other)) == (said, head)
    assert [shop.redis.xlen(stream) for stream in (names.outbox, names.dead)] == [1, 1]
    assert shop.record("m-1", other)


def test_given_a_turn_that_began_before_when_it_commits_after_the_forgetting_then_it_is_stale(shop: RealStore) -> None:
    """A session's memory from before never comes back: the version has gone on."""
    late = shop.taken_and_handed_out()
    shop.redis.delete(shop.names().hand)

    forget(shop)

    assert shop.commit("final", late, version=0).outcome is Outcome.STALE
    assert shop.head() == (1, 0, None)


def test_given_a_forgotten_chat_when_it_speaks_again_then_it_begins_anew(shop: RealStore) -> None:
    """Turn one, with an id it once used; without a memory."""
    lived(shop)
    version = forget(shop)

    taken = shop.take_in(message())
    handed = shop.hand_out(shop.wanted(message(), taken.entry_id))

    assert taken.how is TakenIn.NEW
    assert not isinstance(handed, Outcome)
    assert (handed[0].version, handed[0].turn, handed[0].snapshot) == (version, 0, b"")
    shop.commit("final", shop.fenced(message(), taken.entry_id), version=handed[0].version)
    assert shop.turns() == [1]


@pytest.mark.rule("K3")
def test_given_a_message_in_hand_or_a_stale_fence_when_forgotten_then_nothing_is_written(shop: RealStore) -> None:
    """Through the session alone, and by the owner alone."""
    lived(shop)
    shop.taken_and_handed_out(message("m-3"))
    before = shop.dump()

    busy = forget(shop)
    shop.redis.delete(shop.names().hand)
    without_hand = shop.dump()
    stale = forget(shop, "1:0:old")

    assert (busy, stale) == (None, None)
    assert before.keys() - without_hand.keys() == {shop.names().hand.encode()}
    assert shop.dump() == without_hand
