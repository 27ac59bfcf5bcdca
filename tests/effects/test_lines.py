"""The relay's machines: lines that keep their order, and what follows an attempt."""

import errno
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, precondition, rule

from actors.effects.attempts import (
    OUT_OF_ORDER,
    SILENT_MAX,
    Attempts,
    Failure,
    First,
    GiveUp,
    State,
    TryAgain,
    after_failure,
    first_step,
)
from actors.effects.deliverer import policy_named
from actors.effects.lines import Lines, Waiting
from actors.effects.performing import verdict_of
from supervision.classification.verdicts import HANDLING, Cause, ErrorCategory, verdict
from supervision.retry_mechanism import RetryState

AT_ONCE_MAX = 3


class LinesMachine(RuleBasedStateMachine):
    """Against a plain model: for each chat a list, for each partition held what is in its outbox."""

    taken = Bundle("taken")

    def __init__(self) -> None:
        super().__init__()
        self.lines = Lines(AT_ONCE_MAX)
        self.now_s = 100.0
        self.left: dict[tuple[int, str], list[Waiting]] = defaultdict(list)
        self.at_work: dict[tuple[int, str], Waiting] = {}
        self.not_before: dict[tuple[int, str], float] = {}
        self.held_s = self.shut_s = 0.0
        self.number = 0

    @rule(partition=st.integers(0, 1), chat=st.sampled_from("abc"), twice=st.booleans())
    def seen(self, partition: int, chat: str, *, twice: bool) -> None:
        """A new entry, perhaps told twice."""
        self.number += 1
        waiting = Waiting(partition, chat, f"{self.number}-0")
        for _ in range(1 + twice):
            self.lines.seen(waiting)
        self.left[waiting.line].append(waiting)

    @rule(delay_s=st.floats(0.0, 3.0))
    def time_passes(self, delay_s: float) -> None:
        """The clock goes on."""
        self.now_s += delay_s

    @rule(delay_s=st.floats(0.1, 2.0))
    def held(self, delay_s: float) -> None:
        """The service asks to wait."""
        self.held_s = max(self.held_s, self.now_s + delay_s)
        self.lines.hold(self.now_s + delay_s)

    @rule(delay_s=st.floats(0.1, 2.0))
    def shut(self, delay_s: float) -> None:
        """The breaker opens."""
        self.shut_s = self.now_s + delay_s
        self.lines.shut(self.shut_s)

    @rule()
    def opened(self) -> None:
        """The breaker closes."""
        self.shut_s = 0.0
        self.lines.open()

    def ready(self) -> set[tuple[int, str]]:
        """Lines whose first may be begun."""
        if self.now_s < max(self.held_s, self.shut_s) or len(self.at_work) >= AT_ONCE_MAX:
            return set()
        return {
            key
            for key, waiting in self.left.items()
            if waiting and key not in self.at_work and self.not_before.get(key, 0.0) <= self.now_s
        }

    @rule(target=taken)
    def take(self) -> object:
        """The next: the first of a line that is ready, and some, if any is ready."""
        ready = self.ready()

        got = self.lines.take(self.now_s)

        assert (got is None) == (not ready)
        if got is None:
            return multiple()
        assert got.line in ready
        assert got is self.left[got.line][0]
        self.at_work[got.line] = got
        return got

    @rule(waiting=consumes(taken))
    def settled(self, waiting: Waiting) -> None:
        """It has left the outbox."""
        self.lines.settled(waiting)
        if self.at_work.get(waiting.line) is waiting:
            del self.at_work[waiting.line]
            self.left[waiting.line].pop(0)
            self.not_before.pop(waiting.line, None)

    @rule(waiting=consumes(taken))
    def put_back(self, waiting: Waiting) -> None:
        """It was not begun."""
        self.lines.put_back(waiting)
        if self.at_work.get(waiting.line) is waiting:
            del self.at_work[waiting.line]

    @rule(waiting=consumes(taken), delay_s=st.floats(0.1, 5.0))
    def failed(self, waiting: Waiting, delay_s: float) -> None:
        """It failed."""
        self.lines.wait(waiting, self.now_s + delay_s, RetryState(1))
        if self.at_work.get(waiting.line) is waiting:
            del self.at_work[waiting.line]
            self.not_before[waiting.line] = self.now_s + delay_s

    @precondition(lambda self: any(self.left.values()))
    @rule(partition=st.integers(0, 1), again=st.booleans())
    def lost(self, partition: int, *, again: bool) -> None:
        """The partition goes, and perhaps comes back, with everything that is in it."""
        self.lines.drop(partition)
        keys = [key for key in self.left if key[0] == partition]
        those = sorted((waiting for key in keys for waiting in self.left.pop(key)), key=lambda one: one.place)
        for key in keys:
            self.at_work.pop(key, None)
            self.not_before.pop(key, None)
        if again:
            for old in those:
                waiting = Waiting(old.partition, old.chat_id, old.entry_id)
                self.lines.seen(waiting)
                self.left[waiting.line].append(waiting)

    @invariant()
    def counts_agree(self) -> None:
        """Nothing is lost, and nothing is twice."""
        assert len(self.lines) == sum(map(len, self.left.values()))
        assert self.lines.at_work == len(self.at_work)
        assert [self.lines.at_work_in(number) for number in (0, 1)] == [
            sum(key[0] == number for key in self.at_work) for number in (0, 1)
        ]
        assert sorted(one.entry_id for one in self.lines.waiting()) == sorted(
            one.entry_id for line in self.left.values() for one in line
        )

    @invariant()
    def looks_again_in_time(self) -> None:
        """Whenever something waits for a time, it says when to look."""
        look_s = self.lines.next_look_s()
        if self.ready():
            assert look_s is not None
            assert look_s <= self.now_s


def test_given_a_partition_that_went_and_came_back_when_its_first_fails_then_it_waits_its_time() -> None:
    """What was listed before the partition went says nothing of the line that came back."""
    lines = Lines(AT_ONCE_MAX)
    lines.seen(Waiting(1, "a", "1-0"))
    lines.drop(1)
    lines.seen(again := Waiting(1, "a", "1-0"))

    assert lines.take(100.0) is again
    lines.wait(again, 105.0, RetryState(1))

    assert lines.take(100.0) is None
    assert lines.take(105.0) is again


LinesMachine.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestLines = LinesMachine.TestCase


@given(
    state=st.sampled_from(State), begun=st.integers(0, 10**6), counted=st.integers(0, 99), silent=st.integers(0, 9),
    at_ms=st.integers(0, 2**43),
)  # fmt: skip
def test_given_any_record_when_packed_and_read_then_it_is_the_same(
    state: State, begun: int, counted: int, silent: int, at_ms: int
) -> None:
    """The scripts write the same form."""
    record = Attempts(state, "ledger", begun, counted, silent, at_ms)

    assert Attempts.unpack(record.pack()) == record


@given(text=st.text(max_size=40))
def test_given_any_text_when_read_as_a_record_then_it_is_one_or_none(text: str) -> None:
    """A broken record is no reason to fail."""
    Attempts.unpack(text)


@pytest.mark.rule("E1")
@pytest.mark.parametrize(
    ("state", "delivery", "first"),
    [
        (None, "neither", First.PERFORM),
        (State.NOT_DONE, "neither", First.PERFORM),
        (State.BEGUN, "keyed", First.PERFORM),
        (State.UNKNOWN, "keyed", First.PERFORM),
        (State.BEGUN, "checkable", First.LOOK),
        (State.UNKNOWN, "checkable", First.LOOK),
        (State.BEGUN, "neither", First.GIVE_UP),
        (State.UNKNOWN, "neither", First.GIVE_UP),
    ],
)
def test_given_what_is_known_of_the_last_attempt_when_the_next_begins_then_its_first_step_is_as_declared(
    state: State | None, delivery: str, first: First
) -> None:
    """Only what may have happened makes a difference."""
    before = None if state is None else Attempts(state, "place")

    assert first_step(before, delivery) is first  # type: ignore[arg-type]


def test_given_attempts_that_all_ended_with_their_process_when_there_are_too_many_then_it_is_given_up() -> None:
    """It may be the effect that ends it; its neighbours are not to suffer."""
    before = Attempts(State.BEGUN, "place", SILENT_MAX, 0, SILENT_MAX - 1)

    assert first_step(before, "keyed") is First.GIVE_UP


def failure(cause: Cause, *, counted: int = 0, probe: bool = False, age_s: float = 1.0, **fields: float) -> Failure:
    """A failed attempt."""
    judged = verdict(ErrorCategory.WEBHOOK, cause, ValueError("no"), retry_after=fields.get("retry_after"))
    return Failure(Attempts(State.BEGUN, "webhook", counted + 1, counted), judged, True, probe, age_s)  # noqa: FBT003


@given(
    cause=st.sampled_from([cause for cause in Cause if cause not in OUT_OF_ORDER]),
    chance=st.floats(0.0, 0.99),
    probe=st.booleans(),
)
def test_given_any_cause_when_an_effect_fails_for_good_then_within_the_policy_s_attempts(
    cause: Cause, chance: float, *, probe: bool
) -> None:
    """What can be retried is, but not for ever; a probe burns nothing."""
    policy = policy_named("webhook")
    counted, retry = 0, RetryState()
    for attempt in range(1, 10):
        decided = after_failure(failure(cause, counted=counted, probe=probe), retry, policy, "keyed", chance)
        if isinstance(decided, GiveUp):
            assert attempt == 1 if not HANDLING[cause].retryable else attempt <= policy.max_retries + 1
            return
        assert decided.delay_s >= policy.min_delay_s
        counted, retry = decided.record.counted, decided.retry
        assert counted == (0 if probe else attempt)
    assert probe


@pytest.mark.parametrize("cause", sorted(OUT_OF_ORDER))
def test_given_a_service_that_is_out_of_order_when_an_effect_fails_then_all_wait_and_nothing_is_burnt(
    cause: Cause,
) -> None:
    """A full disk is an operator's business; whatever is tried meanwhile would be told the same."""
    decided = after_failure(failure(cause, counted=2), RetryState(), policy_named("database"), "keyed", 0.5)

    assert isinstance(decided, TryAgain)
    assert decided.all_wait
    assert decided.record.counted == 2


@given(wait_s=st.floats(0.1, 80_000.0), count=st.integers(1, 30))
def test_given_a_service_that_says_when_to_come_back_when_it_is_obeyed_then_nothing_is_burnt(
    wait_s: float, count: int
) -> None:
    """However often it says so, and for all that waits for it."""
    decided = after_failure(
        failure(Cause.RATE_LIMIT, counted=count, retry_after=wait_s), RetryState(), policy_named("webhook"), "keyed",
        0.5,
    )  # fmt: skip

    assert isinstance(decided, TryAgain)
    assert decided.all_wait
    assert decided.delay_s >= wait_s
    assert decided.record.counted == count


def test_given_an_effect_that_is_a_day_old_when_it_fails_then_a_person_sees_it() -> None:
    """Also while its service is away: what waits so long is somebody's business."""
    old = failure(Cause.CONNECTION, probe=True, age_s=90_000.0)

    assert isinstance(after_failure(old, RetryState(), policy_named("webhook"), "keyed", 0.5), GiveUp)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_given_a_target_that_keeps_files_when_its_disk_fails_then_it_is_known_for_that(number: int) -> None:
    """The spreadsheet's local file lies on this machine's disk, whatever service it stands for."""
    judged = verdict_of(OSError(number, "no"), FileTarget())

    assert judged.cause in OUT_OF_ORDER


class FileTarget:
    """As much of a target as is asked here."""

    name = service = "spreadsheet"
    delivery = "checkable"
