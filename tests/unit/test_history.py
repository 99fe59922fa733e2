"""The last minute as columns of codes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hearts import LABELS, heart, heart_frame, in_cluster, liver

from app.ui.widgets.history import BLANK, COLUMNS, ROWS, UNJUDGED, History, codes_of

HEART = replace(heart(heart_frame()), cluster=in_cluster(rank=0, level=2))


def at(t_s: float) -> int:
    return round(t_s * 1e9)


def test_a_column_holds_the_cluster_the_level_and_the_labels():
    assert codes_of(HEART).tolist() == [1, 2, *LABELS]
    assert codes_of(liver(heart_frame())).tolist() == [5, 4, *[UNJUDGED] * 8]
    assert codes_of(heart(heart_frame(), (None,) * 8)).tolist() == [UNJUDGED] * len(ROWS)
    assert codes_of(None).tolist() == [UNJUDGED] * len(ROWS)


def test_a_column_is_a_fifth_of_a_second_and_its_last_frame_counts():
    history = History()
    assert history.note(at(0.01), HEART)
    assert not history.note(at(0.19), None)
    assert history.note(at(0.2), HEART)
    columns = history.columns()
    assert columns.shape == (len(ROWS), COLUMNS)
    assert columns[2, -3:].tolist() == [BLANK, UNJUDGED, LABELS[0]]


def test_the_oldest_leaves_after_a_minute():
    history = History()
    history.note(at(100.0), HEART)
    for k in range(1, COLUMNS):
        history.note(at(100.0 + k / 5 + 0.05), None)
    assert history.columns()[2, 0] == LABELS[0]
    history.note(at(160.05), None)
    assert set(history.columns()[2].tolist()) == {UNJUDGED}


def test_a_late_frame_is_bridged_and_a_pause_is_blank():
    history = History()
    history.note(at(1.0), HEART)
    history.note(at(1.6), None)
    assert history.columns()[2, -5:].tolist() == [BLANK, LABELS[0], LABELS[0], LABELS[0], UNJUDGED]
    history.note(at(2.4), HEART)
    assert history.columns()[2, -5:].tolist() == [UNJUDGED, BLANK, BLANK, BLANK, LABELS[0]]
    history.note(at(1e6), HEART)
    assert (history.columns() == BLANK).sum() == (COLUMNS - 1) * len(ROWS)


def test_a_clock_that_goes_back_and_a_new_exam_begin_anew():
    history = History()
    history.note(at(5.0), HEART)
    history.note(at(1.0), None)
    assert np.count_nonzero(history.columns() != BLANK) == len(ROWS)
    history.clear()
    assert (history.columns() == BLANK).all()
