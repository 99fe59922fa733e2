"""Time of the region division; the bound is twice the budget, since other work may run beside it."""

import statistics
import time

import numpy as np

from models.runtime.regions import divide
from tests.support.make_mock_models import heart_labels

BUDGET_MS = 2.0


def test_division_stays_within_its_budget():
    labels, inside = heart_labels(), np.ones((256, 256), bool)
    times = []
    for _ in range(60):
        start = time.thread_time()
        divide(labels, (0.6, 0.5), inside, spacing_known=True)
        times.append((time.thread_time() - start) * 1e3)
    assert statistics.median(times) < 2 * BUDGET_MS
