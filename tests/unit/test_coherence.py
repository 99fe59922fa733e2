"""The coherence network: what it is taught, how it is judged, and what it measures in regions."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from capture.errors import DataError, ModelError
from models.data.virtual_dataset import VirtualRecord
from models.metrics.image_similarity import ssim_map, whole_windows
from models.regional.coherence.data import CoherencePairs, random_display
from models.regional.coherence.evaluate import evaluate_coherence
from models.regional.coherence.network import CoherenceUNet
from models.regional.coherence.train import coherence_loss
from models.regional.coherence.truth import seen_styles, smoothed_inside, target_of
from models.runtime.coherence import CoherenceMethod
from models.runtime.methods import RegionalInput

pytestmark = pytest.mark.usefixtures("one_torch_thread")
SECTOR = {"first_mm": 5.0, "last_mm": 140.0, "half_angle_deg": 42.0}


def record(seed: int = 0, half_beams: int = 62) -> VirtualRecord:
    """A grey square in speckle, with coherence that follows the picture."""
    random = np.random.default_rng(seed)
    level = np.full((256, 256), 40.0)
    level[100:160, 110:150] = 130
    picture = np.clip(level * (0.5 + random.random((256, 256))), 1, 250).astype(np.uint8)
    info = {"sector": SECTOR, "draw": {"scanner": {"half_beams": half_beams}}}
    blank = np.zeros((256, 256), np.uint8)
    made = VirtualRecord(picture, blank, picture, blank, np.zeros((6, 64, 64), np.uint8), info)
    picture[~made.inside] = 0
    return made


def test_a_map_of_shares_that_gain_does_not_change():
    torch.manual_seed(0)
    network = CoherenceUNet((4, 8, 8)).eval()
    picture = torch.from_numpy(record().image)[None, None].float()
    with torch.no_grad():
        plain, brighter, black = network(picture), network(1.25 * picture), network(0 * picture)
    assert plain.shape == (1, 1, 256, 256)
    assert 0 <= float(plain.min()) < float(plain.max()) <= 1
    assert float((plain - brighter).abs().max()) < 1e-3
    assert bool(torch.isfinite(black).all())


def test_the_papers_channels_and_lowest_resolution():
    network = CoherenceUNet()
    sizes: list[torch.Size] = []
    for block in (*network.down, *network.up):
        block.register_forward_hook(lambda _module, _inputs, output: sizes.append(output.shape))
    with torch.no_grad():
        network.eval()(torch.zeros(1, 1, 256, 256))
    channels = [int(size[1]) for size in sizes]
    assert (channels[0], max(channels), channels[-1]) == (16, 128, 16)
    assert min(size[2] for size in sizes) == 4


def test_the_loss_is_the_metric_and_looks_inside_only():
    first, second = target_of(record(1)), target_of(record(2))
    inside = record().inside
    tensors = [torch.from_numpy(np.asarray(part, np.float32))[None, None] for part in (second, first, inside)]
    kept = np.zeros_like(inside)
    kept[5:-5:2, 5:-5:2] = True
    by_metric = 1 - ssim_map(first, second)[whole_windows(inside) & kept].mean()
    error = np.abs(first - second)[inside].mean()
    assert float(coherence_loss(*tensors)) == pytest.approx(by_metric + error, abs=1e-3)
    assert float(coherence_loss(*tensors, error_weight=0)) == pytest.approx(by_metric, abs=1e-3)
    elsewhere = torch.where(tensors[2] > 0, tensors[0], 0.7)
    assert float(coherence_loss(elsewhere, *tensors[1:])) == pytest.approx(by_metric + error, abs=1e-3)


def test_pairs_move_together_and_follow_from_seed_and_epoch():
    pairs = CoherencePairs([record(seed) for seed in range(3)], [0, 1, 2], seed=7)
    seen = []
    for epoch in range(12):
        pairs.epoch = epoch
        image, target, inside = (part.numpy()[0] for part in pairs[1])
        assert image.shape == target.shape == inside.shape == (256, 256)
        assert set(np.unique(inside)) <= {0.0, 1.0}
        assert all(torch.equal(a, b) for a, b in zip(pairs[1], pairs[1], strict=True))
        target_centre, image_centre = (_brightest(part, inside) for part in (target, image))
        assert np.abs(target_centre - image_centre).max() < 5
        seen.append(target_centre)
    assert np.ptp(np.array(seen), axis=0).max() > 4, "geometry changes between epochs"


def _brightest(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Centre of the brightest part of the sector, (2,) row and column."""
    smooth = smoothed_inside(values, inside > 0, 6.0)
    return np.asarray(np.argwhere(smooth > np.quantile(smooth[inside > 0], 0.98)).mean(axis=0))


def test_display_changes_leave_black_outside_and_the_truth_alone():
    given = record()
    before = target_of(given).copy()
    pictures = [random_display(given.image, np.random.default_rng(seed)) for seed in range(30)]
    assert all((picture[given.image == 0] == 0).all() for picture in pictures)
    levels = [float(picture[given.inside].mean()) for picture in pictures]
    assert max(levels) > 1.4 * min(levels)
    assert np.array_equal(target_of(given), before)


def test_the_held_out_style_is_not_trained_on():
    assert seen_styles([record(half_beams=beams) for beams in (42, 48, 42, 62)]) == [1, 3]


def test_smoothing_stays_within_the_sector():
    inside = record().inside
    flat = np.where(inside, np.float32(0.4), np.float32(5.0))
    smooth = smoothed_inside(flat, inside, 2.0)
    assert smooth[inside] == pytest.approx(0.4, abs=1e-4)
    assert (smooth[~inside] == 0).all()


def test_a_good_network_scores_well_and_styles_are_kept_apart():
    samples = [record(0), record(1, half_beams=42), record(2)]

    def by_level(batch: np.ndarray) -> np.ndarray:
        return np.sqrt(batch / batch.max())

    def by_grey(batch: np.ndarray) -> np.ndarray:
        return np.asarray(np.sqrt(batch / 255))

    steady, exact = evaluate_coherence(by_level, samples), evaluate_coherence(by_grey, samples[:1])
    assert exact["coherence_ssim"] == pytest.approx(1.0)
    assert exact["coherence_rpe"] == pytest.approx(0.0, abs=1e-4)
    assert exact["coherence_gain_change"] == pytest.approx(1 - np.sqrt(0.75), abs=0.02)
    assert exact["style_held_out"] is None
    assert steady["coherence_gain_change"] < 0.02
    assert steady["coherence_rpe"] > 0.05
    assert steady["coherence_ssim_smoothed"] > 0.8
    assert (steady["n"], steady["style_seen"]["n"], steady["style_held_out"]["n"]) == (3, 2, 1)
    assert evaluate_coherence(by_level, samples, [1])["n"] == 1


def test_a_network_of_another_shape_is_refused():
    with pytest.raises(DataError, match="coherence network"):
        evaluate_coherence(lambda batch: np.zeros((1, 8)), [record()])


def regions() -> RegionalInput:
    masks = np.zeros((8, 256, 256), bool)
    for region in range(7):
        masks[region, 100:110, 20 * region : 20 * region + 10] = True
    return RegionalInput(record().image, record().inside, masks, np.zeros((256, 256), bool))


def test_the_method_gives_the_mean_of_the_map_in_each_region():
    ramp = np.tile(np.arange(256, dtype=np.float32) / 255, (256, 1))
    batches: list[np.ndarray] = []

    def run(batch: np.ndarray) -> tuple[np.ndarray, ...]:
        batches.append(batch)
        return (ramp[None, None],)

    method, given = CoherenceMethod(SimpleNamespace(run=run)), regions()
    found = method.measure(given)
    assert found.dtype == np.float32
    assert found[:7] == pytest.approx((20 * np.arange(7) + 4.5) / 255, abs=1e-5)
    assert np.isnan(found[7])
    assert method.global_coherence(given.image, given.inside) == pytest.approx(ramp[given.inside].mean(), abs=1e-5)
    assert np.isnan(method.global_coherence(given.image, np.zeros((256, 256), bool)))
    assert (batches[0].shape, batches[0].dtype, float(batches[0].max())) == (
        (1, 1, 256, 256),
        np.float32,
        float(given.image.max()),
    )


def test_weights_without_the_model_are_named(tmp_path):
    (tmp_path / "manifest.json").write_text('{"format": 1, "models": {}}')
    with pytest.raises(ModelError, match="coherence"):
        CoherenceMethod.open(tmp_path)
