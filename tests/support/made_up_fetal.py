"""A data folder laid out like HC18 with smooth random pictures, and feature network weights that fit."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def fetal_like(count: int, seed: int = 0, height: int = 48, width: int = 72) -> list[np.ndarray]:
    """Bright rings on black with speckle, each of another place and size, (48, 72) uint8."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    found = []
    for _ in range(count):
        centre, radius = random.uniform((30, 20), (42, 28)), random.uniform(10, 16)
        ring = np.exp(-(((np.hypot(x - centre[0], y - centre[1]) - radius) / 2.5) ** 2))
        picture = 200 * ring + 40 * random.rayleigh(0.8, ring.shape) * (np.abs(x - 36) < 8 + y / 2)
        found.append(np.clip(picture, 0, 255).astype(np.uint8))
    return found


def write_fetal(folder: Path, examinations: int = 8) -> Path:
    """Examinations of one picture each, every fourth with a second one, in ``folder/hc18``; returns ``folder``."""
    root = folder / "hc18"
    root.mkdir(parents=True)
    for number, image in enumerate(fetal_like(examinations)):
        cv2.imwrite(str(root / f"{number:03d}_HC.png"), image)
        cv2.imwrite(str(root / f"{number:03d}_HC_mask.png"), np.zeros_like(image))
        if number % 4 == 0:
            cv2.imwrite(str(root / f"{number:03d}_2HC.png"), image[:, ::-1])
    return folder


def write_squeezenet(folder: Path) -> Path:
    """Random stand-ins of the ImageNet weights, in ``folder/backbones``; returns ``folder``."""
    weights = folder / "backbones" / "squeezenet1.1_nchw" / "weights"
    weights.mkdir(parents=True)
    random = np.random.default_rng(0)
    shapes = [(64, 3, 3, 3)]
    before = 64
    for squeezed, expanded in ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256)):
        shapes += [(squeezed, before, 1, 1), (expanded, squeezed, 1, 1), (expanded, squeezed, 3, 3)]
        before = 2 * expanded
    for number, shape in enumerate([*shapes, (1000, 512, 1, 1)]):
        weight = random.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
        np.save(weights / f"squeezenet0_conv{number}_weight.npy", weight.astype(np.float32))
        np.save(weights / f"squeezenet0_conv{number}_bias.npy", np.zeros(shape[0], np.float32))
    return folder
