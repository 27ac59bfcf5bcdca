"""Shapes of errors that providers document or libraries raise, with what is expected of the classifier.

Written from the providers' own documentation and from raising the errors with the real libraries, one row a line in
known_shapes.jsonl, with the fields of the shared data set.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from recovery.real_errors import RealError

_FILE: Final = Path(__file__).with_suffix(".jsonl")

SHAPES: Final = [RealError(json.loads(line)) for line in _FILE.read_text(encoding="utf-8").splitlines()]
