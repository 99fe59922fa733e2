"""The released model files on real echo; all figures: ``sonogauge evaluate regional``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from capture.errors import DataError
from capture.frame import Frame
from models.data.camus import CamusSample, read_split
from models.data.degradations import Degrader
from models.data.other_organs import read_others
from models.metrics.segmentation import dice_per_class
from models.regional.evaluation.clean import assess_image, scores_of
from models.regional.labelled import labelled_images
from models.runtime.assessor import RegionalAssessor
from models.runtime.manifest import default_weights_folder, load_manifest

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
FRAMES = 40
FLOORS = (0.92, 0.86, 0.89)  # LV, MYO, LA; the whole split stands higher, 40 frames scatter by about 0.01

Sonogauge = Callable[..., Any]
Scores = np.ndarray


@pytest.fixture(scope="module")
def released() -> Path:
    folder = default_weights_folder()
    if not (folder / "manifest.json").is_file():
        pytest.skip(f"no released weights in {folder}")
    return folder


@pytest.fixture(scope="module")
def val() -> list[CamusSample]:
    try:
        samples = read_split(DATA, "val")
    except DataError as error:
        pytest.skip(f"no CAMUS here: {error}")
    return samples[:: max(len(samples) // FRAMES, 1)][:FRAMES]


def assessed(folder: Path, precision: str, samples: list[CamusSample]) -> tuple[np.ndarray, Scores]:
    """Dice (N, 3) and scores (N, 8), NaN where not judged."""
    dice, scores = [], []
    with RegionalAssessor(folder, provider="cpu", precision=precision, per_frame=True, keep_label_map=True) as model:
        for sample in samples:
            found = model.assess(Frame(sample.image().copy(), 0, 0, "test"))
            assert found.label_map is not None
            dice.append(dice_per_class(found.label_map, sample.label(), 4))
            raw = [np.nan if region.score_raw is None else region.score_raw for region in found.regions]
            scores.append(raw or [np.nan] * 8)
    return np.array(dice), np.array(scores)


def test_every_file_is_sound_and_says_where_it_comes_from(sonogauge: Sonogauge, released: Path):
    assert sonogauge("models", "verify").code == 0
    manifest = load_manifest(released)
    ours = {
        "segmentation",
        "regional_dense",
        "regional_quality",
        "regional_reading",
        "coherence",
        "us2qnet_echo",
        "us2qnet_abdomen",
        "artifact_echo",
        "artifact_any",
        "score",
    }
    assert set(manifest.models) == ours
    for name, entry in manifest.models.items():
        wanted = {"float32"} if name in {"regional_reading", "score"} else {"int8", "float32", "float16"}
        assert {str(file.precision) for file in entry.files} == wanted
        assert ("CC BY 4.0" if name == "us2qnet_abdomen" else "non-commercial") in entry.licence
        assert entry.training_data
        assert (ROOT / entry.card).is_file()
    listed = {file.file for entry in manifest.models.values() for file in entry.files}
    assert {path.name for path in released.glob("*.onnx")} == listed


def test_structures_are_found_and_int8_loses_next_to_nothing(released: Path, val: list[CamusSample], own_cache: Path):
    (dice8, scores8), (dice32, scores32) = (assessed(released, p, val) for p in ("int8", "float32"))
    assert (np.nanmean(dice8, axis=0) > FLOORS).all(), np.nanmean(dice8, axis=0)
    assert (np.nanmean(dice32, axis=0) - np.nanmean(dice8, axis=0)).max() <= 0.005
    both = np.isfinite(scores8) & np.isfinite(scores32)
    assert both.any(axis=1).mean() > 0.9, "nearly every frame is judged"
    assert np.abs(scores8 - scores32)[both].mean() <= 0.05


def test_a_real_clip_is_judged(sonogauge: Sonogauge, released: Path, tmp_path: Path):
    clip = DATA / "ntnu_e95_a4c" / "a4c.mp4"
    if not clip.is_file():
        pytest.skip(f"no clip at {clip}")
    ended = sonogauge("score", clip, "--out", tmp_path / "o.jsonl", "--view", "A4C", "--provider", "cpu")
    assert ended.code == 0, ended.err
    rows = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()]
    assert len(rows) == 195
    assert np.mean([row["verdict"] == "ok" for row in rows]) > 0.9


def test_views_are_told_apart_and_other_organs_are_refused(released: Path, val: list[CamusSample], own_cache: Path):
    others = read_others(DATA, "val")[::8]
    if not others:
        pytest.skip(f"no pictures of other organs in {DATA}")
    with RegionalAssessor(released, provider="cpu", precision="int8", per_frame=True) as model:
        found = [assess_image(model, sample.image()) for sample in val]
        refused = [not assess_image(model, picture.image).is_judged for picture in others]
    told = [(a.view, sample.view) for a, sample in zip(found, val, strict=True) if a.view is not None]
    assert np.mean([a == b for a, b in told]) > 0.9
    assert len(told) > 0.9 * len(val)
    assert np.mean(refused) > 0.95


def test_a_blurred_region_scores_lower_and_falls_most(released: Path, val: list[CamusSample], own_cache: Path):
    falls, most = [], []
    with RegionalAssessor(released, provider="cpu", precision="int8", per_frame=True) as model:
        for item in labelled_images(val[::2]):
            region = int(np.flatnonzero(item.scored)[len(falls) % item.scored.sum()])
            degrader = Degrader(item.image, item.sector)
            blurred = degrader.apply("defocus", 1.0, item.masks_native()[region], seed=1)
            before, after = (scores_of(assess_image(model, picture)) for picture in (item.image, blurred))
            drop = before - after
            if np.isfinite(drop[region]):
                falls.append(drop[region] > 0)
                most.append(np.nanargmax(drop) == region)
    assert len(falls) >= 15
    assert np.mean(falls) >= 0.9
    assert np.mean(most) >= 0.7  # chance: one in eight
