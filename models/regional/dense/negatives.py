"""Pictures that show no apical view: other organs, a probe without contact, screens without an image."""

from __future__ import annotations

import cv2
import numpy as np

from models.regional.layers import INPUT_SIZE

_FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_PLAIN)
_LETTERS = "ABCDEFGHIKLMNOPRSTUVXYZ0123456789 .:-/%"


def no_contact(random: np.random.Generator) -> np.ndarray:
    """A probe in the air: bright rings near the skin, electronic noise below, (256, 256) uint8."""
    y, x = np.mgrid[0:INPUT_SIZE, 0:INPUT_SIZE].astype(np.float32) / INPUT_SIZE
    half_angle = np.float32(random.uniform(0.45, 0.85))
    top = np.float32(random.uniform(0.02, 0.12))
    across = (x - 0.5) * 2 * np.tan(half_angle)
    radius = np.hypot(across * (y + top), y) if random.random() < 0.7 else y
    inside = np.abs(across) <= np.tan(half_angle) * np.clip(y + top, 0, 1)
    rings = np.exp(-radius / np.float32(random.uniform(0.03, 0.15)))
    period, depth = random.uniform(0.015, 0.06), random.uniform(0.1, 0.9)
    rings *= 1 - depth * 0.5 * (1 + np.cos(2 * np.pi * radius / np.float32(period)))
    noise = np.abs(
        cv2.GaussianBlur(random.standard_normal(y.shape, dtype=np.float32), (0, 0), random.uniform(0.5, 1.5))
    )
    grey = random.uniform(120, 300) * rings + random.uniform(0, 60) * (y ** random.uniform(0, 2)) * noise / noise.mean()
    return np.asarray(np.clip(np.where(inside | (random.random() < 0.2), grey, 0), 0, 255), np.uint8)


def empty_screen(random: np.random.Generator) -> np.ndarray:
    """A console without an image: plain or graded background, boxes, lines of text, (256, 256) uint8."""
    screen = np.full((INPUT_SIZE, INPUT_SIZE), int(random.integers(5, 120)) if random.random() < 0.33 else 0, np.uint8)
    if random.random() < 0.25:
        ramp = np.linspace(0, random.integers(30, 255), INPUT_SIZE).astype(np.uint8)
        screen = np.tile(ramp, (INPUT_SIZE, 1)) if random.random() < 0.5 else np.tile(ramp[:, None], (1, INPUT_SIZE))
        screen = np.ascontiguousarray(screen)
    for _ in range(int(random.integers(0, 8))):
        corner, other = random.integers(0, INPUT_SIZE, 2).tolist(), random.integers(0, INPUT_SIZE, 2).tolist()
        cv2.rectangle(screen, corner, other, int(random.integers(10, 220)), int(random.choice([-1, 1, 2])))
    for _ in range(int(random.integers(0, 14))):
        text = "".join(random.choice(list(_LETTERS), int(random.integers(3, 16))))
        place = random.integers(0, INPUT_SIZE, 2).tolist()
        font, size = int(random.choice(_FONTS)), float(random.uniform(0.3, 1.2))
        cv2.putText(screen, text, place, font, size, int(random.integers(60, 256)), int(random.integers(1, 3)))
    if random.random() < 0.3:
        noise = random.standard_normal(screen.shape, dtype=np.float32) * random.uniform(1, 40)
        screen = np.asarray(np.clip(screen + noise, 0, 255), np.uint8)
    return screen
