"""Time of one labelled sample of the virtual data set, anatomy, labels, regions and storage included."""

import json

import pytest

from capture.virtual.generator.draw import PATIENT_SAMPLES
from capture.virtual.generator.sample import SampleMaker
from models.data.virtual_labels import region_truth
from models.data.virtual_shards import encoded
from tests.support.stopwatch import cpu_ms

BUDGET_MS = 100.0  # two processes of one thread then make 20 samples/s


@pytest.mark.usefixtures("one_thread")
def test_a_sample_stays_within_its_budget_on_one_core():
    maker, patients = SampleMaker(11), iter(range(8))

    def one_patient() -> None:
        first = next(patients) * PATIENT_SAMPLES
        for number in range(first, first + PATIENT_SAMPLES):
            sample = maker.make(number)
            encoded(sample)
            json.dumps({**sample.to_json(), "regions": region_truth(sample).to_json()})

    assert cpu_ms(one_patient, turns=7) / PATIENT_SAMPLES < BUDGET_MS
