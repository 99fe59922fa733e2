"""Synthesis in the small: pictures and splits, the networks, steps, stopping and going on, the sweep."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_up_fetal import fetal_like, write_fetal, write_squeezenet

from capture.errors import DataError, SettingsError
from capture.geometry import Sector
from models.synthesis import data as synthesis_data
from models.synthesis.augment import augmented
from models.synthesis.data import read_real, varied
from models.synthesis.figures import compare, named_bins
from models.synthesis.gan import Gan
from models.synthesis.levels import HIGHEST_BLACK, as_bytes, black_level
from models.synthesis.network import Discriminator, Generator, widths
from models.synthesis.recipe import (
    PAPER,
    RELEASED,
    SynthesisOptions,
    SynthesisRecipe,
    asked_for,
    command_of,
    marks,
    paper_sweep,
    released_recipe,
)
from models.synthesis.train import generator_path, grey_of, load_generator, read_figures, run_sweep, train_synthesis
from models.us2qnet.data import SectorPicture

pytestmark = [
    pytest.mark.usefixtures("one_torch_thread"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # torch speaks of its own plans
]

SMALL = SynthesisRecipe(width=4, epochs=2, batch=4, seed=1)
OURS = replace(SMALL, spectral=True, augment=True, average_decay=0.5, r1_weight=1.0, rotation_deg=0.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_squeezenet(write_fetal(tmp_path_factory.mktemp("data")))


def few_batches(count: int = 2, size: int = 64) -> list[tuple[np.ndarray, np.ndarray]]:
    images = np.random.default_rng(0).integers(0, 256, (count, 4, size, size)).astype(np.uint8)
    return [(part, np.array([0, 0.5, 1, 0], np.float32)) for part in images]


def test_the_papers_recipe_is_the_papers():
    plain = PAPER[64]
    assert (plain.learning_rate, plain.beta1, plain.beta2, plain.epochs) == (2e-4, 0.5, 0.999, 1000)
    assert not any((plain.spectral, plain.augment, plain.r1_weight, plain.average_decay))
    assert widths(64, PAPER[64].width) == [512, 256, 128, 64]
    assert widths(128, PAPER[128].width) == [512, 256, 128, 64, 32]
    assert (RELEASED[128].spectral, RELEASED[128].augment, RELEASED[128].average_decay > 0.9) == (True, True, True)
    assert marks(1000) == (300, 500, 800, 1000)
    assert marks(300) == (300,)
    runs = paper_sweep()
    assert [runs[f"images_{n}"][1].images for n in (60, 120, 242)] == [60, 120, 242]
    assert (runs["size_128"][0].size, runs["size_128"][0].epochs) == (128, 300)
    with pytest.raises(SettingsError, match="64 or 128"):
        SynthesisRecipe(size=96)


def test_examinations_stay_together(folder: Path):
    split = read_real(folder, SynthesisOptions())
    assert len(split.everything) == 10
    assert not set(split.training.groups) & set(split.held_out.groups)
    few = read_real(folder, SynthesisOptions(images=3))
    assert len(few.training) == 3
    assert not set(few.training.groups) & set(few.held_out.groups)
    assert few.training.groups.tolist() == split.training.groups.tolist()[:3]
    everything = read_real(folder, SynthesisOptions(images=10))
    assert (len(everything.training), len(everything.held_out)) == (10, 0)
    assert everything.training.squares(64).shape == (10, 64, 64)


def test_what_is_not_there_is_told(folder: Path, tmp_path: Path):
    with pytest.raises(SettingsError, match="has 10 pictures, 11 were asked for"):
        read_real(folder, SynthesisOptions(images=11))
    with pytest.raises(DataError, match="hc18"):
        read_real(tmp_path, SynthesisOptions())


def test_conditional_pictures_come_at_three_levels(monkeypatch: pytest.MonkeyPatch):
    sector = Sector(36.0, 1.0, 2.0, 44.0, -0.6, 0.6)
    pictures = [SectorPicture(image, sector, f"hc18/{n}", f"{n}") for n, image in enumerate(fetal_like(3))]
    monkeypatch.setattr(synthesis_data, "fetal_pictures", lambda data_dir: pictures)
    everything = read_real(Path(), SynthesisOptions(conditional=True)).everything
    assert sorted(everything.levels.tolist()) == [0] * 3 + [0.5] * 3 + [1] * 3
    untouched = everything.take(everything.levels == 0)
    originals = {picture.image.tobytes() for picture in pictures}
    assert {image.tobytes() for image in untouched.images} == originals
    assert not {image.tobytes() for image in everything.take(everything.levels == 1).images} & originals


def test_few_examinations_are_degraded_where_asked_and_held_out_ones_always_are(monkeypatch: pytest.MonkeyPatch):
    sector = Sector(36.0, 1.0, 2.0, 44.0, -0.6, 0.6)
    pictures = [SectorPicture(image, sector, f"{n // 2:03d}", f"{n}") for n, image in enumerate(fetal_like(40))]
    monkeypatch.setattr(synthesis_data, "fetal_pictures", lambda data_dir: pictures)
    whole, few, fewer = (
        read_real(Path(), SynthesisOptions(conditional=True, degraded_share=share)) for share in (1.0, 0.4, 0.2)
    )
    examinations = len(set(whole.training.groups))
    assert [len(split.training) for split in (few, fewer)] == [
        2 * (examinations + 2 * round(share * examinations)) for share in (0.4, 0.2)
    ]
    degraded = [set(split.training.groups[split.training.levels > 0]) for split in (few, fewer)]
    assert degraded[1] < degraded[0]
    assert {image.tobytes() for image in few.training.images} < {image.tobytes() for image in whole.training.images}
    assert few.held_out.levels.tolist() == whole.held_out.levels.tolist()
    assert np.bincount((2 * few.training.like_levels(20)).astype(int)).tolist() == pytest.approx(
        20 * np.bincount((2 * few.training.levels).astype(int)) / len(few.training), abs=1
    )


def test_a_share_is_refused_that_means_nothing():
    with pytest.raises(SettingsError, match="above 0"):
        SynthesisOptions(conditional=True, degraded_share=0)
    with pytest.raises(SettingsError, match="--conditional"):
        SynthesisOptions(degraded_share=0.1)


def test_a_run_with_few_degraded_pictures_shows_as_many_and_is_another_run():
    plain, few = SynthesisOptions(conditional=True), SynthesisOptions(conditional=True, degraded_share=0.1)
    assert [released_recipe(64, options).epochs for options in (plain, few)] == [333, 833]
    assert "degraded_share" not in asked_for(OURS, plain)  # as in the folders of earlier runs
    assert asked_for(OURS, few)["degraded_share"] == 0.1
    assert command_of(OURS, few).endswith("--conditional --degraded-share 0.1")


def test_pictures_vary_only_as_asked():
    image, random = fetal_like(1)[0], np.random.default_rng(0)
    plain = varied(image, 64, flip=False, rotation_deg=0, random=random)
    assert {varied(image, 64, True, 0, random).tobytes() for _ in range(12)} == {
        plain.tobytes(),
        plain[:, ::-1].tobytes(),
    }
    turned = varied(image, 64, False, 10, random)
    assert turned.shape == (64, 64)
    assert (turned != plain).any()


@pytest.mark.parametrize("size", [64, 128])
@pytest.mark.parametrize("conditional", [False, True])
def test_shapes(size: int, conditional: bool):
    generator, discriminator = Generator(size, 4, conditional), Discriminator(size, 4, conditional, spectral=True)
    picture = generator(torch.randn(2, 100 + conditional))
    assert picture.shape == (2, 1, size, size)
    assert float(picture.detach().abs().max()) <= 1
    level = torch.tensor([0.0, 1.0]) if conditional else None
    assert discriminator(picture, level).shape == (2,)


def test_the_level_reaches_both_networks():
    torch.manual_seed(0)
    generator, discriminator = Generator(64, 4, True).eval(), Discriminator(64, 4, True).eval()
    latent = torch.randn(1, 100).repeat(2, 1)
    with torch.no_grad():
        pictures = generator(torch.cat([latent, torch.tensor([[0.0], [1.0]])], dim=1))
        assert not torch.equal(pictures[0], pictures[1])
        odds = discriminator(pictures[:1].repeat(2, 1, 1, 1), torch.tensor([0.0, 1.0]))
    assert odds[0] != odds[1]


def test_augmented_pictures_differ_and_let_gradients_through():
    torch.manual_seed(0)
    picture = torch.rand(3, 1, 64, 64).requires_grad_()
    changed = augmented(picture)
    assert changed.shape == picture.shape
    assert not torch.equal(changed, picture)
    assert bool((changed.flatten(1) == 0).any(dim=1).all())  # the cut
    changed.sum().backward()
    assert float(picture.grad.abs().sum()) > 0


@pytest.mark.parametrize("recipe", [SMALL, OURS])
@pytest.mark.parametrize("conditional", [False, True])
def test_a_run_that_was_stopped_goes_on_as_if_it_was_not(recipe: SynthesisRecipe, conditional: bool, tmp_path: Path):
    whole = Gan(recipe, conditional, tmp_path / "whole.pt")
    for _ in range(2):
        losses = whole.epoch(few_batches())
    assert all(np.isfinite(value) for value in losses.values())
    first = Gan(recipe, conditional, tmp_path / "parts.pt")
    first.save(first.epoch(few_batches()))
    second = Gan(recipe, conditional, tmp_path / "parts.pt")
    assert (second.epochs_done, second.steps) == (1, 2)
    second.epoch(few_batches())
    for one, other in zip(whole.average.parameters(), second.average.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_the_plain_form_ships_the_last_weights_and_ours_their_average(tmp_path: Path):
    plain, ours = (Gan(recipe, False, tmp_path / "none.pt") for recipe in (SMALL, OURS))
    for gan in (plain, ours):
        gan.epoch(few_batches())
    same = [
        all(torch.equal(a, b) for a, b in zip(gan.average.parameters(), gan.generator.parameters(), strict=True))
        for gan in (plain, ours)
    ]
    assert same == [True, False]


def test_the_discriminator_learns_to_tell(tmp_path: Path):
    gan = Gan(replace(SMALL, learning_rate=2e-3), False, tmp_path / "gan.pt")
    losses = [gan.epoch(few_batches(4))["loss_d"] for _ in range(3)]
    assert losses[-1] < 0.5 * losses[0]


def test_black_is_as_rare_as_in_real_pictures():
    made = np.linspace(0, 20, 400, dtype=np.float32).reshape(1, 20, 20)
    real = np.full((1, 20, 20), 90, np.uint8)
    assert black_level(made, real) == 0
    real[0, :5] = 0
    level = black_level(made, real)
    assert level == pytest.approx(5, abs=0.1)
    assert (as_bytes(made, level) == 0).mean() == pytest.approx(0.25, abs=0.01)
    real[0, :19] = 0
    assert black_level(made, real) == HIGHEST_BLACK


def test_figures_of_copies_and_of_noise():
    real = np.stack([image[:, 12:60] for image in fetal_like(16)])
    groups = np.array([f"{n // 2}" for n in range(16)])
    copies, noise = (
        compare(made, real, groups)
        for made in (real, np.random.default_rng(0).integers(0, 256, real.shape).astype(np.uint8))
    )
    assert (copies["lbp_distance"], copies["nearest_correlation"]) == (0, 1)
    assert copies["diversity"] == pytest.approx(1, abs=0.1)
    assert copies["nearest_correlation_real"] < 1
    assert all(row["within"] for row in copies["lbp_bins"].values())
    assert noise["lbp_distance"] > 3 * noise["lbp_distance_real_halves"]
    assert noise["mutual_information"] < noise["mutual_information_real"]
    assert "frechet" not in noise


def test_a_bin_is_within_only_up_to_the_largest_half_split():
    vectors = np.zeros((8, 256))
    vectors[:, 8] = np.linspace(0.1, 0.2, 8)
    shifted = vectors.copy()
    shifted[:, 8] += 0.2
    assert named_bins(vectors, vectors)["V8"]["within"]
    found = named_bins(shifted, vectors)["V8"]
    assert not found["within"]
    assert found["difference"] == pytest.approx(0.2)
    assert 0 < found["largest_half_split"] < 0.1


def test_a_run_keeps_and_measures_its_generator(folder: Path, tmp_path: Path):
    path = train_synthesis(folder, tmp_path, SMALL, SynthesisOptions(images=8), measured=6)
    generator, _ = load_generator(path)
    assert grey_of(generator, 3).shape == (3, 64, 64)
    (line,) = read_figures(tmp_path)
    assert (line["epoch"], line["n_training"], line["n_real"]) == (2, 8, 10)
    assert line["command"] == (
        "sonogauge train synthesis --size 64 --set fetal --images 8 --epochs 2 --recipe paper --learning-rate 0.0002"
    )
    assert line["frechet"] > 0
    assert "SqueezeNet" in line["frechet_features"]
    train_synthesis(folder, tmp_path, SMALL, SynthesisOptions(images=8), measured=6)  # nothing is left to do
    assert len(read_figures(tmp_path)) == 1
    with pytest.raises(SettingsError, match="another images"):
        train_synthesis(folder, tmp_path, SMALL, SynthesisOptions(images=4))


def test_the_sweep_goes_on_and_gathers_its_figures(folder: Path, tmp_path: Path):
    runs = {f"images_{count}": (replace(SMALL, epochs=1), SynthesisOptions(images=count)) for count in (4, 8)}
    train_synthesis(folder, tmp_path / "images_4", *runs["images_4"], measured=6)
    before = generator_path(tmp_path / "images_4", 1).stat().st_mtime_ns
    rows = json.loads(run_sweep(folder, tmp_path, runs, measured=6).read_text())["rows"]
    assert [(row["run"], row["n_training"]) for row in rows] == [("images_4", 4), ("images_8", 8)]
    assert generator_path(tmp_path / "images_4", 1).stat().st_mtime_ns == before


def test_no_generator_there_is_told(tmp_path: Path):
    with pytest.raises(DataError, match="train synthesis"):
        load_generator(tmp_path / "generator_1.pt")
