"""Every way in which a rule of the turn is taken out, to see its tests fail."""

from turn.cut_loader import Cut

CUTS: tuple[Cut, ...] = ()

# Tests that stand with the part they test, by the beginning of their node id, and the rules they show.
TESTS_ELSEWHERE: dict[str, tuple[str, ...]] = {}


def cuts_of(label: str) -> list[Cut]:
    """The cuts of a rule, or the one cut of `rule:name`."""
    return [cut for cut in CUTS if label in (cut.rule, cut.label)]
