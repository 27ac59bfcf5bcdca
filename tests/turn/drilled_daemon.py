"""`run.py` whose sessions obey drills, and which goes without the rule that UNFAILING_RULE_OUT names."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve()
# The tests, for `turn`; and the repository, for `run`. Not this folder.
sys.path[0] = str(HERE.parents[1])
sys.path.insert(0, str(HERE.parents[2]))

from turn import cut_loader

import run

if cut_loader.chosen_cut():
    cut_loader.install(cut_loader.chosen_cut())

from turn import drills

drills.install()
sys.exit(run.main())
