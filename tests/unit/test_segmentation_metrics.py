"""Dice of label maps."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.metrics.segmentation import dice_per_class


def test_equal_maps_are_1_and_disjoint_ones_0():
    labels = np.array([[0, 1, 1], [2, 2, 3]])
    assert dice_per_class(labels, labels, 4) == [1.0, 1.0, 1.0]
    assert dice_per_class(labels, np.roll(labels, 1, axis=0), 4) == [0.0, 0.0, 0.0]


def test_overlap_in_numbers():
    predicted = np.array([1, 1, 1, 0, 2])
    truth = np.array([0, 1, 1, 1, 2])
    assert dice_per_class(predicted, truth, 3) == pytest.approx([2 * 2 / 6, 1.0])


def test_dice_does_not_depend_on_the_order_of_its_arguments():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 4, (2, 32, 32))
    assert dice_per_class(a, b, 4) == dice_per_class(b, a, 4)


def test_a_class_in_neither_map_has_no_figure_and_in_one_map_0():
    empty, some = np.zeros((2, 2), int), np.full((2, 2), 1)
    found = dice_per_class(empty, some, 3)
    assert found[0] == 0.0
    assert math.isnan(found[1])
