"""Random changes of what the discriminator sees, through which gradients pass (Zhao et al. 2020).

Real and made pictures are changed alike, so that a generator can only please by making unchanged ones.
"""

from __future__ import annotations

import torch
from torch.nn import functional

_GREY, _CONTRAST = 0.3, 0.3  # of the range -1..1, and share
_SHIFT_OF, _CUT_OF = 8, 2  # an eighth of the side, half of it


def augmented(pictures: torch.Tensor) -> torch.Tensor:
    """Each of (N, 1, S, S) in -1..1 with other grey and contrast, shifted, and a square cut out; torch's own random."""
    return _cut(_shifted(_recoloured(pictures)))


def _uniform(pictures: torch.Tensor, reach: float) -> torch.Tensor:
    return (2 * torch.rand(len(pictures), 1, 1, 1) - 1) * reach


def _recoloured(pictures: torch.Tensor) -> torch.Tensor:
    mean = pictures.mean(dim=(1, 2, 3), keepdim=True)
    return (pictures - mean) * (1 + _uniform(pictures, _CONTRAST)) + mean + _uniform(pictures, _GREY)


def _shifted(pictures: torch.Tensor) -> torch.Tensor:
    """By whole pixels; what comes in is mid grey, so that no picture of the set looks shifted."""
    count, _, size, _ = pictures.shape
    most = size // _SHIFT_OF
    wide = functional.pad(pictures, (most, most, most, most))[:, 0]
    row, column = (torch.randint(2 * most + 1, (count, 1)) + torch.arange(size) for _ in range(2))  # (N, S)
    which = torch.arange(count)[:, None, None]
    return wide[which, row[:, :, None], column[:, None, :]][:, None]


def _cut(pictures: torch.Tensor) -> torch.Tensor:
    count, _, size, _ = pictures.shape
    side = size // _CUT_OF
    place = torch.arange(size)
    start = torch.randint(1 - side // 2, size - side // 2, (2, count, 1))  # may reach over the border
    row, column = ((place >= begin) & (place < begin + side) for begin in start)  # (N, S)
    kept = ~(row[:, :, None] & column[:, None, :])
    return pictures * kept[:, None]
