from effects.bookings import BOOKING, booking

from actors.effects.fan_out import Origin, effects_of
from invoices.changes import Change, Reminding, booking_from_plain
from messages.codec import decode, encode

ORIGIN = Origin("789", "456", "m-1", "5-0", "2026-03-31T10:00:00.000Z")
ALL = ("ledger", "sheet", "webhook", "reminder")


def test_given_a_booking_when_it_fans_out_then_each_target_gets_it_once_under_an_id_of_its_own() -> None:
    """In the order of the outbox, whatever order the targets are named in."""
    effects = effects_of((Change("invoice.recorded", BOOKING),), ALL[::-1], ORIGIN)

    assert [effect.target for effect in effects] == ["ledger", "sheet", "webhook"]
    assert len({effect.effect_id for effect in effects}) == 3
    assert {(effect.key, effect.revision, effect.at) for effect in effects} == {("inv-1", 1, ORIGIN.at)}


def test_given_a_turn_that_is_run_again_when_it_fans_out_then_it_is_the_same_to_the_byte() -> None:
    """The ids are the message's and the place's, so a receiver knows them again."""
    changes = (Change("invoice.recorded", BOOKING), Change("invoice.updated", booking(revision=2)))

    first, second = (tuple(map(encode, effects_of(changes, ALL, ORIGIN))) for _ in range(2))

    assert first == second
    assert len({decode(raw).effect_id for raw in first}) == 6  # type: ignore[attr-defined]


def test_given_a_target_that_is_not_configured_when_a_booking_fans_out_then_it_gets_nothing() -> None:
    """No webhook, no event of one."""
    effects = effects_of((Change("invoice.deleted", BOOKING),), ("ledger",), ORIGIN)

    assert [(effect.target, effect.kind) for effect in effects] == [("ledger", "invoice.deleted")]


def test_given_an_effect_on_the_ledger_when_written_and_read_then_the_booking_is_whole() -> None:
    """Amounts stay exact, days stay days."""
    [effect] = effects_of((Change("invoice.recorded", BOOKING),), ("ledger",), ORIGIN)

    again = decode(encode(effect))

    assert booking_from_plain(again.payload["booking"]) == BOOKING  # type: ignore[attr-defined]


def test_given_something_to_say_later_when_it_fans_out_then_it_is_an_effect_of_its_own_target() -> None:
    """Taking it back is one as well."""
    set_, cancelled = effects_of(
        (Reminding("r-1", 1, "2026-04-01T09:00:00Z", "Pay ACME"), Reminding("r-1", 2, None)), ALL, ORIGIN
    )

    assert (set_.target, set_.kind, set_.payload) == ("reminder", "reminder.set",
                                                      {"at": "2026-04-01T09:00:00Z", "text": "Pay ACME"})  # fmt: skip
    assert (cancelled.kind, cancelled.payload["at"], cancelled.key) == ("reminder.cancelled", None, "r-1")
