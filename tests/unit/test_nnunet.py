"""The paper's nnU-Net: its table, its deep supervision, and what is said when MONAI is missing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from made_up_camus import write_camus

from capture.errors import DataError, SettingsError
from models.regional.segmentation.nnunet import NnUNet, NnUNetRecipe, supervised_loss, train_nnunet
from models.regional.segmentation.train import segmentation_loss
from models.training import Optimisation

pytestmark = pytest.mark.usefixtures("one_torch_thread")

SMALL = (4, 4, 8, 8, 8, 8, 8)


@pytest.fixture
def monai() -> None:
    pytest.importorskip("monai", reason="monai is not installed (extra 'train'): the nnU-Net cannot be made")


def grey(count: int, side: int) -> torch.Tensor:
    return 255 * torch.rand(count, 1, side, side, generator=torch.Generator().manual_seed(1))


@pytest.mark.usefixtures("monai")
@pytest.mark.parametrize("classes", [4, 5])
def test_logits_per_class_and_five_levels_in_training(classes: int):
    network = NnUNet(classes, SMALL).train()
    assert network(grey(2, 128)).shape == (2, 5, classes, 128, 128)
    with torch.no_grad():
        logits = network.eval()(grey(2, 128))
        assert logits.shape == (2, classes, 128, 128)
        assert torch.allclose(network(0.5 * grey(2, 128) + 20), logits, atol=1e-3), "gain and offset fall out"


@pytest.mark.usefixtures("monai")
@torch.no_grad()
def test_table_6():
    network = NnUNet().eval()
    shapes, features = [], grey(1, 256)
    for block in (network.unet.input_block, *network.unet.downsamples, network.unet.bottleneck):
        features = block(features)
        shapes.append(tuple(features.shape[1:]))
    widths = (32, 64, 128, 256, 512, 512, 512)
    assert shapes == [(width, 256 >> level, 256 >> level) for level, width in enumerate(widths)]
    kinds = {type(module).__name__ for module in network.modules()}
    assert {"ConvTranspose2d", "InstanceNorm2d", "LeakyReLU"} <= kinds
    assert not {"BatchNorm2d", "ReLU", "Upsample"} & kinds


def test_each_level_counts_half_of_the_finer_one():
    label = torch.zeros(1, 8, 8, dtype=torch.long)
    label[:, :4] = 1
    right = 20 * torch.nn.functional.one_hot(label, 4).permute(0, 3, 1, 2).float()
    wrong = right.roll(2, dims=1)
    low, high = float(segmentation_loss(right, label)), float(segmentation_loss(wrong, label))
    for level, share in enumerate((4 / 7, 2 / 7, 1 / 7)):
        levels = [wrong if k == level else right for k in range(3)]
        found = float(supervised_loss(torch.stack(levels, dim=1), label))
        assert found == pytest.approx(low + share * (high - low), rel=1e-5)


@pytest.mark.usefixtures("monai")
def test_steps_lower_the_loss():
    torch.manual_seed(0)
    network = NnUNet(5, SMALL).train()
    picture, label = grey(2, 128), torch.zeros(2, 128, 128, dtype=torch.long)
    label[:, 32:64, 32:64], label[:, 64:96] = 4, 2
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(5):
        loss = supervised_loss(network(picture), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.usefixtures("monai")
def test_a_run_leaves_a_checkpoint_that_a_second_one_begins_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import models.regional.segmentation.nnunet as module

    monkeypatch.setattr(module, "WIDTHS", SMALL)
    monkeypatch.setattr(NnUNet.__init__, "__defaults__", (4, SMALL))
    data = write_camus(tmp_path, train=2, val=1)
    plan = Optimisation(1, 1e-2, 0.0, 0.0, "adam", "polynomial")
    first = train_nnunet(data, tmp_path / "a", NnUNetRecipe(plan, batch=2), classes=5)
    assert first == tmp_path / "a" / "nnunet.pt"
    state = torch.load(first, weights_only=True)
    assert all(torch.equal(state["average"][name], value) for name, value in state["network"].items())
    assert '"dice_lv"' in first.with_suffix(".jsonl").read_text()
    train_nnunet(data, tmp_path / "b", NnUNetRecipe(plan, batch=2), classes=5, start=first)
    with pytest.raises(DataError, match="cannot begin with"):
        train_nnunet(data, tmp_path / "c", NnUNetRecipe(plan, batch=2), classes=4, start=first)
    with pytest.raises(DataError, match="nothing to train on"):
        train_nnunet(data, tmp_path / "c", real=False)


def test_without_monai_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "monai", None)
    monkeypatch.setitem(sys.modules, "monai.networks.nets.dynunet", None)
    with pytest.raises(SettingsError, match=r"monai is not installed.*'train'"):
        NnUNet()
