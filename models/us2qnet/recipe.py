"""What a training of US2QNet is asked for: the paper's recipe, ours, and the variants of its ablations."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Literal

from models.training import Optimisation

CLUSTERS = {"mnist": 10, "echo": 3, "abdomen": 3}


@dataclass(frozen=True)
class Us2QRecipe:
    """Everything that decides the outcome beside the data.

    Attributes
    ----------
    optimisation, finish : pre-training, and fine-tuning with the clustering loss
    batch, finish_batch : pictures of a step
    gamma : weight of the clustering loss (eq. 3), against the squared error of a pixel; 0.1 against a likelihood in
        nats is 0.1 ``kl_weight``
    patience : a phase ends when the loss has not fallen for so many epochs
    kl_weight : of the divergence in nats, against the squared error of a pixel
    versions : of each picture, made worse by a known amount; 0 leaves the severity term out
    severity_weight, severity_step : weight of the severity term, and how far severity 1 moves a picture in the latent
    drawn : share of a batch that is drawn again, since the decoder costs three times what the encoder does
    moves : digits are moved at random, and drawn unmoved
    shift : ultrasound is shifted by up to so many pixels
    start : centroids from ``k-means`` of the latents, or from the ``map`` of UMAP and HDBSCAN
    seed : of weights, order and k-means
    """

    optimisation: Optimisation
    finish: Optimisation
    batch: int = 128
    finish_batch: int = 64
    gamma: float = 0.1
    patience: int = 10
    kl_weight: float = 5e-4
    versions: int = 0
    severity_weight: float = 1.0
    severity_step: float = 40.0
    drawn: float = 1.0
    moves: bool = False
    shift: int = 0
    start: Literal["k-means", "map"] = "k-means"
    seed: int = 20261203


PAPER = Us2QRecipe(
    Optimisation(
        epochs=200, learning_rate=0.01, weight_decay=0, average_decay=0, optimizer="adam", schedule="constant"
    ),
    Optimisation(
        epochs=200, learning_rate=0.005, weight_decay=0, average_decay=0, optimizer="adam", schedule="constant"
    ),
)
"""The paper, section IV A."""

_DIGITS = Us2QRecipe(
    Optimisation(epochs=40, learning_rate=2e-3, weight_decay=1e-4, average_decay=0.999),
    Optimisation(epochs=3, learning_rate=5e-4, weight_decay=1e-4, average_decay=0.999),
    batch=256,
    finish_batch=256,
    gamma=5e-5,
    moves=True,
    start="map",
)
_ULTRASOUND = Us2QRecipe(
    Optimisation(epochs=14, learning_rate=2e-3, weight_decay=1e-3, average_decay=0.998),
    Optimisation(epochs=4, learning_rate=5e-4, weight_decay=1e-3, average_decay=0.998),
    batch=64,
    versions=9,
    drawn=0.25,
)
_SMALL_SET = replace(  # a fifth of the patients: more versions of each, and nothing that lets a picture be known again
    _ULTRASOUND,
    optimisation=_ULTRASOUND.optimisation.of(40),
    finish=_ULTRASOUND.finish.of(6),
    versions=24,
    shift=8,
)
RELEASED = {"mnist": _DIGITS, "echo": _ULTRASOUND, "abdomen": _SMALL_SET}
"""Ours. A latent that only has to draw the picture again is filled with anatomy, and clusters follow patient and view.

Ultrasound: training pictures are made worse by a known amount, and one coordinate of the latent has to tell by how
much, far enough (``severity_step``) to outweigh the rest. Nobody rates anything; but unlike the paper's network, ours
is told what was done to each training picture.
Digits: moved at random and drawn unmoved, so that place and slant take no room in the latent. Their clusters are bent:
k-means cuts them, and clustering training keeps the cuts. So the centroids start from UMAP and HDBSCAN, and the
clustering loss weighs as little as against a likelihood in nats: a thousand times more of it pulled fours into nines.
"""


@dataclass(frozen=True)
class Us2QOptions:
    """What a run is asked for beside its recipe; a run that goes on must be asked for the same.

    Attributes
    ----------
    clusters : K; None is chosen by silhouette and BIC after pre-training
    pretraining : False begins the fine-tuning with random weights (ablation)
    filtered : the pictures went through the fuzzy filter
    variational : False is the plain autoencoder of the baselines
    count : digits of MNIST, 0 all
    """

    clusters: int | None = 3
    pretraining: bool = True
    filtered: bool = False
    variational: bool = True
    count: int = 0


def asked_for(name: str, recipe: Us2QRecipe, options: Us2QOptions) -> dict[str, object]:
    """What a run that goes on must be asked for again: all but the number of epochs."""
    plan = asdict(recipe)
    for phase in ("optimisation", "finish"):
        plan[phase].pop("epochs")
    return {"set": name, **plan, **asdict(options)}
