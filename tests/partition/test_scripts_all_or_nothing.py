"""The commit writes everything or nothing: what is wrong with a key or an argument is found before the first write."""

from dataclasses import replace

import pytest
from real_store import CHAT, RealStore, message, open_store, reply, usual_replies

from actors.partition.commits import Commit, Fenced, Operation, Outcome
from actors.partition.store import SCRIPTS
from actors.store_errors import StoreRefusal
from messages.records import Attachment

pytestmark = pytest.mark.rule("C1")

DIGEST = "a" * 64
KEYS = (
    "lease", "intake", "hand", "owed", "entries", "head", "replies", "journal", "outbox", "dead", "blobs", "blob",
)  # fmt: skip
# What an operation does not touch, or may clean up whatever it is (DEL and EXPIRE know no type). A rejection needs
# nothing of the chat's that may be the reason for it.
HARMLESS = {
    "final": {"dead", "journal", "blob"},
    "settle": {"dead", "journal", "blob"},
    "interim": {"outbox", "dead", "journal", "blobs", "blob"},
    "static": {"outbox", "dead", "journal", "blobs", "blob"},
    "follow_up": {"outbox", "dead", "journal", "blobs", "blob"},
    "poison": {"outbox", "journal", "blob"},
    "reject": {"entries", "head", "replies", "outbox", "journal", "blobs", "blob"},
}


def named(shop: RealStore, key: str) -> str:
    """The key of that kind, of the one message there is."""
    names = shop.names()
    of_chat = {
        "entries": names.entries(CHAT, shop.week), "head": names.head(CHAT), "replies": names.replies(CHAT),
        "journal": names.journal(CHAT), "blob": names.blob(DIGEST),
    }  # fmt: skip
    return of_chat.get(key) or str(getattr(names, key))


def prepared(shop: RealStore, operation: str) -> Fenced:
    """A message with an attachment and a journal, as far as the operation needs it."""
    entry = shop.taken_and_handed_out(message(attachments=(Attachment("a.pdf", "a/b", DIGEST, 1),)))
    shop.store.write_journal(entry, "step", b"outcome")
    shop.redis.hset(shop.names().blob(DIGEST), "0", "content")
    if operation == "settle":
        shop.commit("static", entry)
    if operation == "reject":
        return replace(entry, blobs=(), digest="")
    return replace(entry, blobs=(DIGEST,) if operation in ("final", "settle", "poison") else ())


def whole(operation: str, entry: Fenced) -> Commit:
    """A commit with everything that the operation may have."""
    return Commit(
        Operation(operation), entry, "attempt", snapshot=b"state" if operation in ("final", "settle") else b"",
        effects=(b"effect",) if operation in ("final", "settle") else (),
        dead_letters=(b"letter",) if operation in ("poison", "reject") else (), **usual_replies(operation, entry),
    )  # fmt: skip


@pytest.mark.parametrize("operation", list(HARMLESS))
@pytest.mark.parametrize("key", KEYS)
def test_given_a_key_of_the_wrong_type_when_committed_then_all_or_nothing_is_written(
    shop: RealStore, operation: str, key: str
) -> None:
    """For every operation and every key that it is given."""
    entry = prepared(shop, operation)
    shop.redis.delete(named(shop, key))
    shop.redis.set(named(shop, key), "not what it should be")
    commit, before = whole(operation, entry), shop.dump()

    try:
        outcome = shop.answer(lambda done: shop.store.submit_commit(commit, done)).outcome
    except StoreRefusal as refusal:
        assert "WRONGTYPE" in refusal.text
        assert shop.dump() == before
        assert key not in HARMLESS[operation]
    else:
        assert key in HARMLESS[operation]
        assert outcome is Outcome.DONE
        assert key == "outbox" or shop.redis.xlen(shop.names().outbox) == len(commit.effects)
        assert key == "dead" or shop.redis.xlen(shop.names().dead) == len(commit.dead_letters)


@pytest.mark.parametrize("operation", ["final", "interim", "static", "follow_up", "poison"])
@pytest.mark.parametrize("what", ["record", "version", "turn"])
def test_given_values_that_no_script_wrote_when_committed_then_nothing_is_written(
    shop: RealStore, operation: str, what: str
) -> None:
    """A key of the right type with garbage in it is no better than one of the wrong type."""
    entry = prepared(shop, operation)
    if what == "record":
        shop.redis.hset(named(shop, "entries"), "m-1", "garbage")
    else:
        shop.redis.hset(named(shop, "head"), what[0], "garbage")
    commit, before = whole(operation, entry), shop.dump()

    with pytest.raises(StoreRefusal, match="ERR commit"):
        shop.answer(lambda done: shop.store.submit_commit(commit, done))

    assert shop.dump() == before


@pytest.mark.parametrize(
    "changed",
    [
        {0: "finale"}, {0: "finale", 14: "p"},
        {10: 2}, {10: "many"}, {11: "x"}, {12: -1}, {13: 5}, {14: "T"}, {0: "interim"}, {0: "settle"},
        {0: "follow_up"}, {0: "reject"},
    ],
)  # fmt: skip
def test_given_arguments_that_do_not_fit_when_committed_then_nothing_is_written(
    shop: RealStore, changed: dict[int, object]
) -> None:
    """Unknown operation, counts that do not add up, a reply of no kind, a turn number for what takes none."""
    entry = replace(prepared(shop, "final"), blobs=())
    commit = Commit(Operation.FINAL, entry, "attempt", snapshot=b"state", numbered=reply())
    arguments: list[object] = list(commit.arguments(shop.keys.reply_channel(CHAT)))
    for index, value in changed.items():
        arguments[index] = value
    before = shop.dump()

    with pytest.raises(StoreRefusal, match="ERR commit"):
        _run(shop, entry, arguments)

    assert shop.dump() == before


@pytest.mark.parametrize("operation", ["final", "static"])
def test_given_no_final_or_two_when_committed_then_nothing_is_written(shop: RealStore, operation: str) -> None:
    """A final reply takes the turn, one of them and no less."""
    entry = replace(prepared(shop, operation), blobs=())
    before = shop.dump()
    channel = shop.keys.reply_channel(CHAT)
    none = Commit(Operation(operation), entry, "attempt", snapshot=b"s", plain=(reply(),)).arguments(channel)
    one = Commit(Operation(operation), entry, "attempt", snapshot=b"s", numbered=reply()).arguments(channel)
    two = [*one[:10], 2, *one[11:], *one[14:17]]

    for arguments in (none, two):
        with pytest.raises(StoreRefusal, match="takes the turn"):
            _run(shop, entry, arguments)

    assert shop.dump() == before


def _run(shop: RealStore, entry: Fenced, arguments: object) -> object:
    """The script as the store calls it, with arguments of the test's own."""
    names = shop.names()
    keys = (
        names.lease, names.intake, names.hand, names.owed, names.entries(CHAT, entry.week), names.head(CHAT),
        names.replies(CHAT), names.journal(CHAT), names.outbox, names.dead, names.blobs,
    )  # fmt: skip
    return shop.store.call_script(SCRIPTS["commit"], keys, arguments)  # type: ignore[arg-type]


def test_given_blobs_in_the_store_when_settled_then_they_live_a_little_longer(valkey: object) -> None:
    """A door may just be storing the same attachment anew: it refreshes what is let go of here."""
    with open_store(valkey.url, valkey.client(), shares_blobs=True) as shop:  # type: ignore[attr-defined]
        shop.own()
        entry = prepared(shop, "final")

        committed = shop.commit("final", entry)

        assert committed.freed == (DIGEST,)
        assert 0 < shop.redis.ttl(shop.names().blob(DIGEST)) <= 3600
