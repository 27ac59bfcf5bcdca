"""Print the constraints that pin everything the project and its extras need, as installed in this environment.

Walks the requirements from the project's own metadata, so that what happens to be installed beside them stays out.
"""

import sys
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = "unfailing"
HEADING = "# What the version ranges of setup.cfg came to; written by `make lock`, read by pip as constraints."


def requirements_of(name: str, extras: frozenset[str]) -> list[Requirement]:
    """Give what a distribution with these extras requires on this platform."""
    found = []
    for line in metadata.requires(name) or []:
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in (extras or {""})):
            found.append(requirement)
    return found


def pins_of(project: str) -> dict[str, str]:
    """Give the installed version of everything the project needs with all its extras, by canonical name."""
    extras = frozenset(metadata.metadata(project).get_all("Provides-Extra") or [])
    pending = [(project, extras)]
    seen = set(pending)
    pins: dict[str, str] = {}
    while pending:
        for requirement in requirements_of(*pending.pop()):
            pins[canonicalize_name(requirement.name)] = metadata.version(requirement.name)
            wanted = (requirement.name, frozenset(requirement.extras))
            if wanted not in seen:
                seen.add(wanted)
                pending.append(wanted)
    return pins


def main() -> None:
    """Print one `name==version` a line, sorted."""
    lines = [f"{name}=={version}" for name, version in sorted(pins_of(PROJECT).items())]
    sys.stdout.write("\n".join([HEADING, *lines]) + "\n")


if __name__ == "__main__":
    main()
