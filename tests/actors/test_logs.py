"""One line an event, readable by its reader, without a secret, wherever it was logged."""

import io
import json
import logging
import subprocess
import sys
import timeit
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from actors.logs import Seldom, configure_logging


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def _events(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_given_no_terminal_when_logged_then_one_json_object_a_line() -> None:
    """With everything that was bound, for a program to follow."""
    out = io.StringIO()
    configure_logging("info", node="n1", stream=out)
    log = structlog.get_logger().bind(actor="sessions/789", chat_id="789")

    log.info("restarting", message_id="m-1", attempt=2)
    log.bind(node="n2").warning("elsewhere")

    first, second = _events(out)
    assert first.pop("timestamp").endswith("Z")
    assert first == {
        "level": "info",
        "event": "restarting",
        "actor": "sessions/789",
        "chat_id": "789",
        "message_id": "m-1",
        "attempt": 2,
        "node": "n1",
    }
    assert (second["level"], second["node"]) == ("warning", "n2")


def test_given_a_terminal_when_logged_then_a_line_for_people() -> None:
    """No JSON, and no local variables beside a traceback."""
    out = _Terminal()
    configure_logging("info", stream=out)

    try:
        hidden = "the local's value"
        raise ValueError(len(hidden))
    except ValueError:
        structlog.get_logger().exception("crashed", actor="sessions/789")

    assert "crashed" in out.getvalue()
    assert "sessions/789" in out.getvalue()
    assert "ValueError" in out.getvalue()
    assert "the local's value" not in out.getvalue().replace('hidden = "the local\'s value"', "")


def test_given_the_standard_library_when_it_logs_then_the_same_way() -> None:
    """Pykka's errors, warnings and anybody else's, with their logger's name; talkative ones from warning up."""
    out = io.StringIO()
    configure_logging("info", node="n1", stream=out)

    logging.getLogger("pykka").error("Unhandled exception in %s", "sessions/789")
    logging.getLogger("httpx").info("HTTP Request: POST https://api.example/")
    logging.getLogger("somebody").info("hello %d", 7)
    logging.getLogger("somebody").debug("not this")
    warnings.warn("an old habit", DeprecationWarning, stacklevel=1)

    events = _events(out)
    assert [(event["logger"], event["level"]) for event in events[:2]] == [("pykka", "error"), ("somebody", "info")]
    assert events[0]["event"] == "Unhandled exception in sessions/789"
    assert events[1]["event"] == "hello 7"
    assert events[0]["node"] == "n1"
    assert all("HTTP Request" not in event["event"] and "not this" not in event["event"] for event in events)


@pytest.mark.parametrize("terminal", [False, True], ids=["json", "terminal"])
def test_given_secrets_anywhere_when_logged_then_hidden(terminal: bool) -> None:  # noqa: FBT001 - both kinds
    """In the event, in a value, under a telling name, in an exception and in what others log."""
    out = _Terminal() if terminal else io.StringIO()
    configure_logging("info", stream=out)
    log = structlog.get_logger()

    log.info("key sk-hunter2hunter2", url="redis://u:hunter2@h/0", data={"password": "hunter2"}, blob="hunter2A" * 30)
    log.info("bytes", raw=b"hunter2")
    try:
        raise ValueError("Authorization: Bearer hunter2hunter2")
    except ValueError:
        log.exception("failed")
        logging.getLogger("other").exception("with whsec_hunter2hunter2")

    assert "hunter2" not in out.getvalue()
    assert "[hidden]" in out.getvalue()
    assert "240 characters of base64" in out.getvalue()


class _Unspeakable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


def test_given_values_that_are_hard_to_write_when_logged_then_written() -> None:
    """A log must not fail for what it is told."""
    out = io.StringIO()
    configure_logging("info", stream=out)

    structlog.get_logger().info("odd", half="\ud800", big=2**70, odd=_Unspeakable(), keys={1: 2}, nan=float("nan"))
    structlog.get_logger().info("long", text="x y " * 10_000)
    structlog.get_logger().info(12)  # type: ignore[arg-type]

    first, second, third = _events(out)
    assert first["keys"] == {"1": 2}
    assert "RuntimeError" in first["odd"]
    assert len(second["text"]) < 3000
    assert third["event"] == "12"


@pytest.mark.parametrize(("level", "expected"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_given_a_level_when_logged_then_nothing_below_it(level: str, expected: int) -> None:
    """As the configuration has it; the last call holds."""
    configure_logging("error", stream=io.StringIO())
    out = io.StringIO()
    configure_logging(level, stream=out)
    log = structlog.get_logger()

    for say in (log.debug, log.info, log.warning, log.error):
        say("said")

    assert len(_events(out)) == expected


def test_given_an_event_below_the_level_when_logged_then_it_costs_almost_nothing() -> None:
    """A call that does nothing: bound loggers on the hot path may stay there."""
    configure_logging("info", stream=io.StringIO())
    log = structlog.get_logger().bind(actor="a")

    best_s = min(timeit.repeat(lambda: log.debug("turn", chat_id="789", message_id="m"), number=500, repeat=20)) / 500

    assert best_s < 2e-6


def test_given_a_program_when_it_logs_then_on_standard_error_alone() -> None:
    """Standard output belongs to the answers."""
    program = (
        "from actors.logs import configure_logging as c; import structlog; c(); structlog.get_logger().info('here')"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout == ""
    assert json.loads(done.stderr)["event"] == "here"


def test_given_a_trouble_that_lasts_when_tried_twice_a_second_then_it_is_said_once_a_minute() -> None:
    """An outage of a night is a few hundred lines, not a hundred thousand."""
    seldom = Seldom(60.0)

    said = [tenth for tenth in range(10_000, 13_000) if seldom.is_due(tenth / 10)]

    assert said == [10_000, 10_600, 11_200, 11_800, 12_400]


def test_given_a_full_disk_when_an_event_is_said_then_it_is_dropped_and_nobody_ends_for_it() -> None:
    """The log stands often on the very disk that is full."""
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123 - a device
        configure_logging(stream=full, as_json=True)

        structlog.get_logger().error("the disk is full")
