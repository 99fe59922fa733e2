"""A data folder with a few pictures of every set that the artifact gate reads, made of speckle in sectors."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np

from capture.geometry import Sector
from capture.virtual.acoustics.scan_conversion import ScanConverter
from capture.virtual.screen.phantom import PhantomLevels, phantom_polar

HEART = Sector(128.0, 4.0, 0.0, 200.0, -0.66, 0.66)
CURVED = Sector(128.0, -60.0, 80.0, 250.0, -0.5, 0.5)


def speckle(seed: int, sector: Sector, size: tuple[int, int] = (212, 256)) -> np.ndarray:
    """A picture of chambers in a sector, (212, 256) uint8."""
    levels = PhantomLevels.random(seed)
    converter = ScanConverter(sector, levels.ranges, levels.beams, *size)
    picture = np.zeros(size, np.uint8)
    picture[converter.box.slices()] = converter.convert(np.maximum(phantom_polar(levels, 0), 12))
    return picture


def write_sets(folder: Path, patients: int = 15, others: int = 16) -> Path:
    """CAMUS with two phases of two views per patient, and liver, breast, fetal heads and lung; returns ``folder``."""
    rows = []
    for number in range(patients):
        split = "val" if number < patients // 3 else "train"
        for view, phase in (("4CH", "ED"), ("4CH", "ES"), ("2CH", "ED"), ("2CH", "ES")):
            stem = f"patient{number:04d}_{view}_{phase}"
            _write(folder / "camus" / split / "images" / f"{stem}.png", speckle(10 * number + len(rows) % 4, HEART))
            rows.append((split, f"{stem}.png", f"A{view[:2]}", phase, 256, 212, ""))
    with (folder / "camus" / "index.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("split", "file", "view", "phase", "width", "height", "spacing_mm"))
        writer.writerows(rows)
    random = np.random.default_rng(5)
    for number in range(others):
        _write(folder / "liver_aul" / "Benign" / "image" / f"{number}.png", speckle(1000 + number, CURVED))
        breast = cv2.GaussianBlur(random.integers(0, 255, (180, 240)).astype(np.float32), (0, 0), 3)
        breast = np.clip(
            128 + 9 * (breast - breast.mean()) + random.integers(-40, 40, (6, 8)).repeat(30, 0).repeat(30, 1), 1, 255
        )
        _write(folder / "busi" / "benign" / "images" / f"benign ({number}).png", breast.astype(np.uint8))
        _write(folder / "hc18" / f"{number:03d}_HC.png", speckle(3000 + number, CURVED))
    for number in range(4):
        _write(folder / "lung_ccby" / "pocus_images" / "convex" / f"lung{number}.png", speckle(4000 + number, CURVED))
    return folder


def _write(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture)
