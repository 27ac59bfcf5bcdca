"""Frozen records for the hot path: the type checker forbids to change them, and making one costs a fifth.

A frozen dataclass sets each field through `object.__setattr__`: 0.66 us for eight fields where a plain one takes 0.13
(measured, Python 3.11), and a message in passing makes a dozen. See docs/decisions/0015-frozen-for-the-checker.md.
"""

import dataclasses
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def light_record(cls: type[T]) -> type[T]:
    """Make a slotted dataclass that mypy takes for a frozen one; it can be compared, hashed and replaced as such.

    For what is made and read within a node. What is written down or sent away is a frozen dataclass registered with
    the codec.
    """
    return dataclasses.dataclass(slots=True, unsafe_hash=True)(cls)
