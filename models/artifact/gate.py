"""The gate of a trained encoder: flow, thresholds and reference points, fitted, kept and read again."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from capture.errors import DataError
from models.artifact.data import ArtifactMaker, Bank
from models.artifact.density import encode, fit_flow, fit_latent_map, log_density, place, thresholds
from models.artifact.kinds import LABELLED
from models.artifact.network import ArtifactEncoder, ArtifactGateNet, LatentMap, blank_gate
from models.artifact.recipe import ArtifactRecipe

KNOWN_NAME = "known"
_TYPICAL = 4000  # frames that say what is typical
_REFERENCES, _EACH_KIND = 400, 12  # reference points: of known frames, and at least of each kind of artifact
_KEPT = (128, 64)  # pictures kept for the release: known ones and artifacts


@dataclass(frozen=True, eq=False)
class Material:
    """All pictures of a run.

    Attributes
    ----------
    seen : known frames that the encoder learns from
    fitted : known frames of other patients, for the flow
    maker, fitted_maker : make artifacts out of either
    examples : held-out kinds of patients that the encoder has not seen, for hints alone: kind -> (N, 224, 224) uint8
    """

    seen: Bank
    fitted: Bank
    maker: ArtifactMaker
    fitted_maker: ArtifactMaker
    examples: dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class FittedGate:
    """What runs live, and what is known of it.

    Attributes
    ----------
    network : the graph
    thresholds : ``tau_5``, ``tau_3``: log densities
    fitted : ``known`` and ``artifacts`` that the flow was fitted on, and of how many ``patients``
    labelled : artifacts of held-out kinds that the encoder was told of
    points : (N, 2) float32, latents of reference frames
    labels : (N,) int64, place in ``names``
    names : ``known``, then kinds of artifacts
    pictures : (P, 224, 224) uint8, known frames and artifacts that stand for real use
    """

    network: ArtifactGateNet
    thresholds: dict[str, float]
    fitted: dict[str, int]
    labelled: int
    points: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]
    pictures: np.ndarray


def fit_gate(encoder: ArtifactEncoder, material: Material, recipe: ArtifactRecipe) -> FittedGate:
    """Flow, thresholds and reference points for a trained encoder.

    The flow sees known frames and, as a share of ``recipe.artifact_share`` of all, artifacts of the training kinds. The
    thresholds are of the known ones alone: those artifacts lie lowest and would take most of the share that is refused.
    """
    random = np.random.default_rng(recipe.seed)
    seen = material.seen.every_version
    typical = encode(encoder, seen[random.permutation(len(seen))[:_TYPICAL]])
    known = encode(encoder, material.fitted.every_version)
    count = max(round(len(known.m) * recipe.artifact_share / (1 - recipe.artifact_share)), 1)
    spoilt_pictures, kind_of, kinds = _artifacts(material.fitted_maker, count, random)
    artifacts = encode(encoder, spoilt_pictures)
    latent_map = fit_latent_map(typical, known, artifacts, recipe.pull)
    latent, spoilt = place(latent_map, known), place(latent_map, artifacts)
    mixed = np.concatenate([latent, spoilt[random.permutation(len(spoilt))[:count]]])
    flow = fit_flow(mixed, recipe)
    few = latent[random.permutation(len(latent))[:_REFERENCES]]
    return FittedGate(
        ArtifactGateNet(encoder, latent_map, flow).eval(),
        thresholds(log_density(flow, latent)),
        {"known": len(latent), "artifacts": count, "patients": len(set(material.fitted.groups.tolist()))},
        recipe.labelled,
        *_references(few, spoilt, kind_of, kinds, _examples(encoder, latent_map, material)),
        np.concatenate([_spread(material.fitted.every_version, _KEPT[0]), _spread(spoilt_pictures, _KEPT[1])]),
    )


def _spread(pictures: np.ndarray, count: int) -> np.ndarray:
    """At most so many of the pictures, evenly taken."""
    return np.asarray(pictures[np.linspace(0, len(pictures) - 1, min(count, len(pictures))).astype(int)])


def _artifacts(
    maker: ArtifactMaker, least: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Artifacts (N, 224, 224) uint8, each training kind as often; the number of each one's kind; the kinds."""
    kinds = tuple(kind for kind in maker.kinds if kind != LABELLED)
    number = np.arange(max(least, _EACH_KIND * len(kinds))) % len(kinds)
    return np.stack([maker.make(kinds[n], random) for n in number]), number, kinds


def _examples(encoder: ArtifactEncoder, latent_map: LatentMap, material: Material) -> dict[str, np.ndarray]:
    return {kind: place(latent_map, encode(encoder, images)) for kind, images in material.examples.items()}


def _references(
    known: np.ndarray, spoilt: np.ndarray, kind_of: np.ndarray, kinds: tuple[str, ...], examples: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    names = (KNOWN_NAME, *kinds, *examples)
    first = 1 + len(kinds)
    labels = [np.zeros(len(known)), kind_of + 1, *(np.full(len(p), first + n) for n, p in enumerate(examples.values()))]
    points = np.concatenate([known, spoilt, *examples.values()]).astype(np.float32)
    return points, np.concatenate(labels).astype(np.int64), names


def save_gate(path: Path, gate: FittedGate) -> None:
    """Write a gate: weights, and what is known of it; aside, then swapped in."""
    about = {
        "thresholds": gate.thresholds,
        "fitted": gate.fitted,
        "labelled": gate.labelled,
        "points": torch.from_numpy(gate.points),
        "labels": torch.from_numpy(gate.labels),
        "names": list(gate.names),
        "pictures": torch.from_numpy(gate.pictures),
    }
    axes = gate.network.latent_map.typicality.axes.shape[1]
    aside = path.with_suffix(".tmp")
    torch.save({"weights": gate.network.state_dict(), "axes": axes, "about": about}, aside)
    aside.replace(path)


def load_gate(path: Path) -> FittedGate:
    """What ``save_gate`` wrote.

    Raises
    ------
    DataError
        When the file is missing or no gate.
    """
    try:
        state = torch.load(path, weights_only=True)
        network, about = blank_gate(int(state["axes"])), dict(state["about"])
        network.load_state_dict(state["weights"])
        arrays = {part: about.pop(part).numpy() for part in ("points", "labels", "pictures")}
        return FittedGate(network.eval(), names=tuple(about.pop("names")), **arrays, **about)
    except (OSError, RuntimeError, KeyError, TypeError, AttributeError, EOFError, pickle.UnpicklingError) as error:
        raise DataError(f"cannot read the gate {path} ({error}): finish 'sonogauge train artifact' first") from error
