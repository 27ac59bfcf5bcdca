"""Holds the conversation of `by_model` with a daemon whose model is scripted, in one language or, as a program, in all.

`python tests/conversations/hold_by_model.py [LANGUAGE...]` prints a line for each; it fails where a turn was not right.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]

if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()

import base64
import datetime as dt
import json
import sqlite3
from decimal import Decimal
from typing import Any

from conversations.by_model import LANGUAGES, Days, Reply, Step, button, files, steps
from daemon_under_test import DaemonUnderTest, short_folder, wait_for
from end_to_end.conversation import append, await_final
from models.scripted_model import Says, ScriptedModel, scripted_model, settings_of

# What the books hold in the end: number, total, paid, deleted.
IN_THE_BOOKS = {
    ("2026-031", Decimal("1190.00"), False, False), ("B-7", Decimal("610.00"), True, True),
    ("C-9", Decimal("244.00"), False, False), ("D-1", Decimal("99.90"), False, False),
}  # fmt: skip


def hold(node: DaemonUnderTest, model: ScriptedModel, language: str) -> list[str]:
    """Hold it in one language; what was not right, turn by turn, and what is wrong in the ledger."""
    days = Days(dt.datetime.now(dt.UTC).date())
    contents = files(days)
    wrong: list[str] = []
    last: Reply = {"buttons": []}
    with node.client() as client:
        for number, step in enumerate(steps(days), 1):
            fields = {"message_id": f"m-{number}", "chat_id": f"chat-{language}", "user_id": "u-1"}
            append(client, fields | _said(step, language, days, model, contents, last))
            last = await_final(client, f"chat-{language}", f"m-{number}", 30.0)
            if complaint := _complaint(step, language, last):
                wrong.append(f"{number} {step.name}: {complaint}: {last['text']!r}")
    wait_for(lambda: len(_books(node, language)) == len(IN_THE_BOOKS), "the ledger to have all of it")
    wait_for(lambda: _books(node, language) == IN_THE_BOOKS or not _in_flight(node), "the ledger to be written")
    if _books(node, language) != IN_THE_BOOKS:
        wrong.append(f"the ledger has {_books(node, language)}")
    return wrong


def _said(
    step: Step, language: str, days: Days, model: ScriptedModel, contents: dict[str, bytes], last: Reply
) -> dict[str, Any]:
    if step.how == "file":
        content = base64.b64encode(contents[step.name]).decode()
        return {"attachments": [{"name": f"{step.name}.xml", "content_base64": content}]}
    if step.how == "press":
        acts = ("yes", "save", "delete_yes") if step.name == "yes" else ("no", "keep", "discard")
        return {"action": button(last, acts) or step.name, "reply_id": last["reply_id"]}
    words = days.words(language, step.name)
    model.script[words] = Says(step.tool, json.dumps({**(step.slots or {}), "person_language": language}))
    return {"text": words}


def _complaint(step: Step, language: str, reply: Reply) -> str | None:
    if not step.holds(reply):
        return "not what was expected"
    if step.how == "say" and reply["answered_by"] != "primary":
        return f"answered by {reply['answered_by']}"
    if step.how == "say" and not reply["text"].startswith(f"[{language}]"):
        return "not in the person's language"
    return None


def _books(node: DaemonUnderTest, language: str) -> set[tuple[str, Decimal, bool, bool]]:
    path = node.data_dir / "ledger.sqlite3"
    if not path.exists():
        return set()
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as ledger:
        rows = ledger.execute(
            "SELECT number, gross, is_paid, is_deleted FROM bookings WHERE chat_id = ?", (f"chat-{language}",)
        ).fetchall()
    return {(_number(row[0]), Decimal(row[1]), bool(row[2]), bool(row[3])) for row in rows}


def _number(kept: str) -> str:
    """Numbers are kept folded."""
    return kept.upper()


def _in_flight(node: DaemonUnderTest) -> bool:
    with node.client() as client:
        return any(client.xlen(key) for key in client.scan_iter("unfailing:*:outbox"))


def main(languages: list[str]) -> int:
    """Hold it in each language; 1 where something was not right."""
    failed = 0
    for language in languages or LANGUAGES:
        with scripted_model() as model, short_folder() as folder:
            model.translate = translated
            with DaemonUnderTest(folder, **settings_of(model)) as node:
                wrong = hold(node, model, language)
        failed += bool(wrong)
        sys.stdout.write(f"{language}: {40 - len(wrong)} of 40 turns right, {len(model.asked)} calls of the model\n")
        for line in wrong:
            sys.stdout.write(f"   {line}\n")
    return min(failed, 1)


def translated(texts: dict[str, Any], language: str) -> dict[str, Any]:
    """Marks every text with the language, and keeps its figures."""
    return {"text": f"[{language}] {texts['text']}", "labels": [f"[{language}] {label}" for label in texts["labels"]]}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
