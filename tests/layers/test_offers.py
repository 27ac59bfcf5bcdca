"""Offers to a store that is being rebuilt: whatever the order in which nodes come, the newest of each chat wins."""

from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import Any

import pytest
from partition.real_store import RealStore, open_store

from actors.partition.store import SCRIPTS
from actors.persistence.offering import merged
from actors.persistence.records import KeptTurn
from actors.persistence.verdict import StoreView, Verdict, judge
from supervision.keeping.sealed import Position

pytestmark = pytest.mark.rule("L2")
CHAT, GENERATION, BEFORE = "789", 5, 3


@pytest.fixture
def shop(valkey: Any) -> Iterator[RealStore]:
    """A store that is closed for a rebuild."""
    with open_store(valkey.url, valkey.client()) as store:
        gate(store, "close")
        yield store


def gate(shop: RealStore, what: str) -> Any:
    """Close or open the chat's partition."""
    return shop.store.call_script(SCRIPTS["rebuild_gate"], (shop.names().lease,), (what, GENERATION))


def offer(
    shop: RealStore, place: tuple[int, int, int], turn: int = 1, gone: int = 0,
    records: Sequence[tuple[str, str, str, bytes]] = (), effects: Sequence[tuple[str, bytes]] = (),
) -> bytes:  # fmt: skip
    """One offer of one chat; records: message id, state, message, reply."""
    names = shop.names()
    arguments: list[Any] = [
        CHAT, GENERATION, BEFORE, *place, turn, f"snapshot-{place}", gone, len(records), len(effects)
    ]  # fmt: skip
    for message_id, state, message, said in records:
        arguments += (1, message_id, state, "d", "1-0", "nonce", shop.week, message, 1, said)
    for effect_id, effect in effects:
        arguments += (effect_id, effect)
    keys = (
        names.lease, names.head(CHAT), names.replies(CHAT), names.forgotten, names.intake, names.owed, names.outbox,
        names.rebuilt, names.entries(CHAT, shop.week),
    )  # fmt: skip
    return bytes(shop.store.call_script(SCRIPTS["rebuild_offer"], keys, arguments))


@pytest.mark.parametrize("places", list(permutations([(3, 2, 7), (3, 3, 6), (2, 9, 9), (3, 2, 8)])))
def test_given_offers_in_any_order_when_all_are_in_then_generation_epoch_and_version_have_decided(
    shop: RealStore, places: Sequence[tuple[int, int, int]]
) -> None:
    """The later owner's version six is newer than the earlier one's eight, and an older life counts for nothing."""
    for place in places:
        offer(shop, place, turn=place[2])

    assert shop.head() == (6, 9, b"snapshot-(3, 3, 6)")


def test_given_a_store_with_a_head_of_its_own_when_offered_an_older_version_then_its_own_stays(shop: RealStore) -> None:
    """A store that was set back in part has newer chats as well."""
    shop.redis.hset(shop.names().head(CHAT), mapping={"v": 8, "t": 8, "s": "own"})

    said = [offer(shop, (BEFORE, 2, 7)), offer(shop, (BEFORE, 2, 8)), offer(shop, (BEFORE, 2, 9), turn=9)]

    assert said == [b"older", b"older", b"newer"]
    assert shop.head() == (9, 9, b"snapshot-(3, 2, 9)")


@pytest.mark.rule("X2")
@pytest.mark.parametrize("tombstone_first", [True, False])
def test_given_a_tombstone_and_an_older_copy_when_offered_then_the_chat_stays_forgotten(
    shop: RealStore, *, tombstone_first: bool
) -> None:
    """Whatever epoch the older copy is of."""
    offers = [((3, 0, 8), 1), ((3, 9, 7), 0)]
    for place, gone in offers if tombstone_first else reversed(offers):
        offer(shop, place, gone=gone, turn=0 if gone else 4, records=() if gone else [("m-1", "s", "", b"said")])

    assert shop.redis.hgetall(shop.names().forgotten) == {b"789": b"8"}
    assert (shop.head()[0], shop.head()[2]) == (8, None)


def test_given_records_and_effects_that_several_nodes_have_when_offered_then_each_is_there_once(
    shop: RealStore,
) -> None:
    """Settled wins over owed, replies are said once, and an effect keeps its one id."""
    owed, settled = ("m-1", "w", "body", b"static"), ("m-1", "s", "", b"static")
    offer(shop, (3, 1, 1), records=[owed], effects=[("e-1", b"effect")])
    entries = shop.open_entries()
    offer(shop, (3, 1, 2), records=[settled], effects=[("e-1", b"effect"), ("e-2", b"other")])
    offer(shop, (3, 1, 1), records=[owed])

    assert len(entries) == 1
    assert shop.open_entries() == []
    assert shop.record().startswith("sd|")
    assert shop.redis.xlen(shop.names().replies(CHAT)) == 1
    assert [fields[b"e"] for _, fields in shop.redis.xrange(shop.names().outbox)] == [b"effect", b"other"]
    assert shop.redis.hlen(shop.names().owed) == 0


def test_given_a_partition_that_is_closed_when_a_lease_is_wanted_then_it_is_not_had_before_it_opens(
    shop: RealStore,
) -> None:
    """Nor afterwards by a node that knows only the generation before; and no offer comes after the opening."""
    number = shop.keys.partition_of(CHAT)
    closed = shop.lease(number)
    gate(shop, "open")
    old = shop.lease(number)
    late = offer(shop, (3, 1, 1))
    nobody = shop.redis.hget(shop.names().lease, "f")
    answer = shop.store.call_script(SCRIPTS["lease_take"], (shop.names().lease,), ("n", "i", GENERATION, "x", "", ""))

    assert (closed[0], old[0], late, nobody) == ("held", "held", b"stale", None)
    assert answer[0] == b"taken"


@pytest.mark.rule("L1")
@pytest.mark.parametrize(
    ("view", "noted", "verdict"),
    [
        (StoreView(None), None, Verdict.ADOPT),
        (StoreView(2), None, Verdict.ADOPT),
        (StoreView(2), 2, Verdict.HOLD),
        (StoreView(3), 2, Verdict.ADOPT),
        (StoreView(1), 2, Verdict.REBUILD),
        (StoreView(None), 1, Verdict.REBUILD),
        (StoreView(2, rebuilding=True), 2, Verdict.REBUILD),
        (StoreView(2, heads={"c": 4}), 2, Verdict.REBUILD),
        (StoreView(2, heads={"c": 5}), 2, Verdict.HOLD),
        (StoreView(2, heads={"c": 6}), 2, Verdict.HOLD),
        (StoreView(2, heads={}), 2, Verdict.HOLD),
    ],
)
def test_given_a_store_when_judged_then_it_is_rebuilt_where_it_has_lost_something(
    view: StoreView, noted: int | None, verdict: Verdict
) -> None:
    """Empty, of an older generation, or behind what was committed last."""
    newest = [("c", Position(2, 1, 5)), ("d", Position(1, 9, 9))]

    assert judge(view, noted, newest)[0] is verdict


def test_given_a_repaired_server_when_judged_then_the_store_is_rebuilt() -> None:
    """Its newest writes may be missing."""
    assert judge(StoreView(2), 2, repaired=True)[0] is Verdict.REBUILD


def test_given_records_of_one_message_when_merged_then_settled_wins_with_all_that_was_said() -> None:
    """In the order of the messages; what is about effects alone is no message."""
    turns = [
        KeptTurn("m-1", "w", "1-0", 9, "d", turn=1, replies=(b"static",), message=b"body"),
        KeptTurn("m-2", "s", "2-0", 9, "d", turn=2, replies=(b"final",)),
        KeptTurn("e-1", "e", "", 9, "", effects=(b"effect",)),
        KeptTurn("m-1", "s", "1-0", 9, "d", replies=(b"static", b"late")),
    ]

    found = [(one.message_id, one.state, one.turn, one.replies) for one in merged(turns)]

    assert found == [("m-1", "s", 1, (b"static", b"late")), ("m-2", "s", 2, (b"final",))]
