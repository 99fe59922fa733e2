"""``sonogauge evaluate artifact``: the released gates on patients and artifact kinds that nothing was trained on."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from scipy.stats import rankdata

from capture.errors import ModelError
from models.artifact.data import bank_of, held_out_frames, held_out_organs, mild, read_known
from models.artifact.kinds import FAMILIES, Family
from models.artifact.pictures import HEART, TEST, framed
from models.metrics.agreement import rounded
from models.runtime.artifact_gate import ArtifactGate, open_gate
from models.runtime.manifest import Precision, default_weights_folder, load_manifest
from models.runtime.providers import Provider
from models.runtime.session import ModelSession

PAPER = {
    "tau_5": {"sensitivity": 0.91, "specificity": 0.978},
    "tau_3": {"sensitivity": 0.80, "specificity": 0.994},
    "modality": "MR, 569 rated volumes",
}
SEED, THREADS, TIMED, CLIP_STEP = 20261210, 2, 100, 5
FRAMES_PER_KIND = 200
CLIP = "ntnu_e95_a4c/a4c.mp4"
"""A real clip of a scanner of which nothing was trained on (GE Vivid E95)."""


@dataclass(frozen=True, eq=False)
class Readings:
    """What a gate says of N pictures.

    Attributes
    ----------
    latent : (N, 2)
    density : (N,) log densities
    groups : (N,) patient or examination
    """

    latent: np.ndarray
    density: np.ndarray
    groups: np.ndarray

    def by_clip(self, gate: GateFile) -> np.ndarray:
        """Log density of each group's mean latent (paper, section 3.1), (G,)."""
        means = [self.latent[self.groups == group].mean(axis=0) for group in np.unique(self.groups)]
        return gate.gate.density.at(np.array(means))


class GateFile:
    """One file of a released gate on the CPU.

    Raises
    ------
    ModelError
        When a file is missing or damaged.
    """

    def __init__(self, family: str, precision: Precision, weights: Path | None = None) -> None:
        folder = weights or default_weights_folder()
        self._manifest = load_manifest(folder)
        self._folder, self._precision = folder, precision
        self.gate: ArtifactGate = open_gate(family, folder, self._manifest, self._session)

    def read(self, images: np.ndarray, groups: np.ndarray) -> Readings:
        """Each of (N, 224, 224) uint8 as it is read live."""
        found = [self.gate.read(image) for image in images]
        return Readings(
            np.array([reading.latent for reading in found], np.float32),
            np.array([reading.log_density for reading in found]),
            groups,
        )

    def hints(self, latents: np.ndarray) -> list[str | None]:
        """Nearest type of artifact at each of (N, 2)."""
        return [self.gate.nearest_artifact(latent) for latent in latents]

    def live_ms(self, images: np.ndarray) -> float:
        """Median time of one frame."""
        times = []
        for image in images[:TIMED]:
            start = time.perf_counter()
            self.gate.read(image)
            times.append((time.perf_counter() - start) * 1e3)
        return round(statistics.median(times), 2)

    def _session(self, name: str) -> ModelSession:
        entry = self._manifest.entry(name)
        file = entry.file_of(self._precision)
        if file is None:
            raise ModelError(f"{name} has no {self._precision} file: release it again")
        return ModelSession(self._folder, name, entry, file, Provider.CPU, THREADS)


def evaluate_artifact(
    data: Path, weights: Path | None = None, families: tuple[str, ...] = tuple(FAMILIES)
) -> dict[str, Any]:
    """The figures of the released gates; those of ``echo`` stand at the top, those of ``any`` under its name.

    Known frames are of held-out patients, each untouched and in one mild version. Artifacts are of kinds that nothing
    was trained on, made of the same frames, and organs that nothing was trained on. A frame below tau is called an
    artifact. ``sensitivity`` is the mean over kinds, so that each counts alike; ``tau_5`` and ``tau_3`` hold the
    contingency tables of frames, and of clips or patients by their mean latent.

    Raises
    ------
    DataError, ModelError
        When a set or a model file is missing or damaged.
    """
    figures: dict[str, Any] = {"paper": PAPER}
    for family in families:
        found = family_figures(FAMILIES[family], data, weights)
        figures |= found if family == "echo" else {family: found}
    return figures


def family_figures(family: Family, data: Path, weights: Path | None = None) -> dict[str, Any]:
    """The figures of one family, see ``evaluate_artifact``."""
    fast, exact = (GateFile(family.name, precision, weights) for precision in (Precision.INT8, Precision.FLOAT32))
    try:
        pictures = read_known(family, data, TEST)
        random = np.random.default_rng(SEED)
        groups = np.array([picture.group for picture in pictures])
        untouched = bank_of(pictures).images[:, 0]
        degraded = np.stack([mild(picture, random) for picture in pictures])
        spoilt = held_out_frames(pictures, FRAMES_PER_KIND, SEED) | held_out_organs(family, data)
        known = {"untouched": fast.read(untouched, groups), "mild": fast.read(degraded, groups)}
        artifacts = {kind: fast.read(images, its) for kind, (images, its) in spoilt.items()}
        figures = gate_figures(fast, known, artifacts)
        same = exact.read(untouched, groups).density >= exact.gate.tau
        figures |= {
            "hint_is_its_kind": _hint_share(fast, artifacts),
            "other_scanner_known": _clip_share(fast, data) if family.name == "echo" else None,
            "int8_agreement": rounded(np.mean(same == (known["untouched"].density >= fast.gate.tau))),
            "live_ms": fast.live_ms(untouched),
            "model": fast.gate.model,
            "labelled": fast.gate.references.parameters.get("labelled"),
        }
    finally:
        fast.gate.close()
        exact.gate.close()
    return figures


def gate_figures(gate: GateFile, known: dict[str, Readings], artifacts: dict[str, Readings]) -> dict[str, Any]:
    """Sensitivity, specificity, AUC and tables of what a gate says of known frames and of kinds of artifacts.

    Parameters
    ----------
    known : ``untouched`` and ``mild``, readings of the same frames
    artifacts : by kind
    """
    released = gate.gate.thresholds
    by_tau = {"tau_5": released.tau_5, "tau_3": released.tau_3}
    tables = {name: _at_threshold(gate, known, artifacts, tau) for name, tau in by_tau.items()}
    good = np.concatenate([reading.density for reading in known.values()])
    auc = {kind: area_under_curve(good, reading.density) for kind, reading in artifacts.items()}
    return {
        "sensitivity": tables["tau_5"]["sensitivity"],
        "specificity": tables["tau_5"]["specificity"],
        "auc": rounded(np.mean(list(auc.values()))),
        "per_kind": tables["tau_5"]["per_kind"],
        "auc_per_kind": {kind: rounded(value) for kind, value in auc.items()},
        **tables,
        "n": {"known": len(good), **{kind: len(reading.density) for kind, reading in artifacts.items()}},
        "patients": len(set(known["untouched"].groups.tolist())),
    }


def area_under_curve(known: np.ndarray, artifacts: np.ndarray) -> float:
    """Probability that an artifact has a lower density than a known frame, halves for ties; (N,) and (M,)."""
    ranks = rankdata(np.concatenate([known, artifacts]))
    above = ranks[: len(known)].sum() - len(known) * (len(known) + 1) / 2
    return float(above / (len(known) * len(artifacts)))


def _at_threshold(
    gate: GateFile, known: dict[str, Readings], artifacts: dict[str, Readings], tau: float
) -> dict[str, Any]:
    passed = {name: reading.density >= tau for name, reading in known.items()}
    caught = {kind: reading.density < tau for kind, reading in artifacts.items()}
    clips = {kind: reading.by_clip(gate) < tau for kind, reading in artifacts.items()}
    clips_passed = [reading.by_clip(gate) >= tau for reading in known.values()]
    return {
        "sensitivity": rounded(np.mean([found.mean() for found in caught.values()])),
        "specificity": rounded(np.concatenate(list(passed.values())).mean()),
        **{f"specificity_{name}": rounded(found.mean()) for name, found in passed.items()},
        "per_kind": {kind: rounded(found.mean()) for kind, found in caught.items()},
        "frames": contingency(list(passed.values()), list(caught.values())),
        "clips": contingency(clips_passed, list(clips.values()))
        | {"per_kind": {kind: rounded(found.mean()) for kind, found in clips.items()}},
    }


def contingency(passed: list[np.ndarray], caught: list[np.ndarray]) -> dict[str, int]:
    """The paper's table (its figure 4b): counts of known frames and artifacts by verdict; parts of (N,) bool."""
    good, bad = np.concatenate(passed), np.concatenate(caught)
    return {
        "known_passed": int(good.sum()),
        "known_rejected": int((~good).sum()),
        "artifacts_rejected": int(bad.sum()),
        "artifacts_passed": int((~bad).sum()),
    }


def _hint_share(gate: GateFile, artifacts: dict[str, Readings]) -> float | None:
    """Share of rejected artifacts whose hint is their own kind, among kinds that hints know."""
    known = set(gate.gate.references.names)
    right = [
        hint == kind
        for kind, reading in artifacts.items()
        if kind in known
        for hint in gate.hints(reading.latent[reading.density < gate.gate.tau])
    ]
    return rounded(np.mean(right)) if right else None


def _clip_share(gate: GateFile, data: Path) -> float | None:
    """Share of the clip of another scanner that counts as known; None where the clip is absent."""
    path = data / CLIP
    if not path.is_file():
        return None
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)][::CLIP_STEP]
    squares = np.stack([framed(image, HEART, "clip", "clip").square() for image in frames])
    return rounded((gate.read(squares, np.full(len(squares), "clip")).density >= gate.gate.tau).mean())
