"""The desk against a store that dies, forgets to answer and repeats itself, and callers who give up."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actors.agent_client.desk import IDLE_CHATS_MAX, Answer, Desk, FollowUp, Letter, Stage, is_owed
from messages.records import Reply

CHATS = ("a", "b")
BODY = b"body"


def reply_to(chat: str, message: str, kind: str = "final", answered_by: str = "rules", number: int = 0) -> Reply:
    """A reply of the daemon."""
    return Reply(f"r-{chat}-{message}-{kind}-{number}", message, chat, kind, "text", answered_by=answered_by)  # type: ignore[arg-type]


@dataclass
class Chat:
    """What the store and the daemon know of one chat."""

    intake: deque[str] = field(default_factory=deque)
    taken: list[str] = field(default_factory=list)
    owed: set[str] = field(default_factory=set)
    replies: list[Reply] = field(default_factory=list)


class DeskRun(RuleBasedStateMachine):
    """A desk, a store that keeps each message once, and the promises the two keep together."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.store = {chat: Chat() for chat in CHATS}
        self.accepted: dict[str, list[str]] = {chat: [] for chat in CHATS}
        self.letters: dict[str, Letter] = {}
        self.answers: dict[str, list[Reply]] = {}
        self.told: set[str] = set()
        self.gone: set[str] = set()
        self.follow_ups: dict[str, list[Reply]] = {}
        self.in_flight: list[Letter] = []
        self.up = True
        self.count = 0

    @rule(chat=st.sampled_from(CHATS))
    def accept(self, chat: str) -> None:
        """A call of the program."""
        self.count += 1
        message = f"m{self.count}"
        letter = self.desk.accept(chat, message)
        assert letter is not None
        self.letters[message] = letter
        self.accepted[chat].append(message)

    @precondition(lambda self: any(one.stage is Stage.WRITING for one in self.letters.values()))
    @rule(data=st.data())
    def write(self, data: st.DataObject) -> None:
        """Its attachments were read."""
        writing = [one for one in self.letters.values() if one.stage is Stage.WRITING and self.desk.is_open(one)]
        if writing:
            self.desk.written(data.draw(st.sampled_from(writing)), BODY)

    @precondition(lambda self: self.up and not self.in_flight)
    @rule(count=st.integers(1, 3))
    def take_batch(self, count: int) -> None:
        """The sender begins."""
        self.in_flight = self.desk.batch(count, 100)
        chats = [letter.chat_id for letter in self.in_flight]
        assert len(chats) == len(set(chats))
        for letter in self.in_flight:
            if self.desk.wants_tail(letter):
                self.desk.tail_found(letter.chat_id, f"{len(self.store[letter.chat_id].replies)}-0")

    @precondition(lambda self: self.in_flight)
    @rule(fates=st.lists(st.sampled_from(["there", "refused", "lost", "there, unknown"]), min_size=3, max_size=3))
    def send(self, fates: list[str]) -> None:
        """Each letter arrives or not; the link may break, so that nobody knows."""
        for letter, fate in zip(self.in_flight, fates, strict=False):
            if fate.startswith("there"):
                self.store[letter.chat_id].intake.append(letter.message_id)
        breaks = any(fate in ("lost", "there, unknown") for fate in fates[: len(self.in_flight)])
        for letter, fate in zip(self.in_flight, fates, strict=False):
            if not breaks and fate == "there":
                self.desk.sent(letter)
            elif not breaks:
                self.desk.put_back(letter)
                self.desk.release(letter.chat_id)
        self.in_flight = []
        if breaks:
            self.break_link()

    @rule()
    def break_link(self) -> None:
        """The store dies or does not answer."""
        self.in_flight = []
        self.up = False
        self.desk.lost()

    @precondition(lambda self: any(chat.intake for chat in self.store.values()))
    @rule(data=st.data())
    def lose_the_tail(self, data: st.DataObject) -> None:
        """The store dies and had not yet synced its last write, acknowledged as it was."""
        data.draw(st.sampled_from([chat for chat in self.store.values() if chat.intake])).intake.pop()
        self.break_link()

    @rule()
    def mend_link(self) -> None:
        """It is back."""
        self.up = True

    @rule(chat=st.sampled_from(CHATS), how=st.sampled_from(["final", "static"]))
    def work(self, chat: str, how: str) -> None:
        """The daemon takes the next entry: a copy changes nothing, but what was said is said again."""
        store = self.store[chat]
        if not store.intake:
            return
        message = store.intake.popleft()
        if message in store.taken:
            store.replies += [reply for reply in store.replies if reply.message_id == message]
            return
        store.taken.append(message)
        if how == "static":
            store.owed.add(message)
        store.replies.append(reply_to(chat, message, answered_by="static" if how == "static" else "rules"))

    @precondition(lambda self: any(chat.owed for chat in self.store.values()))
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        """What the daemon owes is done."""
        chat = data.draw(st.sampled_from([name for name in CHATS if self.store[name].owed]))
        message = data.draw(st.sampled_from(sorted(self.store[chat].owed)))
        self.store[chat].owed.discard(message)
        self.store[chat].replies.append(reply_to(chat, message, "follow_up"))

    @precondition(lambda self: self.up)
    @rule()
    def read(self) -> None:
        """The reader reads what is new."""
        for chat, position in self.desk.positions().items():
            start = int(position.partition("-")[0])
            for number, reply in enumerate(self.store[chat].replies[start:], start + 1):
                self.hear(chat, f"{number}-0", reply)

    def hear(self, chat: str, position: str, reply: Reply) -> None:
        """Do what the desk says."""
        match self.desk.heard(chat, position, reply):
            case Answer(letter, answer, owed):
                assert owed == is_owed(answer)
                self.answers.setdefault(letter.message_id, []).append(answer)
            case FollowUp(letter, follow_up):
                assert follow_up.kind == "follow_up"
                assert follow_up.message_id is not None
                self.follow_ups.setdefault(follow_up.message_id, []).append(follow_up)

    @precondition(lambda self: self.waiting())
    @rule(data=st.data())
    def tell(self, data: st.DataObject) -> None:
        """The deadline comes: it was kept, and its caller gets a static reply."""
        letter = self.letters[data.draw(st.sampled_from(self.waiting()))]
        if letter.stage is not Stage.WRITING:
            letter.row, letter.told = letter.number, True
            self.told.add(letter.message_id)

    @precondition(lambda self: self.waiting())
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        """A caller is cancelled."""
        message = data.draw(st.sampled_from(self.waiting()))
        if self.desk.withdraw(self.letters[message]):
            assert message not in self.store[self.letters[message].chat_id].taken
        self.gone.add(message)

    def waiting(self) -> list[str]:
        """Messages whose callers wait."""
        return [name for name in self.letters if name not in self.answers and name not in self.told | self.gone]

    @invariant()
    def the_store_has_them_in_order(self) -> None:
        """What a chat's daemon sees first of each message is the order of acceptance."""
        for chat in CHATS:
            numbers = [self.accepted[chat].index(message) for message in self.store[chat].taken]
            assert numbers == sorted(numbers)

    @invariant()
    def nobody_is_answered_twice(self) -> None:
        """One answer or one static reply, and at most one follow-up to what it owes."""
        assert all(len(answers) == 1 for answers in self.answers.values())
        assert all(len(follow_ups) == 1 for follow_ups in self.follow_ups.values())
        assert not self.told & set(self.answers)

    def teardown(self) -> None:
        """Once everything is up again, every message that is not withdrawn has its last word."""
        self.mend_link()
        for letter in self.letters.values():
            if letter.stage is Stage.WRITING and self.desk.is_open(letter):
                self.desk.written(letter, BODY)
        self.send(["there"] * 3)
        while batch := self.desk.batch(3, 100):
            self.in_flight = batch
            for letter in batch:
                if self.desk.wants_tail(letter):
                    self.desk.tail_found(letter.chat_id, f"{len(self.store[letter.chat_id].replies)}-0")
            self.send(["there"] * 3)
            self.drain()
        self.drain()

        assert self.desk.open == 0
        self.the_store_has_them_in_order()
        self.nobody_is_answered_twice()
        for message in set(self.letters) - self.gone:
            owed = message in self.told or is_owed(self.answers[message][0])
            assert (message in self.follow_ups) == owed

    def drain(self) -> None:
        """The daemon does all there is to do, and it is heard."""
        for chat, store in self.store.items():
            while store.intake:
                self.work(chat, "final")
            for message in sorted(store.owed):
                store.owed.discard(message)
                store.replies.append(reply_to(chat, message, "follow_up"))
        self.read()


TestDeskRun = DeskRun.TestCase
TestDeskRun.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)


def test_given_a_letter_that_is_being_written_when_another_is_ready_then_it_waits_for_its_turn() -> None:
    """A large attachment is not overtaken by the question about it."""
    desk = Desk()
    first, second = desk.accept("c", "1"), desk.accept("c", "2")
    assert first is not None
    assert second is not None

    desk.written(second, BODY)
    before = desk.batch(10, 1000)
    desk.written(first, BODY)

    assert before == []
    assert desk.batch(10, 1000) == [first]


def test_given_a_store_that_was_set_back_when_linked_again_then_reading_begins_at_its_new_end() -> None:
    """A position beyond the stream's end would never be reached."""
    desk = Desk()
    letter = desk.accept("c", "1")
    assert letter is not None
    desk.written(letter, BODY)
    desk.batch(1, 100)
    desk.tail_found("c", "500-0")
    desk.sent(letter)

    desk.lost()
    desk.batch(1, 100)

    assert desk.wants_tail(letter)
    assert desk.tail_found("c", "3-1")
    assert desk.positions() == {"c": "3-1"}


def test_given_many_chats_when_their_letters_are_answered_then_only_the_latest_streams_are_read_on() -> None:
    """What is watched for the sake of follow-ups is bounded."""
    desk = Desk()

    for number in range(IDLE_CHATS_MAX + 50):
        letter = desk.accept(f"c{number}", "1")
        assert letter is not None
        desk.written(letter, BODY)
        desk.batch(1, 100)
        desk.tail_found(letter.chat_id, "0-0")
        desk.sent(letter)
        assert isinstance(desk.heard(letter.chat_id, "1-0", reply_to(letter.chat_id, "1")), Answer)

    assert len(desk.positions()) == IDLE_CHATS_MAX
    assert "c0" not in desk.positions()
    assert desk.open == 0


def test_given_too_many_open_letters_when_another_comes_then_it_is_not_accepted() -> None:
    """There is a bound."""
    desk = Desk(open_max=2)

    accepted = [desk.accept("c", str(number)) for number in range(3)]

    assert [letter is not None for letter in accepted] == [True, True, False]


def test_given_an_effect_that_ends_later_when_it_is_heard_then_it_is_a_follow_up_once() -> None:
    """Of this agent's own messages only, and not again when it is repeated."""
    desk = Desk()
    letter = desk.accept("c", "1")
    assert letter is not None
    desk.written(letter, BODY)
    desk.batch(1, 100)
    desk.tail_found("c", "0-0")
    desk.sent(letter)
    desk.heard("c", "1-0", reply_to("c", "1"))

    first = desk.heard("c", "2-0", reply_to("c", "1", "follow_up"))
    again = desk.heard("c", "3-0", reply_to("c", "1", "follow_up"))
    foreign = desk.heard("c", "4-0", reply_to("c", "somebody else's", "follow_up"))

    assert isinstance(first, FollowUp)
    assert first.letter is None
    assert again is None
    assert foreign is None


def test_given_a_letter_on_its_way_when_others_of_its_chat_are_ready_then_they_wait_and_other_chats_do_not() -> None:
    """One letter of a chat at a time: what becomes of it is not known yet."""
    desk = Desk()
    letters = [desk.accept(chat, number) for chat, number in (("c", "1"), ("c", "2"), ("d", "1"))]
    for letter in letters:
        assert letter is not None
        desk.written(letter, BODY)

    first = desk.batch(10, 1000)
    meanwhile = desk.batch(10, 1000)
    desk.put_back(first[0])
    desk.release("c")

    assert [letter.chat_id for letter in first] == ["c", "d"]
    assert meanwhile == []
    assert desk.batch(10, 1000) == [letters[0]]


def test_given_a_letter_that_was_sent_before_the_link_broke_when_its_caller_goes_then_it_may_be_there() -> None:
    """The store may have it, whether or not its answer was heard."""
    desk = Desk()
    letter = desk.accept("a", "m1")
    assert letter is not None
    desk.written(letter, BODY)
    desk.batch(1, 100)
    desk.sent(letter)

    desk.lost()

    assert not desk.withdraw(letter)
