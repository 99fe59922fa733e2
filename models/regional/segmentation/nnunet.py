"""The paper's segmentation network as the reference: nnU-Net (Isensee et al. 2021), trained as in table 6.

Not released: it takes several times the budget of the live window. What table 6 leaves open follows nnU-Net: each
picture is normalised by its own mean and deviation, the loss also looks at the coarser levels (weights 1, 1/2, 1/4 ..,
the coarsest left out), the learning rate falls with power .9. Adam is what table 6 says; nnU-Net itself uses SGD.
Augmentation is that of the light network, which holds all nine kinds of table 6, so that the two can be compared.

MONAI takes seconds to import and serves this file alone, so it is imported when the network is made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from capture.errors import SettingsError
from models.data.camus import read_split
from models.regional.segmentation.network import SEGMENTATION_CLASSES
from models.regional.segmentation.train import VirtualUse, evaluate_network, segmentation_loss, training_frames
from models.training import Optimisation, Run, load_average, train_phase

LEVELS = 7  # 256 -> 4
WIDTHS = (32, 64, 128, 256, 512, 512, 512)
SUPERVISED = 5  # of the six decoder levels; nnU-Net gives the coarsest no weight

TABLE_6 = Optimisation(
    epochs=500, learning_rate=1e-2, weight_decay=3e-5, average_decay=0.0, optimizer="adam", schedule="polynomial"
)


@dataclass(frozen=True)
class NnUNetRecipe:
    """Everything that decides the outcome beside the data; the paper does not average weights."""

    optimisation: Optimisation = TABLE_6
    batch: int = 49
    virtual_use: VirtualUse = field(default_factory=VirtualUse)
    seed: int = 20261121


class NnUNet(nn.Module):
    """nnU-Net of table 6: 32..512 channels, seven levels to 4x4, deconvolutions, instance norm, leaky ReLU.

    Shapes: (N, 1, 256, 256) float32 of any range -> logits (N, classes, 256, 256); in training
    (N, 5, classes, 256, 256), finest level first. Sides may be any multiple of 64 from 128 on.

    Raises
    ------
    SettingsError
        When MONAI is not installed.
    """

    def __init__(self, classes: int = SEGMENTATION_CLASSES, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        self.unet = _dyn_unet(classes, widths)

    def forward(self, grey: torch.Tensor) -> torch.Tensor:
        """Logits per class, in training of each supervised level."""
        deviation, mean = torch.std_mean(grey, dim=(1, 2, 3), keepdim=True)
        return self.unet((grey - mean) / (deviation + 1e-8))


def _dyn_unet(classes: int, widths: tuple[int, ...]) -> nn.Module:
    try:
        from monai.networks.nets.dynunet import DynUNet  # noqa: PLC0415
    except ImportError as error:
        raise SettingsError(
            "monai is not installed: --net nnunet needs the extra 'train' (pip install 'sonogauge[train]')"
        ) from error
    return DynUNet(
        spatial_dims=2,
        in_channels=1,
        out_channels=classes,
        kernel_size=[3] * LEVELS,
        strides=[1] + [2] * (LEVELS - 1),
        upsample_kernel_size=[2] * (LEVELS - 1),
        filters=widths,
        norm_name=("INSTANCE", {"affine": True}),
        act_name=("leakyrelu", {"inplace": True, "negative_slope": 0.01}),
        deep_supervision=True,
        deep_supr_num=SUPERVISED - 1,
    )


def supervised_loss(levels: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Dice and cross-entropy of every level, each counting half of the finer one: (N, L, C, H, W), (N, H, W) int64."""
    weights = [0.5**level for level in range(levels.shape[1])]
    losses = [segmentation_loss(logits, label) for logits in levels.unbind(dim=1)]
    return sum(w * loss for w, loss in zip(weights, losses, strict=True)) / sum(weights)


def train_nnunet(
    data_dir: Path,
    out_dir: Path,
    recipe: NnUNetRecipe = NnUNetRecipe(),
    *,
    virtual: Path | None = None,
    real: bool = True,
    start: Path | None = None,
    classes: int = SEGMENTATION_CLASSES,
) -> Path:
    """Train and return the path of the checkpoint; parameters and errors as for ``train_segmentation``.

    Raises
    ------
    SettingsError
        When MONAI is not installed.
    """
    torch.manual_seed(recipe.seed)
    network = NnUNet(classes)
    if start is not None:
        load_average(network, start)
    data = training_frames(data_dir, virtual, real, classes, recipe.seed, recipe.virtual_use)
    val = read_split(data_dir, "val")
    run = Run(network, recipe.optimisation, out_dir / "nnunet.pt")
    train_phase(
        run,
        data,
        recipe.batch,
        lambda batch: _loss(run.network, batch),
        lambda: {name: round(value, 4) for name, value in evaluate_network(run.average, val).items()},
    )
    return run.checkpoint


def _loss(network: nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    image, label = batch
    with torch.autocast("cpu", torch.bfloat16):
        levels = network(image)
    return supervised_loss(levels.float(), label)
