"""Does a training set that lacks degraded pictures gain by synthetic ones? An experiment with a conditional generator.

A classifier of the three known levels learns from the training examinations, of which a small share alone has degraded
pictures. What it lacks is left so, drawn more often, or made by the generator; each way is tested on real pictures of
all levels, of examinations that neither classifier nor generator saw.

A generator of ``train synthesis --conditional`` has itself learned from **real degraded pictures of all training
examinations**, which the classifier lacks: it may hand them on, and such a gain is none from nothing. The strict test
is a generator of ``--conditional --degraded-share`` with the classifier's share or a smaller one: it saw no picture
that the classifier lacks. ``strict`` and ``generator_saw`` tell which of both a result is.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from capture.errors import DataError, SettingsError
from models.data.camus import squash
from models.runtime.precision import cpu_name
from models.synthesis.balance_figures import KINDS, balance_figures, balanced_accuracy
from models.synthesis.data import RealPictures, read_real
from models.synthesis.level_classifier import SIDE, TrainingSet, rate, train_classifier
from models.synthesis.levels import as_bytes
from models.synthesis.network import Generator
from models.synthesis.recipe import SynthesisOptions
from models.synthesis.sample import LEVELS
from models.synthesis.train import generator_path, grey_of, last_epoch, load_generator, read_asked, read_figures

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BalancePlan:
    """What the experiment is asked for.

    Attributes
    ----------
    share : of the training examinations, which alone has degraded pictures
    seeds : trainings of each kind; synthetic pictures are others each time
    steps : of every training, the same for all kinds
    """

    share: float = 0.1
    seeds: int = 5
    steps: int = 1500

    def __post_init__(self) -> None:
        if not (0 < self.share < 1 and self.seeds > 1 and self.steps > 0):
            raise SettingsError("balancing needs a share between 0 and 1, two seeds or more and a step or more")

    @property
    def command(self) -> str:
        """Without the folders of a machine."""
        asked = f"--degraded-share {self.share:g} --seeds {self.seeds} --steps {self.steps}"
        return f"sonogauge evaluate balance RUN {asked}"


def training_sets(few: TrainingSet, made: TrainingSet, every: TrainingSet) -> dict[str, TrainingSet]:
    """What the classifier learns from, by kind.

    Parameters
    ----------
    few : real pictures, degraded ones rare
    made : synthetic ones, of each level at least as many as the most frequent level of ``few`` has
    every : real pictures, all levels of all training examinations

    Returns
    -------
    dict
        ``unbalanced`` : few, as they are; ``repeated`` : few, every level drawn equally often; ``filled`` : few and as
        many synthetic ones as each level lacks; ``mixed`` : half real (repeated) and half synthetic of every level, so
        that being synthetic tells nothing of the level; ``all_real`` : every, what could be reached
    """
    counts = [int((few.levels == level).sum()) for level in LEVELS]
    lacking = [np.flatnonzero(made.levels == level)[: max(counts) - n] for level, n in zip(LEVELS, counts, strict=True)]
    return {
        "unbalanced": few,
        "repeated": few.even(),
        "filled": few.beside(made.take(np.concatenate(lacking))),
        "mixed": few.even().beside(made.even()),
        "all_real": every,
    }


def evaluate_balance(data_dir: Path, run: Path, plan: BalancePlan) -> dict[str, Any]:
    """The experiment with the last generator of a run: plain values, with date and command.

    Returns
    -------
    dict
        see ``balance_figures``; ``made_recognised`` : balanced accuracy of the ``all_real`` classifiers on synthetic
        pictures; ``strict`` and ``generator_saw`` : what the generator learned from; ``n_...`` : counts

    Raises
    ------
    DataError
        The set or the run cannot be read, or no examination was held out.
    SettingsError
        The generator is not conditional.
    """
    asked, epoch = read_asked(run), last_epoch(run)
    generator, black = load_generator(generator_path(run, epoch))
    if not generator.conditional:
        raise SettingsError(f"{run} knows no levels: give a run of 'train synthesis --conditional'")
    whole = SynthesisOptions(asked["set_name"], asked["images"], conditional=True)
    pictures = read_real(data_dir, whole)  # whichever share the run had, its held-out examinations are these
    few, test = pictures.training.with_few_degraded(plan.share), pictures.held_out
    if not len(test):
        raise DataError(f"the run in {run} saw all examinations: give one of fewer pictures (--images)")
    trial = Trial(generator, black, _real_set(few), _real_set(pictures.training), test, plan.steps, bool(asked["flip"]))
    ratings, recognised = zip(*(trial.ratings(seed) for seed in range(plan.seeds)), strict=True)
    return {
        "date": date.today().isoformat(),
        "command": plan.command,
        "machine": cpu_name(),
        **_about_generator(run, asked, epoch, plan.share),
        **_counts(few, pictures.training, test),
        **balance_figures(np.array(ratings), test.levels, test.groups),
        "made_recognised": round(float(np.mean(recognised)), 4),
    }


@dataclass(frozen=True, eq=False)
class Trial:
    """What all seeds share: the generator, real pictures to learn from and to test with, steps and mirroring."""

    generator: Generator
    black: float
    few: TrainingSet
    every: TrainingSet
    test: RealPictures
    steps: int
    flip: bool

    def ratings(self, seed: int) -> tuple[np.ndarray, float]:
        """Probabilities (5, n, 3) of the test pictures, a row for each of ``KINDS``, and ``made_recognised``."""
        made = self._made(int((self.few.levels == 0).sum()), seed)
        sets = training_sets(self.few, made, self.every)
        networks = [train_classifier(sets[kind], seed, self.steps, self.flip) for kind in KINDS]
        squares = self.test.squares(SIDE)
        found = np.stack([rate(network, squares) for network in networks])
        accuracies = [balanced_accuracy(rated, self.test.levels) for rated in found]
        log.info("seed %d: %s", seed, ", ".join(f"{k} {a:.3f}" for k, a in zip(KINDS, accuracies, strict=True)))
        return found, balanced_accuracy(rate(networks[-1], made.images), made.levels)

    def _made(self, count: int, seed: int) -> TrainingSet:
        """So many synthetic pictures of each level."""
        levels = np.repeat(np.array(LEVELS, np.float32), count)
        made = as_bytes(grey_of(self.generator, len(levels), levels, seed), self.black)
        images = np.stack([squash(image, cv2.INTER_AREA, SIDE) for image in made])
        return TrainingSet(images, levels, np.ones(len(levels)))


def _real_set(pictures: RealPictures) -> TrainingSet:
    return TrainingSet(pictures.squares(SIDE), pictures.levels, np.ones(len(pictures)))


def _about_generator(run: Path, asked: dict[str, Any], epoch: int, share: float) -> dict[str, Any]:
    seen = float(asked.get("degraded_share", 1))
    strict = seen <= share
    told = "no degraded picture that the classifier lacks" if strict else "degraded pictures that the classifier lacks"
    return {
        **{name: asked[name] for name in ("set_name", "size", "images")},
        "epoch": epoch,
        "training_command": next((row["command"] for row in read_figures(run) if row["epoch"] == epoch), None),
        "strict": strict,
        "generator_saw": f"the generator saw {told}: of {seen:.0%} of the training examinations, the classifier's are "
        f"{share:.0%}",
    }


def _counts(few: RealPictures, every: RealPictures, test: RealPictures) -> dict[str, Any]:
    return {
        "n_training": {f"{level:g}": int((few.levels == level).sum()) for level in LEVELS},
        "n_training_all_real": len(every),
        "n_training_examinations": len(set(every.groups.tolist())),
        "n_degraded_examinations": len(set(few.groups[few.levels > 0].tolist())),
        "n_test": len(test),
        "n_test_examinations": len(set(test.groups.tolist())),
    }
