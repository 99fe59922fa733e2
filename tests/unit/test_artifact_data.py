"""What the encoder is shown, from sets on disk: parts by patient, pairs, artifacts, and how figures are counted."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from capture.errors import DataError
from models.artifact.data import KNOWN, ArtifactMaker, Bank, bank_of, held_out_frames, held_out_organs, read_known
from models.artifact.evaluate import PAPER, Readings, area_under_curve, contingency, gate_figures
from models.artifact.kinds import FAMILIES, HELD_OUT, LABELLED, OTHER_ORGAN, TRAINING
from models.artifact.network import SIZE
from models.artifact.pictures import DENSITY, ENCODER, TEST, organ_pictures
from models.runtime.manifest import Thresholds
from tests.support.made_up_sets import write_sets

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch speaks of its own plans


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sets(tmp_path_factory.mktemp("sets"), patients=9, others=9)


def test_parts_share_no_patient_and_miss_none(sets: Path):
    parts = {part: read_known(FAMILIES["echo"], sets, part) for part in (ENCODER, DENSITY, TEST)}
    groups = [{picture.group for picture in pictures} for pictures in parts.values()]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 9
    assert sum(map(len, parts.values())) == 36


def test_a_missing_organ_is_told(sets: Path, tmp_path: Path):
    with pytest.raises(DataError, match="no lung picture"):
        organ_pictures(tmp_path, None, ["lung"])
    assert set(held_out_organs(FAMILIES["echo"], sets)) == {"organ: lung", "organ: fetal head"}


def test_batches_are_pairs_of_patients_and_of_kinds(sets: Path):
    pictures = read_known(FAMILIES["echo"], sets, ENCODER)[:8]
    bank = bank_of(pictures, versions=1, seed=1)
    assert bank.images.shape == (8, 2, SIZE, SIZE)
    assert (bank.images[:, 0] != bank.images[:, 1]).any(axis=(1, 2)).all()
    labelled = np.full((2, SIZE, SIZE), 7, np.uint8)
    maker = ArtifactMaker(bank, bank_of(organ_pictures(sets, ENCODER, ["liver"])[:2]), labelled)
    assert maker.kinds == (*TRAINING, OTHER_ORGAN, LABELLED)
    first, again = (next(maker.batches(1, 6, seed=3)) for _ in range(2))
    assert first.picture.shape == (24, 1, SIZE, SIZE)
    assert 0 <= float(first.picture.min()) < float(first.picture.max()) <= 1
    assert bool((first.picture == again.picture).all()), "the same seed, the same batch"
    kind = first.kind.numpy()
    assert (kind[:12] == KNOWN).all()
    assert (kind[12::2] == kind[13::2]).all()
    assert len(set(kind[12:].tolist())) == 6
    assert kind[12:].min() >= 1


def test_every_kind_has_its_turn():
    images = np.random.default_rng(0).integers(0, 255, (4, 1, SIZE, SIZE), np.uint8)
    maker = ArtifactMaker(Bank(images, np.ones((4, SIZE, SIZE), bool), np.array(list("aabb"))))
    seen = np.concatenate([batch.kind.numpy() for batch in maker.batches(8, 6, seed=0)])
    assert set(seen.tolist()) == set(range(len(TRAINING) + 1))


def test_held_out_frames_keep_their_patients(sets: Path):
    pictures = read_known(FAMILIES["echo"], sets, TEST)
    found = held_out_frames(pictures, 3, seed=0)
    assert tuple(found) == tuple(HELD_OUT)
    for images, groups in found.values():
        assert (len(images), len(groups)) == (3, 3)
        assert set(groups.tolist()) <= {picture.group for picture in pictures}


def test_the_area_counts_pairs_and_halves_ties():
    assert area_under_curve(np.array([3.0, 4]), np.array([1.0, 2])) == 1
    assert area_under_curve(np.array([1.0, 2]), np.array([3.0, 4])) == 0
    assert area_under_curve(np.array([1.0, 3]), np.array([1.0, 2])) == pytest.approx((0.5 + 0 + 1 + 1) / 4)


def test_figures_follow_from_densities():
    """Latent and density by hand: patient a is sound, one of b's two frames falls below tau, its mean does not."""
    plane = SimpleNamespace(at=lambda latents: -np.abs(np.asarray(latents)).max(axis=1))
    thresholds = Thresholds(tau_5=-2.0, tau_3=-3.0)
    gate = SimpleNamespace(gate=SimpleNamespace(thresholds=thresholds, density=plane))

    def readings(*places: float, groups: str) -> Readings:
        latent = np.array([(place, 0.0) for place in places], np.float32)
        return Readings(latent, -np.abs(latent[:, 0]), np.array(list(groups)))

    known = {"untouched": readings(0, 1, 1, 2.5, groups="aabb"), "mild": readings(0, 1, 1, 1, groups="aabb")}
    artifacts = {"one": readings(5, 5, groups="ab"), "other": readings(2.5, 1, groups="ab")}
    found = gate_figures(gate, known, artifacts)
    assert (found["sensitivity"], found["specificity"]) == (0.75, 0.875)
    assert found["per_kind"] == {"one": 1.0, "other": 0.5}
    assert (found["tau_5"]["specificity_untouched"], found["tau_5"]["specificity_mild"]) == (0.75, 1.0)
    assert found["tau_5"]["frames"] == {
        "known_passed": 7,
        "known_rejected": 1,
        "artifacts_rejected": 3,
        "artifacts_passed": 1,
    }
    assert found["tau_5"]["clips"]["known_rejected"] == 0
    assert (found["tau_3"]["sensitivity"], found["tau_3"]["specificity"]) == (0.5, 1.0)
    assert found["auc_per_kind"]["one"] == 1
    assert found["n"] == {"known": 8, "one": 2, "other": 2}
    assert found["patients"] == 2
    assert PAPER["tau_5"] == {"sensitivity": 0.91, "specificity": 0.978}
    assert contingency([np.array([True])], [np.array([False])])["artifacts_passed"] == 1
