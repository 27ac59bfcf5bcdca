"""The matrix's own folder on the path."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import rig  # noqa: F401 - puts the other folders of tests on the path
