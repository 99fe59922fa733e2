"""What a training of the score is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

from models.data.degradations import EXTRA_KINDS, GHOST_KINDS, TRAINING_KINDS
from models.training import Optimisation

NetworkName = Literal["statistics", "resnet18"]


OURS = Optimisation(epochs=40, learning_rate=3e-3, weight_decay=1e-2, average_decay=0.998)


@dataclass(frozen=True)
class ScoreRecipe:
    """Everything that decides the outcome beside the data.

    Attributes
    ----------
    network : ``statistics`` is released; ``resnet18`` is the paper's
    kinds : of degradation; those that are in no figure teach what no figure's kind is like
    versions : of each training picture, by organ, so that every organ has about as many
    val_versions : of each validation picture; of the training kinds alone
    order_weight : of the pairwise order term beside the smooth L1 of the severity
    order_gap : pairs that differ by less in severity are not compared
    noise : on statistics in training, in spreads of theirs; pictures get none
    seed, pictures_seed : of weights and order, and of the versions
    """

    optimisation: Optimisation = OURS
    network: NetworkName = "statistics"
    batch: int = 128
    kinds: tuple[str, ...] = (*TRAINING_KINDS, *EXTRA_KINDS, *GHOST_KINDS)
    versions: Mapping[str, int] = field(default_factory=lambda: {"echo": 10, "breast": 36, "fetal": 72})
    val_versions: int = 8
    order_weight: float = 0.5
    order_gap: float = 0.1
    noise: float = 0.1
    seed: int = 20261122
    pictures_seed: int = 20261123

    def asked_for(self) -> dict[str, object]:
        """What a run that goes on must be asked for again: all but the number of epochs; as JSON gives it back."""
        plan = asdict(self) | {"kinds": list(self.kinds)}
        plan["optimisation"].pop("epochs")
        return plan

    def pictures_asked(self) -> dict[str, object]:
        """What decides the training pictures."""
        return {key: self.asked_for()[key] for key in ("network", "kinds", "versions", "val_versions", "pictures_seed")}
