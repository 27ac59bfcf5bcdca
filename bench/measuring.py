"""Figures with their spread, and what they were measured on."""

import os
import platform
import statistics
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

CALM_PERCENT = 12.0
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Spread:
    """What repeated measurements came to; ratios of two of them are taken round by round, not from the medians."""

    median: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        """The median, and between which values all lie."""
        digits = 0 if self.median >= 100 else 1 if self.median >= 10 else 2
        return f"{self.median:,.{digits}f} ({self.low:,.{digits}f} to {self.high:,.{digits}f})"


def spread(samples: Sequence[float]) -> Spread:
    """Median, least and greatest of at least one sample."""
    return Spread(statistics.median(samples), min(samples), max(samples), len(samples))


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Ours to theirs, each round by itself: what disturbs the machine for longer than a round falls out."""
    return spread([a / b for a, b in zip(ours, theirs, strict=True)])


def wait_for_calm(patience_s: float) -> None:
    """Wait until nobody else uses the processors much for half a second, or patience_s are over."""
    until_s = time.monotonic() + patience_s
    while time.monotonic() < until_s and psutil.cpu_percent(0.5) > CALM_PERCENT:
        pass


def version_of(package: str) -> str | None:
    """The installed version of a package; None when it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def setting(packages: Iterable[str], seed: int | None = None) -> str:
    """Machine, load, versions, commit and seed, one a line."""
    versions = ", ".join(f"{name} {version_of(name) or 'not installed'}" for name in packages)
    machine = (
        f"{_processor()}, {os.cpu_count()} cores, {_memory_gib():.0f} GiB, {platform.system()} {platform.release()}"
    )
    lines = [
        f"machine: {machine}; load {os.getloadavg()[0]:.1f} at the start",
        f"versions: Python {platform.python_version()}, {versions}",
        f"commit: {_commit()}",
    ]
    return "\n".join([*lines, f"seed: {seed}"] if seed is not None else lines)


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _commit() -> str:
    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    commit = git("rev-parse", "--short", "HEAD") or "not a git checkout"
    return f"{commit} with local changes" if git("status", "--porcelain", "--untracked-files=no") else commit
