"""What no linter knows: the rules that keep the rooms apart, read from the source itself."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("actors", "invoices", "messages", "supervision")
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
WORLDS = re.compile(r"supervision/world\w*\.py")
OUTSIDE = {
    *("asyncio", "gevent", "multiprocessing", "select", "selectors", "socket", "subprocess", "threading"),
    *("_thread", "concurrent", "sched", "secrets", "time", "uuid"),
}
PACKED = {"messages/codec.py", "messages/protocol.py"}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def _nodes(path: Path) -> tuple[ast.AST, ...]:
    """Everything in a file, read once for all rules."""
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def _attributes(path: Path) -> Iterator[tuple[str, int]]:
    """Every `name.attribute` in a file, with its line."""
    for node in _nodes(path):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node), node.lineno


def _imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every module that a file imports itself, wherever it does so, with its line."""
    for node in _nodes(path):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node.lineno


def test_given_the_source_when_read_then_the_outside_is_reached_through_the_world_alone() -> None:
    """Time, processes, threads and sockets have one seam, or a simulation could not take their place."""
    around = [
        f"{_name(path)}:{line} {module}"
        for path in SOURCES
        if _name(path).startswith(("actors/", "supervision/")) and not WORLDS.fullmatch(_name(path))
        for module, line in _imports(path)
        if module.partition(".")[0] in OUTSIDE
    ]

    assert around == []


def test_given_the_source_when_read_then_chance_comes_from_the_world() -> None:
    """`from random import Random`, as a type, is a way to pass chance in; anything else of that module draws it."""
    drawn = [
        f"{_name(path)}:{node.lineno}"
        for path in SOURCES
        if not WORLDS.fullmatch(_name(path))
        for node in _nodes(path)
        if (isinstance(node, ast.Import) and any(alias.name == "random" for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and node.module == "random" and {a.name for a in node.names} != {"Random"})
    ]

    assert drawn == []


def test_given_the_source_when_read_then_only_codec_and_protocol_know_msgpack() -> None:
    """One codec: nobody else packs or unpacks."""
    packing = [
        f"{_name(path)}:{line}"
        for path in SOURCES
        if _name(path) not in PACKED
        for text, line in _attributes(path)
        if text.startswith("msgspec.msgpack")
    ]

    assert packing == []


def test_given_the_source_when_read_then_no_library_module_patches() -> None:
    """run.py and the suite patch; whoever imports a module is left as they were."""
    patching = [_name(path) for path in SOURCES if re.search(r"monkey\.patch|import monkey", path.read_text("utf-8"))]

    assert patching == []


@pytest.mark.parametrize("module", ["messages.records", "messages.protocol", "messages.codec", "actors.settings"])
def test_given_a_plain_program_when_it_imports_a_module_then_no_runtime_comes_along(module: str) -> None:
    """Neither gevent nor a thread nor a client of anything."""
    program = f"""
import sys, threading, {module}
heavy = sorted({{"gevent", "pykka", "redis", "openai", "structlog"}} & set(sys.modules))
sys.exit(f"{{heavy}} {{threading.active_count()}}" if heavy or threading.active_count() > 1 else 0)
"""

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr
