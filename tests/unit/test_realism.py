"""Figures that compare virtual with real frames: known textures give known figures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from models.data.virtual_dataset import sector_mask
from models.metrics.realism import Framed, correlation_length, frame_figures, median_figures
from models.metrics.realism_report import HELD, page, realism

INSIDE = sector_mask(2.0, 150.0, np.radians(37.5))


def speckled(seed: int, sigma: tuple[float, float] = (1.5, 2.5), grey: float = 90.0, labels: bool = False) -> Framed:
    """Gaussian texture of known smoothness along columns and rows, in a sector."""
    white = np.random.default_rng(seed).standard_normal((256, 256)).astype(np.float32)
    smooth = cv2.GaussianBlur(white, (0, 0), sigmaX=sigma[1], sigmaY=sigma[0])
    image = np.clip(grey + 18 * smooth / smooth.std(), 0, 255)
    drawn = np.zeros((256, 256), np.uint8)
    if labels:
        cv2.ellipse(drawn, (128, 130), (50, 80), 0, 0, 360, 2, -1)
        cv2.ellipse(drawn, (128, 130), (32, 62), 0, 0, 360, 1, -1)
        image[drawn == 1] *= 0.5
    return Framed(np.where(INSIDE, image, 0).astype(np.uint8), INSIDE, 37.5, drawn if labels else None)


@pytest.mark.parametrize("sigma", [1.0, 1.6, 2.4])
def test_correlation_length_is_that_of_the_texture(sigma):
    """White noise after a Gaussian of sigma is correlated as exp(-x^2 / 4 sigma^2): half at 1.665 sigma."""
    white = np.random.default_rng(1).standard_normal((256, 256)).astype(np.float32)
    fine = cv2.GaussianBlur(white, (0, 0), sigmaX=sigma, sigmaY=2 * sigma)
    everywhere = np.ones(fine.shape, bool)
    assert correlation_length(fine, everywhere, axis=1) == pytest.approx(1.665 * sigma, rel=0.07)
    assert correlation_length(fine, everywhere, axis=0) == pytest.approx(3.33 * sigma, rel=0.07)


def test_what_never_decorrelates_has_no_length():
    assert np.isnan(correlation_length(np.ones((64, 64), np.float32), np.ones((64, 64), bool), axis=0))
    assert np.isnan(correlation_length(np.zeros((64, 64), np.float32), np.ones((64, 64), bool), axis=0))


def test_figures_of_a_known_frame():
    figures = frame_figures(speckled(1, labels=True))
    assert figures["grey_p5"] < figures["grey_p50"] < figures["grey_p95"]
    assert figures["axial_deep_px"] < figures["lateral_deep_px"]
    assert figures["edge_contrast"] == pytest.approx(1 / 3, abs=0.05)
    assert figures["wall_grey"] == pytest.approx(90, abs=3)
    assert figures["half_angle_deg"] == 37.5


def test_without_labels_there_is_no_edge():
    assert np.isnan(frame_figures(speckled(1))["edge_contrast"])
    assert median_figures([speckled(1, labels=True), speckled(2, labels=True)])["cavity_grey"] == pytest.approx(
        45, abs=4
    )


def test_equal_sets_pass_and_others_do_not():
    real = [speckled(seed, labels=True) for seed in range(4)]
    same = realism(real, [speckled(seed, labels=True) for seed in range(10, 14)])
    assert same["passed"]
    assert same["areas"]["LV"]["real"]["median"] == same["areas"]["LV"]["virtual"]["median"] > 0
    coarse = realism(real, [speckled(seed, sigma=(4.0, 6.0)) for seed in range(10, 14)], clip=[speckled(3)])
    assert not coarse["passed"]
    assert not coarse["figures"]["axial_deep_px"]["within"]
    assert coarse["figures"]["grey_p50"]["within"]
    assert set(HELD) <= set(coarse["figures"])


def test_the_page_names_what_is_not_within():
    real, virtual = [speckled(1)], [speckled(2, grey=30.0)]
    text = page(realism(real, virtual, frechet=None), real, virtual)
    assert "not all are" in text
    assert "class='out'><td>grey_p50*" in text
    assert "not measured" in text
    assert text.count("<img") == 2


def test_frechet_distance_of_gaussians():
    """Two isotropic Gaussians: |m|^2 + n (s1 - s2)^2."""
    pytest.importorskip("torch")
    from models.metrics.frechet import frechet_distance

    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((20000, 4)), 2 * rng.standard_normal((20000, 4)) + [3.0, 0, 0, 0]
    assert frechet_distance(first, second) == pytest.approx(9 + 4, rel=0.05)
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-6)
