"""Time of one labelled sample of the virtual data set, anatomy, labels, regions and storage included."""

import json
import statistics
import time

import pytest

from capture.virtual.generator.draw import PATIENT_SAMPLES
from capture.virtual.generator.sample import SampleMaker
from models.data.virtual_labels import region_truth
from models.data.virtual_shards import encoded

BUDGET_MS = 100.0  # two processes of one thread then make 20 samples/s


@pytest.mark.usefixtures("one_thread")
def test_a_sample_stays_within_its_budget_on_one_core():
    maker, per_patient = SampleMaker(11), []
    for patient in range(8):
        start = time.thread_time()
        for number in range(PATIENT_SAMPLES):
            sample = maker.make(patient * PATIENT_SAMPLES + number)
            encoded(sample)
            json.dumps({**sample.to_json(), "regions": region_truth(sample).to_json()})
        per_patient.append((time.thread_time() - start) * 1e3 / PATIENT_SAMPLES)
    assert statistics.median(per_patient) < BUDGET_MS
