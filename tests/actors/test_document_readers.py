"""The pool of reader processes: real processes, real hostile documents, real kills."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import psutil
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "invoices"))

import hostile
from examples_here import content

from actors import document_readers
from actors.document_readers import ReadersBusy
from actors.document_readers.actors import WAITING_BYTES_MAX, DocumentReader, Place, ReadDocument, ReaderDesk
from actors.document_readers.machine import Assignments, after_loss, first_timeout_s, reading_after
from actors.document_readers.port import Loss, ReaderPort
from actors.settings import OcrSettings, ReaderSettings, Settings
from invoices.problems import Problem
from invoices.reader_wire import ReadRequest
from invoices.reading_record import Reading
from supervision import world
from supervision.actor import GeventActorRef
from supervision.supervisor import Supervisor, which_children

HYBRID = content("invoice-en.factur-x.pdf")


def slow_document(hybrid: bool = False) -> bytes:  # noqa: FBT001, FBT002 - which one it is
    """A page that draws for many seconds within the memory a reader has; with the invoice attached if hybrid."""
    return hostile.slow_page(attached=content("invoice-en.cii.xml") if hybrid else None)


@pytest.fixture
def port() -> Iterator[ReaderPort]:
    """A reader process without a pool."""
    reader = ReaderPort(world.current(), memory_mb=512, cpu_s=30)
    yield reader
    reader.close()


@pytest.fixture
def pool() -> Iterator[GeventActorRef[Any]]:
    """The pool as the tree has it, with two readers and a short limit."""
    settings = Settings(readers=ReaderSettings(count=2, memory_mb=512, timeout_s=3.0), ocr=OcrSettings(enabled=False))
    root = Supervisor.start([document_readers.supervised(settings)], strategy="one_for_one", intensity=9, period_s=30.0)
    yield root
    root.stop()


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, at most ten seconds."""
    with gevent.Timeout(10.0, AssertionError("it did not happen")):
        while not condition():
            gevent.sleep(0.005)


def readers_of(pid: int) -> list[psutil.Process]:
    """The reader processes of a process."""
    return [child for child in psutil.Process(pid).children() if _is_reader(child)]


def _is_reader(process: psutil.Process) -> bool:
    try:
        return "invoices.reader_main" in process.cmdline()
    except psutil.Error:
        return False  # it has ended


def test_given_a_reader_when_warm_then_it_has_given_up_its_rights(port: ReaderPort) -> None:
    """No network, no files, no processes, bounded memory; no secret in its environment."""
    os.environ["UNFAILING_TEST_SECRET"] = "sk-1"
    port.start()
    hello = port.await_hello()

    limits = Path(f"/proc/{hello.pid}/limits").read_text(encoding="ascii")
    environment = Path(f"/proc/{hello.pid}/environ").read_bytes() if os.geteuid() == 0 else b""

    rows = {line[:26].strip(): line[26:].split() for line in limits.splitlines()}
    assert rows["Max file size"][0] == "0"
    assert rows["Max processes"][0] == "0"
    assert rows["Max core file size"][0] == "0"
    assert int(rows["Max address space"][0]) < 1_000_000_000
    assert b"UNFAILING_TEST_SECRET" not in environment
    own, theirs = (Path(f"/proc/{pid}/ns/net").readlink() for pid in ("self", hello.pid))
    assert hello.has_network == (own == theirs)


def test_given_a_document_when_read_then_the_process_stays(port: ReaderPort) -> None:
    """One process reads many documents."""
    first = port.read(ReadRequest("a", None, HYBRID), 10.0)
    pid = port.pid
    second = port.read(ReadRequest("b", None, HYBRID), 10.0)

    assert first == second
    assert isinstance(first, Reading)
    assert first.invoices[0].number == "HF-20931"
    assert port.pid == pid


def test_given_its_number_of_documents_when_read_then_a_fresh_process_takes_over() -> None:
    """Whatever a library leaks ends with its process."""
    port = ReaderPort(world.current(), memory_mb=512, cpu_s=30, documents_max=2)
    pids = set()
    for _ in range(4):
        port.read(ReadRequest("a", None, b"x"), 10.0)
        pids.add(port.pid)

    port.close()

    assert len(pids) == 2


@pytest.mark.parametrize(
    ("make", "codes"),
    [
        (hostile.flate_bomb_in_page, {"dangerous"}),
        (hostile.huge_image, {"no_text"}),
        (hostile.many_pages, {"no_text"}),
        (hostile.deeply_nested_pdf, {"no_text", "damaged"}),
        (hostile.deeply_nested_xml, {"dangerous"}),
        (lambda: hostile.BILLION_LAUGHS, {"dangerous"}),
        (lambda: hostile.EXTERNAL_ENTITY, {"dangerous"}),
        (hostile.javascript, {"no_text"}),
    ],
    ids=["flate bomb", "image", "10,000 pages", "nested pdf", "nested xml", "laughs", "entity", "javascript"],
)
def test_given_a_hostile_document_when_read_then_the_reader_outlives_it(
    port: ReaderPort, make: Callable[[], bytes], codes: set[str]
) -> None:
    """Typed refusals, by the same process, which then reads an ordinary document."""
    port.start()
    pid = port.await_hello().pid

    outcome = port.read(ReadRequest("x", None, make()), 10.0)
    after = port.read(ReadRequest("y", None, HYBRID), 10.0)

    assert isinstance(outcome, Reading)
    assert outcome.problem is not None
    assert outcome.problem.code in codes
    assert isinstance(after, Reading)
    assert port.pid == pid


def test_given_a_bomb_that_no_check_sees_when_read_then_only_its_reader_dies(port: ReaderPort) -> None:
    """A gigabyte within a form: the process runs out of memory, and a fresh one stands."""
    outcome = port.read(ReadRequest("x", None, hostile.flate_bomb_in_form()), 20.0)
    after = port.read(ReadRequest("y", None, HYBRID), 10.0)

    assert isinstance(outcome, Loss)
    assert outcome.source == "text"
    assert outcome.code in {"reader_died", "out_of_memory", "too_slow"}
    assert isinstance(after, Reading)


def test_given_a_document_that_hangs_when_its_time_is_up_then_the_reader_is_killed(port: ReaderPort) -> None:
    """A killed process is the only limit that always holds."""
    port.start()
    pid = port.await_hello().pid

    outcome = port.read(ReadRequest("x", None, slow_document()), 0.5)

    assert isinstance(outcome, Loss)
    assert (outcome.code, outcome.source) == ("too_slow", "text")
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_given_a_limit_of_cpu_time_when_it_is_used_up_then_the_kernel_ends_the_reader() -> None:
    """The backstop for a supervisor that is itself away."""
    port = ReaderPort(world.current(), memory_mb=512, cpu_s=0)

    outcome = port.read(ReadRequest("x", None, slow_document()), 20.0)
    port.close()

    assert isinstance(outcome, Loss)
    assert outcome.code == "too_slow"
    assert "CPU" in outcome.detail


def test_given_a_reader_when_its_parent_dies_then_it_dies_too() -> None:
    """No reader outlives its node, also when that is killed."""
    program = (
        "import os, subprocess, sys, time\n"
        "reader = subprocess.Popen([sys.executable, '-m', 'invoices.reader_main', str(os.getpid()), '512', '9'],\n"
        "                          stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "reader.stdout.read(4)\n"
        "print(reader.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = world.current().start_process([sys.executable, "-c", program], stdout="pipe")
    assert parent.stdout is not None
    pid = int(parent.stdout.read_line(100, 20.0))

    parent.kill()
    parent.wait(5.0)

    wait_until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_given_a_pool_when_many_ask_then_all_are_answered(pool: GeventActorRef[Any]) -> None:
    """More documents than readers wait in line."""
    asked = [gevent.spawn(document_readers.read, f"{number}", None, HYBRID, 20.0) for number in range(40)]

    gevent.joinall(asked, timeout=30.0)

    assert [greenlet.value.invoices[0].number for greenlet in asked] == ["HF-20931"] * 40


def test_given_a_document_that_costs_its_reader_when_read_then_it_gets_one_retry_on_the_next_source(
    pool: GeventActorRef[Any],
) -> None:
    """The page hangs, the XML attached to it is read."""
    reading = document_readers.read("x.pdf", None, slow_document(hybrid=True), 10.0)

    assert reading.invoices[0].number == "HF-20931"
    assert reading.retried
    assert (reading.trail[0].source, reading.trail[0].outcome) == ("text", "too_slow")


def test_given_a_document_that_costs_both_tries_when_read_then_it_is_a_typed_problem(pool: GeventActorRef[Any]) -> None:
    """Nothing else is left to try; the pool reads on."""
    reading = document_readers.read("x.pdf", None, hostile.flate_bomb_in_form(), 12.0)
    after = document_readers.read("y.pdf", None, HYBRID, 10.0)

    assert reading.problem is not None
    assert reading.problem.code in {"reader_died", "too_slow", "out_of_memory"}
    assert after.invoices[0].number == "HF-20931"


def test_given_a_reader_killed_in_mid_document_when_read_then_the_document_is_read_all_the_same(
    pool: GeventActorRef[Any],
) -> None:
    """Kill -9 of the process: its actor stands, the document gets its retry."""
    asked = gevent.spawn(document_readers.read, "x.pdf", None, slow_document(hybrid=True), 20.0)
    wait_until(lambda: any(process.cpu_times().user > 0.6 for process in readers_of(os.getpid())))
    busy = max(readers_of(os.getpid()), key=lambda process: process.cpu_times().user)

    busy.send_signal(signal.SIGKILL)

    reading = asked.get(timeout=20.0)
    assert reading.invoices[0].number == "HF-20931"
    assert reading.trail[0].outcome == "reader_died"


def test_given_a_readers_actor_killed_in_mid_document_when_read_then_another_reads_it(
    pool: GeventActorRef[Any],
) -> None:
    """A drill on the actor: the supervisor starts a new one, the desk hands the document out again."""
    (_, documents, _) = which_children(pool)[0]
    asked = gevent.spawn(document_readers.read, "x.pdf", None, slow_document(hybrid=True), 20.0)
    wait_until(lambda: any(process.cpu_times().user > 0.6 for process in readers_of(os.getpid())))

    (readers,) = (ref for name, ref, _ in which_children(documents) if name == "readers")
    for _, ref, _ in which_children(readers):
        ref.crash(RuntimeError("drill"))

    assert asked.get(timeout=20.0).invoices[0].number == "HF-20931"
    wait_until(lambda: all(ref != "restarting" and ref.is_alive() for _, ref, _ in which_children(readers)))


def test_given_a_pool_in_mid_document_when_stopped_then_no_reader_process_is_left(pool: GeventActorRef[Any]) -> None:
    """A stop does not wait for a document that hangs, and leaves nothing behind."""
    asked = gevent.spawn(document_readers.read, "x.pdf", None, slow_document(), 20.0)
    wait_until(lambda: any(process.cpu_times().user > 0.6 for process in readers_of(os.getpid())))

    pool.stop()

    wait_until(lambda: readers_of(os.getpid()) == [])
    asked.kill()


def test_given_no_pool_when_asked_then_it_says_so_at_once() -> None:
    """The caller may try again; nothing is known of the document."""
    wait_until(lambda: document_readers.desk() is None)

    with pytest.raises(ReadersBusy):
        document_readers.read("x", None, b"x", 1.0)


def test_given_a_desk_without_readers_when_too_much_waits_then_it_refuses() -> None:
    """The line is bounded by bytes, and what waits beyond its deadline is not handed out."""
    place = Place()
    desk = ReaderDesk.start(place)
    big = bytes(WAITING_BYTES_MAX // 2 + 1)
    deadline_s = world.current().now() + 0.2
    waiting = desk.ask(ReadDocument("a", None, big, deadline_s), block=False)

    with pytest.raises(ReadersBusy):
        desk.ask(ReadDocument("b", None, big, deadline_s), timeout=5.0)

    gevent.sleep(0.25)
    reader = DocumentReader.start(place, ReaderSettings(count=1))
    with pytest.raises(ReadersBusy):
        waiting.get(timeout=5.0)
    reader.stop()
    desk.stop()


def test_given_assignments_when_readers_come_and_go_then_jobs_keep_their_order() -> None:
    """Oldest first; a lost reader's job goes to the front, and is given up after its attempts."""
    line: Assignments[str, str] = Assignments(2, 100, len)

    accepted = [line.offer(job) for job in ("a", "b", "c")]
    line.ready("r1")
    line.ready("r1")

    assert accepted == [True, True, False]
    assert line.hand_out() == ("r1", "a")
    assert line.hand_out() is None
    assert line.lost("r1") is None
    line.ready("r2")
    assert line.hand_out() == ("r2", "a")
    line.unreached("r2")
    line.ready("r2")
    assert line.hand_out() == ("r2", "a")
    assert line.lost("r2") == "a"
    line.ready("r3")
    assert line.hand_out() == ("r3", "b")
    assert line.lost("nobody") is None
    assert line.waiting == 0


def test_given_a_loss_when_there_is_time_then_the_retry_skips_the_source() -> None:
    """One retry, on the next lower source, within what is left."""
    again = after_loss("text", 20.0, 5.0)

    assert again is not None
    assert (again.skip_sources, again.timeout_s) == (("text",), 5.0)
    assert after_loss("text", 20.0, 0.1) is None
    assert first_timeout_s(20.0, 10.0) == 6.0
    assert first_timeout_s(3.0, 100.0) == 3.0


@pytest.mark.parametrize(
    ("second", "code"),
    [
        (None, "too_slow"),
        (Reading("pdf", "PDF", problem=Problem("unsupported", "nothing left")), "too_slow"),
        (Reading("pdf", "PDF", problem=Problem("encrypted", "a password")), "encrypted"),
    ],
)
def test_given_a_retry_without_an_invoice_when_reported_then_the_better_reason_is_kept(
    second: Reading | None, code: str
) -> None:
    """What is known of the file itself says more than how its reader ended."""
    reading = reading_after("too_slow", "text", "3 s", second)

    assert reading.problem is not None
    assert reading.problem.code == code
    assert reading.retried
