"""The pool for pictures: real engines in a sandboxed process, lost and replaced, beside the pool for text."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import psutil
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "invoices"))

import hostile
from examples_here import content
from scanned import EXPECTED, page, saved, scan

from actors import document_readers
from actors.document_readers.machine import with_pictures
from actors.settings import OcrSettings, ReaderSettings, Settings
from invoices.invoice import to_protocol
from invoices.ocr.engines import engines_installed
from invoices.problems import Problem
from invoices.reading_record import Reading, Step
from supervision.actor import GeventActorRef
from supervision.supervisor import Supervisor

needs_an_engine = pytest.mark.skipif(not engines_installed(), reason="no engine of character recognition is installed")
SCAN = scan(page())


@pytest.fixture(scope="module")
def pools() -> Iterator[GeventActorRef[Any]]:
    """Both pools as the tree has them, with a reader each."""
    settings = Settings(readers=ReaderSettings(count=1, timeout_s=3.0), ocr=OcrSettings(timeout_s=60.0))
    root = Supervisor.start([document_readers.supervised(settings)], strategy="one_for_one", intensity=9, period_s=30.0)
    yield root
    root.stop()


def scan_reader() -> psutil.Process:
    """The process that reads pictures."""
    (found,) = [child for child in psutil.Process(os.getpid()).children() if "ocr" in child.cmdline()]
    return found


@needs_an_engine
def test_given_a_scan_when_the_pools_are_asked_then_the_second_answers(pools: GeventActorRef[Any]) -> None:
    """The trail says what the first looked for, and no more that it wanted another."""
    reading = document_readers.read("scan.pdf", None, SCAN, 60.0)

    assert {name: to_protocol(reading.invoices[0])[name] for name in EXPECTED} == EXPECTED
    assert [(step.source, step.outcome) for step in reading.trail] == [
        ("xml", "none"),
        ("text", "none"),
        ("ocr", "read"),
    ]
    assert not reading.wants_ocr
    assert not reading.retried


@needs_an_engine
def test_given_a_reader_that_is_killed_in_recognition_when_asked_then_another_engine_answers(
    pools: GeventActorRef[Any],
) -> None:
    """One retry, without the engine that cost the reader."""
    if len(engines_installed()) < 2:
        pytest.skip("only one engine of character recognition is installed here")
    victim = scan_reader()
    used_s = victim.cpu_times().user
    asked = gevent.spawn(document_readers.read, "scan.tif", None, saved(page(300), "TIFF"), 100.0)
    with gevent.Timeout(30.0, AssertionError("the reader did not begin")):
        while victim.cpu_times().user < used_s + 0.3 or victim.cpu_times().user < 3.5:
            gevent.sleep(0.01)

    victim.kill()

    reading = asked.get(timeout=100.0)
    assert {name: to_protocol(reading.invoices[0])[name] for name in EXPECTED} == EXPECTED
    assert reading.retried
    assert scan_reader().pid != victim.pid


@needs_an_engine
def test_given_scans_that_wait_when_a_text_document_comes_then_it_does_not_wait_for_them(
    pools: GeventActorRef[Any],
) -> None:
    """Seconds of recognition hold nobody else up."""
    scans = [gevent.spawn(document_readers.read, "scan", None, SCAN, 100.0) for _ in range(3)]
    gevent.sleep(0)

    reading = document_readers.read("invoice.pdf", None, content("invoice-en.factur-x.pdf"), 20.0)

    assert reading.invoices
    assert not all(one.ready() for one in scans)
    assert all(one.get(timeout=100.0).invoices for one in scans)


@needs_an_engine
@pytest.mark.parametrize("make", [hostile.huge_image, hostile.flate_bomb_in_form])
def test_given_a_page_that_nobody_can_draw_when_asked_then_the_answer_is_a_problem_in_time(
    pools: GeventActorRef[Any], make: Any
) -> None:
    """It costs a reader for text and at most one for pictures, and the next scan is read."""
    reading = document_readers.read("hostile.pdf", None, make(), 100.0)

    assert reading.problem is not None
    assert document_readers.read("scan.pdf", None, SCAN, 60.0).invoices


def test_given_a_reading_without_recognition_when_the_other_was_lost_then_what_the_first_found_counts() -> None:
    """An archive with an XML invoice and a picture is more than its picture."""
    seen = Reading("unknown", "document", problem=Problem("too_slow", "gone"), trail=(Step("rapidocr", "too_slow"),))
    first = Reading("image", "PNG image", problem=Problem("no_text", "a picture"), trail=(Step("ocr", "wanted"),))

    both = with_pictures(first, seen)

    assert (both.kind, both.what) == ("image", "PNG image")
    assert both.problem == seen.problem
    assert both.trail == seen.trail
