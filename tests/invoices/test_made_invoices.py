"""Invoices drawn from chance, in eight countries' forms and six settings, are read right, doubted or left out."""

from collections import Counter
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made.judging import VERDICTS, read_one
from made.words import COUNTRIES

READ_SHARE_MIN = 0.95
SEEDS = range(40)


@settings(max_examples=250, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32), st.sampled_from(sorted(COUNTRIES)))
def test_given_any_invoice_on_a_sheet_when_read_then_nothing_is_silently_wrong(seed: int, country: str) -> None:
    """Every wrong value is below the confidence of 0.7 and asked about."""
    made, text, verdicts = read_one(Random(seed), country)

    wrong = sorted(name for name, verdict in verdicts if verdict == "silently wrong")

    assert wrong == [], ({name: str(made.truth[name]) for name in wrong}, text)


@pytest.mark.parametrize("country", sorted(COUNTRIES))
def test_given_invoices_of_a_country_when_read_then_nearly_every_field_is_found(country: str) -> None:
    """Silence would satisfy the property above."""
    counted: Counter[str] = Counter()

    for seed in SEEDS:
        _, _, verdicts = read_one(Random(seed), country)
        counted.update(verdict for _, verdict in verdicts.elements())

    assert counted["silently wrong"] == 0
    assert counted["right"] / sum(counted.values()) >= READ_SHARE_MIN, [counted[verdict] for verdict in VERDICTS]
