"""From a training run to a released generator: one ONNX file, its manifest entry, and a parity check."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from capture.errors import DataError
from models.export import Exported, export_float, run_file, update_manifest
from models.synthesis.network import Generator
from models.synthesis.sample import LATENT, model_name
from models.synthesis.train import generator_path, last_epoch, load_generator, read_asked

VERSION, CARD = "1.0", "models/synthesis/card.md"
TRAINING_DATA = {
    "fetal": "HC18 fetal heads (van den Heuvel et al. 2018)",
    "echo": "CAMUS (Leclerc et al. 2019)",
}
LICENCE = {
    "fetal": "CC BY 4.0 (HC18)",
    "echo": "CC BY-NC-SA 4.0, non-commercial scientific research only (CAMUS)",
}
TRAINING_SPLIT = "training split"
"""In the manifest entry of a generator that saw no held-out examination."""
PARITY_PICTURES, PARITY_LIMIT = 16, 1.0  # mean absolute difference, grey levels


class ReleasedGenerator(nn.Module):
    """Noise (N, 100), or (N, 101) with the level last -> pictures (N, 1, S, S) float32 in 0..255.

    What is darker than ``black`` is black.

    Not in INT8: no live frame waits for it, and what makes a picture real is its fine texture.
    """

    def __init__(self, generator: Generator, black: float) -> None:
        super().__init__()
        self.generator, self.black = generator, black

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        """See the class."""
        grey = (self.generator(latent) + 1) * 127.5
        return torch.where(grey < self.black, torch.zeros_like(grey), grey)


def export_synthesis(run: Path, out: Path, epoch: int = 0) -> dict[str, object]:
    """Write ``synthesis_SET_SIZE[_levels].float32.onnx`` and its manifest entry; returns what was measured.

    Parameters
    ----------
    run : folder of ``sonogauge train synthesis``
    out : folder of the weights
    epoch : of the kept generator; 0 takes the last

    Raises
    ------
    DataError
        When the run has no such generator, or the file strays from the network.
    """
    asked, epoch = read_asked(run), epoch or last_epoch(run)
    generator, black = load_generator(generator_path(run, epoch))
    name = model_name(str(asked["set_name"]), int(str(asked["size"])), generator.conditional)
    released = ReleasedGenerator(generator, black).eval()
    example = torch.randn(PARITY_PICTURES, LATENT + generator.conditional, generator=torch.Generator().manual_seed(0))
    if generator.conditional:
        example[:, LATENT] = torch.linspace(0, 1, PARITY_PICTURES)
    file = export_float(released, out, name, ["picture"], "latent", example[:1])
    difference = _difference(released, file, example)
    if difference > PARITY_LIMIT:
        raise DataError(
            f"{file.path} is {difference:.2f} grey levels from its network: export with the pinned packages"
        )
    update_manifest(out / "manifest.json", name, _entry(asked, file, example.shape[1], epoch))
    return {
        "model": name,
        "epoch": epoch,
        "black": round(black, 2),
        "mean_abs": round(difference, 4),
        "bytes": file.bytes,
    }


@torch.inference_mode()
def _difference(released: ReleasedGenerator, file: Exported, example: torch.Tensor) -> float:
    """Mean absolute difference of file and network, grey levels."""
    (found,) = run_file(file.path, example.numpy())
    return float(np.abs(found - released(example).numpy()).mean())


def _entry(asked: dict[str, object], file: Exported, inputs: int, epoch: int) -> dict[str, object]:
    name, size = str(asked["set_name"]), asked["size"]
    count = f"{asked['images']} pictures" if asked["images"] else TRAINING_SPLIT
    level = "; the level of degradation 0..1 last" if asked["conditional"] else ""
    return {
        "version": VERSION,
        "task": "other",
        "contract": {
            "input": {"name": "latent", "shape": [None, inputs]},
            "outputs": [{"name": "picture", "shape": [None, 1, size, size], "value_range": [0.0, 255.0]}],
            "preprocessing": f"100 numbers of a standard normal distribution{level}",
        },
        "card": CARD,
        "training_data": [f"{TRAINING_DATA[name]}, {count}, {epoch} epochs"],
        "licence": LICENCE[name],
        "files": [{"precision": file.precision, "file": file.path.name, "sha256": file.sha256, "bytes": file.bytes}],
    }
