"""The two networks of one run and how they move: one class that can be stopped and gone on with."""

from __future__ import annotations

import copy
import json
import logging
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from torch.nn.utils.parametrize import cached

from models.synthesis.augment import augmented
from models.synthesis.network import Discriminator, Generator
from models.synthesis.recipe import SynthesisRecipe
from models.synthesis.sample import LATENT
from models.training import update_average

log = logging.getLogger(__name__)

_R1_EVERY = 16  # steps (Karras et al. 2020)


class Gan:
    """Generator, its average, discriminator and their optimisers; goes on from ``checkpoint`` where there is one.

    Attributes
    ----------
    average : exponential moving average of the generator: that is what ships
    epochs_done, seconds, steps : so far
    """

    def __init__(self, recipe: SynthesisRecipe, conditional: bool, checkpoint: Path) -> None:
        self.recipe, self.conditional, self.checkpoint = recipe, conditional, checkpoint
        torch.manual_seed(recipe.seed)
        shape = recipe.size, recipe.width, conditional
        self.generator = Generator(*shape).to(memory_format=torch.channels_last)
        self.discriminator = Discriminator(*shape, recipe.spectral).to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        self.optimizers = {name: self._adam(part) for name, part in self._networks().items() if name != "average"}
        self.epochs_done, self.steps, self.seconds = 0, 0, 0.0
        if checkpoint.exists():
            self._resume()

    def _adam(self, network: torch.nn.Module) -> torch.optim.Adam:
        plan = self.recipe
        return torch.optim.Adam(network.parameters(), lr=plan.learning_rate, betas=(plan.beta1, plan.beta2), fused=True)

    def _networks(self) -> dict[str, torch.nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator, "average": self.average}

    def epoch(self, batches: Iterable[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
        """One pass; returns the mean losses of both networks.

        Parameters
        ----------
        batches : pictures (B, S, S) uint8 and levels (B,) float32
        """
        started = time.monotonic()
        torch.manual_seed(self.recipe.seed + self.epochs_done)  # a run that goes on draws the same
        self.generator.train()
        self.discriminator.train()
        losses = [self._step(*as_tensors(images, levels)) for images, levels in batches]
        self.epochs_done += 1
        self.seconds += time.monotonic() - started
        return dict(zip(("loss_d", "loss_g"), (round(float(part), 4) for part in np.mean(losses, axis=0)), strict=True))

    def _step(self, real: torch.Tensor, level: torch.Tensor) -> tuple[float, float]:
        latent = torch.randn(len(real), LATENT)
        if self.conditional:
            latent = torch.cat([latent, level[:, None]], dim=1)
        with torch.autocast("cpu", torch.bfloat16):
            made = self.generator(latent)
        with cached():  # spectral norms are taken once for real and made pictures
            loss = self._judging_loss(real, made.detach().float(), level)
        told = self._move("discriminator", loss)
        self.discriminator.requires_grad_(False)
        pleased = self._move("generator", functional.softplus(-self._judged(made.float(), level)).mean())
        self.discriminator.requires_grad_(True)
        decay = min(self.recipe.average_decay, (1 + self.steps) / (10 + self.steps))
        update_average(self.average, self.generator, decay)
        self.steps += 1
        return told, pleased

    def _judging_loss(self, real: torch.Tensor, made: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        """Binary cross entropy, and now and then the gradient penalty at real pictures (R1)."""
        loss = functional.softplus(-self._judged(real, level)).mean()
        loss = loss + functional.softplus(self._judged(made, level)).mean()
        if self.recipe.r1_weight and self.steps % _R1_EVERY == 0:
            loss = loss + 0.5 * self.recipe.r1_weight * _R1_EVERY * self._steepness(real, level)
        return loss

    def _judged(self, pictures: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        """Log-odds (B,) that each is real."""
        seen = augmented(pictures) if self.recipe.augment else pictures
        with torch.autocast("cpu", torch.bfloat16):
            odds: torch.Tensor = self.discriminator(
                seen.contiguous(memory_format=torch.channels_last), level if self.conditional else None
            )
        return odds

    def _steepness(self, real: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        """Mean squared gradient of the log-odds, in float32: second derivatives of bfloat16 are noise."""
        real = real.detach().requires_grad_()
        odds = self.discriminator(real, level if self.conditional else None)
        (gradient,) = torch.autograd.grad(odds.sum(), real, create_graph=True)
        return gradient.square().sum(dim=(1, 2, 3)).mean()

    def _move(self, name: str, loss: torch.Tensor) -> float:
        optimizer = self.optimizers[name]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return float(loss.detach())

    def save(self, report: dict[str, float]) -> None:
        """Write the checkpoint beside a line of the run's story (``STEM.jsonl``)."""
        line = json.dumps({"epoch": self.epochs_done, "seconds": round(self.seconds), **report})
        log.info(line)
        with self.checkpoint.with_suffix(".jsonl").open("a") as file:
            file.write(line + "\n")
        networks = {name: network.state_dict() for name, network in self._networks().items()}
        optimizers = {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()}
        counts = {"epochs_done": self.epochs_done, "steps": self.steps, "seconds": self.seconds}
        write_aside({"networks": networks, "optimizers": optimizers, **counts}, self.checkpoint)

    def _resume(self) -> None:
        state = torch.load(self.checkpoint, weights_only=True)
        for name, network in self._networks().items():
            network.load_state_dict(state["networks"][name])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        self.epochs_done, self.steps, self.seconds = state["epochs_done"], state["steps"], state["seconds"]
        log.info("going on after epoch %d of %s", self.epochs_done, self.checkpoint)


def as_tensors(images: np.ndarray, levels: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures (B, S, S) uint8 -> (B, 1, S, S) float32 in -1..1, and levels (B,) float32."""
    pictures = torch.from_numpy(np.ascontiguousarray(images))[:, None].float() / 127.5 - 1
    return pictures, torch.from_numpy(np.ascontiguousarray(levels, np.float32))


def write_aside(state: dict[str, object], path: Path) -> None:
    """Write a file of torch beside its place, then swap it in: a cut leaves the old one."""
    aside = path.with_suffix(".tmp")
    torch.save(state, aside)
    aside.replace(path)
