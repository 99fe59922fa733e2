"""Which network outlines a frame, and how often the view is looked at."""

import numpy as np
import pytest

from models.runtime.dense import MAP_SIZE, VIEW_CHANNELS, DenseReading
from models.runtime.outlining import Outliner

FRAME_NS = 33_333_333
GREY = np.zeros((256, 256), np.uint8)


class FakeSegmentation:
    def __init__(self):
        self.runs = 0

    def run(self, batch):
        self.runs += 1
        return (np.zeros((1, 5, 256, 256), np.float32),)

    def close(self): ...


class FakeDense:
    def __init__(self, view):
        self.view, self.reads = view, 0

    def read(self, grey):
        self.reads += 1
        view_p = np.array([0.97 if name == self.view else 0.01 for name in VIEW_CHANNELS], np.float32)
        maps = np.zeros((MAP_SIZE, MAP_SIZE), np.float32)
        return DenseReading(np.zeros((5, 256, 256), np.float32), maps, maps, np.stack([maps] * 7), view_p, 0.4)

    def close(self): ...


def outliner_of(view, **options):
    segmentation, dense = FakeSegmentation(), FakeDense(view)
    return Outliner(segmentation, dense, **{"per_frame": False, "every_frame": False, **options}), segmentation, dense


def test_a_settled_view_is_looked_at_three_times_a_second():
    outliner, segmentation, dense = outliner_of("A4C")
    found = [outliner.outline(GREY, index * FRAME_NS) for index in range(60)]
    assert 6 <= dense.reads <= 8
    assert segmentation.runs == 60 - dense.reads + 1, "one network a frame, but for the first"
    assert all(outlined.logits.shape[0] == 4 for outlined in found)
    assert {outlined.foreshortening for outlined in found} == {0.4}
    assert found[1].reading is None


def test_the_aorta_is_looked_for_in_the_long_axis_alone():
    outliner, segmentation, _ = outliner_of("ALAX")
    found = [outliner.outline(GREY, index * FRAME_NS) for index in range(60)]
    assert all(outlined.logits.shape[0] == 5 for outlined in found)
    assert segmentation.runs > 50


@pytest.mark.parametrize(("seen", "fixed", "classes"), [("A4C", "ALAX", 5), ("ALAX", "A4C", 4), ("ALAX", None, 5)])
def test_a_fixed_view_counts_more_than_what_the_network_sees(seen, fixed, classes):
    outliner, _, _ = outliner_of(seen)
    assert len(outliner.outline(GREY, 0, fixed).logits) == classes


def test_one_pass_leaves_the_segmentation_out():
    outliner, segmentation, dense = outliner_of("A4C", one_pass=True)
    assert all(len(outliner.outline(GREY, index * FRAME_NS).logits) == 4 for index in range(10))
    assert (segmentation.runs, dense.reads) == (0, 10)


@pytest.mark.parametrize("options", [{"per_frame": True}, {"every_frame": True}])
def test_stills_and_dense_scores_read_every_frame(options):
    outliner, _, dense = outliner_of("A2C", **options)
    assert all(outliner.outline(GREY, index * FRAME_NS).reading is not None for index in range(10))
    assert dense.reads == 10


def test_a_new_view_is_noticed():
    outliner, _, dense = outliner_of("A4C")
    for index in range(30):
        outliner.outline(GREY, index * FRAME_NS)
    dense.view = "other"
    found = [outliner.outline(GREY, index * FRAME_NS) for index in range(30, 75)]
    assert VIEW_CHANNELS[int(found[-1].view_p.argmax())] == "other"
    outliner.forget()
    dense.view = "A2C"
    assert VIEW_CHANNELS[int(outliner.outline(GREY, 0).view_p.argmax())] == "A2C"
