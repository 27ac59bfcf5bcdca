"""A poison message is done again: as owed work under an id of its own, whose outcome its person gets as a follow-up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from turn.real_nodes import NodeUnderTest, Person, wait_for

from actors.dead_letters.orders import obey


def letter_of(node: NodeUnderTest, chat_id: str) -> dict[str, Any]:
    """The chat's one letter, as operators see it."""

    def look() -> Any:
        listed = obey(node.node, {"what": "list"})["letters"]
        return next((letter for letter in listed if letter["chat_id"] == chat_id), None)

    return dict(wait_for(look, "the letter"))


@pytest.mark.rule("E4")
def test_given_a_poison_message_when_replayed_then_its_person_hears_of_it_under_the_id_they_know(
    start_node: Callable[..., NodeUnderTest], person: Person, folder: Path
) -> None:
    """One letter however often it dies; its static final stays the only final, and others are answered as ever."""
    node = start_node(max_attempts=1)
    person.says("789", "m-1", f"!crash unless {folder}/mended")
    person.hears("789")
    dead = letter_of(node, "789")
    (folder / "mended").unlink(missing_ok=True)

    again = obey(node.node, {"what": "replay", "id": dead["id"], "by": "ada"})
    wait_for(lambda: letter_of(node, "789")["attempts"] == 2, "its second death")
    poisoned = letter_of(node, "789")
    obey(node.node, {"what": "replay", "id": dead["id"], "by": "ada"})
    wait_for(lambda: letter_of(node, "789")["state"] == "resolved", "its resolution")
    said = person.hears("789", 2, kind="follow_up")
    person.says("789", "m-2")
    person.hears("789", 2)

    assert (dead["state"], poisoned["state"], poisoned["replays"]) == ("dead", "dead", 1)
    assert again["done"] == [dead["id"]]
    assert {reply.message_id for reply in said} == {"m-1"}
    assert said[0].recovered_by == ("restart", "dead_letter")
    assert person.finals("789") == [(1, "m-1"), (2, "m-2")]
    wait_for(lambda: person.left() == 0, "nothing left to do")
