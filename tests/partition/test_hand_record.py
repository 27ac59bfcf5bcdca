"""What the history of a message in hand means: crashes, suspicion, running alone, attempts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.partition.hand_record import HandRecord

COUNTS = st.integers(0, 10**6)
ENTRY_IDS = st.from_regex(r"[0-9]{1,13}-[0-9]{1,6}", fullmatch=True)


@pytest.mark.rule("A2")
@pytest.mark.parametrize(
    ("suspicion", "alone", "attempts"), [(0, False, 0), (1, False, 0), (2, True, 0), (3, True, 1), (5, True, 3)]
)
def test_given_takeovers_from_the_dead_when_counted_then_the_second_runs_alone_and_further_ones_are_attempts(
    suspicion: int,
    alone: bool,  # noqa: FBT001 - a column of the table
    attempts: int,
) -> None:
    """Suspect once, and as usual; then alone; and from then on it is guilty of each death."""
    record = HandRecord("1-0", 0, suspicion)

    assert (record.runs_alone, record.attempts) == (alone, attempts)


@pytest.mark.rule("A1", "A3")
@given(crashes=COUNTS, suspicion=COUNTS)
def test_given_crashes_of_its_own_when_counted_then_each_is_an_attempt(crashes: int, suspicion: int) -> None:
    """Beside those of deaths while alone."""
    without, with_them = HandRecord("1-0", 0, suspicion), HandRecord("1-0", crashes, suspicion)

    assert with_them.attempts - without.attempts == crashes


@pytest.mark.rule("A2")
@given(crashes=COUNTS, suspicion=COUNTS, deaths=st.integers(2, 5))
def test_given_a_message_that_waits_in_line_when_its_node_dies_again_then_that_is_not_its_doing(
    crashes: int, suspicion: int, deaths: int
) -> None:
    """A death counts for what was handed out since the last one, and for nothing else."""
    record = HandRecord("1-0", crashes, suspicion)

    raised = record
    for _ in range(deaths):
        raised = HandRecord.unpack(raised.after_death().pack())

    assert raised.suspicion == suspicion + 1
    assert raised.handed_out().after_death().suspicion == suspicion + 2


@given(entry_id=ENTRY_IDS, crashes=COUNTS, suspicion=COUNTS, waits=st.booleans())
def test_given_any_record_when_packed_then_it_is_read_again(
    entry_id: str,
    crashes: int,
    suspicion: int,
    waits: bool,  # noqa: FBT001 - drawn
) -> None:
    """The text in the store."""
    record = HandRecord(entry_id, crashes, suspicion, waits)

    assert HandRecord.unpack(record.pack()) == record


@given(text=st.text())
def test_given_any_text_when_unpacked_then_it_is_a_record(text: str) -> None:
    """What cannot be read has no history; it never fails a takeover."""
    record = HandRecord.unpack(text)

    assert record.crashes >= 0
    assert record.suspicion >= 0
    assert record.entry_id == text.partition("|")[0]
