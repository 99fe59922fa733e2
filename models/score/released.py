"""``sonogauge evaluate score``: figures of the released files, from those files, and the recipe's stored ones."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from capture.errors import DataError
from models.data.degradations import KINDS
from models.metrics.agreement import rounded, spearman
from models.runtime.manifest import Precision, default_weights_folder, load_manifest
from models.runtime.providers import Provider
from models.runtime.score import MODEL, PictureScore
from models.runtime.session import ModelSession
from models.score.paper_recipe import lcc_and_mse
from models.score.pictures import organ_pictures, unseen_pictures
from models.us2qnet.data import FIVE_LEVELS, LEVEL_SEED, SectorPicture, graded_versions, known_levels

STORED = Path(__file__).with_name("recipe_run.json")
THREADS, TIMED = 2, 200
TEST_VERSIONS = 4
CLOSE = 2.0  # points of score

Figures = dict[str, Any]


def evaluate_released(data: Path, weights: Path | None = None, stored: Path = STORED) -> Figures:
    """All figures of the released score; scores are those of the INT8 file.

    ``lcc``, ``mse``: against 100 (1 - severity), four versions of continuous severity of every test picture of the
    training organs (other patients, examinations and groups of near-duplicates), training kinds alone, each equally
    often; ``by_organ`` and ``by_kind`` hold the same. ``spearman_unseen_organs``: against minus the level, liver and
    lung at five levels, all ten kinds equally often. ``int8_agreement``: share of test pictures whose scores in INT8
    and float32 are at most 2 points apart. ``ms``: one score, 2 threads, the faster file. ``lcc_recipe`` and
    ``mse_recipe``: the paper's recipe, stored.

    Raises
    ------
    DataError, ModelError
        When a set, a model file or the stored figures are missing or damaged.
    """
    recipe = stored_run(stored)
    folder = weights or default_weights_folder()
    int8, float32 = (_open(folder, precision) for precision in (Precision.INT8, Precision.FLOAT32))
    try:
        figures = _test_figures(int8, float32, organ_pictures(data, "test"))
        figures |= _unseen_figures(int8, unseen_pictures(data))
    finally:
        int8.close()
        float32.close()
    return {"lcc_recipe": recipe["lcc_recipe"], "mse_recipe": recipe["mse_recipe"], **figures, "recipe": recipe}


def stored_run(path: Path = STORED) -> Figures:
    """Figures of the last run of the paper's recipe with its date and command.

    Raises
    ------
    DataError
        When the file is missing or damaged.
    """
    if not path.is_file():
        raise DataError(
            f"no stored figures of the paper's recipe: run 'sonogauge train score --recipe paper --out RUN' and copy "
            f"RUN/figures.json to {path}"
        )
    try:
        found: Figures = json.loads(path.read_text())
        missing = {"lcc_recipe", "mse_recipe", "n", "date", "command"} - set(found)
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path} ({error}): reinstall sonogauge") from error
    if missing:
        raise DataError(f"{path} lacks {', '.join(sorted(missing))}: reinstall sonogauge")
    return found


def _open(folder: Path, precision: Precision) -> PictureScore:
    entry = load_manifest(folder).entry(MODEL)
    file = entry.file_of(precision)
    if file is None:
        raise DataError(f"{MODEL} has no {precision} file: release it again")
    return PictureScore(ModelSession(folder, MODEL, entry, file, Provider.CPU, THREADS))


def _test_figures(int8: PictureScore, float32: PictureScore, organs: Mapping[str, Sequence[SectorPicture]]) -> Figures:
    pictures = [
        (organ, version)
        for organ, untouched in organs.items()
        for version in graded_versions(untouched, TEST_VERSIONS, LEVEL_SEED)
    ]
    squares = [version.square() for _, version in pictures]
    wanted = np.array([100 * (1 - version.severity) for _, version in pictures])
    fast, exact = (np.array([model.score(square) for square in squares]) for model in (int8, float32))

    def part(chosen: list[bool]) -> Figures:
        return lcc_and_mse(fast[chosen], wanted[chosen]) | {"n": sum(chosen)}

    return {
        **lcc_and_mse(fast, wanted),
        "n": len(squares),
        "groups": len({version.group for _, version in pictures}),
        "by_organ": {organ: part([organ == other for other, _ in pictures]) for organ in organs},
        "by_kind": _by_kind([version for _, version in pictures], part),
        "int8_agreement": rounded(np.mean(np.abs(fast - exact) <= CLOSE)),
        "ms": _ms((int8, float32), squares[:TIMED]),
    }


def _unseen_figures(model: PictureScore, organs: Mapping[str, Sequence[SectorPicture]]) -> Figures:
    pictures = [
        (organ, version)
        for organ, untouched in organs.items()
        for version in known_levels(untouched, FIVE_LEVELS, LEVEL_SEED, tuple(KINDS))
    ]
    found = np.array([model.score(version.square()) for _, version in pictures])
    wanted = np.array([-version.severity for _, version in pictures])

    def part(chosen: list[bool]) -> Figures:
        return {"spearman": rounded(spearman(found[chosen], wanted[chosen])), "n": sum(chosen)}

    return {
        "spearman_unseen_organs": rounded(spearman(found, wanted)),
        "n_unseen": len(pictures),
        "unseen": {organ: part([organ == other for other, _ in pictures]) for organ in organs},
        "unseen_by_kind": _by_kind([version for _, version in pictures], part),
    }


def _by_kind(versions: Sequence[SectorPicture], part: Callable[[list[bool]], Figures]) -> dict[str, Figures]:
    """The figures of each kind that was laid over some of the pictures, untouched pictures left out."""
    kinds = [version.name.split(":")[-2] if version.severity else "" for version in versions]
    return {kind: part([kind == other for other in kinds]) for kind in KINDS if kinds.count(kind) > 2}


def _ms(models: Sequence[PictureScore], squares: Sequence[np.ndarray]) -> float:
    """Median time of one score, the faster file."""
    return round(min(statistics.median(_times(model, squares)) for model in models), 2)


def _times(model: PictureScore, squares: Sequence[np.ndarray]) -> list[float]:
    times = []
    for square in squares:
        start = time.perf_counter()
        model.score(square)
        times.append((time.perf_counter() - start) * 1e3)
    return times
