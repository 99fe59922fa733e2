"""A training run: schedule, averaged weights, and going on exactly where it stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from capture.errors import DataError
from models.training import SCHEDULES, Optimisation, Run, cosine_with_warm_up, load_average, update_average

PLAN = Optimisation(epochs=4, learning_rate=1e-2, weight_decay=1e-2, average_decay=0.9)
STEPS = 5


pytestmark = pytest.mark.usefixtures("one_torch_thread")


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 1))


def batches(epoch: int) -> Iterator[torch.Tensor]:
    random = torch.Generator().manual_seed(epoch)
    for _ in range(STEPS):
        yield torch.randn(8, 3, generator=random)


def train(run: Run, epochs: int) -> list[float]:
    def loss_of(batch: torch.Tensor) -> torch.Tensor:
        return (run.network(batch) - batch.sum(dim=1, keepdim=True)).square().mean()

    losses = []
    while run.epochs_done < epochs:
        losses.append(run.epoch(batches(run.epochs_done), STEPS, loss_of))
        run.save({"loss": losses[-1]})
    return losses


def states(run: Run) -> list[torch.Tensor]:
    return [*run.network.state_dict().values(), *run.average.state_dict().values()]


def test_a_run_that_stopped_goes_on_exactly(tmp_path: Path):
    whole = Run(network(), PLAN, tmp_path / "whole" / "net.pt")
    losses = train(whole, 4)
    train(Run(network(), PLAN, tmp_path / "parts" / "net.pt"), 2)
    again = Run(network(seed=9), PLAN, tmp_path / "parts" / "net.pt")
    assert again.epochs_done == 2
    assert train(again, 4) == losses[2:]
    assert all(torch.equal(a, b) for a, b in zip(states(whole), states(again), strict=True))
    story = [json.loads(line) for line in (tmp_path / "parts" / "net.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in story] == [1, 2, 3, 4]
    assert [line["loss"] for line in story] == losses
    assert again.seconds > 0
    assert sorted(p.name for p in (tmp_path / "parts").iterdir()) == ["net.jsonl", "net.pt"]


def test_a_run_that_is_complete_does_nothing_more(tmp_path: Path):
    train(Run(network(), PLAN, tmp_path / "net.pt"), 4)
    assert train(Run(network(), PLAN, tmp_path / "net.pt"), 4) == []


def test_training_lowers_the_loss_and_the_average_is_not_the_last_step(tmp_path: Path):
    run = Run(network(), Optimisation(30, 3e-2, 0.0, 0.9), tmp_path / "net.pt")
    losses = train(run, 30)
    assert losses[-1] < 0.5 * losses[0]
    pairs = zip(run.average.parameters(), run.network.parameters(), strict=True)
    assert not all(torch.equal(a, b) for a, b in pairs)
    assert not any(p.requires_grad for p in run.average.parameters())
    assert run.average[1].num_batches_tracked == run.network[1].num_batches_tracked == 30 * STEPS


def test_the_average_moves_by_its_share():
    average, new = nn.Linear(2, 1), nn.Linear(2, 1)
    before = average.weight.clone()
    update_average(average, new, 0.75)
    assert torch.allclose(average.weight, 0.75 * before + 0.25 * new.weight)


def test_the_learning_rate_rises_and_falls():
    progress = [k / 200 for k in range(201)]
    rates = [cosine_with_warm_up(p) for p in progress]
    assert rates[0] == 0.0
    assert max(rates) == cosine_with_warm_up(0.05) == pytest.approx(1.0)
    assert rates[-1] == pytest.approx(0.01)
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)


def test_the_other_schedules():
    assert [SCHEDULES["constant"](p) for p in (0.0, 0.5, 0.99)] == [1.0] * 3
    assert [SCHEDULES["polynomial"](p) for p in (0.0, 0.5, 1.0)] == pytest.approx([1.0, 0.5**0.9, 0.0])


def test_the_plan_decides_optimizer_and_rate(tmp_path: Path):
    plan = Optimisation(4, 1e-2, 0.0, 0.0, "adam", "polynomial")
    run = Run(network(), plan, tmp_path / "net.pt")
    assert type(run.optimizer) is torch.optim.Adam
    assert type(Run(network(), PLAN, tmp_path / "other.pt").optimizer) is torch.optim.AdamW
    train(run, 2)
    last_step = (2 * STEPS - 1) / (4 * STEPS)
    assert run.optimizer.param_groups[0]["lr"] == pytest.approx(1e-2 * (1 - last_step) ** 0.9)
    pairs = zip(run.average.state_dict().values(), run.network.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs), "without averaging the last weights ship"


def test_a_weight_with_two_names_moves_once():
    def twice(value: float) -> nn.Module:
        layer = nn.Linear(1, 1)
        nn.init.constant_(layer.weight, value)
        return nn.ModuleList([layer, nn.Sequential(layer)])

    average = twice(0.0)
    update_average(average, twice(1.0), 0.75)
    assert average[0].weight.item() == pytest.approx(0.25)


def test_epochs_asked_for_replace_those_of_the_plan():
    assert PLAN.of(0) is PLAN
    assert PLAN.of(7) == Optimisation(7, 1e-2, 1e-2, 0.9)


def test_a_run_begins_with_the_averaged_weights_of_another(tmp_path: Path):
    run = Run(network(1), PLAN, tmp_path / "first.pt")
    train(run, 2)
    other = network(2)
    load_average(other, tmp_path / "first.pt")
    wanted = run.average.state_dict()
    assert all(torch.equal(wanted[name], value) for name, value in other.state_dict().items())


def test_what_is_no_checkpoint_of_that_network_is_refused(tmp_path: Path):
    torch.save({"average": nn.Linear(2, 2).state_dict()}, tmp_path / "other.pt")
    (tmp_path / "text.pt").write_text("no checkpoint")
    for name in ("other.pt", "text.pt", "missing.pt"):
        with pytest.raises(DataError, match="give the checkpoint of a run of this kind"):
            load_average(network(), tmp_path / name)
