"""A data folder laid out like CAMUS, with pictures and labels of the virtual scanner, and backbone weights that fit."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
from torch import nn

from capture.virtual.scanner import VirtualScanner
from models.regional.end_to_end.network import RegionalQualityNet


def write_camus(folder: Path, train: int = 4, val: int = 2) -> Path:
    """Frames of one patient each, in ``folder/camus``; returns ``folder``."""
    rows = []
    for number in range(train + val):
        split = "train" if number < train else "val"
        rows.append(_write_frame(folder / "camus", split, number + 1))
    with (folder / "camus" / "index.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("split", "file", "view", "phase", "width", "height", "spacing_mm"))
        writer.writerows(rows)
    return folder


def _write_frame(root: Path, split: str, number: int) -> tuple[str | int | float, ...]:
    scanner = VirtualScanner(seed=number, width=640, height=480)
    image, labels = scanner.picture(0), scanner.ground_truth(0).labels
    stem = f"patient{number:04d}_4CH_ED"
    for name, pixels in ((f"images/{stem}.png", image), (f"labels/{stem}_gt.png", labels)):
        path = root / split / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), pixels)
    height, width = image.shape
    return split, f"{stem}.png", "A4C", "ED", width, height, round(scanner.spacing_mm, 4)


def write_backbone(folder: Path) -> Path:
    """Random stand-ins of the ImageNet weights, in ``folder/backbones``; returns ``folder``."""
    weights = folder / "backbones" / "mobilenetv2_nchw" / "weights"
    weights.mkdir(parents=True)
    network = RegionalQualityNet()
    layers = [m for stage in (network.to_8, network.to_16, network.to_32) for m in stage.modules()]
    shapes = [tuple(m.weight.shape) for m in layers if isinstance(m, nn.Conv2d)]
    random = np.random.default_rng(0)
    for number, (outputs, inputs, *kernel) in enumerate([*shapes, (1280, 320, 1, 1)]):
        shape = (outputs, 3 if number == 0 else inputs, *kernel)
        fan_in = np.prod(shape[1:])
        weight = random.standard_normal(shape) * np.sqrt(2 / fan_in)
        np.save(weights / f"conv_{number}_weight.npy", weight.astype(np.float32))
        np.save(weights / f"conv_{number}_bias.npy", np.zeros(outputs, np.float32))
    return folder
