"""The cuts themselves: each fits the source as it is now, and what is left can still be loaded."""

import ast
from typing import Any

import pytest
from turn import rules_page
from turn.cut_loader import REPOSITORY, Cut
from turn.cuts import CUTS, TESTS_ELSEWHERE, cuts_of

RULES = [
    *(f"K{number}" for number in range(1, 4)), *(f"D{number}" for number in range(1, 6)),
    *(f"O{number}" for number in range(1, 6)), *(f"T{number}" for number in range(1, 5)),
    *(f"C{number}" for number in range(1, 7)), *(f"A{number}" for number in range(1, 5)), "S1", "S3",
    *(f"L{number}" for number in range(1, 5)),
    *(f"E{number}" for number in range(1, 6)), "X1", "X2",
]  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_given_a_rule_when_looked_up_then_there_is_a_way_to_take_it_out(rule: str) -> None:
    """But for S2, which says what a server does and not what this project does."""
    assert cuts_of(rule)


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.label)
def test_given_a_cut_when_made_then_its_piece_stands_there_once_and_the_rest_is_a_program(
    cut: Cut, valkey_process: Any
) -> None:
    """Whoever changes the source changes the cut with it; a Lua script is one that the server takes."""
    source = cut.result()

    if cut.path.endswith(".py"):
        ast.parse(source)
    else:
        with valkey_process.client() as client:
            assert client.script_load(source)


def test_given_all_cuts_when_named_then_no_two_have_one_name() -> None:
    """A label selects one."""
    labels = [cut.label for cut in CUTS]

    assert len(labels) == len(set(labels))


@pytest.mark.parametrize("where", sorted({where for tests in TESTS_ELSEWHERE.values() for where in tests}))
def test_given_tests_elsewhere_when_named_then_they_are_there(where: str) -> None:
    """By file, and by the beginning of their name."""
    path, _, name = where.partition("::")

    assert name in (REPOSITORY / path).read_text(encoding="utf-8")


def test_given_the_page_on_semantics_when_read_then_its_table_is_what_there_is() -> None:
    """Written by `python tests/turn/rules_page.py`."""
    assert rules_page.page() == rules_page.PAGE.read_text(encoding="utf-8")
    assert [rule for rule in rules_page.WORDS if rule != "S2"] == RULES
