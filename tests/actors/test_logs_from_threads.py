"""Greenlets and native threads log into one file at once."""

import json
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

# As run.py does: patched before anything else, with native threads beside the hub.
PROGRAM = """
from gevent import monkey; monkey.patch_all()
import gevent, structlog
from actors.logs import configure_logging
from supervision import world
configure_logging("info", as_json=True)
log, world = structlog.get_logger("both"), world.current()
def native(number):
    for turn in range(300):
        log.warning("said", by=f"thread {number}", turn=turn, much="x" * 200)
def green(number):
    for turn in range(300):
        log.warning("said", by=f"greenlet {number}", turn=turn, much="x" * 200)
        gevent.sleep(0)
threads = [world.native_thread(native, number, name=f"native {number}") for number in range(3)]
gevent.joinall([gevent.spawn(green, number) for number in range(3)])
for thread in threads:
    thread.join(60)
"""


def test_given_native_threads_and_greenlets_when_all_log_at_once_then_every_line_is_whole_and_nobody_hangs(
    tmp_path: Path,
) -> None:
    """A greenlet that waited for a native thread's lock on the log would wait for ever."""
    log = tmp_path / "log"
    with log.open("wb") as errors:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], cwd=REPOSITORY, stderr=errors, stdout=errors, timeout=60, check=False
        )

    assert done.returncode == 0, log.read_text()[-2000:]
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(events) == 6 * 300
    assert len({(event["by"], event["turn"]) for event in events}) == len(events)
