"""Random geometry and intensity changes for training on square-squashed sector crops."""

from __future__ import annotations

import cv2
import numpy as np


def random_geometry(
    image: np.ndarray, label: np.ndarray, random: np.random.Generator, strength: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """One random affine map for image and label, both (S, S) uint8; outside is 0. ``strength`` 0..1 scales it all."""
    size = image.shape[0]
    angle = np.deg2rad(random.uniform(-18, 18)) * strength
    scale = np.exp(strength * (random.uniform(-0.22, 0.22, 2) * 0.4 + random.uniform(-0.22, 0.22)))
    shear = random.uniform(-0.08, 0.08) * strength
    mirror = -1.0 if random.random() < 0.2 * strength else 1.0
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = rotation @ np.array([[mirror * scale[0], shear], [0.0, scale[1]]])
    centre = np.array([size / 2, size / 2])
    shift = centre + strength * random.uniform(-0.07, 0.07, 2) * size - matrix @ centre
    affine = np.column_stack([matrix, shift])
    warped = cv2.warpAffine(image, affine, (size, size), flags=cv2.INTER_LINEAR)
    return warped, cv2.warpAffine(label, affine, (size, size), flags=cv2.INTER_NEAREST)


def random_intensity(image: np.ndarray, random: np.random.Generator, strength: float = 1.0) -> np.ndarray:
    """Random gamma, gain, offset, blur, noise, haze and shadow; (S, S) uint8 in and out, black stays outside.

    ``strength`` scales how often each of them happens; 1 is usual.
    """
    size = image.shape[0]
    outside = image == 0
    grey: np.ndarray = image.astype(np.float32) / 255.0
    if random.random() < 0.7 * strength:
        grey = grey ** np.float32(np.exp(random.uniform(-0.45, 0.45)))
    if random.random() < 0.7 * strength:
        grey = grey * np.float32(random.uniform(0.6, 1.5)) + np.float32(random.uniform(-0.12, 0.12))
    if random.random() < 0.25 * strength:
        grey = grey * (1 - _beam_wedge(size, random) * np.float32(random.uniform(0.3, 1.0)))
    if random.random() < 0.25 * strength:
        cloud = cv2.resize(random.random((6, 6), dtype=np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
        fade = np.linspace(1, random.uniform(0, 1), size, dtype=np.float32)[:, None]
        haze = np.asarray(cloud) * fade * np.float32(random.uniform(0.1, 0.45))
        grey = 0.5 * grey + 0.5 * np.maximum(grey, haze)
    if random.random() < 0.3 * strength:
        sigma = random.uniform(0.4, 2.2)
        grey = np.asarray(cv2.GaussianBlur(grey, (0, 0), sigmaX=sigma, sigmaY=sigma * random.uniform(0.3, 1.0)))
    if random.random() < 0.3 * strength:
        grain = random.standard_normal((size, size), dtype=np.float32)
        noise = np.asarray(cv2.GaussianBlur(grain, (0, 0), random.uniform(0.4, 1.4)))
        grey = grey + noise * np.float32(random.uniform(0.02, 0.10) / (noise.std() + 1e-6))
    if random.random() < 0.15 * strength:
        factor = random.uniform(1.5, 3.5)
        small = cv2.resize(grey, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)
        grey = np.asarray(cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC))
    result = np.clip(grey * 255.0 + 0.5, 0, 255).astype(np.uint8)
    result[outside] = 0
    return result


def _beam_wedge(size: int, random: np.random.Generator) -> np.ndarray:
    """Soft wedge of beams from the probe at the top centre, (S, S) float32 in 0..1."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    angle = np.arctan2(x - size / 2, y + 1.0)
    centre, width = random.uniform(-0.5, 0.5), random.uniform(0.03, 0.15)
    start = random.uniform(0.0, 0.6) * size
    beam = 1 / (1 + np.exp(np.clip((np.abs(angle - centre) - width) / 0.02, -30, 30)))
    depth = 1 / (1 + np.exp(np.clip((start - y) / (0.04 * size), -30, 30)))
    return np.asarray(beam * depth, np.float32)
