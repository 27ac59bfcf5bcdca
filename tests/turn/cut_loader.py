"""Loads a module of the project with one piece of its source cut out: plain import machinery, for tests and daemons.

The files are left alone. A piece stands in its file exactly once, so that a cut cannot miss it in silence.
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

REPOSITORY = Path(__file__).resolve().parents[2]
VARIABLE = "UNFAILING_RULE_OUT"
# The module that holds the scripts; a cut in a script is made in what it has loaded.
SCRIPTS_MODULE = "actors.partition.store"


@dataclass(frozen=True, slots=True)
class Cut:
    """One way to take a rule out: in the file at `path`, `old`, which stands there once, becomes `new`."""

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
