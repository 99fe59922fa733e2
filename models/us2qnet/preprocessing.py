"""The live path's pre-processing as torch modules: for training, and for one ONNX graph with the network.

Same arithmetic and same constants as ``models.runtime.fuzzy_filter``, written as static shifts (US2QNet paper, III).
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from models.export import OPSET
from models.runtime.fuzzy_filter import (
    LEAST_EXPONENT,
    LEAST_LEVEL,
    LEAST_SIGMA,
    MEAN_TAPS,
    MEAN_TO_SIGMA,
    NOISE_KERNEL,
    OFFSET,
    SEARCH,
    SHARPENING,
    SIDE,
    SPREAD,
    TRIM,
    WINDOW_SUM,
    check_search,
    check_sigma,
    half_shifts,
)


class FuzzyFilter(nn.Module):
    """The fuzzy non-local filter, (N, 1, H, W) float32 in 0..1 -> the same.

    Parameters
    ----------
    search : side of the search square in pixels, odd, 3 or more
    sigma : noise on the scale of ``noise_sigma``; None estimates it from each picture
    shape : height and width of every picture, fixed so that the shifts in a graph are constants

    Raises
    ------
    SettingsError
        When an option is none.
    """

    def __init__(self, search: int = SEARCH, sigma: float | None = None, shape: tuple[int, int] = (SIDE, SIDE)) -> None:
        super().__init__()
        self.shape = shape
        self.search = check_search(search)
        self.sigma = check_sigma(sigma)
        taps = torch.tensor(MEAN_TAPS)
        self.register_buffer("_mean", torch.outer(taps, taps)[None, None], persistent=False)
        self.register_buffer("_noise", torch.tensor(NOISE_KERNEL)[None, None], persistent=False)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """Filter each picture; see ``models.runtime.fuzzy_filter.FuzzyFilter``."""
        height, width = self.shape
        reach = self.search // 2
        means = self._scaled_means(picture)
        pixels = _reflect(picture, reach, self.shape)
        total, weights = picture, torch.ones_like(picture)  # a window is like itself: weight 1
        for dy, dx in half_shifts(self.search):
            left = max(dx, 0)
            weight = self._weight(means, dy, dx)
            ahead = weight[..., dy:, left : left + width]  # w(x, x + s) at x
            behind = weight[..., :height, left - dx : left - dx + width]  # and at x - s
            total = total + ahead * _at(pixels, reach + dy, reach + dx, height, width)
            total = total + behind * _at(pixels, reach - dy, reach - dx, height, width)
            weights = weights + ahead + behind
        return total / weights

    def _scaled_means(self, picture: torch.Tensor) -> torch.Tensor:
        """(N, 1, H, W) -> (N, 1, H + 2 m, W + 2 m), m one more than the reach: means over the distances' scale."""
        padded = _stabilised(_reflect(picture, self.search // 2 + 2, self.shape))
        sigma = self._noise_of(picture) if self.sigma is None else torch.full_like(picture[:, :, :1, :1], self.sigma)
        return functional.conv2d(padded, self._mean) / (SPREAD * 2**0.5 * sigma)

    def _noise_of(self, picture: torch.Tensor) -> torch.Tensor:
        """(N, 1, H, W) -> (N, 1, 1, 1), as ``noise_sigma``."""
        size = functional.conv2d(_stabilised(picture), self._noise).abs()
        lit = (picture[..., 1:-1, 1:-1] >= LEAST_LEVEL / 255).to(size.dtype)
        small = lit * (size <= TRIM * _mean_where(lit, size)).to(size.dtype)
        return torch.clamp(_mean_where(small, size) * MEAN_TO_SIGMA, min=LEAST_SIGMA)

    def _weight(self, means: torch.Tensor, dy: int, dx: int) -> torch.Tensor:
        """Weight between x and x + s wherever one of them lies in the picture, (N, 1, H + dy, W + abs(dx))."""
        reach = self.search // 2
        height, width = self.shape[0] + dy + 2, self.shape[1] + abs(dx) + 2  # one pixel more around
        top, start = reach - dy, reach - max(dx, 0)
        here = _at(means, top, start, height, width)
        there = _at(means, top + dy, start + dx, height, width)
        difference = here - there
        distance = functional.avg_pool2d(difference * difference, WINDOW_SUM, stride=1)  # d^2 / (2 s^2)
        return torch.exp(torch.clamp(-distance, min=LEAST_EXPONENT))


class Sharpening(nn.Module):
    """4-neighbour sharpening clipped to 0..1, (N, 1, H, W) float32 -> the same; as ``sharpen``.

    Parameters
    ----------
    shape : height and width of every picture
    """

    def __init__(self, shape: tuple[int, int] = (SIDE, SIDE)) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("_kernel", torch.tensor(SHARPENING)[None, None], persistent=False)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """Sharpen each picture; reflected at the borders."""
        return torch.clamp(functional.conv2d(_reflect(picture, 1, self.shape), self._kernel), 0, 1)


class Preprocessing(nn.Sequential):
    """Filter and sharpening, as ``FuzzyFilter.preprocess`` of the live path; its options."""

    def __init__(self, search: int = SEARCH, sigma: float | None = None, shape: tuple[int, int] = (SIDE, SIDE)) -> None:
        super().__init__(FuzzyFilter(search, sigma, shape), Sharpening(shape))


def export_preprocessing(path: Path, search: int = SEARCH, sigma: float | None = None) -> None:
    """Write ``Preprocessing`` alone as an ONNX graph, ``image`` (N, 1, 224, 224) -> ``filtered``, float32 in 0..1."""
    torch.onnx.export(
        Preprocessing(search, sigma).eval(),
        (torch.zeros(1, 1, SIDE, SIDE),),
        str(path),
        input_names=["image"],
        output_names=["filtered"],
        dynamic_axes={"image": {0: "N"}, "filtered": {0: "N"}},
        opset_version=OPSET,
        dynamo=False,
    )


def _reflect(picture: torch.Tensor, by: int, shape: tuple[int, int]) -> torch.Tensor:
    """Reflected borders without the edge pixel twice; by index, since the exporter folds no reflecting pad."""
    rows, columns = (_reflected(side, by).to(picture.device) for side in shape)
    return picture.index_select(2, rows).index_select(3, columns)


def _reflected(side: int, by: int) -> torch.Tensor:
    return side - 1 - (side - 1 - torch.arange(-by, side + by).abs()).abs()


def _stabilised(picture: torch.Tensor) -> torch.Tensor:
    return torch.sqrt(picture * (4 * 255) + 4 * OFFSET)


def _mean_where(mask: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Of each picture, (N, 1, 1, 1); 0 where the mask is empty."""
    count = torch.clamp(mask.sum(dim=(2, 3), keepdim=True), min=1)
    return (mask * values).sum(dim=(2, 3), keepdim=True) / count


def _at(values: torch.Tensor, top: int, left: int, height: int, width: int) -> torch.Tensor:
    return values[..., top : top + height, left : left + width]
