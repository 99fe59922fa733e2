"""The default palette: distinct for everybody, and in grey."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest

from app.overlay.palettes import CALM_GREY, DEFAULT, LABELS, PALETTES, PUBLISHED, Rgb, ink_on, label_of_rank, luminance

# Machado, Oliveira and Fernandes 2009, severity 1, applied to linear RGB
DICHROMATS = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = np.array([0.95047, 1.0, 1.08883])


def lab(colour: Rgb, sight: str = "normal") -> np.ndarray:
    """CIELAB of a colour as somebody sees it, (3,)."""
    share = np.array(colour) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(DICHROMATS[sight] @ linear, 0, 1) / WHITE
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("sight", DICHROMATS)
def test_default_palette_steps_up_in_lightness_for_everybody(sight: str):
    lightness = [lab(colour, sight)[0] for colour in DEFAULT.colours]
    steps = [after - before for before, after in pairwise(lightness)]
    assert min(steps) >= 5, lightness
    if sight == "normal":
        assert min(steps) >= 9, lightness


@pytest.mark.parametrize("sight", DICHROMATS)
def test_default_palette_is_distinct_for_everybody(sight: str):
    distances = [np.linalg.norm(lab(a, sight) - lab(b, sight)) for a, b in combinations(DEFAULT.colours, 2)]
    assert min(distances) >= 20


@pytest.mark.parametrize("sight", DICHROMATS)
def test_calm_grey_is_not_taken_for_a_quality(sight: str):
    distances = [np.linalg.norm(lab(CALM_GREY, sight) - lab(colour, sight)) for colour in DEFAULT.colours]
    assert min(distances) >= 15


def test_published_palette_is_the_published_one_and_needs_the_other():
    assert ["#{:02X}{:02X}{:02X}".format(*colour) for colour in PUBLISHED.colours] == [
        "#ED1B24",
        "#F46523",
        "#FFFB17",
        "#8DC619",
        "#176837",
    ]
    deuteranope = [lab(colour, "deuteranopia") for colour in PUBLISHED.colours]
    assert min(np.linalg.norm(a - b) for a, b in combinations(deuteranope, 2)) < 20


@pytest.mark.parametrize("palette", PALETTES.values(), ids=PALETTES)
def test_labels_and_their_colours(palette):
    assert [palette.colour(label) for label in LABELS] == list(palette.colours)
    assert palette.colour(0) is None
    assert palette.colour(None) == CALM_GREY
    for label in (-1, 6):
        with pytest.raises(ValueError, match=r"0\.\.5"):
            palette.colour(label)


@pytest.mark.parametrize("palette", PALETTES.values(), ids=PALETTES)
def test_numbers_read_well_on_their_colour(palette):
    for colour in (*palette.colours, CALM_GREY):
        light, dark = sorted([luminance(colour), luminance(ink_on(colour))], reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5  # WCAG 2, AA


def test_clusters_spread_over_the_five_steps():
    spread = {count: [label_of_rank(rank, count) for rank in range(count)] for count in (1, 2, 3, 4, 5)}
    assert spread == {1: [3], 2: [1, 5], 3: [1, 3, 5], 4: [1, 2, 4, 5], 5: [1, 2, 3, 4, 5]}
    for rank in (-1, 3):
        with pytest.raises(ValueError, match=r"0\.\.2"):
            label_of_rank(rank, 3)
