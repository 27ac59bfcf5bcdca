"""Takes a rule of the turn out of the source, so that one can see its tests fail: a pytest plugin.

    pytest -n0 --rule-out C2              runs the tests marked with C2 without it (its first cut): they must fail
    pytest -n0 --rule-out C2:version      with another of its cuts
    UNFAILING_RULE_OUT=C2:version ...     the same; this is also what daemons in processes of their own obey

A cut replaces a piece of a source file, Python or Lua, that stands there exactly once, as the module is loaded: the
files are left alone. `cuts.py` lists all cuts; `check_rules.py` goes through them.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
VARIABLE = "UNFAILING_RULE_OUT"
# The module that holds the scripts; a cut in a script is made in what it has loaded.
SCRIPTS_MODULE = "actors.partition.store"


@dataclass(frozen=True, slots=True)
class Cut:
    """One way to take a rule out: in the file at `path` `old`, which stands there once, becomes `new`."""

    rule: str
    name: str
    path: str
    old: str
    new: str = ""

    @property
    def label(self) -> str:
        """What selects it."""
        return f"{self.rule}:{self.name}"

    @property
    def module(self) -> str:
        """The module whose loading is changed."""
        if self.path.endswith(".lua"):
            return SCRIPTS_MODULE
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    def applied_to(self, source: str) -> str:
        """The source without the rule. Raises ValueError when the piece is not there, or there twice."""
        count = source.count(self.old)
        if count != 1:
            raise ValueError(f"{self.label}: its piece stands {count} times in {self.path}, it must be once")
        return source.replace(self.old, self.new)

    def result(self) -> str:
        """The whole file without the rule."""
        return self.applied_to((REPOSITORY / self.path).read_text(encoding="utf-8"))


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a module with its cut made, and never from a cache of bytecode."""

    def __init__(self, name: str, path: str, cut: Cut) -> None:
        super().__init__(name, path)
        self._cut = cut

    def get_code(self, fullname: str) -> Any:
        source = Path(self.path).read_text(encoding="utf-8")
        if self._cut.path.endswith(".py"):
            source = self._cut.applied_to(source)
        return compile(source, self.path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        if self._cut.path.endswith(".lua"):
            scripts: dict[str, Any] = vars(module)["SCRIPTS"]
            script = scripts[Path(self._cut.path).stem]
            cut = self._cut.applied_to(script.source.decode())
            scripts[script.name] = type(script).of(script.name, cut.encode())


class _Finder(importlib.abc.MetaPathFinder):
    """Comes before all others for the module that is cut."""

    def __init__(self, cut: Cut) -> None:
        self._cut = cut

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._cut.module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is None or spec.origin is None:
            return None
        loader = _Loader(fullname, spec.origin, self._cut)
        return importlib.util.spec_from_file_location(
            fullname, spec.origin, loader=loader, submodule_search_locations=spec.submodule_search_locations
        )


def install(label: str) -> None:
    """Make the cut `rule:name` (or the first one of `rule`) in the module that is to be loaded."""
    from turn.cuts import cuts_of

    chosen = cuts_of(label)
    if not chosen:
        raise ValueError(f"there is no cut {label!r}")
    if chosen[0].module in sys.modules:
        raise RuntimeError(f"loaded before it could be cut: {chosen[0].module}")
    sys.meta_path.insert(0, _Finder(chosen[0]))


def chosen_cut() -> str:
    """The rule or cut that this process and those it starts go without; empty when every rule stands."""
    return os.environ.get(VARIABLE, "")


def pytest_addoption(parser: pytest.Parser) -> None:
    """See the module's docstring."""
    parser.addoption("--rule-out", metavar="RULE[:CUT]", help="run a rule's tests without the rule: they must fail")


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
    settings.register_profile("rule out", database=None, phases=[Phase.explicit, Phase.generate])
    settings.load_profile("rule out")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without a rule only its own tests are run."""
    label = os.environ.get(VARIABLE, "")
    if not label:
        return
    rule = label.partition(":")[0]
    kept = [item for item in items if rule in rules_of(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def rules_of(item: pytest.Item) -> set[str]:
    """The rules that a test is marked with, and those that `cuts.py` says for tests that stand elsewhere."""
    from turn.cuts import TESTS_ELSEWHERE

    marked = {str(name) for mark in item.iter_markers("rule") for name in mark.args}
    where = item.nodeid.partition("[")[0]
    return marked | {rule for rule, tests in TESTS_ELSEWHERE.items() if any(where.startswith(test) for test in tests)}
