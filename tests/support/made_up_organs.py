"""A data folder laid out like the sets of the score: made-up speckle, small, with every split of every organ."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np

from capture.geometry import Sector

HEIGHT, WIDTH = 150, 200
SECTOR = Sector(100.0, 4.0, 4.0, 142.0, -0.6, 0.6)
CAMUS_TRAIN, CAMUS_VAL = (1, 2, 8), (30, 31)  # patient 8 falls into the validation split
BREAST = (1, 2, 3, 10, 13, 18)
FETAL = (1, 2, 3, 8, 9, 11)


def speckle(seed: int, sector: Sector | None = SECTOR) -> np.ndarray:
    """Rayleigh speckle with a bright and a dark blob of their own place, (150, 200) uint8, 0 outside the sector."""
    random = np.random.default_rng(seed)
    level = np.full((HEIGHT, WIDTH), 60.0)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    for grey in (140.0, 15.0, 110.0, 25.0):
        centre = random.uniform((20, 40), (HEIGHT - 20, WIDTH - 40))
        level[np.hypot(y - centre[0], x - centre[1]) < random.uniform(12, 22)] = grey
    grain = cv2.GaussianBlur(random.rayleigh(0.8, level.shape), (0, 0), 0.8)
    inside = np.ones(level.shape, bool) if sector is None else sector.mask(HEIGHT, WIDTH)
    return np.clip(level * grain * inside + 2 * inside, 0, 255).astype(np.uint8)


def write_organs(folder: Path) -> Path:
    """CAMUS, BUSI, HC18, AUL liver and lung in the small, in ``folder``; returns it."""
    _write_camus(folder / "camus")
    for number in BREAST:
        _write(folder / "busi" / "benign" / "images" / f"benign ({number}).png", speckle(100 + number, None))
    for number in FETAL:
        _write(folder / "hc18" / f"{number:03d}_HC.png", speckle(200 + number))
    outline = SECTOR.outline().tolist()
    for number in range(1, 5):
        _write(folder / "liver_aul" / "Benign" / "image" / f"{number}.jpg", speckle(300 + number))
        drawn = folder / "liver_aul" / "Benign" / "segmentation" / "outline" / f"{number}.json"
        drawn.parent.mkdir(parents=True, exist_ok=True)
        drawn.write_text(json.dumps(outline))
    for number in range(3):
        _write(folder / "lung_ccby" / "pocus_images" / "convex" / f"lung{number}.png", speckle(400 + number))
    return folder


def _write_camus(root: Path) -> None:
    rows = []
    for split, patients in (("train", CAMUS_TRAIN), ("val", CAMUS_VAL)):
        for patient in patients:
            stem = f"patient{patient:04d}_4CH_ED"
            _write(root / split / "images" / f"{stem}.png", speckle(patient))
            rows.append((split, f"{stem}.png", "A4C", "ED", WIDTH, HEIGHT, 0.5))
    with (root / "index.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("split", "file", "view", "phase", "width", "height", "spacing_mm"))
        writer.writerows(rows)


def _write(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image)
