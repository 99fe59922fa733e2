"""The paper's recipe (sections 3.1 to 3.3) on BUSI, as one run that goes on where it stopped and stores its figures.

Three versions of every picture at 224 x 224: as it is (100), JPEG (60), Gaussian blur (30). The paper does not print
how strong they are: JPEG quality 30 and sigma 2 px are ours, as are the limits of the random moves. ResNet-18 starts
from scratch, since its ImageNet weights are not available. Near-duplicates stay in one split.
"""

from __future__ import annotations

import datetime
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import Dataset

from capture.errors import DataError
from models.data.camus import squash
from models.score.network import SIZE, ResNet18
from models.score.pictures import SPLITS, BreastImage, breast_images, split_of
from models.training import Optimisation, Run, load_average, require_same_run, train_phase

log = logging.getLogger(__name__)

JPEG_QUALITY, BLUR_SIGMA_PX = 30, 2.0
CHECKPOINT, FIGURES = "score_paper.pt", "figures.json"
_TURN_DEGREES, _SCALE = 10.0, 0.1
_BATCH = 64


def as_jpeg(image: np.ndarray) -> np.ndarray:
    """Compressed at quality 30 and read back, (H, W) uint8."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))


def blurred(image: np.ndarray) -> np.ndarray:
    """Gaussian blur of 2 px, (H, W) uint8."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), BLUR_SIGMA_PX))


VERSIONS: tuple[tuple[float, Callable[[np.ndarray], np.ndarray]], ...] = (
    (100.0, lambda image: image),
    (60.0, as_jpeg),
    (30.0, blurred),
)
"""Score of each version, and how it is made."""


SECTION_3_3 = Optimisation(
    epochs=10, learning_rate=1e-3, weight_decay=0.0, average_decay=0.98, optimizer="adam", schedule="constant"
)
"""The paper's, but that weights are averaged over about the last 50 steps, which is ours: the rate never falls, and
without it the figures go up and down from one step to the next."""


@dataclass(frozen=True)
class PaperRecipe:
    """Everything that decides the outcome beside the data."""

    optimisation: Optimisation = SECTION_3_3
    batch: int = 16
    seed: int = 20261122


PAPER = PaperRecipe()


class PaperPictures(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Each item: picture (1, 224, 224) float32 of mean 0 and spread 1 (eq. 1), and its score () float32.

    Training pictures are turned, flipped and scaled at random (eq. 2) after they were made worse, as in the paper.
    """

    def __init__(self, found: Sequence[BreastImage], seed: int = 0, moves: bool = False) -> None:
        squares = [squash(item.image, cv2.INTER_AREA, SIZE) for item in found]
        self.images = np.stack([make(square) for square in squares for _, make in VERSIONS])  # (3 N, 224, 224)
        self.scores = np.tile(np.array([score for score, _ in VERSIONS], np.float32), len(squares))
        self.seed, self.moves, self.epoch = seed, moves, 0

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        image = self.images[index].astype(np.float32)
        if self.moves:
            image = _moved(image, np.random.default_rng((self.seed, self.epoch, index)))
        image = (image - image.mean()) / max(float(image.std()), 1e-6)
        return torch.from_numpy(image[None]), torch.tensor(self.scores[index])


def _moved(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Mirrored half of the time, and half of the time turned and scaled: that resamples, which blurs what is judged."""
    if random.random() < 0.5:
        image = np.ascontiguousarray(image[:, ::-1])
    if random.random() < 0.5:
        return image
    middle = ((SIZE - 1) / 2, (SIZE - 1) / 2)
    turn, scale = random.uniform(-_TURN_DEGREES, _TURN_DEGREES), random.uniform(1 - _SCALE, 1 + _SCALE)
    affine = cv2.getRotationMatrix2D(middle, turn, scale)
    return np.asarray(cv2.warpAffine(image, affine, (SIZE, SIZE), flags=cv2.INTER_CUBIC))


def train_paper(data_dir: Path, out_dir: Path, recipe: PaperRecipe = PAPER) -> Path:
    """Train, test, and return the path of ``figures.json`` (resumes from what is there).

    Raises
    ------
    DataError
        When BUSI is missing, damaged, or too small for three splits.
    SettingsError
        When ``out_dir`` holds a run that was asked for something else.
    """
    torch.manual_seed(recipe.seed)
    checkpoint = out_dir / CHECKPOINT
    asked = asdict(recipe)
    asked["optimisation"].pop("epochs")
    require_same_run(checkpoint.with_suffix(".json"), asked)
    found = breast_images(data_dir)
    sets = {split: _pictures_of(found, split, recipe) for split in SPLITS}
    network = ResNet18(start=float(sets["train"].scores.mean())).to(memory_format=torch.channels_last)
    run = Run(network, recipe.optimisation, checkpoint)
    train_phase(
        run, sets["train"], recipe.batch, lambda b: paper_loss(run.network, b), lambda: _report(run, sets["val"])
    )
    load_average(network, checkpoint)
    figures = _figures(network, sets, found, run, recipe, out_dir)
    path = out_dir / FIGURES
    path.write_text(json.dumps(figures, indent=2, allow_nan=False) + "\n")
    return path


def _pictures_of(found: Sequence[BreastImage], split: str, recipe: PaperRecipe) -> PaperPictures:
    chosen = [item for item in found if split_of(item.group) == split]
    if not chosen:
        raise DataError(f"no picture of BUSI in the {split} split: point --data at the complete set")
    return PaperPictures(chosen, recipe.seed, moves=split == "train")


def paper_loss(network: torch.nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """Mean squared error of the score (eq. 4)."""
    picture, score = batch
    with torch.autocast("cpu", torch.bfloat16):
        found = network(picture.contiguous(memory_format=torch.channels_last))
    return functional.mse_loss(found.float()[:, 0], score)


@torch.no_grad()
def predicted(network: torch.nn.Module, pictures: PaperPictures) -> np.ndarray:
    """Score of every picture, (N,) float64."""
    network.eval()
    loader = torch.utils.data.DataLoader(pictures, _BATCH)
    return np.concatenate([network(picture)[:, 0].double().numpy() for picture, _ in loader])


def lcc_and_mse(found: np.ndarray, wanted: np.ndarray) -> dict[str, float]:
    """Linear correlation coefficient and mean squared error in score points squared; both (N,)."""
    if np.ptp(found) == 0 or np.ptp(wanted) == 0:
        raise DataError("every picture has one score, and a correlation needs several: train longer")
    return {
        "lcc": round(float(np.corrcoef(found, wanted)[0, 1]), 4),
        "mse": round(float(np.square(found - wanted).mean()), 2),
    }


def _report(run: Run, pictures: PaperPictures) -> dict[str, object]:
    figures = lcc_and_mse(predicted(run.average, pictures), pictures.scores)
    return {f"val_{name}": value for name, value in figures.items()}


def _figures(
    network: torch.nn.Module,
    sets: dict[Any, PaperPictures],
    found: Sequence[BreastImage],
    run: Run,
    recipe: PaperRecipe,
    out_dir: Path,
) -> dict[str, Any]:
    val, test = (predicted(network, sets[split]) for split in ("val", "test"))
    slope, intercept = np.polyfit(val, sets["val"].scores, 1)
    fixed = slope * test + intercept
    return {
        "lcc_recipe": lcc_and_mse(test, sets["test"].scores)["lcc"],
        "mse_recipe": lcc_and_mse(test, sets["test"].scores)["mse"],
        "mse_recipe_calibrated": lcc_and_mse(fixed, sets["test"].scores)["mse"],
        "n": len(sets["test"]),
        "groups": len({item.group for item in found if split_of(item.group) == "test"}),
        "n_train": len(sets["train"]),
        "epochs": run.epochs_done,
        "seconds": round(run.seconds),
        "recipe": asdict(recipe) | {"jpeg_quality": JPEG_QUALITY, "blur_sigma_px": BLUR_SIGMA_PX},
        "data": "BUSI (Al-Dhabyani et al. 2020), split by groups of near-duplicates",
        "date": datetime.date.today().isoformat(),
        "command": f"sonogauge train score --recipe paper --out {out_dir.name}",
    }
