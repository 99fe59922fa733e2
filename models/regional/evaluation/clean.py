"""Figures of the released models on untouched CAMUS frames, through the assessor of the live program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from capture.frame import Frame
from models.data.camus import CamusSample
from models.metrics.agreement import rounded
from models.metrics.segmentation import dice_per_class
from models.runtime.assessor import RegionalAssessor
from models.runtime.contract import REGION_NAMES, Assessment

STRUCTURES = ("lv", "myo", "la")
SEGMENTATION_CLASSES = 1 + len(STRUCTURES)
PRECISIONS = ("int8", "float32")

Rows = list[tuple[list[float], np.ndarray]]
"""Per frame: Dice of each structure, and eight scores with NaN where not judged."""


def open_assessor(weights: Path | None, provider: str, precision: str | None) -> RegionalAssessor:
    """An assessor for stills that have nothing to do with each other."""
    return RegionalAssessor(
        weights, provider=provider, precision=precision, per_frame=True, keep_label_map=True, cache_dir=None
    )


def assess_image(assessor: RegionalAssessor, image: np.ndarray) -> Assessment:
    """One still, (H, W) uint8."""
    return assessor.assess(Frame(image.copy(), 0, 0, "evaluation"))


def scores_of(assessment: Assessment) -> np.ndarray:
    """Raw scores in the order of the outputs, (8,) float64, NaN where not judged."""
    by_name = {region.name: region.score_raw for region in assessment.regions}
    found = [by_name.get(name) for name in REGION_NAMES]
    return np.array([np.nan if score is None else score for score in found], float)


def clean_figures(weights: Path | None, provider: str, samples: Sequence[CamusSample]) -> dict[str, object]:
    """Dice per structure in each frame's own pixel grid, what INT8 costs, share of frames judged, mean scores."""
    rows = {}
    for precision in PRECISIONS:
        with open_assessor(weights, provider, precision) as assessor:
            rows[precision] = _assessed(assessor, samples)
    return _dice_figures(rows) | _score_figures(rows, samples)


def _assessed(assessor: RegionalAssessor, samples: Sequence[CamusSample]) -> Rows:
    rows = []
    for sample in samples:
        assessment = assess_image(assessor, sample.image())
        truth = sample.label()
        label = assessment.label_map if assessment.label_map is not None else np.zeros_like(truth)
        rows.append((dice_per_class(label, truth, SEGMENTATION_CLASSES), scores_of(assessment)))
    return rows


def _dice_figures(rows: Mapping[str, Rows]) -> dict[str, object]:
    dice = {precision: np.nanmean([row[0] for row in found], axis=0) for precision, found in rows.items()}
    figures: dict[str, object] = {}
    for index, name in enumerate(STRUCTURES):
        figures[f"dice_{name}"] = rounded(dice["int8"][index])
        figures[f"dice_{name}_float32"] = rounded(dice["float32"][index])
    return figures | {"int8_dice_loss": rounded((dice["float32"] - dice["int8"]).max())}


def _score_figures(rows: Mapping[str, Rows], samples: Sequence[CamusSample]) -> dict[str, object]:
    scores = {precision: np.array([row[1] for row in found]) for precision, found in rows.items()}
    change = np.abs(scores["int8"] - scores["float32"])
    figures: dict[str, object] = {
        "int8_mean_abs_score_change": rounded(_finite_mean(change)),
        "clean_judged_share": rounded(np.isfinite(scores["int8"]).any(axis=1).mean()),
    }
    for view in ("A4C", "A2C"):
        chosen = np.array([sample.view == view for sample in samples])
        if chosen.any():
            means = [rounded(_finite_mean(column), 2) for column in scores["int8"][chosen].T]
            figures[f"clean_mean_score_{view}"] = dict(zip(REGION_NAMES, means, strict=True))
    return figures


def _finite_mean(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else float("nan")
