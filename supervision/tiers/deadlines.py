"""How a deadline is divided among tiers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

ATTEMPT_S_MIN: Final = 0.05
RESERVE_SHARE: Final = 0.05
RESERVE_S_MAX: Final = 1.0


def reserve_s(total_s: float) -> float:
    """What is kept of a deadline for the rules and the static text, which answer in milliseconds."""
    return min(total_s * RESERVE_SHARE, RESERVE_S_MAX)


def first_share_s(remaining_s: float, weights: Sequence[float], longest_s: float) -> float:
    """The longest that the first of these tiers may take now, so that each later one keeps its part.

    weights: of the tiers still to be asked, the one asked now first. What a tier leaves over goes to those after it,
    since the division is made anew before every attempt. Never more than remaining_s, never negative.
    """
    if remaining_s <= 0 or not weights:
        return 0.0
    share_s = remaining_s * (weights[0] / sum(weights))
    return max(min(share_s, longest_s, remaining_s), 0.0)
