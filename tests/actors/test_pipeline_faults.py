"""The pipe on a wire that fails where it is told to: every request ends, and order holds."""

from collections.abc import Sequence
from typing import Any

import hiredis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.pipeline.limits import PipeLimits
from actors.pipeline.pipe import Pipe, Redirector
from actors.pipeline.redirection import ask
from actors.pipeline.request import Request
from actors.pipeline.scripts import Script
from actors.redis_connection import NodeAddress
from actors.redis_connection.wire import pack
from actors.store_errors import ScriptMissing, SlotMoving, StoreAway, StoreError
from supervision import world

LIMITS = PipeLimits(batch_count_max=4, patience_s=5.0, reconnect_s_min=0.0001, reconnect_s_max=0.001)
NODE = NodeAddress("server", 1)
SCRIPT = Script.of("s", b"return ARGV[1]")


class FaultyServer:
    """A server and the way to it. Does what it is sent, in order, and loses connections or scripts as planned.

    plan: for each exchange with requests, after how many commands the connection breaks and how many answers come back
    before it does, or None for none; and whether the scripts are flushed before it.
    """

    def __init__(self, plan: list[tuple[int, int, bool] | None]) -> None:
        self.plan = plan
        self.done: list[bytes] = []
        self.scripts: set[bytes] = set()
        self.is_open = False

    def open(self) -> None:
        """Connect."""
        self.is_open = True

    def close(self) -> None:
        """Hang up."""
        self.is_open = False

    def is_stale(self) -> bool:
        """Whether the connection is gone."""
        return not self.is_open

    def call(self, *args: Any, timeout_s: float) -> Any:
        """Not used by pipes."""
        raise NotImplementedError

    def exchange(self, packed: Sequence[bytes], replies: list[Any], timeout_s: float) -> None:
        """Do commands until the connection breaks."""
        assert self.is_open
        commands = [parse(part) for part in packed]
        fault = self.plan.pop(0) if self.plan and any(command[0] == b"EVALSHA" for command in commands) else None
        cut, answered, flush = fault or (len(commands), len(commands), False)
        if flush:
            self.scripts.clear()
        answers = [self.answer(command) for command in commands[:cut]]
        world.current().sleep(0)
        if fault is not None and cut < len(commands):
            for answer in answers[: min(answered, cut)]:
                replies.append(answer)  # noqa: PERF402 - one by one, as they come
            self.is_open = False
            raise StoreAway("as planned", sent=True)
        for answer in answers:
            replies.append(answer)  # noqa: PERF402 - the same

    def answer(self, command: list[bytes]) -> Any:
        """Do one command."""
        match command[0]:
            case b"SCRIPT":
                self.scripts.add(SCRIPT.sha.encode())
                return SCRIPT.sha.encode()
            case b"EVALSHA" if command[1] not in self.scripts:
                return hiredis.ReplyError("NOSCRIPT No matching script. Please use EVAL.")
            case b"EVALSHA":
                self.done.append(command[-1])
                return command[-1]
            case _:
                return b"OK"


def parse(packed: bytes) -> list[bytes]:
    """Read a packed command; what is packed is what a reader of replies calls a list."""
    reader = hiredis.Reader()
    reader.feed(packed)
    parsed = reader.gets()
    assert isinstance(parsed, list)
    return parsed


def command(number: int, told: list[int]) -> Request:
    """A request that tells when it is done."""
    packed = pack(("EVALSHA", SCRIPT.sha, 1, "k", f"{number}"))
    return Request(packed, 0, SCRIPT, lambda _request: told.append(number))


FAULTS = st.none() | st.tuples(st.integers(0, 5), st.integers(0, 5), st.booleans())


@given(plan=st.lists(FAULTS, max_size=6), sizes=st.lists(st.integers(0, 9), min_size=1, max_size=6))
@settings(deadline=None, max_examples=150)
def test_given_any_losses_when_requests_are_sent_then_each_ends_once_and_none_overtakes(
    plan: list[tuple[int, int, bool] | None], sizes: list[int]
) -> None:
    """A failed request fails those that were waiting behind it; what is answered was done exactly once, in order."""
    server = FaultyServer(list(plan))
    pipe = Pipe(NODE, server, [SCRIPT], LIMITS, Redirector())
    task = world.current().spawn(pipe.run)
    told: list[int] = []
    rounds: list[list[Request]] = []
    for size in sizes:
        burst = [command(len(told) + number, told) for number in range(size)]
        rounds.append(burst)
        for request in burst:
            pipe.put(request)
        for request in burst:
            try:
                request.result(5.0)
            except StoreError:
                continue
    pipe.close()
    assert task.join(5.0)

    assert task.error is None
    for burst in rounds:
        assert all(request.done for request in burst)
        failed = [request.error is not None for request in burst]
        assert failed == sorted(failed)  # behind a request that failed, nothing of the burst was answered
    total = sum(sizes)
    assert sorted(told) == list(range(total))
    numbers = [int(item) for item in server.done]
    assert numbers == sorted(set(numbers))
    requests = [request for burst in rounds for request in burst]
    answered = {int(request.reply) for request in requests if request.error is None}
    unsent = {
        n for n, request in enumerate(requests) if isinstance(request.error, StoreAway) and not request.error.sent
    }
    assert answered <= set(numbers)
    assert not unsent & set(numbers)


def test_given_scripts_that_vanish_again_and_again_when_sent_then_it_ends_in_an_error() -> None:
    """Somebody flushes in a loop: two loads are tried, not a thousand."""

    class Forgetful(FaultyServer):
        def answer(self, command: list[bytes]) -> Any:
            self.scripts.clear()
            return super().answer(command)

    pipe = Pipe(NODE, Forgetful([]), [], LIMITS, Redirector())
    task = world.current().spawn(pipe.run)
    request = command(0, [])
    pipe.put(request)

    with pytest.raises(ScriptMissing):
        request.result(5.0)

    pipe.close()
    assert task.join(5.0)


def test_given_a_pipe_that_is_killed_when_requests_are_under_way_then_they_fail_and_nobody_waits_for_ever() -> None:
    """Its owner crashed: everything it had taken is answered for."""

    class Mute(FaultyServer):
        def exchange(self, packed: Sequence[bytes], replies: list[Any], timeout_s: float) -> None:
            if any(parse(part)[0] == b"EVALSHA" for part in packed):
                world.current().sleep(60)
            super().exchange(packed, replies, timeout_s)

    pipe = Pipe(NODE, Mute([]), [SCRIPT], LIMITS, Redirector())
    task = world.current().spawn(pipe.run)
    requests = [command(number, []) for number in range(6)]
    for request in requests:
        pipe.put(request)
    while not pipe.in_flight:
        world.current().sleep(0.001)

    task.kill()

    assert task.join(5.0)
    assert [request.error.sent for request in requests if isinstance(request.error, StoreAway)] == [True] * 4 + [
        False
    ] * 2


def test_given_a_closed_pipe_when_asked_then_the_request_fails_soon_and_its_listener_hears() -> None:
    """A server that has left the cluster: whoever still sends there must not wait for ever."""
    pipe = Pipe(NODE, FaultyServer([]), [SCRIPT], LIMITS, Redirector())
    task = world.current().spawn(pipe.run)
    pipe.close()
    assert task.join(5.0)
    told: list[int] = []
    request = command(7, told)

    pipe.put(request)

    with pytest.raises(StoreAway) as away:
        request.result(5.0)
    assert not away.value.sent
    assert told == [7]


def test_given_requests_to_ask_elsewhere_when_some_are_sent_on_and_some_lost_then_each_is_accounted_for() -> None:
    """ASKING has an answer of its own: answers are paired with the requests they belong to."""

    class Importing(FaultyServer):
        def answer(self, command: list[bytes]) -> Any:
            if command[-1] == b"1":
                return hiredis.ReplyError("TRYAGAIN Multiple keys request during rehashing of slot")
            if command[-1] == b"2":
                return hiredis.ReplyError("ERR wrong")
            return super().answer(command)

    requests = [command(number, []) for number in range(4)]

    again = ask(Importing([(6, 6, False)]), requests[:3], 1.0)
    nobody = ask(Importing([(2, 2, False)]), requests[3:], 1.0)

    assert again == [requests[1]]
    assert requests[0].reply == b"0"
    assert not requests[1].done
    assert [type(request.error) for request in requests[2:]] == [StoreAway, StoreAway] or requests[2].error is not None
    assert nobody == []
    assert isinstance(requests[3].error, StoreAway | SlotMoving)
