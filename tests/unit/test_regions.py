"""Division of the myocardium on drawn hearts."""

import contextlib
from itertools import pairwise

import cv2
import numpy as np
import pytest

from models.runtime.contract import REGION_NAMES
from models.runtime.regions import FailureReason, RegionFailure, clean_labels, divide
from tests.support.make_mock_models import heart_labels

ALL_INSIDE = np.ones((256, 256), bool)
UNIT = (0.6, 0.6)


def divided(labels, unit=UNIT, sector=ALL_INSIDE, known=True):
    return divide(labels, unit, sector, spacing_known=known)


def centre(mask):
    y, x = np.nonzero(mask)
    return x.mean(), y.mean()


def turned(labels, degrees):
    turn = cv2.getRotationMatrix2D((127.5, 127.5), degrees, 0.85)
    return cv2.warpAffine(labels, turn, (256, 256), flags=cv2.INTER_NEAREST)


def test_the_drawn_heart_is_divided_as_ever():
    """Figures of the first release: work on speed changes neither masks nor outlines."""
    result = divided(heart_labels(), (0.6, 0.5))
    assert [int(result.mask(index).sum()) for index in range(8)] == [840, 806, 993, 1006, 798, 857, 43, 43]
    areas = [sum(cv2.contourArea(part) for part in parts) for parts in result.polygons]
    assert areas == pytest.approx([832.6, 801.6, 994.9, 1004.0, 793.7, 849.4, 41.4, 41.4], abs=0.2)
    assert [len(parts[0]) for parts in result.polygons] == [63, 59, 63, 63, 59, 63, 24, 24]


@pytest.mark.parametrize("shift", [(-74, -38), (70, 12), (-40, -36)])
def test_the_place_in_the_picture_does_not_matter(shift):
    move = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
    here = divided(heart_labels())
    there = divided(cv2.warpAffine(heart_labels(), move, (256, 256), flags=cv2.INTER_NEAREST))
    assert there.landmarks.apex - here.landmarks.apex == pytest.approx(shift)
    for before, after in zip(here.polygons, there.polygons, strict=True):
        assert after[0] - before[0] == pytest.approx(np.tile(shift, (len(before[0]), 1)), abs=1e-3)


def test_any_memory_order_will_do():
    expected = divided(heart_labels())
    assert (divided(np.asfortranarray(heart_labels())).wall_map == expected.wall_map).all()
    assert (divided(heart_labels()[:, ::-1]).wall_map > 0).sum() == (expected.wall_map > 0).sum()


def test_six_regions_tile_the_wall_in_the_published_order():
    result = divided(heart_labels())
    assert ((result.wall_map > 0) == (result.labels == 2)).all()
    sizes = np.array([result.mask(index).sum() for index in range(6)])
    assert sizes.min() > 0.08 * sizes.sum()
    at = dict(zip(REGION_NAMES, (centre(result.mask(index)) for index in range(8)), strict=True))
    assert at["basal_left"][1] > at["mid_left"][1] > at["apical_left"][1]
    assert at["basal_right"][1] > at["mid_right"][1] > at["apical_right"][1]
    for level in ("basal", "mid", "apical", "annulus"):
        assert at[f"{level}_left"][0] < 128 < at[f"{level}_right"][0]


def test_regions_of_a_symmetric_heart_mirror_each_other():
    result = divided(heart_labels())
    sizes = np.array([result.mask(index).sum() for index in range(6)])
    assert sizes[:3] == pytest.approx(sizes[:2:-1], rel=0.06)


def test_walls_are_cut_into_parts_of_equal_length():
    marks = divided(heart_labels()).landmarks
    steps = np.hypot(*(np.diff(marks.endocardium, axis=0) * UNIT).T)
    edges = [0, *marks.inner_index, len(steps)]
    lengths = np.array([steps[a:b].sum() for a, b in pairwise(edges)])
    assert lengths[:3] == pytest.approx(lengths[:3].mean(), rel=0.03)
    assert lengths[3:] == pytest.approx(lengths[3:].mean(), rel=0.03)


def test_the_division_follows_units_not_pixels():
    """The same heart squashed to half its width is cut at the same places."""
    wide = divided(heart_labels()).landmarks
    squashed = cv2.resize(heart_labels(), (128, 256), interpolation=cv2.INTER_NEAREST)
    padded = np.pad(squashed, ((0, 0), (64, 64)))
    narrow = divided(padded, (UNIT[0] * 2, UNIT[1])).landmarks
    back = (narrow.cuts_inner - [64, 0]) * [2, 1]
    assert np.abs(back - wide.cuts_inner).max() < 4
    assert narrow.length == pytest.approx(wide.length, rel=0.02)


@pytest.mark.parametrize("unit", [(0.5, 0.5), (0.4, 0.8)])
def test_annulus_circles_have_two_millimetres(unit):
    result = divided(heart_labels(), unit)
    assert not result.spacing_assumed
    for index in (6, 7):
        y, x = np.nonzero(result.mask(index))
        assert np.ptp(x) * unit[0] == pytest.approx(4, abs=1.01)
        assert np.ptp(y) * unit[1] == pytest.approx(4, abs=1.01)
        (circle,) = result.polygons[index]
        assert np.ptp(circle[:, 0]) * unit[0] == pytest.approx(4, rel=0.02)


def test_without_spacing_the_radius_follows_the_length_and_is_flagged():
    result = divided(heart_labels(), (3.0, 3.0), known=False)
    assert result.spacing_assumed
    assert result.annulus_radius == pytest.approx(0.023 * result.landmarks.length)


def test_the_apex_is_at_the_top_and_the_annulus_where_wall_and_atrium_meet():
    marks = divided(heart_labels()).landmarks
    assert marks.apex == pytest.approx([128, 62], abs=3)
    assert marks.annulus_left == pytest.approx([96, 177], abs=4)
    assert marks.annulus_right == pytest.approx([160, 177], abs=4)


@pytest.mark.parametrize("degrees", [-40, -20, 20, 40])
def test_a_tilted_heart_keeps_its_sides(degrees):
    upright, tilted = divided(heart_labels()), divided(turned(heart_labels(), degrees))
    share = [np.mean(upright.wall_map == value) * 0.85**2 for value in range(1, 7)]
    assert [np.mean(tilted.wall_map == value) for value in range(1, 7)] == pytest.approx(share, rel=0.15)
    assert tilted.landmarks.annulus_left[0] < tilted.landmarks.annulus_right[0]


def test_an_apex_at_the_bottom_keeps_image_left_and_right():
    result = divided(heart_labels()[::-1].copy())
    assert centre(result.mask(0))[0] < 128 < centre(result.mask(5))[0]
    assert centre(result.mask(0))[1] < centre(result.mask(2))[1]


def test_wall_outside_the_sector_counts_as_outside():
    sector = ALL_INSIDE.copy()
    sector[:75] = False  # cuts off most of the apical parts
    result = divided(heart_labels(), sector=sector)
    assert result.outside_share[2] > 0.5
    assert result.outside_share[3] > 0.5
    assert result.outside_share[0] == result.outside_share[5] == result.outside_share[6] == 0
    drawn = np.vstack(result.polygons[2])
    assert drawn[:, 1].min() > 73


def test_neighbours_share_their_edges_when_drawn():
    result = divided(heart_labels())
    canvas = np.zeros((1024, 1024), np.uint8)
    for polygons in result.polygons[:6]:
        cv2.fillPoly(canvas, [np.rint((p + 0.5) * 4).astype(np.int32) for p in polygons], 1)
    wall = cv2.resize((result.labels == 2).astype(np.uint8), (1024, 1024), interpolation=cv2.INTER_NEAREST)
    assert np.mean(canvas[wall > 0]) > 0.97
    assert np.mean(canvas[wall == 0]) < 0.01


def test_specks_holes_and_gaps_are_cleaned_away():
    labels = heart_labels()
    labels[5:12, 5:12] = 1
    labels[240:250, 10:20] = 2
    labels[100:104, 126:130] = 2  # a papillary muscle inside the lumen
    labels[120:123, 92:95] = 0  # a hole between lumen and wall
    assert (clean_labels(labels) == heart_labels()).mean() > 0.9995
    assert divided(labels).landmarks.length == pytest.approx(divided(heart_labels()).landmarks.length, rel=0.01)


def test_a_thin_film_of_wall_across_the_base_does_not_close_it():
    labels = heart_labels()
    labels[175:178, 98:158] = 2
    assert divided(labels).landmarks.apex == pytest.approx([128, 62], abs=3)


def test_without_an_atrium_the_open_end_is_the_base():
    labels = heart_labels()
    labels[labels == 3] = 0
    assert divided(labels).landmarks.annulus_left == pytest.approx([96, 177], abs=4)


def test_atrium_and_aorta_both_open_the_base():
    labels = heart_labels()
    labels[:, 132:][labels[:, 132:] == 3] = 4
    labels[176:184, 126:134] = 2  # wall between the two
    result = divided(labels)
    assert result.landmarks.annulus_right == pytest.approx([160, 177], abs=5)
    assert (result.labels == 4).any()


def without_lv(labels):
    labels[labels == 1] = 0


def without_wall(labels):
    labels[labels == 2] = 0


def without_right_wall(labels):
    labels[:, 128:][labels[:, 128:] == 2] = 0


def closed_ring(labels):
    labels[labels == 3] = 0
    labels[178:186, 80:176] = 2


def flat(labels):
    labels[:160][labels[:160] > 0] = 0
    labels[150:160, 76:180] = 2


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (without_lv, FailureReason.NO_LV),
        (without_wall, FailureReason.NO_MYO),
        (without_right_wall, FailureReason.BROKEN_MYO),
        (closed_ring, FailureReason.NO_BASE),
        (flat, FailureReason.IMPLAUSIBLE),
    ],
)
def test_what_cannot_be_divided_is_reported_with_its_cause(damage, reason):
    labels = heart_labels()
    damage(labels)
    with pytest.raises(RegionFailure) as caught:
        divided(labels)
    assert caught.value.reason is reason


def test_an_empty_map_has_no_ventricle():
    with pytest.raises(RegionFailure, match="no left ventricle"):
        divided(np.zeros((256, 256), np.uint8))


def test_noise_never_raises_anything_else():
    rng = np.random.default_rng(3)
    for _ in range(60):
        coarse = rng.integers(0, 5, rng.integers(2, 40, 2)).astype(np.uint8)
        labels = cv2.resize(coarse, (256, 256), interpolation=cv2.INTER_NEAREST)
        with contextlib.suppress(RegionFailure):
            divided(labels)
