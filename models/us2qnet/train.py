"""Train US2QNet: pre-training as a variational autoencoder, then fine-tuning with deep embedded clustering.

No label is read. Checkpoints hold everything needed to go on after a stop.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Collection, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from sklearn.cluster import KMeans
from torch.nn import functional

from calibration.cluster_map import centroids_of
from capture.errors import DataError, SettingsError
from models.training import Run, load_average, require_same_run
from models.us2qnet.cluster_count import choose_clusters
from models.us2qnet.network import QUALITY, Us2QNet, target_shares
from models.us2qnet.postprocessing import fit_map
from models.us2qnet.recipe import CLUSTERS, Us2QOptions, Us2QRecipe, asked_for
from models.us2qnet.samples import SETS, Batch, Prepare, TrainingPictures, as_is, as_tensor, kept, training_pictures

log = logging.getLogger(__name__)

STARTS = 20
VERSIONS_SEED = 20261203  # the same versions for every seed of a training: minutes to make, a gigabyte to keep


def train_us2qnet(
    name: str,
    data_dir: Path,
    out_dir: Path,
    recipe: Us2QRecipe,
    options: Us2QOptions,
    prepare: Prepare = as_is,
    pictures_dir: Path | None = None,
    stages: Collection[int] = (),
) -> Path:
    """Train and return the path of the checkpoint (resumes from what is there).

    Parameters
    ----------
    name : ``mnist``, ``echo`` or ``abdomen``
    data_dir : folder that holds the data sets
    out_dir : gets ``us2qnet_NAME.pt``, its story (``.jsonl``), how it was made (``.json``) and the prepared pictures
    prepare : the filter; what the network sees of a (224, 224) uint8 picture, float32 in 0..1
    pictures_dir : for the prepared pictures instead, so that runs share them
    stages : the weights after so many epochs of fine-tuning are kept as well, see ``stage_checkpoint``

    Raises
    ------
    DataError
        The set cannot be read, or is too small.
    SettingsError
        ``out_dir`` holds a run that was asked for something else, or K is not possible.
    """
    if name not in SETS:
        raise SettingsError(f"there is no set {name!r} to train on: choose one of {', '.join(SETS)}")
    if options.clusters is not None and options.clusters < 2:
        raise SettingsError(f"{options.clusters} clusters tell nothing apart: give 2 or more, or auto")
    checkpoint = out_dir / f"us2qnet_{name}.pt"
    require_same_run(checkpoint.with_suffix(".json"), asked_for(name, recipe, options))
    pictures = _pictures(name, data_dir, pictures_dir or out_dir, recipe, options, prepare)
    network = new_network(pictures.size, options.clusters or CLUSTERS[name], options.variational, recipe)
    if options.pretraining:
        network = pretrain(network, pictures, recipe, pretrained_checkpoint(checkpoint))
    return fine_tune(network, pictures, recipe, checkpoint, options.clusters, stages)


def pretrained_checkpoint(checkpoint: Path) -> Path:
    """Where the pre-training of a run is, whose end is in ``checkpoint``."""
    return checkpoint.with_stem(f"{checkpoint.stem}_main")


def stage_checkpoint(checkpoint: Path, epochs: int) -> Path:
    """Where the weights of a run after so many epochs of fine-tuning are, if they were asked for."""
    return checkpoint.with_stem(f"{checkpoint.stem}_epoch{epochs}")


def new_network(size: int, clusters: int, variational: bool, recipe: Us2QRecipe) -> Us2QNet:
    """A network with the random weights of the recipe's seed."""
    torch.manual_seed(recipe.seed)
    network = Us2QNet(size, clusters, variational).to(memory_format=torch.channels_last)
    if recipe.versions:  # as wide as what it has to hold: a unit prior would press the coordinate together
        with torch.no_grad():
            network.prior.log_variance[:, QUALITY] = 2 * math.log(recipe.severity_step / 2)
    return network


def _pictures(
    name: str, data_dir: Path, kept_dir: Path, recipe: Us2QRecipe, options: Us2QOptions, prepare: Prepare
) -> TrainingPictures:
    def make() -> TrainingPictures:
        return training_pictures(name, data_dir, prepare, recipe.versions, VERSIONS_SEED, options.count)

    if name == "mnist":
        return make()
    asked = {"set": name, "filtered": options.filtered, "versions": recipe.versions, "seed": VERSIONS_SEED}
    return kept(kept_dir / f"us2qnet_{name}_pictures.npz", asked, make)


def pretrain(network: Us2QNet, pictures: TrainingPictures, recipe: Us2QRecipe, checkpoint: Path) -> Us2QNet:
    """The first phase: the loss of eq. 1, as minimised; returns the averaged network."""
    run = Run(network, recipe.optimisation, checkpoint)
    for batches, count in _epochs(run, pictures, recipe.batch, recipe):
        loss = run.epoch(batches, count, lambda batch: vae_loss(network, batch, recipe)[0])
        run.save({"loss": round(loss, 6)})
    average: Us2QNet = run.average.requires_grad_(True)
    return average


def fine_tune(
    network: Us2QNet,
    pictures: TrainingPictures,
    recipe: Us2QRecipe,
    checkpoint: Path,
    clusters: int | None,
    stages: Collection[int] = (),
) -> Path:
    """The second phase: L_V + gamma L_C (eq. 3), with the target of eq. 6 over the set in each epoch."""
    network = _resumed_or_clustered(network, pictures, recipe, checkpoint, clusters)
    run = Run(network, recipe.finish, checkpoint)
    before: np.ndarray | None = None
    for batches, count in _epochs(run, pictures, recipe.finish_batch, recipe, members_first=True):
        shares = encode(network, pictures.clustered)[1]
        target = target_shares(torch.from_numpy(shares))
        loss = run.epoch(batches, count, lambda batch, goal=target: _joint_loss(network, batch, goal, recipe))  # type: ignore[misc]
        cluster = shares.argmax(axis=1)
        changed = 1.0 if before is None else float((cluster != before).mean())
        if run.epochs_done in stages:  # before the checkpoint: what is cut off here is done again
            torch.save({"average": run.average.state_dict()}, stage_checkpoint(checkpoint, run.epochs_done))
        sizes = np.bincount(cluster, minlength=network.clusters).tolist()
        run.save({"loss": round(loss, 6), "changed": round(changed, 4), "sizes": sizes})
        before = cluster
    return checkpoint


def _epochs(
    run: Run, pictures: TrainingPictures, batch: int, recipe: Us2QRecipe, members_first: bool = False
) -> Iterator[tuple[Iterator[Batch], int]]:
    """Batches of each epoch that is still to do, and their number; ends when the loss stagnates."""
    shown = pictures.members if members_first else len(pictures)
    size = min(batch, shown)  # a small set is one batch
    while run.epochs_done < run.plan.epochs and not stagnates(_losses(run), recipe.patience):
        seed = recipe.seed + run.epochs_done
        yield pictures.batches(size, seed, recipe.moves, members_first, recipe.shift), shown // size


def _losses(run: Run) -> list[float]:
    """Loss of each epoch of this run, from its story."""
    story = run.checkpoint.with_suffix(".jsonl")
    if not run.epochs_done:
        return []
    lines = [json.loads(line) for line in story.read_text().splitlines()] if story.is_file() else []
    return [float(line["loss"]) for line in lines][-run.epochs_done :]


def stagnates(losses: list[float], patience: int) -> bool:
    """Whether the last ``patience`` losses are all no better than the best before them."""
    return len(losses) > patience and min(losses[-patience:]) >= min(losses[:-patience])


def vae_loss(network: Us2QNet, batch: Batch, recipe: Us2QRecipe) -> tuple[torch.Tensor, torch.Tensor]:
    """-E[log p(x|z)] + KL (eq. 1 as minimised) and the severity term, per pixel; and the latent means (B, 80)."""
    with torch.autocast("cpu", torch.bfloat16):
        mean, log_variance = network.encoder(batch.picture.contiguous(memory_format=torch.channels_last))
    mean, log_variance = mean.float(), log_variance.float()
    latent = mean + torch.randn_like(mean) * (0.5 * log_variance).exp() if network.variational else mean
    drawn = max(round(recipe.drawn * len(mean)), 1)
    with torch.autocast("cpu", torch.bfloat16):
        picture = network.decoder(latent[:drawn])
    loss = functional.mse_loss(picture.float(), batch.wanted[:drawn])
    if network.variational:
        loss = loss + recipe.kl_weight * network.prior.divergence(latent, mean, log_variance).mean()
    known = batch.severity.isfinite()
    if recipe.versions and known.any():
        told = mean[known, QUALITY] / recipe.severity_step
        loss = loss + recipe.severity_weight * functional.smooth_l1_loss(told, batch.severity[known], beta=0.1)
    return loss, mean


def _joint_loss(network: Us2QNet, batch: Batch, target: torch.Tensor, recipe: Us2QRecipe) -> torch.Tensor:
    loss, mean = vae_loss(network, batch, recipe)
    members = batch.index[: batch.members]
    return loss + recipe.gamma * clustering_loss(target[members], network.head(mean[: batch.members]))


def clustering_loss(target: torch.Tensor, assigned: torch.Tensor) -> torch.Tensor:
    """KL(target || assigned) (eq. 4), mean over pictures; (N, K) each, rows sum to 1."""
    return functional.kl_div(assigned.clamp(min=1e-12).log(), target, reduction="batchmean")


def _resumed_or_clustered(
    network: Us2QNet, pictures: TrainingPictures, recipe: Us2QRecipe, checkpoint: Path, clusters: int | None
) -> Us2QNet:
    """A network with as many clusters as the checkpoint that goes on, or with a k-means start."""
    made = checkpoint.with_suffix(".json")
    story = json.loads(made.read_text()) if made.is_file() else {}
    if checkpoint.is_file():  # its weights are loaded by the run
        return with_clusters(network, int(story["network"]["clusters"]))
    network, count = cluster_start(network, pictures.clustered, clusters, recipe)
    shape = {"size": network.size, "clusters": network.clusters, "variational": network.variational}
    made.write_text(json.dumps(story | {"network": shape, "chosen": count}, indent=2) + "\n")
    return network


def cluster_start(
    network: Us2QNet, images: np.ndarray, clusters: int | None, recipe: Us2QRecipe
) -> tuple[Us2QNet, dict[str, object] | None]:
    """Centroids and prior from clusters of the latent means; both criteria where K was chosen, else None.

    ``images`` are the set that is clustered, (N, S, S) uint8.

    Raises
    ------
    DataError
        When there are fewer pictures than clusters.
    """
    latent = encode(network, images)[0]
    chosen = choose_clusters(latent, seed=recipe.seed) if clusters is None else None
    count = chosen.count if chosen is not None else int(clusters or 0)
    if len(latent) < count:
        raise DataError(f"{len(latent)} pictures cannot make {count} clusters: use more pictures or fewer clusters")
    labels = _first_clusters(latent, count, recipe)
    network = with_clusters(network, count)
    with torch.no_grad():
        network.head.centroids.copy_(torch.from_numpy(centroids_of(latent, labels)))
    network.prior.fit(torch.from_numpy(latent), torch.from_numpy(labels))
    return network, asdict(chosen) if chosen is not None else None


def _first_clusters(latent: np.ndarray, count: int, recipe: Us2QRecipe) -> np.ndarray:
    """Cluster of each latent, (N,) int64 in 0..count-1; k-means also where a map shows fewer clusters."""
    seed = recipe.seed % 2**32
    if recipe.start == "map":
        found = fit_map(latent, count, seed, keep_noise=False, allow_none=True)
        if len(found.names) == count:
            return found.labels
        log.warning("%d clusters stand out, not %d: the centroids start from k-means", len(found.names), count)
    return KMeans(count, n_init=STARTS, random_state=seed).fit(latent).labels_.astype(np.int64)


def with_clusters(network: Us2QNet, clusters: int) -> Us2QNet:
    """The same autoencoder with K = ``clusters``."""
    if network.clusters == clusters:
        return network
    made = Us2QNet(network.size, clusters, network.variational)
    made.encoder.load_state_dict(network.encoder.state_dict())
    made.decoder.load_state_dict(network.decoder.state_dict())
    return made.to(memory_format=torch.channels_last)


@torch.no_grad()
def encode(network: Us2QNet, images: np.ndarray, batch: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """Latent means (N, 80) and cluster probabilities (N, K), float32, of prepared pictures (N, S, S).

    Parameters
    ----------
    images : uint8, or float in 0..1
    """
    network.eval()
    found = [network(as_tensor(images[start : start + batch])) for start in range(0, len(images), batch)]
    mean, shares = (torch.cat(part).numpy() for part in zip(*found, strict=True))
    return mean, shares


def load_us2qnet(checkpoint: Path, state: Path | None = None) -> Us2QNet:
    """The trained network, averaged weights, ready to run.

    Parameters
    ----------
    state : another state of the same run instead: ``pretrained_checkpoint`` or ``stage_checkpoint``

    Raises
    ------
    DataError
        When the checkpoint or its ``.json`` is missing or does not fit.
    """
    try:
        shape = json.loads(checkpoint.with_suffix(".json").read_text())["network"]
    except (OSError, ValueError, KeyError) as error:
        advice = "train it with 'sonogauge train us2qnet'"
        raise DataError(f"cannot read how {checkpoint} was made ({error}): {advice}") from error
    network = Us2QNet(**shape)
    load_average(network, state or checkpoint)
    return network.eval()
