"""Nothing in actors/ and supervision/ goes around the seam to the world."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# What brings time, chance, ids, threads, sockets or processes, or a runtime.
WORLDLY = {
    "_thread", "asyncio", "concurrent", "gevent", "http.client", "http.server", "multiprocessing", "random", "sched",
    "secrets", "select", "selectors", "socket", "socketserver", "subprocess", "threading", "time", "urllib.request",
    "uuid",
}  # fmt: skip
# Calls that read a clock, chance or a process through a module that is otherwise harmless.
CALLS = {
    ("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"),
    ("os", "fork"), ("os", "system"), ("os", "popen"), ("os", "urandom"), ("os", "getrandom"),
}  # fmt: skip
# The seam itself, and what is a door to the world by its purpose; each with its reason.
EXEMPT = {
    "supervision/world": "the seam",
}


def _sources() -> list[Path]:
    return [
        path
        for folder in ("actors", "supervision")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not any(str(path.relative_to(ROOT)).startswith(prefix) for prefix in EXEMPT)
    ]


def _runs(tree: ast.AST) -> list[ast.AST]:
    """All nodes but those that only a type checker reads."""
    found: list[ast.AST] = []
    open_nodes = [tree]
    while open_nodes:
        node = open_nodes.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            open_nodes.extend(node.orelse)
            continue
        found.append(node)
        open_nodes.extend(ast.iter_child_nodes(node))
    return found


def _offences(source: str) -> list[str]:
    offences: list[str] = []
    for node in _runs(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                modules = [alias.name for alias in names]
            case ast.ImportFrom(module=str(module), level=0):
                modules = [module]
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=name)) if (owner, name) in CALLS:
                offences.append(f"line {node.lineno}: {owner}.{name}()")
                continue
            case _:
                continue
        offences.extend(f"line {node.lineno}: {name}" for name in modules if {name, name.split(".")[0]} & WORLDLY)
    return offences


@pytest.mark.parametrize("path", _sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_given_a_module_of_actors_or_supervision_when_read_then_it_goes_through_the_seam(path: Path) -> None:
    """It imports and calls nothing that brings time, chance, ids, threads, sockets or processes."""
    source = path.read_text()

    assert _offences(source) == []


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "import os, socket",
        "from gevent import sleep",
        "from concurrent.futures import Future",
        "def f():\n    import random",
        "import datetime\nx = datetime.now()",
        "import os\nos.urandom(3)",
    ],
)
def test_given_a_way_around_the_seam_when_checked_then_it_is_found(source: str) -> None:
    """The check itself works."""
    assert _offences(source)


def test_given_an_import_for_types_alone_when_checked_then_it_is_allowed() -> None:
    """It does nothing at run time."""
    assert _offences("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import random") == []


def test_given_the_seam_and_the_plain_world_when_imported_then_gevent_is_not_loaded() -> None:
    """The library interface works in programs without greenlets."""
    program = (
        "import sys, supervision.world, supervision.world_plain, supervision.restarts\n"
        "supervision.world_plain.plain_world().now()\n"
        "sys.exit('gevent' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False, timeout=60)

    assert done.returncode == 0


UNPATCHED = """
import sys
from functools import partial
from supervision import world
from supervision.actor import GeventActor
from supervision.supervisor import Backoff, ChildSpec, Supervisor, which_children

class Worker(GeventActor):
    def on_receive(self, message):
        if message == "crash":
            raise ValueError(message)
        self.world.sleep(0.01)
        return message

here = world.current()
supervisor = Supervisor.start([ChildSpec(id="a", start=Worker.start)], backoff=Backoff.none())
which_children(supervisor)[0][1].tell("crash")
here.sleep(0.05)
assert which_children(supervisor)[0][1].ask("alive") == "alive"
process = here.start_process(["echo", "hello"], stdout="pipe")
assert process.stdout.read_line(100, 5) == b"hello\\n"
assert process.wait(5) == 0
assert here.run_in_thread(lambda: which_children(supervisor)[0][1].ask("from a thread")) == "from a thread"
supervisor.stop()
import gevent.monkey
assert not gevent.monkey.saved
"""


def test_given_a_program_that_never_patches_when_it_uses_actors_then_all_of_it_works() -> None:
    """Library modules never patch, and do not need it."""
    done = subprocess.run([sys.executable, "-c", UNPATCHED], cwd=ROOT, check=False, timeout=60, capture_output=True)

    assert done.returncode == 0, done.stderr.decode()
