"""``sonogauge evaluate us2qnet``: a table of the paper and its figures, from networks trained on the way."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from capture.errors import DataError, SettingsError
from models.data.camus import read_split
from models.metrics.clustering import METRICS
from models.us2qnet.baselines import MethodResult
from models.us2qnet.data import LEVEL_SEED, SHUFFLE_SEED, THREE_LEVELS, echo_pictures, in_one, known_levels, read_mnist
from models.us2qnet.experiments import LabelledSet, Stage, evaluate_table, training_stages
from models.us2qnet.figures import figure_4, figure_5, figure_6, write_picture
from models.us2qnet.recipe import RELEASED, Us2QRecipe
from models.us2qnet.samples import Prepare, prepared
from models.us2qnet.tables import LEVELS, SetName, table_text
from models.us2qnet.trained import TrainedNetworks

DIGITS = 10_000
TRAINED_AS = {"mnist": "mnist", "ultrasound": "echo"}
"""Set of the tables -> set of the training."""


@dataclass(frozen=True)
class Experiment:
    """What is asked for.

    Attributes
    ----------
    table : 1, 2 or 3 of the paper
    data, runs : folder of the data sets, and the one for the networks
    seeds : how many; they are 0, 1, ...
    count : so many of the shuffled digits, 0 all; None is 10,000
    epochs, finish_epochs : of pre-training and fine-tuning; 0 is the recipe's, for the second the first where given

    Raises
    ------
    SettingsError
        For a table that the paper does not have, no seed, or a number that does not fit.
    """

    table: int
    set_name: SetName
    data: Path
    runs: Path
    seeds: int = 3
    count: int | None = None
    epochs: int = 0
    finish_epochs: int = 0

    def __post_init__(self) -> None:
        if self.table not in (1, 2, 3):
            raise SettingsError(f"the paper has no table {self.table}: give --table 1, 2 or 3")
        if self.set_name not in TRAINED_AS:
            raise SettingsError(f"there is no set {self.set_name!r} to evaluate: give --set {' or '.join(TRAINED_AS)}")
        if self.seeds < 1:
            raise SettingsError(f"{self.seeds} seeds give no figure: give --seeds 1 or more")
        if self.count is not None and self.set_name != "mnist":
            raise SettingsError("--count is a number of digits: leave it out with --set ultrasound")
        if min(self.digits, self.epochs, self.finish_epochs) < 0:
            raise SettingsError("a number below 0 was given: --count, --epochs and --finish-epochs count from 0")

    @property
    def digits(self) -> int:
        """So many of the shuffled digits, 0 all."""
        return DIGITS if self.count is None else self.count

    @property
    def recipe(self) -> Us2QRecipe:
        """Of every network, but for the seed."""
        released = RELEASED[TRAINED_AS[self.set_name]]
        main, finish = released.optimisation.of(self.epochs), released.finish.of(self.finish_epochs or self.epochs)
        return replace(released, optimisation=main, finish=finish)


@dataclass(frozen=True, eq=False)
class Findings:
    """What came out.

    Attributes
    ----------
    figures : plain values, for JSON
    text : the table beside the paper's, for people
    pictures : file name -> BGR uint8
    """

    figures: dict[str, Any]
    text: str
    pictures: dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class EvaluationSet:
    """The test set as the methods and the networks take it, and a sentence on where it is from.

    Attributes
    ----------
    images : without and with pre-processing, (N, S, S) uint8
    """

    labelled: LabelledSet
    images: Mapping[bool, np.ndarray]
    source: str


def evaluate_us2qnet(asked: Experiment, prepare: Prepare, draw: bool = False) -> Findings:
    """Train what is not yet trained, and make the table; figures 4 and 5 (tables 2 and 3) and 6 (table 2) if ``draw``.

    Raises
    ------
    DataError
        When the set cannot be read or is too small.
    SettingsError
        When ``runs`` cannot be written or holds runs of another recipe.
    """
    writable_folder(asked.runs)
    name = TRAINED_AS[asked.set_name]
    tested = digits_set(asked) if asked.set_name == "mnist" else echo_set(asked, prepare)
    count = asked.digits if name == "mnist" else 0
    embed = TrainedNetworks(name, asked.data, asked.runs, asked.recipe, count, prepare, tested.images)
    results: dict[int, Mapping[str, MethodResult]] = {}
    seeds, jobs = range(asked.seeds), os.cpu_count() or 1
    table = evaluate_table(asked.table, tested.labelled, seeds, embed, jobs, results.__setitem__)
    stages: dict[str, Stage] = {}
    if draw and asked.table > 1:
        stages = training_stages(tested.labelled, seeds[0], embed, (0, *embed.stages, None))
    figures = table.to_json() | {
        "data": tested.source,
        "recipe": {key: value for key, value in asdict(asked.recipe).items() if key != "seed"},
        "trained": embed.epochs_done,
        "stages": {stage: found.figures for stage, found in stages.items()},
    }
    lines = [table_text(table), tested.source, *_stage_lines(stages)]
    return Findings(figures, "\n".join(lines), _pictures(tested.labelled, stages, results))


def digits_set(asked: Experiment) -> EvaluationSet:
    """The digits that the networks are trained on as well, in the same order.

    Raises
    ------
    DataError
        When the files cannot be read, or some digit is missing among so few.
    SettingsError
        When there are fewer digits than asked for.
    """
    digits = read_mnist(asked.data, asked.digits)
    if len(digits) < asked.digits:
        advice = "give so many or fewer with --count, 0 for all"
        raise SettingsError(f"{asked.digits} digits asked for, there are {len(digits)}: {advice}")
    names = tuple(str(number) for number in range(10))
    labelled = LabelledSet("mnist", _rows(digits.images), digits.labels, names)
    source = f"MNIST, {len(digits)} digits of all in the fixed random order of seed {SHUFFLE_SEED}."
    return EvaluationSet(_with_every_class(labelled, "--count"), {False: digits.images}, source)


def echo_set(asked: Experiment, prepare: Prepare) -> EvaluationSet:
    """The validation patients of CAMUS at the three known levels; every method sees the filtered pictures.

    Raises
    ------
    DataError
        When the set cannot be read, or a patient is in both splits.
    """
    trained, held = ({sample.patient for sample in read_split(asked.data, split)} for split in ("train", "val"))
    if trained & held:
        both = ", ".join(sorted(trained & held)[:3])
        raise DataError(f"{both} are in both splits of CAMUS: point --data at a good copy")
    pictures = in_one(known_levels(echo_pictures(asked.data, "val")))
    images = {False: pictures.images, True: prepared(pictures.images, prepare)}
    worst_first = len(THREE_LEVELS) - 1 - pictures.labels  # the paper's order of classes
    labelled = LabelledSet("ultrasound", _rows(images[True]), worst_first, LEVELS)
    source = (
        f"CAMUS (apical echo), split by patient: trained on {len(trained)} patients, tested on {len(held)} others, "
        f"{len(pictures)} pictures at levels {THREE_LEVELS} of degradation (seed {LEVEL_SEED}). "
        "No method reads a level of a tested picture: they are for these figures alone. "
        "In training the networks, unlike the methods on pixels, are told by how much each picture was made worse."
    )
    return EvaluationSet(_with_every_class(labelled, "--data"), images, source)


def write_findings(findings: Findings, folder: Path) -> list[Path]:
    """Write ``figures.json`` and the pictures; returns the files.

    Raises
    ------
    SettingsError, DataError
        When the folder, or a file in it, cannot be written.
    """
    path = writable_folder(folder) / "figures.json"
    try:
        path.write_text(json.dumps(findings.figures, indent=2, allow_nan=False) + "\n")
    except OSError as error:
        raise DataError(f"cannot write {path} ({error.strerror}): choose another folder") from error
    return [path, *(write_picture(picture, folder / name) for name, picture in findings.pictures.items())]


def writable_folder(folder: Path) -> Path:
    """The folder, made where it is missing.

    Raises
    ------
    SettingsError
        When it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"cannot make the folder {folder} ({error.strerror}): give another one") from error
    return folder


def _rows(images: np.ndarray) -> np.ndarray:
    """(N, S, S) uint8 -> (N, S * S) float32 in 0..1."""
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)


def _with_every_class(labelled: LabelledSet, option: str) -> LabelledSet:
    missing = [name for number, name in enumerate(labelled.class_names) if not (labelled.truth == number).any()]
    if missing:
        raise DataError(f"no picture of {', '.join(missing)} in the test set: give more with {option}")
    return labelled


def _stage_lines(stages: Mapping[str, Stage]) -> list[str]:
    return [
        f"{name:<12} {'  '.join(f'{metric.upper()} {stage.figures[metric]:.3f}' for metric in METRICS)}"
        for name, stage in stages.items()
    ]


def _pictures(
    labelled: LabelledSet, stages: Mapping[str, Stage], results: Mapping[int, Mapping[str, MethodResult]]
) -> dict[str, np.ndarray]:
    """Figures of the first seed, as far as they were computed."""
    truth, names = labelled.truth, labelled.class_names
    found = {}
    if stages:
        found["figure_4.png"] = figure_4(stages, truth, names)
        found["figure_5.png"] = figure_5(stages, labelled.name)
    if results:
        found["figure_6.png"] = figure_6(results[min(results)], truth, names)
    return found
