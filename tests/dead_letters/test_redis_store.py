"""Dead letters in Redis: leases under the fence, compare and set, bounds, pages, damage and forgetting."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from dead_letters.letters_at_work import LettersAtWork

from actors.dead_letters.orders import obey
from actors.dead_letters.redis_store import NotHere, RedisLetterStore
from actors.dead_letters.redoing import redo_message, take_in_again
from actors.effects.records import Effect
from actors.partition.commits import Commit, Fenced, Operation, Outcome
from actors.partition.dead_letter import dead_letter
from messages.codec import encode
from messages.records import Attachment, InboundMessage, Reply
from supervision.dead_letter_queue import ItemFilter, ItemState, Leased

AWAY = "connection: [Errno 111] Connection refused"


def an_effect(number: int = 1, chat_id: str = "7", target: str = "webhook") -> bytes:
    """An effect's bytes, as the relay writes them."""
    return encode(
        Effect(f"evt_{number}", target, "invoice.recorded", f"invoice-{number}", chat_id, "u", f"m-{number}",
               "2026-11-24T00:00:00.000Z", 1, {"n": number, "api_key": "sk-abcdefghijklmnop"})
    )  # fmt: skip


def taken(at_work: LettersAtWork, count: int = 10) -> list[Leased]:
    """What may run now, leased."""
    desk = at_work.letters.desk
    wants = desk.wants(count)
    found = desk.take(wants, at_work.letters.token)
    desk.taken(wants, found)
    return list(found.leased)


def settled(at_work: LettersAtWork, leased: Leased, error: Exception | None = None) -> bool:
    """Keep what came of an attempt; whether the lease held."""
    (held,) = at_work.letters.store.finish_many([at_work.letters.desk.settled(leased, error, 0.1)])
    return bool(held)


def everything(at_work: LettersAtWork, **chosen: Any) -> list[Any]:
    """All letters, in pages of two."""
    items: list[Any] = []
    while page := at_work.letters.desk.page(ItemFilter(**chosen), items[-1].item_id if items else "", 2):
        items += page
    return items


def test_given_an_effect_in_the_dead_stream_when_taken_in_then_it_waits_and_is_done_once(
    at_work: LettersAtWork,
) -> None:
    """The stream's entry goes with the item's coming; its attempts so far are counted."""
    at_work.register("effect.webhook")
    at_work.write("effect", an_effect(), detail=AWAY)

    count = at_work.intake.take_in()
    early = taken(at_work)
    at_work.world.passed_s += 60.0
    leased = taken(at_work)
    twice = taken(at_work)
    held = settled(at_work, leased[0])
    (item,) = everything(at_work)

    assert (count, early, twice, held) == (1, [], [], True)
    assert (item.state, item.attempts_made, item.context["chat_id"]) == (ItemState.RESOLVED, 3, "7")
    assert item.payload["payload"]["api_key"] == "[hidden]"
    assert leased[0].item.payload["payload"]["api_key"].startswith("sk-")
    assert at_work.redis.xlen(at_work.keys.partition(at_work.keys.partition_of("7")).dead) == 0


def test_given_every_kind_of_letter_when_taken_in_then_each_has_its_type(at_work: LettersAtWork) -> None:
    """Poison, refused input, a snapshot set aside, bytes that are no letter at all."""
    at_work.register("effect.webhook")
    message = encode(InboundMessage("m-1", "7", "u", "Hello"))
    at_work.write("poison", message)
    at_work.write("invalid_message", b"{broken", message_id="m-2")
    at_work.write("snapshot", b"\x00\x01", message_id="m-3")
    at_work.write("unknown_outcome", an_effect(5))
    at_work.redis.xadd(at_work.keys.partition(1).dead, {"c": "8", "d": b"garbage"})

    at_work.intake.take_in()

    kinds = {item.operation_type: (item.state.value, item.reason) for item in everything(at_work)}
    assert kinds == {
        "message": ("dead", "poison"),
        "input": ("dead", "not_retryable"),
        "snapshot": ("dead", "not_retryable"),
        "effect.webhook": ("dead", "unknown_outcome"),
    }
    assert at_work.letters.store.facts().by_type == {"message": 1, "input": 2, "snapshot": 1, "effect.webhook": 1}


def test_given_a_lease_when_its_holder_is_gone_then_it_comes_back_and_the_late_outcome_is_refused(
    at_work: LettersAtWork,
) -> None:
    """A new life of this node gives it back at once, another node when the lease is over."""
    at_work.register("effect.webhook")
    at_work.write("effect", an_effect(), detail=AWAY)
    at_work.intake.take_in()
    at_work.world.passed_s += 60.0
    before = at_work.letters
    (leased,) = taken(at_work)

    at_work.again()
    at_work.register("effect.webhook")
    (again,) = taken(at_work)
    late = before.store.finish_many([before.desk.settled(leased, None, 0.1)])
    held = settled(at_work, again)
    (item,) = everything(at_work)

    assert late == [False]
    assert held
    assert [attempt.outcome for attempt in item.attempts] == ["failed", "abandoned"]
    assert item.state is ItemState.RESOLVED


def test_given_the_partition_is_anothers_when_written_then_nothing_is(at_work: LettersAtWork) -> None:
    """The fence is compared in the script; what this node had in hand is the other's now."""
    at_work.register("effect.webhook")
    for number in range(2):
        at_work.write("effect", an_effect(number), detail=AWAY)
    at_work.intake.take_in()
    at_work.world.passed_s += 60.0
    (leased,) = taken(at_work, 1)
    (item,) = (item for item in everything(at_work) if item.item_id != leased.item.item_id)
    at_work.lease(at_work.keys.partition_of("7"), node="n-2")

    held = settled(at_work, leased)
    with pytest.raises(NotHere):
        at_work.letters.office.discard(item.item_id, "not needed", "ada")

    assert not held


def test_given_a_full_partition_when_more_dies_then_it_stays_in_the_stream(at_work: LettersAtWork) -> None:
    """Never silent loss: it is taken in when there is room."""
    at_work.letters.store = RedisLetterStore(at_work.node, 2, 1 << 20)
    at_work.intake = type(at_work.intake)(at_work.node, at_work.letters)
    for number in range(3):
        at_work.write("effect", an_effect(number), detail=AWAY)

    first = at_work.intake.take_in()
    (oldest, *_) = at_work.letters.store.page(ItemFilter(), "", 10, 0.0)
    at_work.letters.store.remove([oldest.item_id])
    second = at_work.intake.take_in()

    assert (first, second) == (2, 1)
    assert at_work.letters.store.size()[0] == 2


def test_given_a_flipped_bit_when_read_then_the_letter_is_aside_and_the_rest_goes_on(at_work: LettersAtWork) -> None:
    """Its bytes are kept."""
    at_work.register("effect.webhook")
    for number in range(3):
        at_work.write("effect", an_effect(number), detail=AWAY)
    at_work.intake.take_in()
    at_work.world.passed_s += 60.0
    names = at_work.keys.partition(at_work.keys.partition_of("7"))
    broken_id = sorted(at_work.redis.hkeys(f"{names.base}dlq:letters"))[1]
    raw = bytearray(at_work.redis.hget(f"{names.base}dlq:letters", broken_id))
    raw[len(raw) // 2] ^= 2
    at_work.redis.hset(f"{names.base}dlq:letters", broken_id, bytes(raw))

    leased = taken(at_work)
    facts = at_work.letters.store.facts()

    assert len(leased) == 2
    assert (facts.items, facts.aside) == (2, 1)
    assert at_work.redis.hget(f"{names.base}dlq:aside", broken_id).endswith(bytes(raw))


def test_given_a_chat_is_forgotten_when_looked_for_then_nothing_of_it_is_left(at_work: LettersAtWork) -> None:
    """In no index, and what another chat has stays."""
    at_work.register("effect.webhook")
    home = at_work.keys.partition_of("7")
    other = next(chat for chat in map(str, range(100)) if chat != "7" and at_work.keys.partition_of(chat) == home)
    for number in range(3):
        at_work.write("effect", an_effect(number), detail=AWAY)
    at_work.write("effect", an_effect(9, other), detail=AWAY, chat_id=other)
    at_work.intake.take_in()

    gone = at_work.letters.store.remove_of_chat("7")

    assert gone == 3
    assert [item.context["chat_id"] for item in everything(at_work)] == [other]
    left = [key for key in at_work.redis.keys("*dlq*") if b"m-1" in (at_work.redis.dump(key) or b"")]
    assert left == []


def test_given_a_filter_when_replayed_then_exactly_those_are_due_at_a_bounded_rate(at_work: LettersAtWork) -> None:
    """With a dry run first, by whom it was, and a new round."""
    at_work.register("effect.webhook")
    for number in range(4):
        at_work.write("unknown_outcome", an_effect(number))
    at_work.write("invalid_message", b"{", message_id="m-9")
    at_work.intake.take_in()
    chosen, office = ItemFilter(operation_type="effect.webhook", state="dead"), at_work.letters.office

    dry = office.replay(chosen, None, is_dry_run=True, by="ada", progress=None)
    untouched = taken(at_work)
    done = office.replay(chosen, None, is_dry_run=False, by="ada", progress=None)
    at_work.world.passed_s += 1.0
    leased = taken(at_work)

    assert (dry.count, untouched, done.count, len(leased)) == (4, [], 4, 4)
    assert {one.item.notes[-1].by for one in leased} == {"ada"}
    assert [one.item.due_at_s for one in leased] == sorted({one.item.due_at_s for one in leased})


def test_given_two_changes_at_once_when_both_are_written_then_one_counts(at_work: LettersAtWork) -> None:
    """Compared with the index line that was read."""
    at_work.write("unknown_outcome", an_effect())
    at_work.intake.take_in()
    (item,) = everything(at_work)
    store = at_work.letters.store

    def change(known: Any) -> Any:
        store.change(item.item_id, lambda other: replace(other, revision=other.revision + 1, reason="first"))
        return replace(known, revision=known.revision + 1, reason="second")

    done = store.change(item.item_id, change)
    after = store.get(item.item_id)

    assert not done
    assert after is not None
    assert after.reason == "first"


@pytest.mark.rule("E4")
def test_given_a_poison_message_with_a_file_when_it_dies_then_the_file_is_kept_until_somebody_decides(
    at_work: LettersAtWork,
) -> None:
    """By a reference of the letter's own, which a replay hands to the message and a discard strikes."""
    digest = "a" * 64
    message = InboundMessage("m-1", "7", "u", None, (Attachment("a.pdf", "application/pdf", digest, 3),))
    partition = at_work.keys.partition_of("7")
    names = at_work.keys.partition(partition)
    store, fence = at_work.node.store, at_work.node.leases[partition].fence
    entry = Fenced(partition, fence, "7", "m-1", "1-1", "d", store._week, (digest,))
    at_work.redis.zadd(names.blobs, {f"{digest}\n7\nm-1": 0})
    at_work.redis.hset(names.entries("7", store._week), "m-1", "od|1-1|0||0|")
    letter = dead_letter("poison", "crashed", "2026-11-24T00:00:00.000Z", "7", "m-1", encode(message), 3)
    reply = Reply("r-1", "m-1", "7", "final", "Sorry", at="2026-11-24T00:00:00.000Z")

    committed = store.commit(Commit(Operation.POISON, entry, "n", numbered=reply, dead_letters=(letter,)))
    at_work.intake.take_in()
    (item,) = everything(at_work)
    kept = at_work.redis.zrange(names.blobs, 0, -1)
    known = at_work.letters.store.get(item.item_id)
    assert known is not None
    redo_message(at_work.node, replace(known, round=1))
    record, owed = at_work.redis.hget(names.entries("7", store._week), "m-1#r1"), at_work.redis.hvals(names.owed)
    twice = take_in_again(at_work.node, message, "m-1#r1")
    replayed = at_work.redis.zrange(names.blobs, 0, -1)
    at_work.redis.zadd(names.blobs, {f"{digest}\n7\nm-1#dead": 0})
    obey(at_work.node, {"what": "discard", "id": item.item_id})
    left = at_work.redis.zrange(names.blobs, 0, -1)

    assert (committed.outcome, committed.freed) == (Outcome.DONE, ())
    assert kept == [f"{digest}\n7\nm-1#dead".encode()]
    assert not twice
    assert (record[:1], owed) == (b"w", [b"7\nm-1#r1"])
    assert replayed == left == [f"{digest}\n7\nm-1#r1".encode()]
