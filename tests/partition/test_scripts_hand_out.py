"""The script that hands out: sixteen at a time, registering what came straight in, on a real server."""

import pytest
from real_store import CHAT, RealStore, message, statuses

from actors.partition.commits import Outcome, TakenIn
from actors.partition.hand_record import HandRecord
from actors.partition.store import HAND_OUT_MAX
from actors.store_errors import StoreRefusal
from messages.protocol import content_digest
from messages.records import Attachment


def same_partition(shop: RealStore, count: int) -> list[str]:
    """That many chats that live in the partition of 789."""
    home = shop.keys.partition_of(CHAT)
    return [chat for chat in map(str, range(10_000)) if shop.keys.partition_of(chat) == home][:count]


@pytest.mark.rule("T2")
def test_given_sixteen_messages_when_handed_out_then_all_stand_in_hand(shop: RealStore) -> None:
    """Each with its chat, its entry and its counts, in one call, in the order asked."""
    chats = same_partition(shop, HAND_OUT_MAX)
    inbound = [message(chat_id=chat) for chat in chats]
    entries = [shop.take_in(one).entry_id for one in inbound]

    handed = shop.hand_out(
        *(
            shop.wanted(one, entry, hand=HandRecord(entry, 1, 2).pack())
            for one, entry in zip(inbound, entries, strict=True)
        )
    )

    assert statuses(handed) == ["go"] * HAND_OUT_MAX
    hand = shop.store.read_hand(shop.keys.partition_of(CHAT))
    assert hand == {chat: HandRecord(entry, 1, 2) for chat, entry in zip(chats, entries, strict=True)}


@pytest.mark.rule("T2", "K3")
def test_given_a_stale_fence_when_handing_out_then_nothing_is_in_hand(shop: RealStore) -> None:
    """`hand` is written under the fence alone."""
    entry_id = shop.take_in(message()).entry_id
    old = shop.fence
    shop.own(incarnation="i-2")
    before = shop.dump()

    handed = shop.hand_out(shop.wanted(message(), entry_id), fence=old)

    assert handed is Outcome.STALE
    assert shop.dump() == before


@pytest.mark.rule("C2")
def test_given_a_session_without_memory_when_handed_out_then_its_snapshot_comes_along(shop: RealStore) -> None:
    """State, version and snapshot come with the message; a session that stands there already is spared the bytes."""
    shop.commit("final", shop.taken_and_handed_out(), snapshot=b"\x00state")
    inbound = message("m-2")
    entry_id = shop.take_in(inbound).entry_id

    without = shop.hand_out(shop.wanted(inbound, entry_id))
    behind = shop.hand_out(shop.wanted(inbound, entry_id, known_version=0))
    there = shop.hand_out(shop.wanted(inbound, entry_id, known_version=1))

    assert not isinstance(without, Outcome)
    assert (without[0].version, without[0].snapshot, without[0].turn) == (1, b"\x00state", 1)
    assert not isinstance(behind, Outcome)
    assert behind[0].snapshot == b"\x00state"
    assert not isinstance(there, Outcome)
    assert there[0].snapshot is None


def test_given_a_chat_s_first_message_when_handed_out_then_it_has_no_snapshot(shop: RealStore) -> None:
    """Empty bytes: there is no state, which is not the same as a state that was not sent."""
    entry_id = shop.take_in(message()).entry_id

    handed = shop.hand_out(shop.wanted(message(), entry_id))

    assert not isinstance(handed, Outcome)
    assert (handed[0].version, handed[0].snapshot, handed[0].owed, handed[0].interim_sent) == (0, b"", False, False)


def test_given_an_owed_message_when_handed_out_then_its_session_is_told(shop: RealStore) -> None:
    """Its static reply was given, and the interim one: the turn ends as a follow-up."""
    entry = shop.taken_and_handed_out()
    shop.commit("interim", entry)
    shop.commit("static", entry)

    handed = shop.hand_out(shop.wanted(message(), entry.entry_id))

    assert not isinstance(handed, Outcome)
    assert (handed[0].owed, handed[0].interim_sent, handed[0].turn) == (True, True, 1)


@pytest.mark.rule("D1")
def test_given_an_entry_that_came_straight_in_when_handed_out_then_it_is_registered(shop: RealStore) -> None:
    """As a door would have: known as open under this week, with its attachments."""
    inbound = message(attachments=(Attachment("a.pdf", "application/pdf", "a" * 64, 3),))
    entry_id = shop.append(inbound)

    handed = shop.hand_out(shop.wanted(inbound, entry_id, straight=True, week=0, blobs=("a" * 64,)))

    assert statuses(handed) == ["go"]
    assert not isinstance(handed, Outcome)
    assert handed[0].week == shop.week
    assert shop.record().startswith(f"o{content_digest(inbound)}|{entry_id}|")
    assert shop.redis.zrange(shop.names().blobs, 0, -1) == [b"a" * 64 + b"\n789\nm-1"]
    assert shop.take_in(inbound).how is TakenIn.OPEN


@pytest.mark.rule("D1")
def test_given_only_to_be_registered_when_asked_then_nothing_is_in_hand(shop: RealStore) -> None:
    """Its static reply is due while another of its chat is in hand."""
    entry_id = shop.append(message())

    handed = shop.hand_out(shop.wanted(message(), entry_id, straight=True, week=0, hand=""))

    assert statuses(handed) == ["go"]
    assert shop.record()
    assert not shop.redis.exists(shop.names().hand)


@pytest.mark.rule("D1")
def test_given_a_message_appended_twice_when_handed_out_then_it_is_worked_on_once(shop: RealStore) -> None:
    """The second entry is a repetition: it is struck, and what was answered is said again."""
    first, second = shop.append(message()), shop.append(message())
    handed = shop.hand_out(shop.wanted(message(), first, straight=True, week=0))
    shop.commit("final", shop.fenced(message(), first))

    repeated = shop.hand_out(shop.wanted(message(), second, straight=True, week=0))

    assert (statuses(handed), statuses(repeated)) == (["go"], ["repeated"])
    assert shop.open_entries() == []
    said = shop.replies()
    assert [one.turn for one in said] == [1, 1]
    assert len({one.reply_id for one in said}) == 1


@pytest.mark.rule("D1")
def test_given_two_entries_of_one_message_in_one_call_when_handed_out_then_only_the_first_goes(
    shop: RealStore,
) -> None:
    """The second sees what the first has just registered, and an open message is not said again."""
    first, second = shop.append(message()), shop.append(message())

    handed = shop.hand_out(*(shop.wanted(message(), entry, straight=True, week=0) for entry in (first, second)))

    assert statuses(handed) == ["go", "repeated"]
    assert shop.open_entries() == [first]
    assert shop.replies() == []


@pytest.mark.rule("D1")
def test_given_an_open_message_with_its_interim_when_repeated_straight_then_nothing_is_said(shop: RealStore) -> None:
    """An interim reply is no answer yet."""
    first, second = shop.append(message()), shop.append(message())
    shop.hand_out(shop.wanted(message(), first, straight=True, week=0))
    shop.commit("interim", shop.fenced(message(), first))

    repeated = shop.hand_out(shop.wanted(message(), second, straight=True, week=0))

    assert statuses(repeated) == ["repeated"]
    assert len(shop.replies()) == 1


@pytest.mark.rule("D1")
def test_given_a_known_id_with_other_content_when_it_came_straight_in_then_it_is_reused(shop: RealStore) -> None:
    """The caller rejects it; the entry is still there for that, and the first message is not touched."""
    entry = shop.taken_and_handed_out()
    before = shop.record()
    other = message(text="Something else")
    entry_id = shop.append(other)

    handed = shop.hand_out(shop.wanted(other, entry_id, straight=True, week=0))

    assert statuses(handed) == ["reused"]
    assert shop.open_entries() == [entry.entry_id, entry_id]
    assert shop.record() == before


@pytest.mark.rule("D1")
def test_given_a_message_known_since_last_week_when_it_came_straight_in_then_it_is_a_repetition(
    shop: RealStore,
) -> None:
    """The week before counts for what came straight in, as for doors."""
    shop.commit("final", shop.taken_and_handed_out())
    names = shop.names()
    shop.redis.rename(names.entries(CHAT, shop.week), names.entries(CHAT, shop.week - 1))
    entry_id = shop.append(message())

    handed = shop.hand_out(shop.wanted(message(), entry_id, straight=True, week=0))

    assert statuses(handed) == ["repeated"]


def test_given_a_settled_message_when_asked_for_again_then_the_entry_is_struck(shop: RealStore) -> None:
    """Read before it was settled, asked for after; `hand` is cleaned of it."""
    entry = shop.taken_and_handed_out()
    shop.commit("final", entry)
    shop.redis.xadd(shop.names().intake, {"m": b""}, id="9999999999999-0")
    shop.redis.hset(
        shop.names().entries(CHAT, shop.week), "m-1", shop.record().replace(entry.entry_id, "9999999999999-0")
    )
    shop.redis.hset(shop.names().hand, CHAT, "9999999999999-0|0|0")

    handed = shop.hand_out(shop.wanted(message(), "9999999999999-0"))

    assert statuses(handed) == ["settled"]
    assert shop.open_entries() == []
    assert not shop.redis.exists(shop.names().hand)


@pytest.mark.parametrize("broken", ["head", "entries", "replies", "last week", "record", "numbers"])
def test_given_a_chat_whose_keys_are_broken_when_handed_out_with_others_then_only_it_is_broken(
    shop: RealStore, broken: str
) -> None:
    """One bad chat harms no other: the others are handed out by the same call, and nothing is written for it."""
    before_it, bad, after_it = same_partition(shop, 3)
    names = shop.names()
    entry_ids = [shop.append(message(chat_id=chat)) for chat in (before_it, bad, after_it)]
    match broken:
        case "record":
            shop.redis.hset(names.entries(bad, shop.week), "m-1", "garbage")
        case "numbers":
            shop.redis.hset(names.head(bad), mapping={"v": "one", "t": "two"})
        case _:
            key = {
                "head": names.head(bad), "entries": names.entries(bad, shop.week), "replies": names.replies(bad),
                "last week": names.entries(bad, shop.week - 1),
            }[broken]  # fmt: skip
            shop.redis.set(key, "not what it should be")

    handed = shop.hand_out(
        *(
            shop.wanted(message(chat_id=chat), entry_id, straight=True, week=0)
            for chat, entry_id in zip((before_it, bad, after_it), entry_ids, strict=True)
        )
    )

    assert statuses(handed) == ["go", "broken", "go"]
    assert set(shop.store.read_hand(shop.keys.partition_of(CHAT))) == {before_it, after_it}


@pytest.mark.rule("C1")
@pytest.mark.parametrize("broken", ["intake", "hand", "blobs"])
def test_given_a_broken_key_of_the_partition_when_handed_out_then_nothing_is_written(
    shop: RealStore, broken: str
) -> None:
    """What all chats share is looked at before anything is written."""
    entry_id = "1-0" if broken == "intake" else shop.append(message())
    shop.redis.set(getattr(shop.names(), broken), "not what it should be")
    before = shop.dump()

    with pytest.raises(StoreRefusal, match="WRONGTYPE"):
        shop.hand_out(shop.wanted(message(), entry_id, straight=True, week=0, blobs=("a" * 64,)))

    assert shop.dump() == before


@pytest.mark.rule("A2")
def test_given_raised_counts_when_written_to_hand_then_they_are_read_again_under_the_fence_alone(
    shop: RealStore,
) -> None:
    """Before a suspect is handed out; an empty list needs no call."""
    partition = shop.keys.partition_of(CHAT)
    records = {"789": HandRecord("1-1", 2, 1), "a|b": HandRecord("2-1")}

    written = shop.store.write_hand(partition, shop.fence, records)
    stale = shop.store.write_hand(partition, "1:0:old", {"789": HandRecord("9-9")})

    assert (written, stale, shop.store.write_hand(partition, "", {})) == (True, False, True)
    assert shop.store.read_hand(partition) == records


@pytest.mark.rule("T2")
def test_given_a_caller_whose_week_is_wrong_when_handing_out_then_the_server_s_week_counts(shop: RealStore) -> None:
    """A straight entry is registered under the week of the server's clock."""
    entry_id = shop.append(message())
    shop.store._week += 1

    handed = shop.hand_out(shop.wanted(message(), entry_id, straight=True, week=0))

    assert not isinstance(handed, Outcome)
    assert handed[0].week == shop.week
    assert shop.record()
