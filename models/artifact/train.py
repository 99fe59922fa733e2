"""Train the artifact gate: the encoder by the contrastive loss, then the flow on patients that it has not seen."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from capture.errors import SettingsError
from models.artifact.data import (
    ArtifactMaker,
    Batch,
    bank_of,
    held_out_frames,
    joined,
    read_known,
    virtual_bank,
)
from models.artifact.gate import Material, fit_gate, save_gate
from models.artifact.kinds import FAMILIES, HELD_OUT, Family
from models.artifact.loss import encoder_loss
from models.artifact.network import ArtifactEncoder
from models.artifact.pictures import DENSITY, ENCODER, organ_pictures
from models.artifact.recipe import ArtifactRecipe, asked_for
from models.training import Run

_LABEL_SEED = 20261209
_EXAMPLES = 40  # of each held-out kind, for hints alone
_VIRTUAL_SEEN = 0.8  # of the virtual frames, for the encoder


def train_artifact(
    family: str, data_dir: Path, out_dir: Path, recipe: ArtifactRecipe, virtual: Path | None = None
) -> Path:
    """Train and return the path of the gate (resumes from what is there).

    Parameters
    ----------
    family : ``echo`` or ``any``
    data_dir : folder that holds the data sets
    out_dir : gets ``artifact_FAMILY.pt`` (encoder), its story (``.jsonl``), how it was made (``.json``) and
        ``artifact_FAMILY_gate.pt``: encoder, flow, thresholds and reference points
    virtual : folder of a virtual data set, whose apical frames are known as well

    Raises
    ------
    DataError
        A set cannot be read, or is too small.
    SettingsError
        There is no such family, or ``out_dir`` holds a run that was asked for something else.
    """
    if family not in FAMILIES:
        raise SettingsError(f"there is no family {family!r}: choose one of {', '.join(FAMILIES)}")
    checkpoint = out_dir / f"artifact_{family}.pt"
    _same_run(checkpoint.with_suffix(".json"), asked_for(family, recipe) | {"virtual_frames": virtual is not None})
    material = gather(FAMILIES[family], data_dir, recipe, virtual)
    encoder = train_encoder(material.maker, recipe, checkpoint)
    path = gate_checkpoint(checkpoint)
    save_gate(path, fit_gate(encoder, material, recipe))
    return path


def gate_checkpoint(checkpoint: Path) -> Path:
    """Where the finished gate of a run is."""
    return checkpoint.with_stem(f"{checkpoint.stem}_gate")


def _same_run(path: Path, asked: dict[str, object]) -> None:
    """Write what the run is asked for, or compare with what it was asked for before."""
    if path.is_file():
        before = json.loads(path.read_text())["asked"]
        differ = ", ".join(key for key in asked if before.get(key) != json.loads(json.dumps(asked[key])))
        if differ:
            raise SettingsError(f"the run in {path.parent} was started with another {differ}: give another folder")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"asked": asked}, indent=2) + "\n")


def gather(family: Family, data_dir: Path, recipe: ArtifactRecipe, virtual: Path | None) -> Material:
    """Read all pictures of a family and make the mild versions."""
    sources = {part: read_known(family, data_dir, part) for part in (ENCODER, DENSITY)}
    banks = {part: bank_of(sources[part], recipe.versions, recipe.seed, family.looks) for part in sources}
    if virtual is not None:
        made = virtual_bank(virtual, recipe.versions, recipe.virtual)
        cut = round(_VIRTUAL_SEEN * len(made))
        parts = {ENCODER: made.part(slice(cut)), DENSITY: made.part(slice(cut, None))}
        banks = {part: joined([banks[part], parts[part]]) for part in banks}
    others = {
        part: bank_of(organ_pictures(data_dir, part, family.other)) if family.other else None
        for part in (ENCODER, DENSITY)
    }
    told = held_out_frames(sources[ENCODER], _each(recipe.labelled), _LABEL_SEED) if recipe.labelled else None
    labelled = None if told is None else _evenly(told, recipe.labelled)
    examples = held_out_frames(sources[DENSITY], _EXAMPLES, recipe.seed + 1)
    return Material(
        banks[ENCODER],
        banks[DENSITY],
        ArtifactMaker(banks[ENCODER], others[ENCODER], labelled),
        ArtifactMaker(banks[DENSITY], others[DENSITY]),
        {kind: images for kind, (images, _) in examples.items()},
    )


def _each(count: int) -> int:
    """Frames of each held-out kind among so many."""
    return -(-count // len(HELD_OUT))


def _evenly(frames: dict[str, tuple[np.ndarray, np.ndarray]], count: int) -> np.ndarray:
    """So many pictures, each kind as often as another, (count, 224, 224) uint8."""
    kinds = list(frames)
    chosen = [frames[kinds[n % len(kinds)]][0] for n in range(count)]
    return np.stack([images[n // len(kinds) % len(images)] for n, images in enumerate(chosen)])


def train_encoder(maker: ArtifactMaker, recipe: ArtifactRecipe, checkpoint: Path) -> ArtifactEncoder:
    """The encoder with averaged weights; goes on from a checkpoint that is there."""
    torch.manual_seed(recipe.seed)
    encoder = ArtifactEncoder().to(memory_format=torch.channels_last)
    run = Run(encoder, recipe.optimisation, checkpoint)

    def loss_of(batch: Batch) -> torch.Tensor:
        return encoder_loss(encoder, batch.picture, batch.kind, recipe)

    while run.epochs_done < run.plan.epochs:
        batches = maker.batches(recipe.steps, recipe.pairs, recipe.seed + run.epochs_done)
        run.save({"loss": round(run.epoch(batches, recipe.steps, loss_of), 5)})
    average: ArtifactEncoder = run.average
    return average.eval()
