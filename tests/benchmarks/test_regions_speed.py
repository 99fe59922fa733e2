"""Time of the region division."""

import numpy as np

from models.runtime.regions import divide
from tests.support.make_mock_models import heart_labels
from tests.support.stopwatch import cpu_ms

BUDGET_MS = 2.0


def test_division_stays_within_its_budget():
    labels, inside = heart_labels(), np.ones((256, 256), bool)
    assert cpu_ms(lambda: divide(labels, (0.6, 0.5), inside, spacing_known=True), turns=30) < BUDGET_MS
