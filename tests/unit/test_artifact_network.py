"""The artifact gate's parts: equation 1, the flow's density, typicality, the latent, and what is kept."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from capture.errors import DataError
from models.artifact.density import Encoded, fit_flow, fit_latent_map, fit_typicality, log_density, thresholds
from models.artifact.gate import FittedGate, load_gate, save_gate
from models.artifact.loss import contrastive_loss, encoder_loss
from models.artifact.network import SIZE, ArtifactEncoder, RealNVP, blank_gate
from models.artifact.recipe import OURS, PAPER, asked_for

pytestmark = [
    pytest.mark.usefixtures("one_torch_thread"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # torch speaks of its own plans
]


def test_equation_1_by_hand():
    m = torch.tensor([[1.0, 0.0], [2.0, 1.0], [0.0, 1.0], [-1.0, 0.5], [0.5, 0.5], [1.0, -1.0]])
    kind = torch.tensor([0, 0, 1, 1, 2, 2])
    expected = []
    for query in range(6):
        good = math.exp(float(m[query] @ m[query ^ 1]))
        bad = [math.exp(float(m[query] @ m[other])) for other in range(6) if kind[other] != kind[query]]
        expected.append(-math.log(good / (good + sum(bad) / len(bad))))
    assert float(contrastive_loss(m, kind)) == pytest.approx(np.mean(expected), abs=1e-6)


def test_equation_1_falls_when_kinds_part():
    kind = torch.tensor([0, 0, 1, 1])
    mixed = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    apart = torch.tensor([[2.0, 0.0], [2.0, 0.0], [-2.0, 0.0], [-2.0, 0.0]])
    assert float(contrastive_loss(apart, kind)) < 0.01 < float(contrastive_loss(mixed, kind))
    assert float(contrastive_loss(mixed, torch.zeros(4, dtype=torch.int64))) == 0, "without negatives nothing is learnt"


def test_the_encoders_outputs_and_a_step_lower_the_loss():
    torch.manual_seed(0)
    encoder = ArtifactEncoder()
    picture = torch.rand(4, 1, SIZE, SIZE)
    picture[2:] = torch.nn.functional.avg_pool2d(picture[2:], 9, stride=1, padding=4)
    kind = torch.tensor([0, 0, 1, 1])
    m, wide, stages = encoder(picture)
    assert (m.shape, wide.shape, stages.shape) == ((4, 2), (4, 64), (4, encoder.stage_width))
    moves, losses = torch.optim.Adam(encoder.parameters(), 3e-3), []
    for _ in range(4):
        moves.zero_grad()
        loss = encoder_loss(encoder, picture, kind, PAPER)
        loss.backward()
        moves.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
    with torch.no_grad():
        ours, papers = (float(encoder_loss(encoder, picture, kind, recipe)) for recipe in (OURS, PAPER))
    assert ours > papers, "the term on the wide features is added"


def two_moons(count: int = 600) -> np.ndarray:
    random = np.random.default_rng(0)
    angle = random.uniform(0, np.pi, count)
    return np.column_stack([2 * np.cos(angle), 2 * np.sin(angle) - 1]).astype(np.float32) + random.normal(
        0, 0.15, (count, 2)
    ).astype(np.float32)


def test_a_new_flow_is_the_unit_gaussian_and_a_fitted_one_follows_its_points():
    points = two_moons()
    untouched = log_density(RealNVP(), points)
    gaussian = -0.5 * np.square(points).sum(axis=1) - np.log(2 * np.pi)
    assert untouched == pytest.approx(gaussian, abs=1e-4)
    flow = fit_flow(points, replace(OURS, flow_steps=250, flow_rate=1e-2))
    assert log_density(flow, points).mean() > untouched.mean() + 0.3
    middle, far = log_density(flow, np.array([[0, -1], [9, 9]], np.float32))
    tau = thresholds(log_density(flow, points))
    assert max(middle, far) < tau["tau_3"] < tau["tau_5"], "the hole of the arc is as unknown as what is far away"


def test_the_flows_density_sums_to_one():
    torch.manual_seed(1)
    flow = RealNVP()
    for weight in flow.parameters():
        torch.nn.init.normal_(weight, 0, 0.3)
    axis = np.linspace(-14, 14, 281, dtype=np.float32)
    plane = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    total = np.exp(log_density(flow, plane).astype(np.float64)).sum() * (axis[1] - axis[0]) ** 2
    assert total == pytest.approx(1, abs=0.03)


def features(count: int, seed: int) -> np.ndarray:
    """Stage features that vary along five directions."""
    random = np.random.default_rng(seed)
    axes = np.random.default_rng(99).normal(size=(5, 40))
    return (random.normal(size=(count, 5)) @ axes + 0.1 * random.normal(size=(count, 40)) + 3).astype(np.float32)


def test_what_leaves_the_directions_of_known_frames_is_untypical():
    typicality = fit_typicality(features(400, 0))
    known = typicality(torch.from_numpy(features(200, 1)))[:, 0]
    off = features(200, 2) + np.random.default_rng(3).normal(size=(200, 40)).astype(np.float32)
    further = features(200, 4) * 4 - 9
    for unknown in (off, further):
        assert float(typicality(torch.from_numpy(unknown))[:, 0].median()) > float(known.max())
    with pytest.raises(DataError, match="20 or more"):
        fit_typicality(features(8, 0))


def test_untypical_frames_are_moved_away_from_known_ones():
    random = np.random.default_rng(0)
    m = random.normal(0, 0.2, (300, 2)).astype(np.float32) + np.float32(3)
    seen, known = Encoded(m, features(300, 0)), Encoded(m, features(300, 1))
    artifacts = Encoded(-m, features(300, 2))
    plain, pulled = (fit_latent_map(seen, known, artifacts, pull) for pull in (0.0, 1.0))
    strange = torch.from_numpy(features(300, 3) + 2 * random.normal(size=(300, 40)).astype(np.float32))
    at_home, stages = torch.from_numpy(m), torch.from_numpy(known.stages)
    assert float(plain(at_home, stages).norm(dim=1).median()) < 2
    assert torch.equal(plain(at_home, stages), plain(at_home, strange)), "the paper's latent knows nothing of it"
    assert float(pulled(at_home, strange).norm(dim=1).min()) > float(pulled(at_home, stages).norm(dim=1).median()) + 2


def test_a_gate_is_kept_whole(tmp_path: Path):
    network = blank_gate(3).eval()
    with torch.no_grad():
        for part in (*network.parameters(), *network.buffers()):
            if part.dtype.is_floating_point:
                part.copy_(torch.rand_like(part) + 0.5)
    points, labels = np.zeros((2, 2), np.float32), np.array([0, 1])
    gate = FittedGate(
        network,
        {"tau_5": -1.0, "tau_3": -2.0},
        {"known": 1},
        0,
        points,
        labels,
        ("known", "noise"),
        np.zeros((1, 4, 4), np.uint8),
    )
    save_gate(tmp_path / "gate.pt", gate)
    found = load_gate(tmp_path / "gate.pt")
    assert (found.thresholds, found.names, found.labelled) == (gate.thresholds, gate.names, 0)
    assert all(
        torch.equal(a, b)
        for a, b in zip(found.network.state_dict().values(), network.state_dict().values(), strict=True)
    )
    (tmp_path / "gate.pt").write_bytes(b"damaged")
    for path in (tmp_path / "gate.pt", tmp_path / "none.pt"):
        with pytest.raises(DataError, match="train artifact"):
            load_gate(path)


def test_the_gates_own_numbers_may_change_in_a_finished_run():
    assert asked_for("echo", OURS) == asked_for("echo", replace(OURS, pull=0.0, flow_steps=7))
    assert asked_for("echo", OURS) != asked_for("echo", replace(OURS, pairs=4))
    assert asked_for("echo", OURS) != asked_for("any", OURS)
