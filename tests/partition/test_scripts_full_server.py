"""A server at its memory's limit takes nothing in, and lets everything out that is in."""

from collections.abc import Iterator

import pytest
from real_store import CHAT, RealStore, message
from redis.exceptions import OutOfMemoryError

from actors.partition.commits import Outcome
from actors.partition.store import SCRIPTS
from actors.store_errors import StoreFull

pytestmark = pytest.mark.rule("C4")


@pytest.fixture
def full(shop: RealStore) -> Iterator[RealStore]:
    """The store, with a way to fill it; it has room again afterwards."""
    yield shop
    shop.redis.config_set("maxmemory", 0)


def fill(shop: RealStore) -> None:
    """From here on every command that may need memory is refused."""
    shop.redis.config_set("maxmemory", 1)
    with pytest.raises(OutOfMemoryError):
        shop.redis.set("more", "memory")


@pytest.mark.parametrize("operations", [("final",), ("interim", "static", "settle"), ("poison",), ("reject",)])
def test_given_a_full_server_when_a_turn_is_committed_then_it_is_written(
    full: RealStore, operations: tuple[str, ...]
) -> None:
    """The very script that frees the server is not refused by it."""
    entry = full.taken_and_handed_out()
    fill(full)

    outcomes = [full.commit(operation, entry).outcome for operation in operations]

    assert outcomes == [Outcome.DONE] * len(operations)
    assert full.open_entries() == []


def test_given_a_full_server_when_messages_are_handed_out_then_they_go(full: RealStore) -> None:
    """And leases beat, journals are written, counts are raised: whatever helps to settle what is in."""
    entry_id, straight = full.take_in(message()).entry_id, full.append(message("m-2"))
    fill(full)

    handed = full.hand_out(
        full.wanted(message(), entry_id), full.wanted(message("m-2"), straight, straight=True, week=0, hand="")
    )

    assert not isinstance(handed, Outcome)
    assert [str(item.status) for item in handed] == ["go", "go"]
    assert full.store.write_journal(full.fenced(message(), entry_id), "step", b"outcome")
    partition = full.keys.partition_of(CHAT)
    assert full.store.write_hand(partition, full.fence, full.store.read_hand(partition))
    assert full.store.call_script(SCRIPTS["lease_beat"], (full.names().lease,), (full.fence,)) == 1
    assert full.lease(partition, incarnation="i-2")[0] == "taken"


def test_given_a_full_server_when_a_message_comes_then_it_is_refused_and_may_come_later(full: RealStore) -> None:
    """Nothing of it was written; the error says that it may be sent again."""
    fill(full)

    with pytest.raises(StoreFull):
        full.take_in(message())

    full.redis.config_set("maxmemory", 0)
    assert full.open_entries() == []
    assert full.take_in(message()).how == "new"
