"""Train a DCGAN: one run with checkpoints that are measured, or the paper's sweep. Everything goes on after a stop."""

from __future__ import annotations

import json
import logging
import pickle
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch

from capture.errors import DataError, SettingsError
from models.runtime.precision import cpu_name
from models.synthesis.data import RealPictures, Split, read_real, varied
from models.synthesis.feature_distance import feature_distance
from models.synthesis.figures import compare
from models.synthesis.gan import Gan, write_aside
from models.synthesis.levels import as_bytes, black_level
from models.synthesis.network import Generator
from models.synthesis.recipe import Sweep, SynthesisOptions, SynthesisRecipe, asked_for, command_of, marks
from models.synthesis.sample import LATENT, LEVELS

log = logging.getLogger(__name__)

MEASURED = 500  # synthetic pictures
_FOR_BLACK = 100
FEWEST = 4  # real ones
SAVE_EVERY_S = 60.0
_BATCH, _SEED = 50, 20261213


def train_synthesis(
    data_dir: Path, out_dir: Path, recipe: SynthesisRecipe, options: SynthesisOptions, measured: int = MEASURED
) -> Path:
    """Train, measure and return the path of the last generator (resumes from what is there).

    Parameters
    ----------
    data_dir : folder that holds the data sets and, for the Frechet distance, ``backbones/``
    out_dir : gets ``run.json`` (what was asked), ``gan.pt`` and its story, ``generator_EPOCH.pt`` and
        ``figures.jsonl``, a line for each of ``marks(epochs)``
    measured : so many synthetic pictures are compared with all real ones of the set

    Raises
    ------
    DataError
        The set cannot be read.
    SettingsError
        ``out_dir`` holds a run that was asked for something else, or there are too few pictures.
    """
    _same_run(out_dir / "run.json", asked_for(recipe, options))
    pictures = read_real(data_dir, options)
    if len(pictures.training) < FEWEST:
        raise DataError(
            f"{len(pictures.training)} pictures of {data_dir} are too few to learn from: give {FEWEST} or more"
        )
    gan = Gan(recipe, options.conditional, out_dir / "gan.pt")
    saved = time.monotonic()
    while gan.epochs_done < recipe.epochs:
        report = gan.epoch(_batches(pictures.training, recipe, gan.epochs_done))
        is_mark = gan.epochs_done in marks(recipe.epochs)
        if is_mark:
            _keep_generator(gan, generator_path(out_dir, gan.epochs_done), pictures.training)
        if is_mark or time.monotonic() - saved > SAVE_EVERY_S:
            gan.save(report)
            saved = time.monotonic()
        if is_mark:
            _measure(data_dir, out_dir, recipe, options, pictures, measured)
    _measure(data_dir, out_dir, recipe, options, pictures, measured)  # what a stop kept from being measured
    return generator_path(out_dir, recipe.epochs)


def run_sweep(data_dir: Path, out_dir: Path, runs: Sweep, measured: int = MEASURED) -> Path:
    """Every run in a folder of its own; returns the path of ``sweep.json``, all their figures in one list."""
    lines = []
    for name, (recipe, options) in runs.items():
        log.info("run %s", name)
        train_synthesis(data_dir, out_dir / name, recipe, options, measured)
        lines += [{"run": name, **line} for line in read_figures(out_dir / name)]
    path = out_dir / "sweep.json"
    path.write_text(json.dumps({"rows": lines}, indent=1) + "\n")
    return path


def generator_path(run: Path, epochs: int) -> Path:
    """Where the averaged generator of a run after so many epochs is."""
    return run / f"generator_{epochs}.pt"


def last_epoch(run: Path) -> int:
    """Of the last generator that a run kept.

    Raises
    ------
    DataError
        When there is none yet.
    """
    epochs = [int(path.stem.split("_")[1]) for path in run.glob("generator_*.pt")]
    if not epochs:
        raise DataError(f"{run} holds no generator yet: let 'train synthesis' reach its first checkpoint")
    return max(epochs)


def read_asked(run: Path) -> dict[str, Any]:
    """What a run was asked for, see ``asked_for``.

    Raises
    ------
    DataError
        When the folder holds no such file, or a damaged one.
    """
    try:
        asked: dict[str, Any] = dict(json.loads((run / "run.json").read_text()))
        if missing := {"set_name", "images", "conditional", "size", "flip"} - set(asked):
            raise ValueError(f"it lacks {', '.join(sorted(missing))}")
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"cannot read {run / 'run.json'} ({error}): give the folder of 'train synthesis'") from error
    return asked


def load_generator(path: Path) -> tuple[Generator, float]:
    """An averaged generator that a run kept, and its black level.

    Raises
    ------
    DataError
        When the file is missing or no generator.
    """
    try:
        state = torch.load(path, weights_only=True)
        generator = Generator(state["size"], state["width"], state["conditional"])
        generator.load_state_dict(state["generator"])
    except (OSError, RuntimeError, KeyError, TypeError, pickle.UnpicklingError, EOFError) as error:
        raise DataError(f"cannot read {path} ({error}): give the folder of a finished 'train synthesis'") from error
    return generator.eval(), float(state["black"])


@torch.inference_mode()
def grey_of(generator: Generator, count: int, levels: np.ndarray | None = None, seed: int = _SEED) -> np.ndarray:
    """Pictures of a seed's noise, (count, S, S) float32 in 0..255; ``levels`` (count,) where it is conditional."""
    latent = torch.randn(count, LATENT, generator=torch.Generator().manual_seed(seed))
    if generator.conditional:
        chosen = np.resize(LEVELS, count) if levels is None else levels
        latent = torch.cat([latent, torch.from_numpy(np.asarray(chosen, np.float32))[:, None]], dim=1)
    made = [generator.eval()(part)[:, 0] for part in latent.split(_BATCH)]
    return np.asarray((torch.cat(made).float().numpy() + 1) * 127.5)


def read_figures(run: Path) -> list[dict[str, Any]]:
    """What a run measured so far, a line for each checkpoint; a line that was cut off is left out."""
    path = run / "figures.jsonl"
    lines = path.read_text().splitlines() if path.is_file() else []
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            log.warning("%s has a damaged line: measured again", path)
    return found


def _same_run(path: Path, asked: dict[str, object]) -> None:
    """Write what the run is asked for, or compare with what it was asked for before."""
    if path.is_file():
        before = json.loads(path.read_text())
        if before != asked:
            differ = ", ".join(key for key in asked if before.get(key) != asked[key])
            raise SettingsError(f"the run in {path.parent} was started with another {differ}: give another folder")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asked, indent=2) + "\n")


def _batches(pictures: RealPictures, recipe: SynthesisRecipe, epoch: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Every picture once, in random order, in batches of nearly the same size."""
    random = np.random.default_rng((recipe.seed, epoch))
    order = random.permutation(len(pictures))
    for part in np.array_split(order, max(round(len(order) / recipe.batch), 1)):
        images = [varied(pictures.images[i], recipe.size, recipe.flip, recipe.rotation_deg, random) for i in part]
        yield np.stack(images), pictures.levels[part]


def _keep_generator(gan: Gan, path: Path, training: RealPictures) -> None:
    recipe = gan.recipe
    made = grey_of(gan.average, _FOR_BLACK, training.like_levels(_FOR_BLACK))
    black = black_level(made, training.squares(recipe.size))
    shape = {"size": recipe.size, "width": recipe.width, "conditional": gan.conditional}
    write_aside({"generator": gan.average.state_dict(), "black": black, "epochs": gan.epochs_done, **shape}, path)


def _measure(
    data_dir: Path,
    out_dir: Path,
    recipe: SynthesisRecipe,
    options: SynthesisOptions,
    pictures: Split,
    measured: int,
) -> None:
    """A line in ``figures.jsonl`` for each generator that has none."""
    known = {line["epoch"] for line in read_figures(out_dir)}
    real = pictures.everything
    for mark in marks(recipe.epochs):
        path = generator_path(out_dir, mark)
        if mark in known or not path.is_file():
            continue
        generator, black = load_generator(path)
        made = as_bytes(grey_of(generator, measured, real.like_levels(measured)), black)
        line = {
            "date": date.today().isoformat(),
            "command": command_of(recipe, options),
            "machine": cpu_name(),
            "epoch": mark,
            "n_training": len(pictures.training),
            **compare(made, real.squares(recipe.size), real.groups, feature_distance(data_dir)),
        }
        with (out_dir / "figures.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
