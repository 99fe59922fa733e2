"""The default palette: distinct for everybody, and in grey."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from colour_sight import DICHROMATS, lab

from app.overlay.palettes import CALM_GREY, DEFAULT, LABELS, PALETTES, PUBLISHED, ink_on, label_of_rank, luminance


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
