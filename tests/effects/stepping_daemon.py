"""`run.py` that dies at the step it is told."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve()
# The tests, for `effects`; and the repository, for `run`. Not this folder.
sys.path[0] = str(HERE.parents[1])
sys.path.insert(0, str(HERE.parents[2]))

from effects import stepping

import run

stepping.install()
sys.exit(run.main())
