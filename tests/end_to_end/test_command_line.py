import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from daemon_under_test import REPOSITORY, DaemonUnderTest, environment

EXAMPLES = REPOSITORY / "examples" / "files"
EXPECTED: Mapping[str, Any] = json.loads((EXAMPLES / "expected.json").read_text(encoding="utf-8"))
ASKED_FOR = ("number", "issue_date", "currency", "net", "tax", "gross")


def lines(done: "subprocess.CompletedProcess[str]") -> list[dict[str, Any]]:
    """Standard output, one JSON object a line and nothing else."""
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_given_a_running_daemon_when_a_newcomer_says_hello_then_words_come_back(daemon: DaemonUnderTest) -> None:
    """The second of the two commands of the README."""
    done = daemon.command("send", "newcomer", "Hello!")

    assert done.returncode == 0, done.stderr
    assert "final" in done.stdout
    assert len(done.stdout.strip()) > len("final")


def test_given_json_is_asked_for_when_something_is_sent_then_each_reply_is_one_line_of_the_contract(
    daemon: DaemonUnderTest,
) -> None:
    """`send --json` prints the replies as they were published."""
    (reply,) = lines(daemon.command("send", "in-json", "Hello!", "--message-id", "m-1", "--json"))

    assert reply["kind"] == "final"
    assert (reply["chat_id"], reply["message_id"], reply["turn"]) == ("in-json", "m-1", 1)
    assert reply["answered_by"] == "rules"
    assert {"reply_id", "text", "buttons", "recovered_by", "data", "at"} <= reply.keys()


@pytest.mark.parametrize("name", sorted(name for name, invoice in EXPECTED.items() if invoice))
def test_given_an_example_when_it_is_sent_as_a_file_then_the_reply_has_its_figures(
    daemon: DaemonUnderTest, name: str
) -> None:
    """Number, date, seller, currency and amounts, in the data and the important ones in the words too."""
    replies = lines(daemon.command("send", f"sends-{name}", "--file", str(EXAMPLES / name), "--json"))

    invoice, expected = replies[-1]["data"]["invoice"], EXPECTED[name]
    assert {field: invoice[field] for field in ASKED_FOR} == {field: expected[field] for field in ASKED_FOR}
    assert invoice["seller"]["name"] == expected["seller"]["name"]
    assert invoice["number"] in replies[-1]["text"]


def test_given_a_file_without_an_invoice_when_it_is_sent_then_the_reply_says_what_to_do(
    daemon: DaemonUnderTest, tmp_path: Path
) -> None:
    """A document that cannot be read gets a final reply all the same."""
    file = tmp_path / "torn.pdf"
    file.write_bytes((EXAMPLES / "invoice-de.text.pdf").read_bytes()[:300])

    (reply,) = lines(daemon.command("send", "torn", "--file", str(file), "--json"))

    assert reply["kind"] == "final"
    assert "torn.pdf" in reply["text"]
    assert "invoice" not in reply["data"]


def test_given_a_file_that_is_not_there_when_it_is_sent_then_the_exit_status_is_one(daemon: DaemonUnderTest) -> None:
    """A mistake is told on standard error, in one line."""
    done = daemon.command("send", "789", "--file", "/nowhere/march.pdf")

    assert done.returncode == 1
    assert "/nowhere/march.pdf" in done.stderr
    assert "Traceback" not in done.stderr


def test_given_no_text_and_no_file_when_it_is_sent_then_the_exit_status_is_two(daemon: DaemonUnderTest) -> None:
    """There is nothing to send: wrong usage."""
    done = daemon.command("send", "789")

    assert done.returncode == 2
    assert "nothing to send" in done.stderr


@pytest.mark.parametrize("wrong", [("fly",), ("send",), ("actor", "kill"), ("send", "789", "x", "--wait", "never")])
def test_given_wrong_usage_when_the_command_runs_then_the_exit_status_is_two(
    daemon: DaemonUnderTest, wrong: tuple[str, ...]
) -> None:
    """As every command line program does."""
    assert daemon.command(*wrong).returncode == 2


def test_given_a_running_daemon_when_its_status_is_asked_for_then_the_whole_tree_is_shown(
    daemon: DaemonUnderTest,
) -> None:
    """Every actor with path, state, restarts, mailbox and uptime."""
    (status,) = lines(daemon.command("status", "--json"))

    tree = {child["id"]: child for child in status["tree"]["children"]}
    assert list(tree) == ["storage", "intake", "services", "sessions", "operations"]
    assert {child["id"] for child in tree["storage"]["children"]} >= {"server", "connection", "leases"}
    assert all({"path", "state", "restarts", "mailbox", "uptime_s"} <= child.keys() for child in tree.values())
    assert status["partitions"] == list(range(16))


def test_given_a_running_daemon_when_people_ask_for_its_status_then_they_see_the_tree(daemon: DaemonUnderTest) -> None:
    """The same for a terminal."""
    done = daemon.command("status")

    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in ("storage", "intake", "partitions", "sessions", "operations"))


def test_given_a_conversation_when_its_session_is_shown_then_its_state_is_the_last_reply_s(
    daemon: DaemonUnderTest,
) -> None:
    """`session show` agrees with the turn of the last final reply."""
    for text in ("Hello!", "help"):
        (reply,) = lines(daemon.command("send", "shown", text, "--user", "ann", "--json"))

    (session,) = lines(daemon.command("session", "show", "shown", "--json"))

    assert (session["chat_id"], session["user_id"], session["turn"]) == ("shown", "ann", 2)
    assert reply["turn"] == 2
    assert session["updated_at"]


def test_given_nobody_of_that_name_when_a_session_is_shown_then_the_exit_status_is_one(daemon: DaemonUnderTest) -> None:
    """There is nothing to show."""
    assert daemon.command("session", "show", "never-heard-of").returncode == 1


def test_given_a_session_when_an_operator_kills_it_then_the_conversation_goes_on_where_it_was(
    daemon: DaemonUnderTest,
) -> None:
    """The drill of the README: crash, rehydrate, next turn."""
    lines(daemon.command("send", "drilled", "Hello!", "--json"))

    killed = lines(daemon.command("actor", "kill", "sessions/drilled", "--reason", "a test", "--json"))
    (reply,) = lines(daemon.command("send", "drilled", "Hello again!", "--json"))

    assert killed == [{"killed": "sessions/drilled"}]
    assert reply["turn"] == 2


def test_given_no_such_actor_when_an_operator_kills_it_then_the_exit_status_is_one(daemon: DaemonUnderTest) -> None:
    """And it says where to look."""
    done = daemon.command("actor", "kill", "sessions/nobody-here")

    assert done.returncode == 1
    assert "sessions/nobody-here" in done.stderr


def test_given_a_session_when_it_is_forgotten_then_nothing_of_it_is_shown_any_more(daemon: DaemonUnderTest) -> None:
    """`session forget` removes it from every layer."""
    lines(daemon.command("send", "forgettable", "Hello!", "--json"))

    done = daemon.command("session", "forget", "forgettable")

    assert done.returncode == 0, done.stderr
    shown = daemon.command("session", "show", "forgettable", "--json")
    assert shown.returncode == 1 or "Hello" not in shown.stdout


def test_given_a_healthy_machine_when_the_doctor_looks_then_it_finds_nothing_missing(daemon: DaemonUnderTest) -> None:
    """`doctor` ends with 0 where the suite runs."""
    done = daemon.command("doctor")

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("command", [("send", "789", "Hello!"), ("status",), ("session", "show", "789")])
def test_given_no_daemon_when_a_command_needs_one_then_it_says_how_to_start_one(
    own_folder: Path, command: tuple[str, ...]
) -> None:
    """Exit status 1, one line, no traceback."""
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "run.py"), *command, "--data-dir", str(own_folder)],
        cwd=REPOSITORY, env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert "make run" in done.stderr
    assert "Traceback" not in done.stderr
