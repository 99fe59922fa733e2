"""Features of an ImageNet SqueezeNet 1.1, for a Frechet distance that is named after it (Iandola et al. 2016).

Weights: ONNX model zoo, Apache-2.0, as arrays in ``backbones/squeezenet1.1_nchw``. Needs torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from capture.errors import DataError

FEATURES = "SqueezeNet 1.1 (ImageNet), last fire module, mean over places, 512 features"
FOLDER = Path("backbones") / "squeezenet1.1_nchw"
SIDE = 224
_CONVOLUTIONS = 26
_POOLED_BEFORE = (0, 2, 4)  # fire modules
_MEAN, _SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet, RGB in 0..1
_BATCH = 16

Layers = list[tuple[torch.Tensor, torch.Tensor]]
"""Weight (O, I, h, w) and bias (O,) of every convolution, in graph order."""


def load_squeezenet(data_dir: Path) -> Layers:
    """The 26 convolutions below ``data_dir``.

    Raises
    ------
    DataError
        When a file is missing or damaged.
    """
    weights = Path(data_dir) / FOLDER / "weights"
    try:
        parts = [
            tuple(np.load(weights / f"squeezenet0_conv{number}_{part}.npy") for part in ("weight", "bias"))
            for number in range(_CONVOLUTIONS)
        ]
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {weights} ({error}): point --data at the folder that holds backbones/") from error
    return [(torch.from_numpy(weight), torch.from_numpy(bias)) for weight, bias in parts]


def squeezenet_maps(layers: Layers, pictures: torch.Tensor) -> torch.Tensor:
    """(N, 3, S, S) normalised as for ImageNet -> (N, 512, s, s)."""
    maps = functional.conv2d(pictures, *layers[0], stride=2).relu()
    for fire in range(8):
        if fire in _POOLED_BEFORE:
            maps = functional.max_pool2d(maps, 3, 2, ceil_mode=True)
        squeeze, narrow, wide = layers[1 + 3 * fire : 4 + 3 * fire]
        maps = functional.conv2d(maps, *squeeze).relu()
        sides = functional.conv2d(maps, *narrow), functional.conv2d(maps, *wide, padding=1)
        maps = torch.cat(sides, dim=1).relu()
    return maps


def squeezenet_scores(layers: Layers, pictures: torch.Tensor) -> torch.Tensor:
    """Scores of the 1,000 classes, (N, 1000); for the check against the stored reference."""
    return functional.conv2d(squeezenet_maps(layers, pictures), *layers[-1]).relu().mean(dim=(2, 3))


def squeezenet_features(images: Sequence[np.ndarray] | np.ndarray, data_dir: Path) -> np.ndarray:
    """Features of square grey pictures (S, S) uint8, enlarged to 224 x 224 as the network is used to: (N, 512) float64.

    Raises
    ------
    DataError
        The stored ImageNet weights are missing.
    """
    layers = load_squeezenet(data_dir)
    found = []
    with torch.inference_mode():
        for start in range(0, len(images), _BATCH):
            maps = squeezenet_maps(layers, _as_input(images[start : start + _BATCH]))
            found.append(maps.mean(dim=(2, 3)).numpy().astype(np.float64))
    return np.concatenate(found)


def _as_input(images: Sequence[np.ndarray] | np.ndarray) -> torch.Tensor:
    """Grey (N, S, S) uint8 -> (N, 3, 224, 224) float32."""
    grey = torch.from_numpy(np.stack(list(images)).astype(np.float32) / 255)[:, None]
    large = functional.interpolate(grey, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
    mean, sd = (torch.tensor(values).view(1, 3, 1, 1) for values in (_MEAN, _SD))
    return (large - mean) / sd
