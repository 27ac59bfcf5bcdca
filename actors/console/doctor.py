"""`doctor`: looks at this machine and configuration, says what is missing and how to mend it."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec
from rich.markup import escape

from actors.console import doctor_ledger
from actors.console.findings import Finding
from actors.console.render import console
from actors.converter import libreoffice
from actors.effects.signing import signing_key
from actors.embedded_server import ServerProgramMissing, server_program
from actors.node_directory import NodeDirectoryError, node_paths, noted_number
from actors.redis_connection import connect
from actors.settings import read_secret
from actors.store_errors import StoreError
from invoices.ocr.engines import engines_installed
from supervision import world as world_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actors.settings import Settings

_PYTHON_MIN: Final = (3, 11)
_DISK_BYTES_MIN: Final = 1024**3
_TRY_S: Final = 20.0
_PACKAGES: Final = (
    "alembic", "gevent", "hiredis", "httpcore2", "lxml", "msgspec", "openai", "pikepdf", "pykka", "pypdfium2",
    "python-stdnum", "redis", "rich", "sqlalchemy", "structlog", "xlsxwriter",
)  # fmt: skip


def doctor(settings: Settings, *, as_json: bool) -> int:
    """Print every finding; 1 when something is missing."""
    findings = list(examine(settings))
    for finding in findings:
        if as_json:
            sys.stdout.write(msgspec.json.encode(finding).decode() + "\n")
        else:
            _show(finding)
    return 1 if any(finding.level == "missing" for finding in findings) else 0


def _show(finding: Finding) -> None:
    sign = {"ok": "[green]ok     [/]", "warning": "[yellow]warning[/]", "missing": "[red]missing[/]"}[finding.level]
    out = console()
    out.print(sign, escape(f"{finding.what}: {finding.detail}"))
    if finding.mend:
        out.print(f"        [dim]{escape(finding.mend)}[/]")


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything in turn. Never raises."""
    looks: tuple[Callable[[Settings], Finding], ...] = (
        _python, _packages, _data_directory, _disk, _store, _files, _readers, _ocr, _downloads, _converter, _models,
        doctor_ledger.ledger, doctor_ledger.spreadsheet, _webhook,
    )  # fmt: skip
    for look in looks:
        try:
            yield look(settings)
        except Exception as error:  # noqa: BLE001 - a look that fails is a finding too
            yield Finding(look.__name__.strip("_").replace("_", " "), "missing", f"could not be looked at: {error}")


def _python(_settings: Settings) -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= _PYTHON_MIN:
        return Finding("Python", "ok", found)
    return Finding("Python", "missing", found, "install Python 3.11 or newer and run `make install` again")


def _packages(_settings: Settings) -> Finding:
    missing: list[str] = []
    for name in _PACKAGES:
        try:
            version(name)
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding("packages", "missing", ", ".join(missing), "run `make install`")
    return Finding("packages", "ok", f"{len(_PACKAGES)} found")


def _data_directory(settings: Settings) -> Finding:
    try:
        paths = node_paths(settings.daemon.data_dir)
    except NodeDirectoryError as error:
        return Finding("data directory", "missing", str(error), "choose a shorter path with --data-dir")
    nearest = next(folder for folder in (paths.root, *paths.root.parents) if folder.exists())
    if not os.access(nearest, os.W_OK):
        return Finding("data directory", "missing", f"{nearest} cannot be written", "choose another with --data-dir")
    pid = noted_number(paths.node_lock) if paths.node_lock.exists() else None
    running = pid is not None and Path(f"/proc/{pid}").exists()
    return Finding("data directory", "ok", f"{paths.root}" + (f", in use by daemon {pid}" if running else ""))


def _disk(settings: Settings) -> Finding:
    root = node_paths(settings.daemon.data_dir).root
    nearest = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(nearest).free
    detail = f"{free / 1024**3:.1f} GiB free"
    if free < _DISK_BYTES_MIN:
        return Finding("disk", "warning", detail, "a full disk stops the store: make room before it is full")
    return Finding("disk", "ok", detail)


def _store(settings: Settings) -> Finding:
    url = settings.daemon.redis_url
    if not url:
        try:
            program = server_program()
        except ServerProgramMissing as error:
            return Finding("store", "missing", str(error), "`make install`, or give a Redis URL")
        return Finding("store", "ok", f"embedded, appendfsync {settings.daemon.appendfsync} ({program.name})")
    try:
        endpoint = connect(url)
    except StoreError as error:
        return Finding("store", "missing", str(error), "check UNFAILING_REDIS_URL, the password and the network")
    return Finding("store", "ok", "cluster" if endpoint.cluster else "one server")


def _files(settings: Settings) -> Finding:
    """Say how what was committed is kept on this machine's disk."""
    files = settings.files
    kept = f"archived when idle for {files.retention_days:g} days" if files.retention_days else "kept for ever"
    detail = f"in the data directory, {kept}; {files.backups} backups, one every {files.backup_every_s:g} s"
    return Finding("files of sessions", "ok", detail)


def _downloads(settings: Settings) -> Finding:
    """Say from where attachments are fetched."""
    seconds = f"{settings.download.timeout_s:g} s each"
    if settings.download.allow_private:
        mend = "whoever may write to the agent can have it ask this network; leave [download] allow_private false"
        return Finding("downloads", "warning", f"also from private addresses, {seconds}", mend)
    return Finding("downloads", "ok", f"from public addresses, {seconds}")


def _readers(settings: Settings) -> Finding:
    detail = f"{settings.readers.count} with {settings.readers.memory_mb} MB and {settings.readers.timeout_s:g} s each"
    if _network_can_be_dropped():
        return Finding("document readers", "ok", detail + ", without network")
    mend = "allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1) to take their network away"
    return Finding("document readers", "warning", detail + ", with this machine's network", mend)


def _ocr(settings: Settings) -> Finding:
    """Say whether scans are read, and by what."""
    if not settings.ocr.enabled:
        return Finding("scans and photos", "ok", "not read: [ocr] enabled is false")
    engines = engines_installed()
    if not engines:
        mend = "pip install 'unfailing[ocr]', or install tesseract"
        return Finding("scans and photos", "warning", "not read: no engine of character recognition", mend)
    detail = f"read by {' and '.join(engines)}, {settings.ocr.count} with {settings.ocr.memory_mb} MB"
    if "rapidocr" not in engines:
        mend = "pip install 'unfailing[ocr]' brings RapidOCR, which reads more fields right"
        return Finding("scans and photos", "ok", detail, mend)
    return Finding("scans and photos", "ok", detail)


def _network_can_be_dropped() -> bool:
    """Try it as a reader does, in a process of its own: it cannot be taken back."""
    program = "from invoices.sandbox import leave_network; raise SystemExit(0 if leave_network() else 1)"
    process = world_module.current().start_process([sys.executable, "-c", program], stderr="null")
    return process.wait(_TRY_S) == 0


def _models(settings: Settings) -> Finding:
    if not settings.models:
        return Finding("models", "ok", "none configured: the agent works by rules alone")
    without = [
        model.name for model in settings.models if model.api_key_env and not read_secret(model.api_key_env, os.environ)
    ]
    if without:
        return Finding(
            "models", "warning", f"no key for {', '.join(without)}", "set the variable that api_key_env names"
        )
    return Finding("models", "ok", ", ".join(f"{model.name} ({model.tier})" for model in settings.models))


def _converter(settings: Settings) -> Finding:
    name, world = "conversion to PDF", world_module.current()
    program = libreoffice.program_of(settings.converter.soffice)
    has_key = read_secret(settings.converter.api_key_env, os.environ) is not None
    if settings.converter.api_key_env and not has_key:
        mend = "set the variable that converter.api_key_env names"
        return Finding(name, "warning", "CloudConvert's key is not set", mend)
    ways = ["CloudConvert"] if has_key else []
    if program is not None and libreoffice.without_network(world) is None:
        mend = "allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1)"
        return Finding(name, "warning", "LibreOffice is not used: it cannot be kept off the network", mend)
    ways += ["LibreOffice without network"] if program is not None else []
    if not ways:
        mend = "install LibreOffice, or name a key in converter.api_key_env; without, people are asked for a PDF"
        return Finding(name, "warning", "neither LibreOffice nor CloudConvert", mend)
    return Finding(name, "ok", ", else ".join(ways))


def _webhook(settings: Settings) -> Finding:
    if not settings.webhook.url:
        return Finding("webhook", "ok", "none configured")
    host = urlsplit(settings.webhook.url).hostname or "no host"
    if not settings.webhook.secret_env:
        mend = "name a variable with its secret in webhook.secret_env; receivers cannot tell who sends without"
        return Finding("webhook", "warning", f"{host}, unsigned", mend)
    secret = read_secret(settings.webhook.secret_env, os.environ)
    if secret is None:
        mend = "set the variable that webhook.secret_env names; until then events become dead letters"
        return Finding("webhook", "missing", f"{host}, and its secret is not set", mend)
    try:
        signing_key(secret)
    except ValueError as error:
        return Finding("webhook", "missing", f"{host}: {error}", "use the secret as the receiver shows it")
    return Finding("webhook", "ok", f"{host}, signed")
