"""Takes a rule of the turn out of the source, so that one can see its tests fail: a pytest plugin.

    pytest -n0 --rule-out C2              runs the tests marked with C2 without it (its first cut): they must fail
    pytest -n0 --rule-out C2:version      with another of its cuts
    UNFAILING_RULE_OUT=C2:version ...     the same; this is also what daemons in processes of their own obey

`cuts.py` lists all cuts; `check_rules.py` goes through them.
"""

import os
from pathlib import Path

import pytest
from turn.cut_loader import VARIABLE, chosen_cut, install
from turn.cuts import TESTS_ELSEWHERE


def pytest_addoption(parser: pytest.Parser) -> None:
    """See the module's docstring."""
    parser.addoption("--rule-out", metavar="RULE[:CUT]", help="run a rule's tests without the rule: they must fail")
    parser.addoption("--list-rules", metavar="FILE", help="write down which test shows which rule, one pair a line")


def pytest_configure(config: pytest.Config) -> None:
    """Know the mark, and cut before anything of the project is loaded."""
    config.addinivalue_line("markers", "rule(*names): the test fails when one of these rules of the turn is taken out")
    label = config.getoption("--rule-out") or chosen_cut()
    if not label:
        return
    os.environ[VARIABLE] = label
    install(label)
    from hypothesis import Phase, settings

    # A failure is expected: the first one will do, and it is not worth remembering.
    settings.register_profile("rule out", deadline=None, database=None, phases=[Phase.explicit, Phase.generate])
    settings.load_profile("rule out")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without a rule only its own tests are run."""
    if not chosen_cut():
        return
    rule = chosen_cut().partition(":")[0]
    kept = [item for item in items if rule in rules_of(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def pytest_collection_finish(session: pytest.Session) -> None:
    """Say which test shows which rule, for whoever asked."""
    where = session.config.getoption("--list-rules")
    if where:
        pairs = [f"{rule}\t{item.nodeid}\n" for item in session.items for rule in sorted(rules_of(item))]
        Path(where).write_text("".join(pairs), encoding="utf-8")


def rules_of(item: pytest.Item) -> set[str]:
    """The rules that a test is marked with, and those that `cuts.py` says for tests that stand elsewhere."""
    marked = {str(name) for mark in item.iter_markers("rule") for name in mark.args}
    where = item.nodeid.partition("[")[0]
    return marked | {rule for rule, tests in TESTS_ELSEWHERE.items() if any(where.startswith(test) for test in tests)}
