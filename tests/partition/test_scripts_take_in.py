"""The door's script: a message is taken in once for its id, in every branch, on a real server."""

from dataclasses import replace

import pytest
from real_store import RealStore, message, reply

from actors.partition.commits import TakenIn
from actors.partition.store import SCRIPTS, WEEK_S
from actors.store_errors import StoreRefusal
from messages.codec import decode
from messages.protocol import content_digest, reply_from_json
from messages.records import Attachment

pytestmark = pytest.mark.rule("D1")


def test_given_a_new_message_when_taken_in_then_it_is_an_entry_and_known(shop: RealStore) -> None:
    """The entry holds the body, the id, the digest and the week; the record says that it is open."""
    inbound = message()

    taken = shop.take_in(inbound)

    (entry_id, fields), *others = shop.redis.xrange(shop.names().intake)
    assert (taken.how, taken.entry_id) == (TakenIn.NEW, entry_id.decode())
    assert others == []
    assert decode(fields[b"m"]) == inbound
    assert (fields[b"i"], fields[b"d"]) == (b"m-1", content_digest(inbound).encode())
    assert int(fields[b"w"]) == shop.week
    assert shop.record().startswith(f"o{content_digest(inbound)}|{taken.entry_id}|")


def test_given_an_open_message_when_it_comes_again_then_nothing_is_written(shop: RealStore) -> None:
    """A repetition while it is being worked on changes nothing and says nothing."""
    first = shop.take_in(message())
    before = shop.dump()

    again = shop.take_in(message())

    assert (again.how, again.entry_id) == (TakenIn.OPEN, first.entry_id)
    assert shop.dump() == before


def test_given_an_open_message_with_its_interim_said_when_it_comes_again_then_nothing_is_said(shop: RealStore) -> None:
    """An interim reply is no answer yet."""
    entry = shop.taken_and_handed_out()
    shop.commit("interim", entry)
    before = shop.dump()

    again = shop.take_in(message())

    assert again.how is TakenIn.OPEN
    assert shop.dump() == before


@pytest.mark.parametrize("operations", [("final",), ("static",), ("interim", "final"), ("interim", "static", "settle")])
def test_given_an_answered_message_when_it_comes_again_then_its_replies_are_said_again(
    shop: RealStore, operations: tuple[str, ...]
) -> None:
    """Appended and published once more, the same bytes under the same reply ids; nothing is worked on."""
    entry = shop.taken_and_handed_out()
    for operation in operations:
        shop.commit(operation, entry)
    before, open_before, head = shop.replies(), shop.open_entries(), shop.head()
    with shop.redis.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe(shop.keys.reply_channel("789"))
        heard.get_message(timeout=5)

        again = shop.take_in(message())

        published = [heard.get_message(timeout=5) for _ in before]

    assert (again.how, again.replies) == (TakenIn.AGAIN, len(before))
    assert shop.replies() == before + before
    assert [reply_from_json(said["data"]) for said in published] == before
    assert (shop.open_entries(), shop.head()) == (open_before, head)


def test_given_an_answered_message_when_it_comes_three_times_at_once_then_it_is_said_again_once(
    shop: RealStore,
) -> None:
    """At most once in five seconds, so that a client in a loop costs nothing."""
    shop.commit("final", shop.taken_and_handed_out())

    answers = [shop.take_in(message()) for _ in range(3)]

    assert [answer.replies for answer in answers] == [1, 0, 0]
    assert len(shop.replies()) == 2


def test_given_an_answer_repeated_five_seconds_ago_when_it_comes_again_then_it_is_said_again(shop: RealStore) -> None:
    """The five seconds pass by the server's clock; here the record is made that old."""
    shop.commit("final", shop.taken_and_handed_out())
    shop.take_in(message())
    parts = shop.record().split("|")
    parts[4] = str(int(parts[4]) - 5001)
    shop.redis.hset(shop.names().entries("789", shop.week), "m-1", "|".join(parts))

    again = shop.take_in(message())

    assert again.replies == 1


def test_given_a_known_id_when_it_comes_with_other_content_then_it_is_reused_and_nothing_written(
    shop: RealStore,
) -> None:
    """Whether the first is open or answered."""
    entry = shop.taken_and_handed_out()
    while_open = shop.take_in(message(text="Something else"))
    shop.commit("final", entry)
    before = shop.dump()

    answered = shop.take_in(message(text="Something else"))

    assert (while_open.how, answered.how) == (TakenIn.REUSED, TakenIn.REUSED)
    assert answered.week == shop.week
    assert shop.dump() == before


def test_given_a_reused_id_when_refused_twice_then_it_is_said_once_for_each_content(shop: RealStore) -> None:
    """Recorded under id and digest; another content of the same id is another refusal, the message itself goes on."""
    entry = shop.taken_and_handed_out()
    refused = [_refuse_reuse(shop, text) for text in ("a", "a", "b", "b", "a")]
    shop.commit("final", entry)

    assert refused == ["done", "mine", "done", "mine", "mine"]
    assert [said.kind for said in shop.replies()] == ["rejected", "rejected", "final"]
    assert shop.redis.xlen(shop.names().dead) == 2


def _refuse_reuse(shop: RealStore, text: str) -> str:
    inbound = message(text=text)
    taken = shop.take_in(inbound)
    assert taken.how is TakenIn.REUSED
    entry = replace(shop.fenced(inbound, ""), fence="", week=taken.week)
    return str(shop.commit("reject", entry, plain=(reply("rejected"),), dead_letters=(b"letter",)).outcome)


def test_given_the_same_id_in_two_chats_when_taken_in_then_both_are_new(shop: RealStore) -> None:
    """Ids are unique within their chat."""
    taken = [shop.take_in(message(chat_id=chat)) for chat in ("789", "790")]

    assert [answer.how for answer in taken] == [TakenIn.NEW, TakenIn.NEW]


@pytest.mark.parametrize("state", ["open", "answered"])
def test_given_a_message_of_last_week_when_it_comes_again_then_it_is_known(shop: RealStore, state: str) -> None:
    """A door looks at last week's record too; what it updates stays in its week."""
    entry = shop.taken_and_handed_out()
    if state == "answered":
        shop.commit("final", entry)
    _age_by_weeks(shop, 1)

    same, other = shop.take_in(message()), shop.take_in(message(text="Something else"))

    assert same.how is (TakenIn.OPEN if state == "open" else TakenIn.AGAIN)
    assert other.how is TakenIn.REUSED
    assert shop.record() == ""
    assert shop.record(week=shop.week - 1)


def test_given_a_message_of_the_week_before_last_when_it_comes_again_then_it_is_new(shop: RealStore) -> None:
    """After a week an id may come again."""
    shop.commit("final", shop.taken_and_handed_out())
    _age_by_weeks(shop, 2)

    assert shop.take_in(message()).how is TakenIn.NEW


def _age_by_weeks(shop: RealStore, weeks: int) -> None:
    names = shop.names()
    shop.redis.rename(names.entries("789", shop.week), names.entries("789", shop.week - weeks))


def test_given_a_caller_whose_week_is_wrong_when_it_takes_in_then_the_server_s_week_counts(shop: RealStore) -> None:
    """The script writes nothing and tells the week; the store asks again with it."""
    shop.store._week -= 1
    wrong = _take_in_as_of(shop, shop.week + 1)
    before = shop.dump()

    taken = shop.take_in(message())

    assert wrong == [b"week", shop.week]
    assert before.keys() == {shop.names().lease.encode()}
    assert taken.how is TakenIn.NEW
    assert shop.record()


def _take_in_as_of(shop: RealStore, week: int) -> list[object]:
    names = shop.names()
    keys = (names.intake, names.entries("789", week), names.entries("789", week - 1), names.replies("789"), names.blobs)
    arguments = (week, "m-1", "d" * 20, b"body", shop.keys.reply_channel("789"), "789")
    answer: list[object] = shop.store.call_script(SCRIPTS["take_in"], keys, arguments)
    return answer


def test_given_attachments_when_taken_in_then_the_store_knows_who_refers_to_them(shop: RealStore) -> None:
    """One row for each digest, so that a blob that two messages share is let go of by the second."""
    files = (Attachment("a.pdf", "application/pdf", "a" * 64, 3), Attachment("b.pdf", "application/pdf", "b" * 64, 3))

    shop.take_in(message(attachments=files))

    assert shop.redis.zrange(shop.names().blobs, 0, -1) == [f"{digest * 64}\n789\nm-1".encode() for digest in "ab"]


def test_given_a_record_when_written_then_it_expires_after_two_weeks(shop: RealStore) -> None:
    """A later message of the same week does not prolong it."""
    key = shop.names().entries("789", shop.week)
    shop.take_in(message())
    shop.redis.expire(key, 1000)

    shop.take_in(message("m-2"))

    assert 0 < shop.redis.ttl(key) <= 1000
    shop.redis.delete(key)
    shop.take_in(message("m-3"))
    assert 14 * 86_400 - 60 < shop.redis.ttl(key) <= 2 * WEEK_S


@pytest.mark.parametrize("broken", ["intake", "this week", "last week", "replies", "blobs"])
def test_given_a_key_of_the_wrong_type_when_taken_in_then_nothing_at_all_is_written(
    shop: RealStore, broken: str
) -> None:
    """A script is not rolled back: whatever it cannot read is found before it writes."""
    names = shop.names()
    shop.commit("final", shop.taken_and_handed_out(message("answered")))
    keys = {
        "intake": names.intake, "this week": names.entries("789", shop.week),
        "last week": names.entries("789", shop.week - 1), "replies": names.replies("789"), "blobs": names.blobs,
    }  # fmt: skip
    shop.redis.delete(keys[broken])
    shop.redis.set(keys[broken], "not what it should be")
    before = shop.dump()
    new = message(attachments=(Attachment("a", "a/b", "a" * 64, 1),))
    inbound = message("answered") if broken == "replies" else new

    with pytest.raises(StoreRefusal, match="WRONGTYPE"):
        shop.take_in(inbound)

    assert shop.dump() == before


def test_given_a_record_that_nobody_can_read_when_taken_in_then_it_is_refused_and_nothing_written(
    shop: RealStore,
) -> None:
    """Bytes that no script of ours wrote."""
    shop.redis.hset(shop.names().entries("789", shop.week), "m-1", "garbage")
    before = shop.dump()

    with pytest.raises(StoreRefusal, match="cannot be read"):
        shop.take_in(message())

    assert shop.dump() == before
