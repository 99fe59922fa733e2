"""The networks behind the tables: each variant is trained in a folder of its own, or read from it, and then run."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from capture.errors import DataError
from models.us2qnet.experiments import GREY, Embedding, Variant
from models.us2qnet.network import Us2QNet
from models.us2qnet.recipe import CLUSTERS, Us2QOptions, Us2QRecipe
from models.us2qnet.samples import Prepare, as_is, as_tensor
from models.us2qnet.train import encode, load_us2qnet, pretrained_checkpoint, stage_checkpoint, train_us2qnet

log = logging.getLogger(__name__)

BATCH = 256


@dataclass(frozen=True, eq=False)
class TrainedNetworks:
    """Trains what is asked for and embeds the test set (``experiments.Embed``).

    A run that was cut off goes on, and one that is complete is read. ``epochs`` 0 trains no further than pre-training.

    Attributes
    ----------
    name : ``mnist``, ``echo`` or ``abdomen``
    data_dir, runs : folder of the data sets, and the one that gets a folder per variant
    recipe : of every variant; the seed is the variant's
    count : digits of MNIST, 0 all
    prepare : the filter, for variants with pre-processing
    images : the test set without and with pre-processing, (N, S, S) uint8
    epochs_done : filled in: folder of each variant -> epochs of both phases, fewer than planned if the loss stagnated
    """

    name: str
    data_dir: Path
    runs: Path
    recipe: Us2QRecipe
    count: int
    prepare: Prepare
    images: Mapping[bool, np.ndarray]
    epochs_done: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def stages(self) -> tuple[int, ...]:
        """Epochs of fine-tuning after which the weights are kept: a third and two thirds of all, none twice."""
        planned = self.recipe.finish.epochs
        return tuple(sorted({planned // 3, 2 * planned // 3} - {0, planned}))

    def __call__(self, variant: Variant) -> Embedding:
        """Latent means of the test set; for ``epochs`` 0 also what the network sees and draws.

        Raises
        ------
        DataError
            The data cannot be read, or the state after ``epochs`` is not among the stages kept.
        SettingsError
            The variant's folder holds a run of another recipe.
        """
        if variant.epochs not in (None, 0, *self.stages):
            raise DataError(f"no state after epoch {variant.epochs} is kept: ask for one of {(0, *self.stages)}")
        checkpoint = self._trained(variant)
        network, images = self._state(checkpoint, variant.epochs), self.images[variant.preprocessing]
        features = encode(network, images)[0]
        if variant.epochs != 0:
            return Embedding(features)
        return Embedding(features, images.astype(np.float32), redrawn(network, images))

    def folder(self, variant: Variant) -> Path:
        """Where a variant is trained; every state of one run has the same folder."""
        parts = (
            self.name,
            f"{self.count or 'all'}digits" if self.name == "mnist" else "",
            variant.network,
            "filtered" if variant.preprocessing else "",
            "" if variant.pretraining else "nopretraining",
            f"{variant.clusters}clusters" if variant.clusters else "",
            f"{self.recipe.optimisation.epochs}+{self.recipe.finish.epochs}epochs",
            f"seed{variant.seed}",
        )
        return self.runs / "_".join(part for part in parts if part)

    def _trained(self, variant: Variant) -> Path:
        folder = self.folder(variant)
        log.info("network of %s", folder)
        recipe = replace(self.recipe, seed=variant.seed)
        if variant.epochs == 0:
            recipe = replace(recipe, finish=replace(recipe.finish, epochs=0))
        clusters = variant.clusters or CLUSTERS[self.name]
        variational = variant.network == "vae"
        options = Us2QOptions(clusters, variant.pretraining, variant.preprocessing, variational, self.count)
        prepare = self.prepare if variant.preprocessing else as_is
        shared = self.runs / f"{self.name}_pictures{'_filtered' if variant.preprocessing else ''}"
        made = train_us2qnet(self.name, self.data_dir, folder, recipe, options, prepare, shared, self.stages)
        before = epochs_of(pretrained_checkpoint(made)) if variant.pretraining else 0
        self.epochs_done[folder.name] = {"pretraining_epochs": before, "finish_epochs": epochs_of(made)}
        return made

    def _state(self, checkpoint: Path, epochs: int | None) -> Us2QNet:
        """The network after ``epochs`` of fine-tuning; the last one where the loss stagnated before."""
        if epochs is None:
            return load_us2qnet(checkpoint)
        if epochs == 0:
            return load_us2qnet(checkpoint, pretrained_checkpoint(checkpoint))
        state = stage_checkpoint(checkpoint, epochs)
        if not state.is_file() and epochs_of(checkpoint) >= epochs:
            raise DataError(f"{state} is missing: delete {checkpoint.parent} to train it anew, or give another --runs")
        return load_us2qnet(checkpoint, state if state.is_file() else None)


def epochs_of(checkpoint: Path) -> int:
    """Epochs that a run has done, from its story; 0 where none is."""
    story = checkpoint.with_suffix(".jsonl")
    if not story.is_file():
        return 0
    return int(json.loads(story.read_text().splitlines()[-1])["epoch"])


@torch.no_grad()
def redrawn(network: Us2QNet, images: np.ndarray) -> np.ndarray:
    """What the network draws of prepared pictures (N, S, S) uint8; the same shape, float32 in grey levels 0..255."""
    network.eval()
    batches = (as_tensor(images[start : start + BATCH]) for start in range(0, len(images), BATCH))
    return np.concatenate([GREY * network.reconstruct(batch)[:, 0].numpy() for batch in batches]).astype(np.float32)
