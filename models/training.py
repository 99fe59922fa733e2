"""What every training run here shares: averaged weights, schedules of the learning rate, checkpoints that resume."""

from __future__ import annotations

import copy
import json
import logging
import math
import pickle
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from torch.utils.data import DataLoader

from capture.errors import DataError, SettingsError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Optimisation:
    """How the weights move; ``average_decay`` 0 ships the last weights as they are."""

    epochs: int
    learning_rate: float
    weight_decay: float
    average_decay: float
    optimizer: Literal["adamw", "adam"] = "adamw"
    schedule: Literal["cosine", "polynomial", "constant"] = "cosine"

    def of(self, epochs: int) -> Optimisation:
        """The same with another number of epochs; 0 leaves it."""
        return replace(self, epochs=epochs) if epochs else self


@dataclass
class Run:
    """One resumable training run of one network.

    ``average`` holds the exponential moving average of the weights: that is what ships.
    """

    network: torch.nn.Module
    plan: Optimisation
    checkpoint: Path
    average: torch.nn.Module = field(init=False)
    epochs_done: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        kind = torch.optim.AdamW if self.plan.optimizer == "adamw" else torch.optim.Adam
        self.optimizer = kind(
            self.network.parameters(), lr=self.plan.learning_rate, weight_decay=self.plan.weight_decay
        )
        if self.checkpoint.exists():
            self._resume()

    def epoch(self, batches: Iterable[Any], count: int, loss_of: Callable[[Any], torch.Tensor]) -> float:
        """One pass over ``count`` batches; returns the mean loss."""
        started = time.monotonic()
        self.network.train()
        total = 0.0
        for step, batch in enumerate(batches, start=self.epochs_done * count):
            rate = self.plan.learning_rate * SCHEDULES[self.plan.schedule](step / (self.plan.epochs * count))
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            loss = loss_of(batch)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
            self.optimizer.step()
            update_average(self.average, self.network, min(self.plan.average_decay, (1 + step) / (10 + step)))
            total += float(loss.detach())
        self.epochs_done += 1
        self.seconds += time.monotonic() - started
        return total / count

    def save(self, report: dict[str, object]) -> None:
        """Write the checkpoint beside a line of the run's story (``STEM.jsonl``)."""
        line = json.dumps({"epoch": self.epochs_done, "seconds": round(self.seconds), **report})
        log.info(line)
        with self.checkpoint.with_suffix(".jsonl").open("a") as file:
            file.write(line + "\n")
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "epochs_done": self.epochs_done,
            "seconds": self.seconds,
        }
        aside = self.checkpoint.with_suffix(".tmp")
        torch.save(state, aside)
        aside.replace(self.checkpoint)

    def _resume(self) -> None:
        state = torch.load(self.checkpoint, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epochs_done, self.seconds = state["epochs_done"], state["seconds"]
        log.info("going on after epoch %d of %s", self.epochs_done, self.checkpoint)


Weights = dict[str, torch.Tensor]


def load_average(
    network: torch.nn.Module, checkpoint: Path, fitted: Callable[[Weights], Weights] = lambda weights: weights
) -> None:
    """Give ``network`` the averaged weights of another run's checkpoint.

    Parameters
    ----------
    fitted : makes that run's weights those of a network that differs in some layer

    Raises
    ------
    DataError
        When the file is missing, is no checkpoint or holds another network's weights.
    """
    try:
        network.load_state_dict(fitted(torch.load(checkpoint, weights_only=True)["average"]))
    except (OSError, RuntimeError, KeyError, TypeError, pickle.UnpicklingError, EOFError) as error:
        advice = "give the checkpoint of a run of this kind"
        raise DataError(f"cannot begin with {checkpoint}: {error}; {advice}") from error


def require_same_run(path: Path, asked: dict[str, object]) -> None:
    """Write what a run is asked for to ``path`` (JSON), or compare it with what the run there was asked for before.

    Raises
    ------
    SettingsError
        When the folder holds a run that was asked for something else.
    """
    if path.is_file():
        before = json.loads(path.read_text())["asked"]
        if before != asked:
            differ = ", ".join(key for key in asked if before.get(key) != asked[key])
            raise SettingsError(f"the run in {path.parent} was started with another {differ}: give another folder")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"asked": asked}, indent=2) + "\n")


class EpochData(Protocol):
    """A data set whose random changes follow from ``seed`` and ``epoch``."""

    seed: int
    epoch: int

    def __len__(self) -> int: ...


def train_phase(
    run: Run,
    data: EpochData,
    batch_size: int,
    loss_of: Callable[[Any], torch.Tensor],
    report_of: Callable[[], dict[str, object]] = dict,
) -> None:
    """All epochs of a run that are still to do, with a checkpoint after each.

    ``report_of`` adds figures to the story every third epoch and in the end.
    """
    size = min(batch_size, len(data))  # a small set is one batch
    while run.epochs_done < run.plan.epochs:
        data.epoch = run.epochs_done
        order = torch.Generator().manual_seed(data.seed + run.epochs_done)
        loader = DataLoader(data, size, shuffle=True, drop_last=True, num_workers=1, generator=order)
        report: dict[str, object] = {"loss": round(run.epoch(loader, len(loader), loss_of), 4)}
        if run.epochs_done % 3 == 0 or run.epochs_done == run.plan.epochs:
            report |= report_of()
        run.save(report)


def cosine_with_warm_up(progress: float) -> float:
    """Share of the learning rate at ``progress`` 0..1: up over 5 %, then a cosine down to 1 %."""
    if progress < 0.05:
        return progress / 0.05
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (progress - 0.05) / 0.95))


def polynomial(progress: float) -> float:
    """Share of the learning rate at ``progress`` 0..1, as in nnU-Net: from 1 down to 0 with power .9."""
    return (1 - progress) ** 0.9


SCHEDULES: dict[str, Callable[[float], float]] = {
    "cosine": cosine_with_warm_up,
    "polynomial": polynomial,
    "constant": lambda progress: 1.0,
}


@torch.no_grad()
def update_average(average: torch.nn.Module, network: torch.nn.Module, decay: float) -> None:
    """Move ``average`` toward ``network``; counters are copied. A weight that has two names moves once."""
    for kept, new in zip(_weights(average), _weights(network), strict=True):
        if kept.dtype.is_floating_point:
            kept.lerp_(new, 1 - decay)
        else:
            kept.copy_(new)


def _weights(network: torch.nn.Module) -> list[torch.Tensor]:
    return [*network.parameters(), *network.buffers()]
