"""``sonogauge evaluate score``: figures of the released files, from those files, and the recipe's stored ones."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
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
TIMED = 200
TEST_VERSIONS = 4

Figures = dict[str, Any]


def evaluate_released(data: Path, weights: Path | None = None, stored: Path = STORED) -> Figures:
    """All figures of the released score.

    ``lcc``, ``mse``: against 100 (1 - severity), four versions of continuous severity of every test picture of the
    training organs (other patients, examinations and groups of near-duplicates), training kinds alone, each equally
    often; ``by_organ`` and ``by_kind`` hold the same. ``spearman_unseen_organs``: against minus the level, liver and
    lung at five levels, all ten kinds equally often. ``ms``: median of one score, one thread. ``lcc_recipe`` and
    ``mse_recipe``: the paper's recipe, stored.

    Raises
    ------
    DataError, ModelError
        When a set, a model file or the stored figures are missing or damaged.
    """
    recipe = stored_run(stored)
    folder = weights or default_weights_folder()
    with closing(_open(folder)) as model:
        figures = _test_figures(model, organ_pictures(data, "test"))
        figures |= _unseen_figures(model, unseen_pictures(data))
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


def _open(folder: Path) -> PictureScore:
    entry = load_manifest(folder).entry(MODEL)
    file = entry.file_of(Precision.FLOAT32)
    if file is None:
        raise DataError(f"{MODEL} has no float32 file: release it again")
    return PictureScore(ModelSession(folder, MODEL, entry, file, Provider.CPU, threads=1))


def _test_figures(model: PictureScore, organs: Mapping[str, Sequence[SectorPicture]]) -> Figures:
    pictures = [
        (organ, version)
        for organ, untouched in organs.items()
        for version in graded_versions(untouched, TEST_VERSIONS, LEVEL_SEED)
    ]
    crops = [_crop(version) for _, version in pictures]
    wanted = np.array([100 * (1 - version.severity) for _, version in pictures])
    found = np.array([model.score(crop) for crop in crops])

    def part(chosen: list[bool]) -> Figures:
        return lcc_and_mse(found[chosen], wanted[chosen]) | {"n": sum(chosen)}

    return {
        **lcc_and_mse(found, wanted),
        "n": len(crops),
        "groups": len({version.group for _, version in pictures}),
        "by_organ": {organ: part([organ == other for other, _ in pictures]) for organ in organs},
        "by_kind": _by_kind([version for _, version in pictures], part),
        "ms": _ms(model, crops[:TIMED]),
    }


def _unseen_figures(model: PictureScore, organs: Mapping[str, Sequence[SectorPicture]]) -> Figures:
    pictures = [
        (organ, version)
        for organ, untouched in organs.items()
        for version in known_levels(untouched, FIVE_LEVELS, LEVEL_SEED, tuple(KINDS))
    ]
    found = np.array([model.score(_crop(version)) for _, version in pictures])
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


def _crop(version: SectorPicture) -> np.ndarray:
    return version.crop().crop(version.image)


def _ms(model: PictureScore, crops: Sequence[np.ndarray]) -> float:
    """Median time of one score."""
    times = []
    for crop in crops:
        start = time.perf_counter()
        model.score(crop)
        times.append((time.perf_counter() - start) * 1e3)
    return round(statistics.median(times), 2)
