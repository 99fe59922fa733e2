"""The paper's experiments on one set: tables I to III over seeds, and the stages of training behind figures 4 and 5."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from calibration.cluster_map import ClusterMap
from capture.errors import DataError
from models.metrics.clustering import clustering_figures
from models.metrics.image_similarity import ssim_map
from models.us2qnet.baselines import MethodResult, run_methods
from models.us2qnet.postprocessing import fit_map
from models.us2qnet.tables import SetName, Table

GREY = 255.0


@dataclass(frozen=True)
class Variant:
    """One network to train or load.

    Attributes
    ----------
    network : plain or variational autoencoder
    seed : of its first weights and batches
    preprocessing : the pictures go through the fuzzy filter and are sharpened
    pretraining : reconstruction is learnt before clustering
    epochs : of clustering training; None for all, 0 for the state after pre-training
    clusters : that are trained for; None for the number of classes
    """

    network: Literal["ae", "vae"]
    seed: int
    preprocessing: bool
    pretraining: bool = True
    epochs: int | None = None
    clusters: int | None = None


@dataclass(frozen=True)
class Embedding:
    """What a network gives for the pictures of a ``LabelledSet``, in their order.

    Attributes
    ----------
    features : (N, D) finite, latent means
    pictures, reconstructions : (N, H, W) in grey levels 0..255, the network's input and output; asked for by table I
    """

    features: np.ndarray
    pictures: np.ndarray | None = None
    reconstructions: np.ndarray | None = None


class Embed(Protocol):
    """Trains or loads a network and runs it on the test set."""

    def __call__(self, variant: Variant) -> Embedding:
        """Features of every picture, in order; reconstructions too for ``epochs`` 0."""
        ...


@dataclass(frozen=True)
class LabelledSet:
    """Pictures with known classes; the classes are for the figures alone.

    Attributes
    ----------
    pixels : (N, P) float32, pictures as rows
    truth : (N,) whole numbers from 0
    class_names : one per class, in its order
    """

    name: SetName
    pixels: np.ndarray
    truth: np.ndarray
    class_names: tuple[str, ...]

    @property
    def preprocessing(self) -> tuple[bool, ...]:
        """Without and with pre-processing; digits are never pre-processed (section IV.D)."""
        return (False, True) if self.name == "ultrasound" else (False,)


def evaluate_table(
    number: int,
    tested: LabelledSet,
    seeds: Sequence[int],
    embed: Embed,
    jobs: int = 1,
    seen: Callable[[int, Mapping[str, MethodResult]], None] = lambda seed, results: None,
) -> Table:
    """One table of the paper over seeds.

    Parameters
    ----------
    number : 1 (reconstruction), 2 (methods) or 3 (ablation)
    seeds : one or more
    jobs : threads of t-SNE's neighbour search
    seen : gets each seed's results of table 2, for the figures

    Raises
    ------
    DataError
        For no seed, a table that the paper does not have, or features that do not fit the test set.
    """
    experiments: dict[int, Callable[[int], Rows]] = {
        1: lambda seed: _reconstruction(tested, seed, embed),
        2: lambda seed: _methods(tested, seed, embed, jobs, seen),
        3: lambda seed: _ablation(tested, seed, embed),
    }
    if number not in experiments or not seeds:
        raise DataError(f"table {number} with {len(seeds)} seeds cannot be made: ask for 1, 2 or 3, one seed or more")
    runs = [experiments[number](seed) for seed in seeds]
    rows = {
        row: {column: [run.figures[row][column] for run in runs] for column in columns}
        for row, columns in runs[0].figures.items()
    }
    parameters = {str(seed): run.parameters for seed, run in zip(seeds, runs, strict=True)}
    return Table(number, tested.name, tuple(seeds), rows, parameters)


@dataclass(frozen=True)
class Rows:
    """One seed's figures by row and column, and how each row was made."""

    figures: dict[str, dict[str, float]]
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Stage:
    """One state of training: its map and its figures (``clustering_figures``)."""

    found: ClusterMap
    figures: dict[str, float]


def training_stages(
    tested: LabelledSet, seed: int, embed: Embed, epochs: Sequence[int | None] = (0, 70, 140, None)
) -> dict[str, Stage]:
    """The map after pre-training and at later epochs (figure 4), with the figures of each (figure 5).

    Raises
    ------
    DataError
        When features do not fit the test set.
    """
    stages = {}
    for epoch in epochs:
        variant = Variant("vae", seed, tested.preprocessing[-1], epochs=epoch)
        found = fit_map(_features(tested, embed(variant)), len(tested.class_names), seed, allow_none=True)
        name = {0: "pre-trained", None: "fine-tuned"}.get(epoch, f"epoch {epoch}")
        stages[name] = Stage(found, clustering_figures(tested.truth, found.labels))
    return stages


def _reconstruction(tested: LabelledSet, seed: int, embed: Embed) -> Rows:
    """Table I: SSIM and MSE of the pre-trained VAE, per class."""
    figures = {}
    for preprocessing in tested.preprocessing:
        embedding = embed(Variant("vae", seed, preprocessing, epochs=0))
        likeness, error = _likeness(tested, embedding)
        row = f"{'with' if preprocessing else 'without'} pre-processing"
        figures[row] = {
            f"{name} {class_name}": float(values[tested.truth == number].mean())
            for name, values in (("SSIM", likeness), ("MSE", error))
            for number, class_name in enumerate(tested.class_names)
        }
    return Rows(figures, {"ssim": "11x11 Gaussian window", "mse": "grey levels 0..255, squared"})


def _methods(
    tested: LabelledSet,
    seed: int,
    embed: Embed,
    jobs: int,
    seen: Callable[[int, Mapping[str, MethodResult]], None],
) -> Rows:
    """Table II: all methods on the same pictures."""
    preprocessing = tested.preprocessing[-1]
    ae, vae = (_features(tested, embed(Variant(network, seed, preprocessing))) for network in ("ae", "vae"))
    results = run_methods(tested.pixels, ae, vae, len(tested.class_names), seed, jobs)
    seen(seed, results)
    figures = {name: clustering_figures(tested.truth, result.labels) for name, result in results.items()}
    for name, result in results.items():
        figures[name]["seconds"] = result.seconds
    return Rows(figures, {name: result.parameters for name, result in results.items()})


def _ablation(tested: LabelledSet, seed: int, embed: Embed) -> Rows:
    """Table III: without pre-processing, without pre-training, without both; then 4 and 5 clusters (section IV.E)."""
    names = {(False, False): "neither", (True, False): "pre-processing", (False, True): "pre-training"}
    variants = {
        names.get((preprocessing, pretraining), "both"): Variant("vae", seed, preprocessing, pretraining)
        for pretraining in (False, True)
        for preprocessing in tested.preprocessing
    }
    if tested.name == "ultrasound":
        variants |= {f"{count} clusters": Variant("vae", seed, True, clusters=count) for count in (4, 5)}
    rows = Rows({}, {})
    for row, variant in variants.items():
        clusters = variant.clusters or len(tested.class_names)
        found = fit_map(_features(tested, embed(variant)), clusters, seed, allow_none=True)
        rows.figures[row] = clustering_figures(tested.truth, found.labels)
        rows.parameters[row] = found.parameters
    return rows


def _likeness(tested: LabelledSet, embedding: Embedding) -> tuple[np.ndarray, np.ndarray]:
    """SSIM and mean squared error of each picture, (N,) twice."""
    pictures, made = embedding.pictures, embedding.reconstructions
    if pictures is None or made is None or len(pictures) != len(tested.truth) or pictures.shape != made.shape:
        raise DataError("table 1 needs a reconstruction of every picture of the test set: give both from the network")
    pairs = [(a.astype(float), b.astype(float)) for a, b in zip(pictures, made, strict=True)]
    likeness = np.array([ssim_map(a, b, GREY).mean() for a, b in pairs])
    return likeness, np.array([((a - b) ** 2).mean() for a, b in pairs])


def _features(tested: LabelledSet, embedding: Embedding) -> np.ndarray:
    if len(embedding.features) != len(tested.truth):
        raise DataError(
            f"{len(embedding.features)} features for {len(tested.truth)} pictures: embed the whole test set in order"
        )
    return embedding.features
