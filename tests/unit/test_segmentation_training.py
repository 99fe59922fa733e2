"""What the segmentation network is shown: real frames, virtual ones drawn anew, and classes that are added."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from capture.errors import DataError
from models.data.camus import CamusSample, read_split
from models.data.virtual_dataset import VirtualDataset
from models.data.virtual_generate import generate
from models.regional.segmentation.network import SegmentationUNet, with_classes
from models.regional.segmentation.train import LabelledFrames, VirtualUse, training_frames
from tests.support.made_up_camus import write_camus

SAMPLES = 16
AORTA = 4


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_camus(folder, train=4, val=1)
    return folder


@pytest.fixture(scope="module")
def real(data_dir: Path) -> list[CamusSample]:
    return read_split(data_dir, "train")


@pytest.fixture(scope="module")
def virtual(tmp_path_factory: pytest.TempPathFactory) -> VirtualDataset:
    folder = tmp_path_factory.mktemp("virtual")
    generate(folder, 5, SAMPLES, 1)
    return VirtualDataset(folder)


def test_an_epoch_has_all_real_frames_and_a_share_of_virtual_ones(real: list[CamusSample], virtual: VirtualDataset):
    frames = LabelledFrames(real, virtual, 5, 1, VirtualUse(per_real=0.5))
    assert len(frames) == round(1.5 * len(real))
    assert frames[len(real)][0].shape == (1, 256, 256)
    assert len(LabelledFrames(real, None, 5, 1)) == len(real)
    assert len(LabelledFrames([], virtual, 5, 1)) == len(frames.virtual) < SAMPLES


def test_virtual_frames_are_drawn_anew_in_each_epoch(real: list[CamusSample], virtual: VirtualDataset):
    frames = LabelledFrames(real, virtual, 5, 1)
    first = frames[len(frames) - 1][0]
    frames.epoch = 1
    assert not torch.equal(frames[len(frames) - 1][0], first)


def test_the_aorta_is_background_where_it_is_no_class(virtual: VirtualDataset):
    with_aorta, without = (LabelledFrames([], virtual, classes, 1) for classes in (5, 4))
    assert max(label.max() for _, label in with_aorta.virtual) == AORTA
    assert max(label.max() for _, label in without.virtual) == AORTA - 1


def test_a_set_without_apical_frames_is_refused(data_dir: Path, tmp_path: Path):
    generate(tmp_path, 5, SAMPLES, 1, views={"PSAX_MID": 1.0})
    with pytest.raises(DataError, match="no apical frame"):
        training_frames(data_dir, tmp_path, False, 5, 1, VirtualUse())


def test_a_class_that_is_added_begins_as_background():
    torch.manual_seed(0)
    known = SegmentationUNet(classes=4)
    grown = SegmentationUNet(classes=5)
    grown.load_state_dict(with_classes(known.state_dict(), 5))
    picture = 255 * torch.rand(1, 1, 256, 256)
    with torch.no_grad():
        before, after = known.eval()(picture), grown.eval()(picture)
    assert torch.allclose(after[:, :4], before, atol=1e-5)
    assert torch.allclose(after[:, 4], before[:, 0], atol=1e-5)
    assert np.isfinite(after.numpy()).all()
