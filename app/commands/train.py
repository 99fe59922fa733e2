"""``sonogauge train``, ``export`` and ``evaluate``: thin doors to the training code, imported only when used."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from app.commands.training_extra import need_training_extra
from capture.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from models.regional.coherence.train import CoherenceRecipe
    from models.regional.dense.train import DenseRecipe
    from models.regional.end_to_end.ablation import Attention, Backbone, Task
    from models.regional.end_to_end.train import QualityRecipe
    from models.regional.evaluation.evaluate import EvaluationPlan
    from models.regional.segmentation.train import SegmentationRecipe
    from models.us2qnet.recipe import Us2QRecipe
    from models.us2qnet.tables import SetName

    Recipe = TypeVar("Recipe", CoherenceRecipe, DenseRecipe, QualityRecipe, SegmentationRecipe, Us2QRecipe)


def _of_length(recipe: Recipe, epochs: int, finish_epochs: int) -> Recipe:
    """The recipe with other numbers of epochs: 0 leaves the first phase, and gives the second as many as the first."""
    main, finish = recipe.optimisation.of(epochs), recipe.finish.of(finish_epochs or epochs)
    return replace(recipe, optimisation=main, finish=finish)


def run_train_segmentation(
    data: Path,
    out: Path,
    epochs: int,
    finish_epochs: int,
    virtual: Path | None,
    virtual_only: bool,
    start: Path | None,
    net: str,
    classes: int,
) -> int:
    """Train the segmentation on real frames, virtual ones or both; prints the checkpoint's path."""
    need_training_extra()
    from models.regional.segmentation.nnunet import NnUNetRecipe, train_nnunet
    from models.regional.segmentation.train import SegmentationRecipe, train_segmentation

    options: dict[str, Any] = {"virtual": virtual, "real": not virtual_only, "start": start, "classes": classes}
    if net == "nnunet":
        paper = NnUNetRecipe()
        made = train_nnunet(data, out, replace(paper, optimisation=paper.optimisation.of(epochs)), **options)
    else:
        plan = _of_length(SegmentationRecipe(), epochs, finish_epochs)
        made = train_segmentation(data, out, plan, **options)
    sys.stdout.write(f"{made}\n")
    return 0


def run_train_regional(
    data: Path,
    out: Path,
    epochs: int,
    finish_epochs: int,
    backbone: Backbone,
    task: Task,
    attention: Attention,
    recipe: str,
    virtual: Path | None,
    start: Path | None,
) -> int:
    """Train the regional quality network, or one of the paper's ablation study; prints the checkpoint's path."""
    need_training_extra()
    from models.regional.end_to_end.ablation import Ablation
    from models.regional.end_to_end.paper_recipe import PaperRecipe, train_ablation
    from models.regional.end_to_end.train import QualityRecipe, train_quality

    ablation = Ablation(backbone, task, attention)
    if recipe == "paper":
        paper = PaperRecipe()
        made = train_ablation(data, out, ablation, replace(paper, optimisation=paper.optimisation.of(epochs)))
    elif attention == "learned":
        plan = _of_length(QualityRecipe(), epochs, finish_epochs)
        plan = replace(plan, causes=plan.causes.of(finish_epochs or epochs))
        made = train_quality(data, out, plan, virtual=virtual, start=start)
    else:
        raise SettingsError(f"the released recipe teaches learned attention, not {attention}: add --recipe paper")
    sys.stdout.write(f"{made}\n")
    return 0


def run_train_dense(
    data: Path, virtual: Path, out: Path, epochs: int, finish_epochs: int, items: int, start: Path | None
) -> int:
    """Train the dense network; prints the checkpoint's path."""
    need_training_extra()
    from models.regional.dense.train import DenseRecipe, train_dense

    recipe = _of_length(DenseRecipe(), epochs, finish_epochs)
    recipe = replace(recipe, items_per_epoch=items or recipe.items_per_epoch)
    sys.stdout.write(f"{train_dense(data, virtual, out, recipe, start=start)}\n")
    return 0


def run_train_coherence(
    virtual: Path, out: Path, epochs: int, finish_epochs: int, data: Path | None, start: Path | None
) -> int:
    """Train the coherence network on a virtual set and real frames; prints the checkpoint's path."""
    need_training_extra()
    from models.regional.coherence.train import CoherenceRecipe, train_coherence

    recipe = _of_length(CoherenceRecipe(), epochs, finish_epochs)
    sys.stdout.write(f"{train_coherence(virtual, out, recipe, data_dir=data, start=start)}\n")
    return 0


def run_train_us2qnet(
    set_name: str,
    data: Path,
    out: Path,
    epochs: int,
    finish_epochs: int,
    variant: tuple[str | None, bool, bool, bool, int],
    seed: int | None,
    recipe: str,
) -> int:
    """Train US2QNet; prints the checkpoint's path.

    ``variant`` is clusters (a number, ``auto`` or None), pre-training, filter, variational, count of digits.
    """
    need_training_extra("sklearn", "umap", "hdbscan")
    from models.us2qnet.recipe import CLUSTERS, PAPER, RELEASED, Us2QOptions
    from models.us2qnet.train import train_us2qnet

    clusters, pretraining, fuzzy, variational, count = variant
    plan = _of_length(PAPER if recipe == "paper" else RELEASED[set_name], epochs, finish_epochs)
    plan = replace(plan, seed=plan.seed if seed is None else seed)
    filtered = fuzzy and set_name != "mnist"
    wanted = _cluster_count(clusters, CLUSTERS[set_name])
    options = Us2QOptions(wanted, pretraining, filtered, variational, count)
    made = train_us2qnet(set_name, data, out, plan, options, _preparation(filtered))
    sys.stdout.write(f"{made}\n")
    return 0


def _preparation(filtered: bool) -> Callable[[np.ndarray], np.ndarray]:
    """What the network sees of a (224, 224) uint8 picture: float32 in 0..1."""
    if filtered:
        from models.runtime.fuzzy_filter import FuzzyFilter

        prepare: Callable[[np.ndarray], np.ndarray] = FuzzyFilter().preprocess
        return prepare
    from models.us2qnet.samples import as_is

    return as_is


def _cluster_count(asked: str | None, usual: int) -> int | None:
    """K; None for ``auto``."""
    if asked == "auto":
        return None
    try:
        return usual if asked is None else int(asked)
    except ValueError as error:
        raise SettingsError(f"--clusters {asked} is no number: give a number of clusters, or auto") from error


def run_export_coherence(run: Path, virtual: Path, out: Path, data: Path | None) -> int:
    """Write the model files of the coherence network and their manifest entry; prints how far each is from it."""
    need_training_extra()
    from models.regional.coherence.export import export_coherence

    sys.stdout.write(json.dumps(export_coherence(run, virtual, out, data), indent=2) + "\n")
    return 0


def run_export(checkpoints: Path, out: Path, data: Path, virtual: Path | None) -> int:
    """Write the model files of the regional networks and their manifest; prints what was written."""
    need_training_extra()
    from models.regional.export import export_regional

    sys.stdout.write(json.dumps(export_regional(checkpoints, out, data, virtual), indent=2) + "\n")
    return 0


def run_export_us2qnet(run: Path, set_name: str, out: Path) -> int:
    """Write the model files of the quality clusters, their map and their manifest entry; prints what was measured."""
    need_training_extra("sklearn", "umap", "hdbscan")
    from models.us2qnet.release import release_us2qnet

    sys.stdout.write(json.dumps(release_us2qnet(set_name, run, out), indent=2) + "\n")
    return 0


def run_export_reading(weights: Path, data: Path, virtual: Path | None, frames: int) -> int:
    """Learn how the quality network's maps are read, and release that beside it; prints what it was learnt from."""
    need_training_extra()
    from models.regional.reading.release import release_reading

    sys.stdout.write(json.dumps(release_reading(weights, data, virtual, frames), indent=2) + "\n")
    return 0


def run_evaluate(plan: EvaluationPlan, out: Path | None, as_json: bool) -> int:
    """Recompute the figures of the regional models; prints JSON or a table, and saves both with plots in ``out``."""
    from models.regional.evaluation.evaluate import evaluate_regional, released_candidates
    from models.regional.evaluation.report import as_text, write_report

    with released_candidates(plan) as candidates:
        findings = evaluate_regional(plan, candidates)
    if out is not None:
        write_report(findings, out)
    text = json.dumps(findings.figures, indent=2, allow_nan=False) if as_json else as_text(findings.figures)
    sys.stdout.write(text + "\n")
    return 0


def run_evaluate_us2qnet(
    table: int,
    set_name: SetName,
    data: Path,
    runs: Path,
    seeds: int,
    count: int | None,
    epochs: int,
    finish_epochs: int,
    out: Path | None,
    as_json: bool,
) -> int:
    """Make a table of the paper from networks in ``runs``; prints JSON or text, saves both with figures in ``out``."""
    need_training_extra("sklearn", "umap", "hdbscan")
    from models.us2qnet.evaluate import Experiment, evaluate_us2qnet, writable_folder, write_findings

    asked = Experiment(table, set_name, data, runs, seeds, count, epochs, finish_epochs)
    if out is not None:  # told now, not after hours
        writable_folder(out)
    findings = evaluate_us2qnet(asked, _preparation(set_name == "ultrasound"), out is not None)
    if out is not None:
        write_findings(findings, out)
    text = json.dumps(findings.figures, indent=2, allow_nan=False) if as_json else findings.text
    sys.stdout.write(text + "\n")
    return 0


def run_evaluate_released_clusters(data: Path, weights: Path | None, as_json: bool) -> int:
    """Recompute the figures of the released quality clusters; prints JSON, or one figure per line."""
    need_training_extra("sklearn", "umap", "hdbscan")
    from models.us2qnet.released import evaluate_released

    figures = evaluate_released(data, weights)
    lines = (f"{name:<18} {value}" for name, value in figures.items())
    sys.stdout.write((json.dumps(figures, indent=2, allow_nan=False) if as_json else "\n".join(lines)) + "\n")
    return 0


def run_evaluate_digits(run: Path, data: Path) -> int:
    """Print the figures of a finished run on MNIST as JSON."""
    need_training_extra("sklearn", "umap", "hdbscan")
    from models.us2qnet.digits import run_figures

    sys.stdout.write(json.dumps(run_figures(run, data), indent=2, allow_nan=False) + "\n")
    return 0


def run_raters(path: Path, methods: list[str]) -> int:
    """Compare raters with each other, and methods with them; prints JSON."""
    from models.metrics.raters import evaluate_raters

    sys.stdout.write(json.dumps(evaluate_raters(path, methods), indent=2, allow_nan=False) + "\n")
    return 0
