"""The scripts of a lease: taken, beaten, released, and never two owners who may write, on a real server."""

import pytest
from real_store import CHAT, RealStore, message

from actors.partition.commits import Outcome
from actors.partition.store import SCRIPTS


def beat(shop: RealStore, fence: str) -> int:
    """One beat of the chat's partition."""
    return int(shop.store.call_script(SCRIPTS["lease_beat"], (shop.names().lease,), (fence,)))


def release(shop: RealStore, fence: str) -> int:
    """Let go of the chat's partition."""
    return int(shop.store.call_script(SCRIPTS["lease_release"], (shop.names().lease,), (fence,)))


def lease_of(shop: RealStore) -> dict[str, str]:
    """The lease as it stands."""
    return {name.decode(): value.decode() for name, value in shop.redis.hgetall(shop.names().lease).items()}


@pytest.fixture
def partition(shop: RealStore) -> int:
    """The chat's partition, owned by nobody."""
    shop.redis.delete(shop.names().lease)
    return shop.keys.partition_of(CHAT)


@pytest.mark.rule("O2")
def test_given_a_free_lease_when_taken_then_it_is_held_with_a_fence_of_generation_epoch_and_nonce(
    shop: RealStore, partition: int
) -> None:
    """It names node and incarnation, and begins to beat at nought."""
    taken, fence, how = shop.lease(partition)

    assert (taken, how) == ("taken", "clean")
    generation, epoch, nonce = fence.split(":")
    assert (generation, epoch, nonce.startswith("nonce")) == ("1", "1", True)
    assert lease_of(shop) == {"f": fence, "e": "1", "b": "0", "n": "n-1", "i": "i-1", "r": "0"}


@pytest.mark.rule("O2")
def test_given_a_living_lease_when_another_wants_it_then_it_is_held(shop: RealStore, partition: int) -> None:
    """Who has not seen it stand still gets nothing, nor who saw another beat or another fence stand still."""
    _, fence, _ = shop.lease(partition)
    beat(shop, fence)

    wanted = [
        shop.lease(partition, "n-2", still=still) for still in (("", ""), (fence, "0"), ("1:1:old", "1"), ("", "1"))
    ]

    assert wanted == [["held", fence, "1", "n-1"]] * 4


@pytest.mark.rule("O2", "K3")
def test_given_a_beat_that_stood_still_when_another_takes_it_then_the_dead_one_writes_no_more(
    shop: RealStore, partition: int
) -> None:
    """It need not know: its beat is refused and its commits are stale."""
    fence = shop.own()
    entry = shop.taken_and_handed_out()
    count = beat(shop, fence)

    taken, successor, how = shop.lease(partition, "n-2", still=(fence, str(count)))

    assert (taken, how) == ("taken", "dead")
    assert successor.split(":")[1] == "2"
    assert beat(shop, fence) == 0
    assert release(shop, fence) == 0
    assert shop.commit("final", entry).outcome is Outcome.STALE
    assert lease_of(shop)["f"] == successor


@pytest.mark.rule("O2")
def test_given_a_node_of_an_earlier_life_when_it_returns_then_it_takes_its_own_at_once(
    shop: RealStore, partition: int
) -> None:
    """The lock on its data directory says that its earlier life is over: no waiting, but what is in hand is suspect."""
    shop.lease(partition, "n-1", "i-1")

    taken, fence, how = shop.lease(partition, "n-1", "i-2")

    assert (taken, how) == ("taken", "dead")
    assert fence.split(":")[1] == "2"


@pytest.mark.rule("A2")
def test_given_this_very_life_when_it_takes_its_own_anew_then_nobody_is_suspect(
    shop: RealStore, partition: int
) -> None:
    """After the store was replaced, say; the sessions never died."""
    shop.lease(partition, "n-1", "i-1")

    assert shop.lease(partition, "n-1", "i-1")[2] == "own"


@pytest.mark.rule("A2")
def test_given_a_lease_released_in_good_order_when_another_takes_it_then_at_once_and_nobody_is_suspect(
    shop: RealStore, partition: int
) -> None:
    """Whoever it is, without any waiting; the epoch goes on."""
    _, fence, _ = shop.lease(partition)

    released = release(shop, fence)
    taken, successor, how = shop.lease(partition, "n-2")

    assert (released, taken, how) == (1, "taken", "clean")
    assert successor.split(":")[1] == "2"


@pytest.mark.rule("K3")
def test_given_a_released_lease_when_its_old_owner_beats_or_hands_out_then_it_is_refused(shop: RealStore) -> None:
    """The fence is void, and the empty one is nobody's."""
    entry_id = shop.take_in(message()).entry_id
    fence = shop.fence

    release(shop, fence)

    for void in (fence, ""):
        assert beat(shop, void) == 0
        assert release(shop, void) == 0
        assert shop.hand_out(shop.wanted(message(), entry_id), fence=void) is Outcome.STALE
        assert not shop.store.write_journal(shop.fenced(message(), entry_id), "step", b"outcome")


@pytest.mark.rule("K3")
def test_given_a_failover_to_a_replica_that_lagged_when_the_epoch_repeats_then_the_fences_differ(
    shop: RealStore, partition: int
) -> None:
    """Two owners with one epoch, because the store forgot the first: the nonce tells them apart."""
    entry_id = shop.take_in(message()).entry_id
    _, first, _ = shop.lease(partition, "n-1")
    shop.redis.delete(shop.names().lease)

    _, second, _ = shop.lease(partition, "n-2")
    shop.fence = first

    assert first.split(":")[:2] == second.split(":")[:2]
    assert shop.commit("final", shop.fenced(message(), entry_id)).outcome is Outcome.STALE
