"""LibreOffice as a port: a process of its own for each document, in a folder of its own, without network.

A document may name pictures and templates anywhere, and the program fetches them; so it runs in a network namespace in
which there is nothing (`unshare -rn`), and where the kernel does not allow that it is not used.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from actors.converter.outcome import ConversionRefused
from messages.records import ATTACHMENT_BYTES_MAX
from supervision.world import WaitTimeout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from supervision.world import World

_PROGRAMS: Final = ("soffice", "libreoffice")
_KILL_WAIT_S: Final = 2.0
_CHECK_S: Final = 5.0
# The program maps several GB and uses a few hundred MB; these end one that a document drives out of bounds.
_ADDRESS_SPACE_BYTES: Final = 6_000_000_000
_WRITTEN_BYTES: Final = 200_000_000
_PASSED_ON: Final = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH")


def program_of(configured: str) -> str | None:
    """LibreOffice's program: the configured one, else the one on the PATH; None where there is none."""
    if configured:
        return shutil.which(configured)
    return next((found for name in _PROGRAMS if (found := shutil.which(name))), None)


def without_network(world: World) -> list[str] | None:
    """What to put before a command so that it has no network; None where that does not work. Starts a process."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return None
    prefix = [unshare, "--map-root-user", "--net", "--"]
    try:
        process = world.start_process([*prefix, "true"], stderr="null")
    except OSError:
        return None
    try:
        return prefix if process.wait(_CHECK_S) == 0 else None
    except WaitTimeout:
        process.kill()
        return None
    finally:
        process.close()


def pdf_of(world: World, program: str, prefix: list[str], content: bytes, kind: str, timeout_s: float) -> bytes:
    """The document as a PDF. Raises ConversionRefused when none comes out, WaitTimeout, OSError."""
    with _folder() as folder:
        source = folder / f"document.{kind}"
        world.run_in_thread(source.write_bytes, content)
        command = [
            program, "--headless", "--norestore", "--nolockcheck", "--nodefault", "--nofirststartwizard",
            f"-env:UserInstallation=file://{folder}/profile", "--convert-to", "pdf", "--outdir", str(folder / "out"),
            str(source),
        ]  # fmt: skip
        _run(world, [*prefix, *command], folder, timeout_s)
        return world.run_in_thread(_result, folder / "out" / "document.pdf")


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="unfailing-convert-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(world: World, command: list[str], folder: Path, timeout_s: float) -> None:
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    process = world.start_process(
        command, env={**kept, "HOME": str(folder), "TMPDIR": str(folder)}, cwd=str(folder), stderr="null",
        new_session=True,
        limits={
            "RLIMIT_AS": _ADDRESS_SPACE_BYTES, "RLIMIT_FSIZE": _WRITTEN_BYTES, "RLIMIT_CORE": 0,
            "RLIMIT_CPU": int(timeout_s) + 1,
        },
    )  # fmt: skip
    try:
        process.wait(timeout_s)
    finally:
        # Its helpers too: the program one starts is a launcher of the one that works.
        process.kill(group=True)
        process.kill()
        try:
            process.wait(_KILL_WAIT_S)
        except WaitTimeout:
            pass
        finally:
            process.close()


def _result(path: Path) -> bytes:
    """Whether it worked is seen by the file alone: the program exits with 0 when it could not load the document."""
    try:
        size_bytes = path.stat().st_size
        if size_bytes > ATTACHMENT_BYTES_MAX:
            raise ConversionRefused("the PDF is larger than may be read")
        content = path.read_bytes()
    except FileNotFoundError:
        raise ConversionRefused("no PDF came out") from None
    if not content.startswith(b"%PDF"):
        raise ConversionRefused("what came out is no PDF")
    return content
