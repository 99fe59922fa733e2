"""``sonogauge synth``, ``train``, ``export`` and ``evaluate synthesis``, and ``evaluate balance``."""

from __future__ import annotations

import csv
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.commands.training_extra import need_training_extra
from capture.errors import DataError, SettingsError
from models.runtime.manifest import default_weights_folder
from models.synthesis.data import read_real
from models.synthesis.figures import compare
from models.synthesis.picture_file import WORD, write_synthetic
from models.synthesis.recipe import SetName, SynthesisOptions, paper_recipe, paper_sweep, released_recipe
from models.synthesis.report import synthesis_page
from models.synthesis.sample import PictureMaker, model_name

if TYPE_CHECKING:
    from models.synthesis.figures import Distance

_LOG = logging.getLogger(__name__)
_COLUMNS = (
    "file",
    "label",
    "set",
    "size",
    "level",
    "seed",
    "model_id",
    "mark_x",
    "mark_y",
    "mark_width",
    "mark_height",
)


@dataclass(frozen=True)
class SynthOptions:
    """What ``sonogauge synth`` was asked for; ``level`` None takes a generator without levels."""

    count: int
    out: Path
    set_name: SetName
    size: int
    level: float | None
    seed: int
    data: Path
    weights: Path | None


def run_synth(asked: SynthOptions) -> int:
    """Write synthetic pictures, their list and a report into an empty folder; prints the report's path."""
    name = model_name(asked.set_name, asked.size, asked.level is not None)
    maker = PictureMaker(asked.weights or default_weights_folder(), name)
    try:
        _need_empty(asked.out)
        levels = None if asked.level is None else np.full(asked.count, asked.level)
        pictures = maker.pictures(asked.count, asked.seed, levels)
    finally:
        maker.close()
    _write_pictures(asked, pictures, maker.model_id)
    report = asked.out / "report.html"
    report.write_text(_report(asked, pictures, maker.model_id), encoding="utf-8")
    sys.stdout.write(f"{report}\n")
    return 0


def _need_empty(folder: Path) -> None:
    """Make the folder; refuse one that holds anything."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        first = next(folder.iterdir(), None)
    except OSError as error:
        raise SettingsError(f"cannot write into {folder} ({error.strerror}): give another folder") from error
    if first is not None:
        raise SettingsError(f"{folder} holds other files ({first.name}): give an empty or a new folder")


def _write_pictures(asked: SynthOptions, pictures: np.ndarray, model_id: str) -> None:
    level = "" if asked.level is None else f"{asked.level:g}"
    with (asked.out / "index.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for number, picture in enumerate(pictures):
            path = asked.out / f"synthetic_{asked.set_name}_{number:05d}.png"
            box = write_synthetic(path, picture, f"made by {model_id}, seed {asked.seed}, number {number}")
            writer.writerow((path.name, WORD, asked.set_name, asked.size, level, asked.seed, model_id, *box))


def _report(asked: SynthOptions, pictures: np.ndarray, model_id: str) -> str:
    level = "" if asked.level is None else f", level of degradation {asked.level:g}"
    about = [
        f"{len(pictures)} synthetic pictures of no patient, made by {model_id}, seed {asked.seed}{level}. Figures and "
        "sheets are of the pictures without the corner mark of the files. Research and training use; no diagnosis."
    ]
    real = _real(asked)
    if real is None:
        about.append("No real pictures to compare with: --data names the folder that holds them.")
        return synthesis_page("Synthetic ultrasound pictures", about, pictures)
    images, groups = real
    about.append(f"Compared with {len(images)} real pictures of {len(set(groups.tolist()))} examinations.")
    figures = compare(pictures, images, groups, _distance(asked.data)) if len(pictures) > 1 else None
    return synthesis_page("Synthetic ultrasound pictures", about, pictures, images, figures)


def _real(asked: SynthOptions) -> tuple[np.ndarray, np.ndarray] | None:
    """Real pictures (M, S, S) uint8 of the level asked for and their examinations; None where there are none."""
    try:
        real = read_real(asked.data, SynthesisOptions(asked.set_name, conditional=asked.level is not None)).everything
    except DataError as reason:
        _LOG.info("the report shows no real pictures: %s", reason)
        return None
    chosen = real.take(np.isclose(real.levels, asked.level or 0))
    return (chosen.squares(asked.size), chosen.groups) if len(chosen) else None


def _distance(data: Path) -> Distance | None:
    """The Frechet distance where torch and the feature network are there."""
    if find_spec("torch") is None or not (data / "backbones").is_dir():
        return None
    from models.synthesis.feature_distance import feature_distance

    return feature_distance(data)


def run_train_synthesis(
    data: Path,
    out: Path,
    size: int,
    options: SynthesisOptions,
    epochs: int,
    recipe: str,
    learning_rate: float | None,
    r1_weight: float | None,
) -> int:
    """Train one generator; prints its path."""
    need_training_extra()
    from models.synthesis.train import train_synthesis

    plan = (paper_recipe if recipe == "paper" else released_recipe)(size, options)
    plan = replace(
        plan,
        epochs=epochs or plan.epochs,
        learning_rate=plan.learning_rate if learning_rate is None else learning_rate,
        r1_weight=plan.r1_weight if r1_weight is None else r1_weight,
    )
    sys.stdout.write(f"{train_synthesis(data, out, plan, options)}\n")
    return 0


def run_sweep_synthesis(data: Path, out: Path) -> int:
    """The paper's sweep, or what is left of it; prints the path of its figures."""
    need_training_extra()
    from models.synthesis.train import run_sweep

    sys.stdout.write(f"{run_sweep(data, out, paper_sweep())}\n")
    return 0


def run_export_synthesis(run: Path, out: Path, epoch: int) -> int:
    """Write the file of a generator and its manifest entry; prints what was measured."""
    need_training_extra()
    from models.synthesis.export import export_synthesis

    sys.stdout.write(json.dumps(export_synthesis(run, out, epoch), indent=2) + "\n")
    return 0


def run_evaluate_synthesis(data: Path, weights: Path | None, as_json: bool) -> int:
    """Recompute the figures of the released generators; prints JSON or text."""
    need_training_extra()
    from models.synthesis.released import as_text, evaluate_synthesis

    found = evaluate_synthesis(data, weights)
    sys.stdout.write((json.dumps(found, indent=2, allow_nan=False) if as_json else as_text(found)) + "\n")
    return 0


def run_evaluate_balance(
    runs: Sequence[Path], data: Path, share: float, seeds: int, steps: int, out: Path | None, as_json: bool
) -> int:
    """Balance a training with the generator of each run, and keep the figures in ``out``; prints JSON or text."""
    need_training_extra()
    from models.synthesis.balance import BalancePlan, evaluate_balance
    from models.synthesis.balance_figures import balance_text, store_balance

    plan, rows = BalancePlan(share, seeds, steps), []
    if out is not None and not out.parent.is_dir():  # told before minutes of training
        raise SettingsError(f"there is no folder {out.parent}: make it, or give another --out")
    for run in runs:
        rows.append(evaluate_balance(data, run, plan))
        if out is not None:
            store_balance(out, rows)  # what is done stays done
    text = json.dumps({"rows": rows}, indent=2, allow_nan=False) if as_json else "\n".join(map(balance_text, rows))
    sys.stdout.write(f"{text}\n")
    return 0
