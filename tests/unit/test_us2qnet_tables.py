"""Published tables, ours beside them, and the figures drawn from results."""

from __future__ import annotations

import json

import numpy as np
import pytest

from models.us2qnet.tables import (
    METHODS,
    NOT_THEIR_SET,
    TABLE_2,
    TRANSDUCTIVE,
    Table,
    mean_and_spread,
    published,
    table_json,
    table_rows,
    table_text,
)

ROWS = {"k-means": {"acc": [0.5, 0.6, 0.7], "seconds": [1.0, 1.0, 1.0]}, "US2QNet": {"acc": [0.9, 0.9, np.nan]}}


def test_published_figures_are_those_of_the_text():
    assert published(2, "ultrasound")["US2QNet"] == {"ari": 0.882, "ami": 0.821, "acc": 0.783, "nmi": 0.823}
    assert published(2, "mnist")["US2QNet"] == {"ari": 0.896, "ami": 0.897, "acc": 0.853, "nmi": 0.883}
    assert published(2, "mnist")["t-SNE"]["acc"] == 0.834
    assert published(1, "ultrasound")["with pre-processing"]["MSE A"] == 9.80
    assert published(1, "ultrasound")["without pre-processing"]["SSIM A+"] == 0.81
    assert [row["acc"] for row in published(3, "ultrasound").values()] == [0.544, 0.569, 0.643, 0.783, 0.543, 0.542]
    assert published(1, "mnist") == published(3, "mnist") == {}
    assert all(tuple(grid) == METHODS for grid in TABLE_2.values())
    # "outperforms k-means ... by 65.1 %" in NMI (section IV.E): 1 - .287 / .823
    ultrasound = TABLE_2["ultrasound"]
    gains = [1 - ultrasound[name]["nmi"] / 0.823 for name in METHODS[:5]]
    assert gains == pytest.approx([0.651, 0.549, 0.569, 0.599, 0.640], abs=6e-3)
    with pytest.raises(ValueError, match="no table 4"):
        published(4, "mnist")


def test_mean_and_spread_over_seeds():
    assert mean_and_spread([0.5, 0.6, 0.7]) == {"mean": 0.6, "sd": 0.1, "values": [0.5, 0.6, 0.7]}
    assert mean_and_spread([0.5]) == {"mean": 0.5, "sd": None, "values": [0.5]}
    assert mean_and_spread([0.5, np.nan]) == {"mean": None, "sd": None, "values": [0.5, None]}


def test_ours_stand_beside_the_papers():
    table = Table(2, "mnist", (0, 1, 2), ROWS, {"0": {"k-means": {"starts": 10}}})
    found = json.loads(table_json(table))
    assert found["rows"]["k-means"]["acc"] == {"mean": 0.6, "sd": 0.1, "values": [0.5, 0.6, 0.7], "paper": 0.546}
    assert found["rows"]["k-means"]["seconds"]["paper"] is None
    assert found["rows"]["US2QNet"]["acc"]["values"] == [0.9, 0.9, None]
    assert found["parameters"]["0"]["k-means"]["starts"] == 10
    assert table_rows(table) == [
        ["ours +- sd (paper)", "ACC", "SECONDS"],
        ["k-means", "0.600 +- 0.100 (0.546)", "1.000 +- 0.000 (-)"],
        ["US2QNet", "-", "-"],
    ]
    assert "seeds 0, 1, 2" in table_text(table)


def test_the_ultrasound_table_says_that_the_set_is_another():
    table = Table(3, "ultrasound", (0,), {"both": {"acc": [0.9]}}, {})
    assert NOT_THEIR_SET in table_text(table)
    assert "0.900 (0.783)" in table_text(table)
    assert table.to_json()["note"] == NOT_THEIR_SET
    assert Table(2, "mnist", (0,), ROWS, {}).to_json()["note"] == TRANSDUCTIVE
