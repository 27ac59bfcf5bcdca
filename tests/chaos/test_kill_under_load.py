import subprocess
import sys
from pathlib import Path

import pytest
from daemon_under_test import REPOSITORY, short_folder

PROGRAM = Path(__file__).parent / "kill_under_load.py"
SMALL = (
    "--seconds=20", "--calm=3", "--chats=60", "--rate=60", "--nodes=2", "--servers=2", "--actors=5", "--seed=20261123",
    "--soft-deadline=2", "--hard-deadline=8",
)  # fmt: skip


@pytest.mark.timeout(240)
def test_given_load_by_every_door_when_everything_is_killed_then_each_message_has_one_final_reply_in_order(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The full run, smaller, with deadlines so short that static replies and owed work are among what is killed."""
    with short_folder() as folder:
        command = [sys.executable, str(PROGRAM), *SMALL, "--data-dir", str(folder)]

        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=220, check=False)

        with capfd.disabled():
            sys.stdout.write(done.stdout)
        assert done.returncode == 0, done.stdout + done.stderr
