"""The live graph of US2QNet: assignment, projection, severity, and the files that are made of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from calibration.cluster_map import load_map
from capture.errors import DataError
from models.runtime.manifest import Precision, load_manifest
from models.runtime.providers import Provider
from models.runtime.session import ModelSession
from models.us2qnet import release
from models.us2qnet.digits import stored_run
from models.us2qnet.live_graph import OUTPUTS, LiveUs2QNet, Projection, Severity, distil_projection, severity_knots
from models.us2qnet.network import LATENT, QUALITY, Us2QNet
from models.us2qnet.samples import TrainingPictures

pytestmark = [
    pytest.mark.usefixtures("one_torch_thread"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # torch speaks of its own plans
]


def latents(count: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Latents (N, 80) of three groups along the quality coordinate, and their severities 0, .5, 1."""
    random = np.random.default_rng(0)
    severity = np.repeat([0.0, 0.5, 1.0], count // 3)
    latent = random.normal(size=(count, LATENT))
    latent[:, QUALITY] += 40 * severity
    return latent.astype(np.float32), severity


def test_the_projection_learns_the_places_of_the_map():
    latent, severity = latents()
    place = np.stack([12 * severity - 3, np.cos(4 * severity) + 0.1 * latent[:, 1]], axis=1).astype(np.float32)
    projection = distil_projection(latent, place)
    found = projection(torch.from_numpy(latent)).detach().numpy()
    assert np.abs(found - place).mean() < 0.15


def test_severity_passes_through_the_mean_of_each_level_and_never_falls():
    severity = Severity(np.array([-2.0, 5.0, 9.0, 30.0, 41.0]))
    latent = torch.zeros(7, LATENT)
    latent[:, QUALITY] = torch.tensor([-9.0, -2.0, 5.0, 9.0, 30.0, 41.0, 60.0])
    found = severity(latent)[:, 0].numpy()
    assert found == pytest.approx([0, 0, 0.25, 0.5, 0.75, 1, 1])


def test_levels_out_of_order_or_without_pictures_are_told():
    with pytest.raises(DataError, match="train longer"):
        Severity(np.array([0.0, 2.0, 1.0, 3.0, 4.0]))
    latent, severity = latents()
    with pytest.raises(DataError, match="no picture"):
        severity_knots(latent, severity)


def test_a_frame_is_assigned_to_the_nearest_centroid():
    latent, _ = latents()
    torch.manual_seed(0)
    network = Us2QNet(28, 3).eval()
    places = Projection(torch.from_numpy(latent), torch.from_numpy(latent[:, :2]))
    picture = torch.rand(4, 1, 28, 28)
    own = network.encoder(picture)[0].detach().numpy()
    centroids = np.stack([own[2] + 9, own[1], own[3] - 9]).astype(np.float32)
    shares, place, severity, latent_out = LiveUs2QNet(network, centroids, places, Severity(np.arange(5.0))).eval()(
        picture
    )
    assert shares.shape == (4, 3)
    assert shares.sum(dim=1).detach().numpy() == pytest.approx(1)
    assert shares[1].argmax() == 1
    assert shares[1, 1] > 0.9
    assert (place.shape, severity.shape, latent_out.shape) == ((4, 2), (4, 1), (4, LATENT))


def test_a_release_writes_three_files_a_map_and_an_entry_that_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A network whose only feature is brightness, on pictures of three brightnesses."""
    random = np.random.default_rng(0)
    severity = np.concatenate([np.repeat([0.0, 0.5, 1.0], 60), random.uniform(0, 1, 120)])
    grey = 200 * (1 - 0.8 * severity)[:, None, None] + random.normal(0, 2, (300, 224, 224))
    pictures = TrainingPictures(np.clip(grey, 0, 255).astype(np.uint8), severity.astype(np.float32), 180)
    torch.manual_seed(0)
    network = Us2QNet(224, 3).eval()
    monkeypatch.setattr(release, "load_us2qnet", lambda checkpoint: network)
    monkeypatch.setattr(release, "read_kept", lambda path: pictures)
    monkeypatch.setattr(release, "encode", lambda net, images: (_brightness(images), None))
    made = release.release_us2qnet("echo", tmp_path, tmp_path)
    assert made["sizes"] == [60, 60, 60]
    entry = load_manifest(tmp_path).entry("us2qnet_echo")
    assert [spec.name for spec in entry.contract.outputs] == list(OUTPUTS)
    found = load_map(tmp_path / "us2qnet_echo_map.npz")
    assert found.names == ("A-", "A", "A+")
    for precision in (Precision.INT8, Precision.FLOAT32):
        file = entry.file_of(precision)
        assert file is not None
        session = ModelSession(tmp_path, "us2qnet_echo", entry, file, Provider.CPU, 1)
        shares = session.run(np.full((1, 1, 224, 224), 0.5, np.float32))[0]
        assert float(shares.sum()) == pytest.approx(1, abs=1e-5)
        session.close()
    assert json.loads((tmp_path / "manifest.json").read_text())["models"]["us2qnet_echo"]["licence"]


def _brightness(images: np.ndarray) -> np.ndarray:
    """Latents (N, 80) that know brightness alone."""
    latent = np.random.default_rng(1).normal(size=(len(images), LATENT)).astype(np.float32)
    latent[:, QUALITY] = 60 - 0.25 * images.mean(axis=(1, 2))
    return latent


def test_fewer_clusters_than_wanted_are_refused_in_a_release_and_a_finding_in_a_figure():
    latent = np.random.default_rng(2).normal(size=(200, LATENT)).astype(np.float32)
    severity = np.linspace(0, 1, 200)
    with pytest.raises(DataError, match="train longer"):
        release.reference_map(latent, severity, 8)
    found = release.reference_map(latent, severity, 8, allow_fewer=True)
    assert len(found.names) < 8
    assert len(found.labels) == 200


def test_the_stored_run_on_all_digits_names_date_and_command():
    stored = stored_run()
    assert stored["digits"] == 70_000
    assert stored["date"]
    assert "sonogauge" in stored["command"]
    assert all(0 < stored[name] <= 1 for name in ("acc", "ari", "nmi", "ami"))
