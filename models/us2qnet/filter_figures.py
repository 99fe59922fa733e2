"""How much the fuzzy filter gains on speckle, and what it costs, beside OpenCV's non-local means."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import TypeVar

import cv2
import numpy as np

from capture.errors import DataError
from capture.virtual.generator.sample import SampleMaker
from models.data.camus import read_split
from models.data.grey_files import files_of, read_grey
from models.metrics.image_similarity import psnr_db
from models.runtime.fuzzy_filter import SEARCH, WINDOW, FuzzyFilter, prepare
from models.us2qnet.data import LIVER_FILES

STRENGTHS = (0.1, 0.2, 0.3, 0.4)
H_GRID = (3, 5, 7, 10, 13, 16, 20, 25, 30, 36, 43, 52, 63, 76, 92, 110, 130)
"""Strengths of OpenCV's filter in grey levels; finer than its gain is sharp, and wide enough for all ``STRENGTHS``."""

Item = TypeVar("Item")
Filter = Callable[[np.ndarray], np.ndarray]


def clean_pictures(data_dir: Path | None, count: int, seed: int = 0) -> tuple[str, list[np.ndarray]]:
    """Pictures to put speckle on; the filter's constants were chosen on others (training part of CAMUS).

    Parameters
    ----------
    data_dir : folder with ``camus`` and ``liver_aul``; None, or one without them, gives virtual frames
    count : at most so many; the real ones are half echo, half liver, spread over CAMUS' validation part and over AUL

    Returns
    -------
    (name of the set, pictures (224, 224) uint8)

    Raises
    ------
    DataError
        When a set is there but damaged.
    """
    if data_dir is not None and all((data_dir / name).is_dir() for name in ("camus", "liver_aul")):
        echo = [sample.image() for sample in _spread(read_split(data_dir, "val"), count // 2)]
        livers = [read_grey(path) for path in _spread(files_of(data_dir, "liver_aul", LIVER_FILES), count - len(echo))]
        return "camus_val_and_liver_aul", [_square(image) for image in echo + livers]
    maker = SampleMaker(seed)
    return "virtual", [_square(maker.make(index).image) for index in range(count)]


def _spread(items: Sequence[Item], count: int) -> list[Item]:
    """At most ``count`` items, evenly over a sequence."""
    places = np.linspace(0, len(items) - 1, min(count, len(items))).astype(int)
    return [items[place] for place in places]


def _square(image: np.ndarray) -> np.ndarray:
    return np.rint(prepare(image) * 255).astype(np.uint8)


def speckled(picture: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """A picture times speckle: independent in each pixel, gamma distributed, mean 1, deviation ``strength``.

    (H, W) uint8 -> (H, W) uint8, rounded and clipped.
    """
    looks = strength**-2
    return np.clip(np.rint(picture * rng.gamma(looks, 1 / looks, picture.shape)), 0, 255).astype(np.uint8)


def measure_filter(
    pictures: Sequence[np.ndarray],
    search: int = SEARCH,
    strengths: Sequence[float] = STRENGTHS,
    seed: int = 0,
    repeats: int = 50,
) -> dict[str, object]:
    """Gain in PSNR and time of the fuzzy filter and of ``cv2.fastNlMeansDenoising`` at equal windows.

    The fuzzy filter estimates its sigma from each noisy picture. OpenCV's filter gets the h of ``H_GRID`` that is
    best for it on these very pictures: of each strength, and, harder still, of each picture.

    Parameters
    ----------
    pictures : clean, (224, 224) uint8
    search : side of the search square of both
    strengths : relative deviations of the speckle
    repeats : of the timing

    Returns
    -------
    For JSON: ``pictures``, ``search``, ``window``; ``strengths``: a record for each; ``fuzzy_gain_db``,
    ``nlm_gain_db``, ``nlm_gain_db_best_h_per_picture``: means over them; ``fuzzy_ms``, ``nlm_ms``: median processor
    time of one thread on the first noisy picture of the middle strength.

    Raises
    ------
    DataError
        For no picture at all.
    """
    if not len(pictures):
        raise DataError("no picture to measure the fuzzy filter on: point --data at the data sets, or ask for more")
    fuzzy, rng = FuzzyFilter(search), np.random.default_rng(seed)
    noisy = {strength: [speckled(picture, strength, rng) for picture in pictures] for strength in strengths}
    rows = [_gains(pictures, noisy[strength], strength, fuzzy) for strength in strengths]
    means = ("fuzzy_gain_db", "nlm_gain_db", "nlm_gain_db_best_h_per_picture")
    return {
        "pictures": len(pictures),
        "search": search,
        "window": WINDOW,
        "sigma": "estimated from each noisy picture",
        **{name: round(float(np.mean([row[name] for row in rows])), 3) for name in means},
        **_times(noisy[strengths[len(strengths) // 2]][0], fuzzy, rows[len(rows) // 2]["nlm_best_h"], repeats),
        "strengths": rows,
    }


def _gains(
    clean: Sequence[np.ndarray], noisy: Sequence[np.ndarray], strength: float, fuzzy: FuzzyFilter
) -> dict[str, float]:
    before = _psnr_of(clean, noisy, lambda image: image)
    ours = _psnr_of(clean, noisy, lambda image: np.rint(fuzzy(image) * 255).astype(np.uint8)) - before
    theirs = np.array([_psnr_of(clean, noisy, _nlm(h, fuzzy.search)) for h in H_GRID]) - before  # (h, pictures)
    best = int(theirs.mean(axis=1).argmax())
    return {
        "strength": strength,
        "noisy_psnr_db": round(float(before.mean()), 3),
        "fuzzy_gain_db": round(float(ours.mean()), 3),
        "nlm_gain_db": round(float(theirs[best].mean()), 3),
        "nlm_gain_db_best_h_per_picture": round(float(theirs.max(axis=0).mean()), 3),
        "nlm_best_h": H_GRID[best],
        "fuzzy_better_share": round(float((ours > theirs[best]).mean()), 3),
    }


def _psnr_of(clean: Sequence[np.ndarray], noisy: Sequence[np.ndarray], denoise: Filter) -> np.ndarray:
    everywhere = np.ones(clean[0].shape, bool)
    return np.array([psnr_db(c, denoise(n), everywhere, 255) for c, n in zip(clean, noisy, strict=True)])


def _nlm(h: float, search: int) -> Filter:
    return lambda image: cv2.fastNlMeansDenoising(image, None, h, WINDOW, search)


def _times(image: np.ndarray, fuzzy: FuzzyFilter, h: float, repeats: int) -> dict[str, float]:
    """Median times in turn, so that both meet the same load of the machine; OpenCV held to this thread."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        nlm = _nlm(h, fuzzy.search)
        pairs = [(_cpu_ms(fuzzy, image), _cpu_ms(nlm, image)) for _ in range(repeats)]
    finally:
        cv2.setNumThreads(threads)
    ours, theirs = zip(*pairs, strict=True)
    return {"fuzzy_ms": round(median(ours), 3), "nlm_ms": round(median(theirs), 3)}


def _cpu_ms(denoise: Filter, image: np.ndarray) -> float:
    start = time.thread_time()
    denoise(image)
    return 1000 * (time.thread_time() - start)
