"""Lua scripts as objects: a name for people, the source for the server, the digest by which both mean the same."""

import hashlib
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Self


@dataclass(frozen=True, slots=True)
class Script:
    """One script. Invariant: sha is the lower-case SHA-1 of source, as the server computes it."""

    name: str
    source: bytes = field(repr=False)
    sha: str

    @classmethod
    def of(cls, name: str, source: bytes) -> Self:
        """Make one from its source."""
        return cls(name, source, hashlib.sha1(source, usedforsecurity=False).hexdigest())


def load_scripts(package: str, folder: str = "scripts") -> dict[str, Script]:
    """Return every `*.lua` in a package's folder, by its name without the ending.

    Raises FileNotFoundError when there is no such folder: an installation without its scripts cannot run.
    """
    entries = (entry for entry in files(package).joinpath(folder).iterdir() if entry.name.endswith(".lua"))
    scripts = (Script.of(entry.name.removesuffix(".lua"), entry.read_bytes()) for entry in entries)
    return {script.name: script for script in sorted(scripts, key=lambda script: script.name)}
