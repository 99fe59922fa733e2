"""``sonogauge calibrate gate``: the artifact gate's threshold, fitted to a site's own frames."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress

from calibration.profile import GatePart, ScannerProfile, load_profile
from calibration.site_gate import store_gate, undo_gate
from capture.errors import SettingsError
from models.runtime.artifact_gate import FAMILY_OF_EXAM, ArtifactGate, open_gate
from models.runtime.manifest import default_weights_folder, load_manifest
from models.runtime.precision import open_model

PARTLY_DONE = 3
_MOSTLY_UNKNOWN = 0.5
"""Share of a site's frames below the released tau from which something else may be wrong than tau."""


@dataclass(frozen=True)
class GateOptions:
    """What ``calibrate gate`` was asked; ``run_on`` is provider, precision and folder of weights."""

    sources: tuple[str, ...]
    profile: Path
    exam: str | None
    share: float
    frames: int
    seconds: float
    run_on: tuple[str, str, Path | None]
    as_json: bool


def run_undo_gate(profile: Path, as_json: bool) -> int:
    """Bring the threshold back that the profile held before the last fit."""
    former = undo_gate(profile)
    if as_json:
        value = None if former is None else former.log_density
        sys.stdout.write(json.dumps({"profile": str(profile), "log_density": value}) + "\n")
    else:
        again = "the released threshold" if former is None else f"the threshold {former.log_density:.3f}"
        sys.stdout.write(f"{profile} uses {again} again\n")
    return 0


def run_fit_gate(options: GateOptions) -> int:
    """Read, fit, show and store; 3 when a source could not be read to its end, else 0."""
    from app.batch.gate_frames import gather_densities
    from app.batch.site_frames import find_sources

    profile = load_profile(options.profile)
    exam = _exam(profile, options)
    family = FAMILY_OF_EXAM[exam]
    sources = find_sources(list(options.sources))
    gate = _open(family, options)
    try:
        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
            task = bar.add_task("reading frames", total=1.0)
            found = gather_densities(
                sources, gate, profile, options.frames, options.seconds, lambda done: bar.update(task, completed=done)
            )
        released, model = gate.thresholds.tau_5, gate.model
    finally:
        gate.close()
    before = _threshold_before(profile, family, model, released)
    after = float(np.percentile(found.densities, options.share))
    own = {"family": family, "log_density": after, "share": options.share, "model": model}
    store_gate(GatePart.model_validate(own), options.profile)
    report = {
        **{"profile": str(options.profile), "family": family, "model": model},
        **{"frames": len(found.densities), "frames_seen": found.seen, "left_out": found.left_out},
        "before": _side(found.densities, before),
        "after": _side(found.densities, after),
        "doubts": _doubts(found.densities, released),
        "failed": list(found.failed),
    }
    _print(report, options.as_json)
    return PARTLY_DONE if found.failed else 0


def _exam(profile: ScannerProfile, options: GateOptions) -> str:
    """What is examined: as told, as the profile says, else the heart."""
    if options.exam and profile.exam and options.exam != profile.exam:
        raise SettingsError(
            f"profile {options.profile} is for {profile.exam}, not {options.exam}: use a profile of its own"
        )
    return options.exam or profile.exam or "echo"


def _open(family: str, options: GateOptions) -> ArtifactGate:
    """The gate with its released threshold."""
    provider, precision, weights = options.run_on
    folder = weights or default_weights_folder()
    manifest = load_manifest(folder)
    return open_gate(
        family,
        folder,
        manifest,
        lambda name: open_model(folder, name, manifest=manifest, provider=provider, precision=precision),
    )


def _threshold_before(profile: ScannerProfile, family: str, model: str, released: float) -> float:
    """The threshold in use so far; one of another family or model counts as none."""
    own = profile.gate
    return own.log_density if own is not None and (own.family, own.model) == (family, model) else released


def _side(densities: np.ndarray, tau: float) -> dict[str, float]:
    return {"log_density": round(tau, 4), "below_share": round(float(np.mean(densities < tau)), 4)}


def _doubts(densities: np.ndarray, released: float) -> list[str]:
    below = float(np.mean(densities < released))
    if below < _MOSTLY_UNKNOWN:
        return []
    return [
        f"{below:.0%} of the frames are unlike anything the released gate knows: check the sector in the profile and "
        "that they show the exam it is for; a threshold that lets them all pass finds few artifacts (--undo goes back)"
    ]


def _print(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(report, indent=2) + "\n")
        return
    console = Console(width=100)

    def say(text: str) -> None:
        console.print(text, highlight=False, markup=False)

    say(f"{report['frames']} frames, gate {report['model']}")
    for side in ("before", "after"):
        found = report[side]
        say(f"{side:<7} tau {found['log_density']:9.3f}: {found['below_share']:.1%} of the frames are not judged")
    for reason, count in report["left_out"].items():
        say(f"left out {count} frames: {reason}")
    for doubt in report["doubts"]:
        say(f"note: {doubt}")
    say(f"{report['profile']} holds this threshold now; --undo goes back")
