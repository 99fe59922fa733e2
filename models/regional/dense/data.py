"""The mixture that the dense network is trained on: each item is two pictures with everything known about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import partial

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset

from models.data.camus import CamusSample, squash
from models.data.other_organs import OtherPicture
from models.regional.augment import random_intensity
from models.regional.dense.negatives import empty_screen, no_contact
from models.regional.dense.real import RealFrame, degraded_pair
from models.regional.dense.virtual import VirtualFrame
from models.regional.dense.warp import Warp, random_warp
from models.regional.layers import INPUT_SIZE, REGION_COUNT
from models.runtime.contract import OTHER_VIEW
from models.runtime.dense import CAUSE_CHANNELS, FORESHORTENED_FULL, MAP_SIZE, VIEW_CHANNELS

OTHER = VIEW_CHANNELS.index(OTHER_VIEW)
_LEAST_SHARE = 0.5  # a region with less than this left in the picture after the warp is not scored
_CELLS = (2, MAP_SIZE, MAP_SIZE)

WarpOf = Callable[[np.random.Generator], Warp]


@dataclass(frozen=True)
class Mixture:
    """Shares of the four kinds of items."""

    degraded_pairs: float = 0.42
    real_styles: float = 0.2
    virtual: float = 0.28
    others: float = 0.1

    def draw(self, random: np.random.Generator) -> str:
        """Name of one kind."""
        names = [item.name for item in fields(self)]
        shares = np.array([getattr(self, name) for name in names])
        return str(random.choice(names, p=shares / shares.sum()))


@dataclass(eq=False)
class Item:
    """Two pictures; a weight of 0 says that a truth is not known.

    Attributes
    ----------
    images : (2, 256, 256) uint8
    label, label_weight : (2, 256, 256) uint8 and (2,)
    rating, rating_weight : (2, 64, 64)
    shares, scored : regions (2, 8, 64, 64) and whether they count (2, 8)
    paired : 1 when the two are one picture at two levels
    mirrored : (2,), whether left and right changed places
    coherence, coherence_weight : (2, 64, 64)
    causes, cause_weight : (2, 7, 64, 64) and (2, 64, 64)
    view, view_weight : (2,)
    foreshortening, foreshortening_weight : (2,)
    """

    images: np.ndarray
    label: np.ndarray = field(default_factory=lambda: np.zeros((2, INPUT_SIZE, INPUT_SIZE), np.uint8))
    label_weight: np.ndarray = field(default_factory=lambda: np.ones(2, np.float32))
    rating: np.ndarray = field(default_factory=lambda: np.zeros(_CELLS, np.float32))
    rating_weight: np.ndarray = field(default_factory=lambda: np.zeros(_CELLS, np.float32))
    shares: np.ndarray = field(default_factory=lambda: np.zeros((2, REGION_COUNT, MAP_SIZE, MAP_SIZE), np.float32))
    scored: np.ndarray = field(default_factory=lambda: np.zeros((2, REGION_COUNT), np.float32))
    paired: float = 0.0
    mirrored: np.ndarray = field(default_factory=lambda: np.zeros(2, bool))
    coherence: np.ndarray = field(default_factory=lambda: np.zeros(_CELLS, np.float32))
    coherence_weight: np.ndarray = field(default_factory=lambda: np.zeros(_CELLS, np.float32))
    causes: np.ndarray = field(
        default_factory=lambda: np.zeros((2, len(CAUSE_CHANNELS), MAP_SIZE, MAP_SIZE), np.float32)
    )
    cause_weight: np.ndarray = field(default_factory=lambda: np.zeros(_CELLS, np.float32))
    view: np.ndarray = field(default_factory=lambda: np.full(2, OTHER))
    view_weight: np.ndarray = field(default_factory=lambda: np.ones(2, np.float32))
    foreshortening: np.ndarray = field(default_factory=lambda: np.zeros(2, np.float32))
    foreshortening_weight: np.ndarray = field(default_factory=lambda: np.zeros(2, np.float32))

    def tensors(self) -> dict[str, torch.Tensor]:
        """Every field by name."""
        return {item.name: torch.as_tensor(getattr(self, item.name)) for item in fields(self)}


class DenseMixture(Dataset[dict[str, torch.Tensor]]):
    """Items drawn at random from all sources.

    Parameters
    ----------
    labelled : real frames whose expert label can be divided
    real : all real frames, for segmentation and view
    virtual, others : further sources; one that is empty is left out
    per_epoch : items of an epoch
    """

    def __init__(
        self,
        labelled: list[RealFrame],
        real: list[CamusSample],
        virtual: list[VirtualFrame],
        others: list[OtherPicture],
        seed: int,
        per_epoch: int,
        mixture: Mixture = Mixture(),
    ) -> None:
        self.labelled, self.virtual = labelled, virtual
        self.real = [(squash(s.image(), cv2.INTER_AREA), squash(s.label(), cv2.INTER_NEAREST), s.view) for s in real]
        self.others = [squash(picture.image, cv2.INTER_AREA) for picture in others]
        self.seed, self.epoch, self.strength = seed, 0, 1.0
        self._per_epoch, self._mixture = per_epoch, mixture

    def __len__(self) -> int:
        return self._per_epoch

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        random = np.random.default_rng((self.seed, self.epoch, index))
        return self._item(self._mixture.draw(random), random).tensors()

    def _item(self, kind: str, random: np.random.Generator) -> Item:
        if kind == "degraded_pairs":
            return real_pair_item(
                self.labelled[random.integers(len(self.labelled))], random, partial(random_warp, strength=self.strength)
            )
        if kind == "real_styles":
            return real_style_item(
                [self.real[i] for i in random.integers(len(self.real), size=2)], random, self.strength
            )
        if kind == "virtual" and self.virtual:
            return virtual_item([self.virtual[i] for i in random.integers(len(self.virtual), size=2)], random)
        return self._other_item(random)

    def _other_item(self, random: np.random.Generator) -> Item:
        pictures = []
        for _ in range(2):
            chance = random.random()
            if chance < 0.12 or not self.others:
                pictures.append(no_contact(random))
            elif chance < 0.25:
                pictures.append(empty_screen(random))
            else:
                picture = self.others[random.integers(len(self.others))]
                pictures.append(random_intensity(random_warp(random).image(picture), random))
        return Item(np.stack(pictures))


def real_pair_item(frame: RealFrame, random: np.random.Generator, warp_of: WarpOf) -> Item:
    """One real frame at two levels, in one geometry."""
    pair = degraded_pair(frame, random)
    warp = warp_of(random)
    images = _mild_intensity([warp.image(squash(picture, cv2.INTER_AREA)) for picture in pair.pictures], random)
    inside = warp.maps(frame.inside[None])[0]
    shares, scored = _moved_shares(warp, frame.shares, frame.item.scored)
    rating = 1 + (frame.anchor_map - 1) * pair.kept
    around = np.clip(shares.sum(axis=0), 0, 1)
    view = VIEW_CHANNELS.index(frame.item.sample.view)
    return Item(
        np.stack(images),
        label=np.stack([warp.label(frame.label)] * 2),
        rating=warp.maps(rating),
        rating_weight=np.stack([np.maximum(around, np.float32(0.1) * inside)] * 2),
        shares=np.stack([shares] * 2),
        scored=np.stack([scored] * 2),
        paired=1.0,
        mirrored=np.full(2, warp.is_mirrored),
        causes=np.stack([warp.maps(causes) for causes in pair.causes]),
        cause_weight=np.stack([inside] * 2),
        view=np.full(2, view),
        view_weight=np.full(2, 0.5, np.float32),
    )


def real_style_item(
    samples: list[tuple[np.ndarray, np.ndarray, str]], random: np.random.Generator, strength: float
) -> Item:
    """Two real frames with strong changes of geometry and style: labels and views alone."""
    warps = [random_warp(random, strength) for _ in samples]
    pairs = list(zip(warps, samples, strict=True))
    return Item(
        np.stack([random_intensity(warp.image(image), random, strength) for warp, (image, _, _) in pairs]),
        label=np.stack([warp.label(label) for warp, (_, label, _) in pairs]),
        view=np.array([VIEW_CHANNELS.index(view) for _, _, view in samples]),
    )


_VIRTUAL_CAUSES = 0.08  # their physical severities are another scale than the known levels t
_VIRTUAL_STYLE = 1.6  # strength of the changes that keep a network from getting used to simulated pictures


def virtual_item(
    frames: list[VirtualFrame], random: np.random.Generator, style_share: float = 0.4, warp_of: WarpOf = random_warp
) -> Item:
    """Two virtual frames, each either with its maps or with a strong change of style, which makes them untrue."""
    item = Item(np.zeros((2, INPUT_SIZE, INPUT_SIZE), np.uint8))
    for place, frame in enumerate(frames):
        warp = warp_of(random)
        image = warp.image(frame.image)
        item.mirrored[place] = warp.is_mirrored
        item.label[place] = warp.label(frame.label)
        item.label_weight[place] = float(frame.is_apical)
        item.view[place] = frame.view
        item.view_weight[place] = 0.3 if frame.borderline else 1.0
        if frame.is_apical:
            item.foreshortening[place] = min(frame.foreshortening / FORESHORTENED_FULL, 1)
            item.foreshortening_weight[place] = 1.0
        if random.random() < style_share:
            item.images[place] = random_intensity(image, random, _VIRTUAL_STYLE)
            continue
        item.images[place] = _mild_intensity([image], random)[0]
        _put_maps(item, place, frame, warp)
    return item


def _put_maps(item: Item, place: int, frame: VirtualFrame, warp: Warp) -> None:
    inside = warp.maps(frame.inside[None].astype(np.float32))[0]
    item.shares[place], item.scored[place] = _moved_shares(
        warp, frame.shares, np.asarray(frame.shares.any(axis=(1, 2)))
    )
    around = np.clip(item.shares[place].sum(axis=0), 0, 1)
    truth = np.stack([frame.rating, frame.coherence, *frame.causes]).astype(np.float32)
    moved = warp.maps(truth)
    item.rating[place], item.coherence[place], item.causes[place] = moved[0], moved[1], moved[2:]
    item.rating_weight[place] = np.maximum(around, np.float32(0.3) * inside)
    item.coherence_weight[place] = inside
    item.cause_weight[place] = np.float32(_VIRTUAL_CAUSES) * inside


def _moved_shares(warp: Warp, shares: np.ndarray, scored: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    before = shares.astype(np.float32)
    after = warp.maps(before)
    area = before.sum(axis=(1, 2)) * abs(np.linalg.det(warp.matrix[:, :2]))
    return after, ((after.sum(axis=(1, 2)) > _LEAST_SHARE * area) & scored & (area > 0)).astype(np.float32)


def _mild_intensity(images: list[np.ndarray], random: np.random.Generator) -> list[np.ndarray]:
    """One mild gamma and gain for all, too small to count as a loss of quality."""
    if random.random() < 0.5:
        return images
    gamma, gain = random.uniform(0.9, 1.1), random.uniform(0.93, 1.07)
    table = np.clip(255 * gain * (np.arange(256) / 255.0) ** gamma + 0.5, 0, 255).astype(np.uint8)
    return [cv2.LUT(image, table) for image in images]
