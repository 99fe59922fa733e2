"""Balancing in the small: what each way of training learns from, the classifier, the figures, and who saw what."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from made_up_fetal import fetal_like

from capture.errors import DataError, SettingsError
from capture.geometry import Sector
from models.synthesis import balance as experiment
from models.synthesis import balance_figures as figures
from models.synthesis import data as synthesis_data
from models.synthesis.balance import BalancePlan, evaluate_balance, training_sets
from models.synthesis.balance_figures import KINDS, balance_figures, balance_text, balanced_accuracy, expected_spearman
from models.synthesis.data import read_real
from models.synthesis.gan import Gan, write_aside
from models.synthesis.level_classifier import TrainingSet, rate, train_classifier
from models.synthesis.recipe import SynthesisOptions, SynthesisRecipe, asked_for
from models.synthesis.released import stored_rows
from models.synthesis.train import generator_path
from models.us2qnet.data import SectorPicture

pytestmark = [
    pytest.mark.usefixtures("one_torch_thread"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # torch speaks of its own plans
]

PLAN = BalancePlan(share=0.2, seeds=2, steps=2)
LEVELS = np.array([0, 0.5, 1], np.float32)


def some(counts: tuple[int, int, int], grey: int = 0) -> TrainingSet:
    """So many pictures of each level, brighter ones of higher levels."""
    levels = np.repeat(LEVELS, counts)
    noise = np.random.default_rng(grey).integers(0, 40, (len(levels), 64, 64))
    images = (noise + grey + 80 * levels[:, None, None]).astype(np.uint8)
    return TrainingSet(images, levels, np.ones(len(levels)))


def drawn(chosen: TrainingSet, from_grey: int, to_grey: int) -> list[float]:
    """Share of each level among what is drawn of pictures whose first pixel lies between."""
    inside = (chosen.images[:, 0, 0] >= from_grey) & (chosen.images[:, 0, 0] < to_grey)
    odds = chosen.weights / chosen.weights.sum()
    return [float(odds[inside & (chosen.levels == level)].sum()) for level in LEVELS]


@pytest.fixture
def examinations(monkeypatch: pytest.MonkeyPatch) -> list[SectorPicture]:
    """Forty fetal heads, two of an examination."""
    sector = Sector(36.0, 1.0, 2.0, 44.0, -0.6, 0.6)
    pictures = [SectorPicture(image, sector, f"{n // 2:03d}", f"{n}") for n, image in enumerate(fetal_like(40))]
    monkeypatch.setattr(synthesis_data, "fetal_pictures", lambda data_dir: pictures)
    return pictures


def untrained_run(run: Path, options: SynthesisOptions, size: int = 64) -> Path:
    """A run whose generator has random weights, with a line of figures."""
    recipe = SynthesisRecipe(size=size, width=4)
    run.mkdir()
    (run / "run.json").write_text(json.dumps(asked_for(recipe, options)))
    weights = Gan(recipe, options.conditional, run / "gan.pt").average.state_dict()
    shape = {"size": size, "width": 4, "conditional": options.conditional}
    write_aside({"generator": weights, "black": 3.0, **shape}, generator_path(run, 7))
    (run / "figures.jsonl").write_text(json.dumps({"epoch": 7, "command": "sonogauge train synthesis"}) + "\n")
    return run


def test_each_way_of_training_draws_what_it_says():
    few, made, every = some((20, 2, 4)), some((20, 20, 20), grey=120), some((20, 20, 20))
    sets = training_sets(few, made, every)
    assert tuple(sets) == KINDS
    counts = {kind: [int((chosen.levels == level).sum()) for level in LEVELS] for kind, chosen in sets.items()}
    assert (counts["unbalanced"], counts["repeated"]) == ([20, 2, 4], [20, 2, 4])
    assert (counts["filled"], counts["all_real"]) == ([20, 20, 20], [20, 20, 20])
    assert drawn(sets["unbalanced"], 0, 256) == pytest.approx([20 / 26, 2 / 26, 4 / 26])
    assert drawn(sets["repeated"], 0, 256) == pytest.approx([1 / 3] * 3)
    assert drawn(sets["filled"], 120, 256) == pytest.approx([0, 18 / 60, 16 / 60])
    assert drawn(sets["mixed"], 0, 120) == pytest.approx([1 / 6] * 3)
    assert drawn(sets["mixed"], 120, 256) == pytest.approx([1 / 6] * 3)


def test_the_classifier_learns_what_can_be_learned_and_a_seed_is_a_seed():
    learned, test = some((12, 12, 12)), some((5, 5, 5), grey=1)
    rated = rate(train_classifier(learned, 1, 60, flip=True), test.images)
    assert rated.shape == (15, 3)
    np.testing.assert_allclose(rated.sum(axis=1), 1, rtol=1e-5)
    assert balanced_accuracy(rated, test.levels) > 0.9
    again, other = (rate(train_classifier(learned, seed, 60, flip=True), test.images) for seed in (1, 2))
    assert np.array_equal(rated, again)
    assert not np.array_equal(rated, other)


def test_the_measures_of_a_known_rating():
    levels = np.repeat(LEVELS, (4, 2, 2))
    sure = np.eye(3)[[0, 0, 0, 0, 1, 0, 2, 2]]
    assert balanced_accuracy(sure, levels) == pytest.approx((1 + 0.5 + 1) / 3)
    assert expected_spearman(np.eye(3)[[0, 0, 0, 0, 1, 1, 2, 2]], levels) == pytest.approx(1)
    assert expected_spearman(np.full((8, 3), 1 / 3), levels) == 0


def test_a_gain_counts_only_when_its_interval_is_above_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(figures, "DRAWS", 50)
    levels, groups = np.tile(LEVELS, 30), np.repeat(np.arange(30).astype(str), 3)
    right = np.eye(3)[np.tile([0, 1, 2], 30)]
    chance = np.random.default_rng(1).dirichlet(np.ones(3), (2, 90))
    ratings = np.stack([chance, chance, np.stack([right, right]), chance, np.stack([right, right])], axis=1)
    found = balance_figures(ratings, levels, groups)
    assert found["helped"] == {"filled": True, "mixed": False}
    assert found["kinds"]["filled"]["balanced_accuracy"] == 1
    assert found["kinds"]["repeated"]["balanced_accuracy_sd"] > 0
    assert len(found["kinds"]["repeated"]["spearman_by_seed"]) == 2
    gain = found["gains"]["filled"]["repeated"]["balanced_accuracy"]
    assert gain["mean"] == pytest.approx(1 - found["kinds"]["repeated"]["balanced_accuracy"], abs=1e-3)
    assert gain["interval_95"][0] < gain["mean"] < gain["interval_95"][1]
    assert found["gains"]["all_real"] == found["gains"]["filled"]
    assert found["gains"]["mixed"]["unbalanced"]["spearman"] == {"mean": 0, "interval_95": [0, 0]}


@pytest.mark.parametrize(("seen", "size", "strict"), [(1.0, 64, False), (0.5, 64, False), (0.2, 128, True)])
def test_a_result_says_what_its_generator_saw(
    examinations: list[SectorPicture],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    seen: float,
    size: int,
    strict: bool,
):
    monkeypatch.setattr(figures, "DRAWS", 20)
    options = SynthesisOptions(conditional=True, degraded_share=seen)
    found = evaluate_balance(Path(), untrained_run(tmp_path / "run", options, size), PLAN)
    split = read_real(Path(), options)
    assert found["strict"] is strict
    assert f"of {seen:.0%}" in found["generator_saw"]
    assert (found["size"], found["epoch"], found["training_command"]) == (size, 7, "sonogauge train synthesis")
    assert found["command"] == "sonogauge evaluate balance RUN --degraded-share 0.2 --seeds 2 --steps 2"
    examinations_here = len(set(split.training.groups))
    assert found["n_degraded_examinations"] == round(0.2 * examinations_here)
    assert found["n_training"] == {
        "0": 2 * examinations_here,
        "0.5": 2 * found["n_degraded_examinations"],
        "1": 2 * found["n_degraded_examinations"],
    }
    assert found["n_test"] == len(split.held_out) == 120 - 6 * examinations_here
    assert tuple(found["kinds"]) == KINDS
    assert "all_real over repeated" in balance_text(json.loads(json.dumps(found)))


def test_neither_classifier_nor_generator_sees_an_examination_of_the_test(
    examinations: list[SectorPicture], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    seen: list[experiment.Trial] = []

    def rated(trial: experiment.Trial, seed: int) -> tuple[np.ndarray, float]:
        seen.append(trial)
        return np.random.default_rng(seed).dirichlet(np.ones(3), (len(KINDS), len(trial.test))), 0.5

    monkeypatch.setattr(experiment.Trial, "ratings", rated)
    monkeypatch.setattr(figures, "DRAWS", 20)
    options = SynthesisOptions(images=18, conditional=True, degraded_share=0.2)
    evaluate_balance(Path(), untrained_run(tmp_path / "run", options), PLAN)
    generator_saw, trial = read_real(Path(), options).training, seen[0]
    assert not set(trial.test.groups) & set(generator_saw.groups)
    learned = {image.tobytes() for image in trial.every.images}
    assert not {image.tobytes() for image in trial.test.squares(64)} & learned
    assert np.array_equal(trial.few.images, generator_saw.squares(64))  # the strict test: the very same pictures


def test_what_cannot_be_balanced_is_told(examinations: list[SectorPicture], tmp_path: Path):
    plain = untrained_run(tmp_path / "plain", SynthesisOptions())
    with pytest.raises(SettingsError, match="--conditional"):
        evaluate_balance(Path(), plain, PLAN)
    greedy = untrained_run(tmp_path / "greedy", SynthesisOptions(images=40, conditional=True))
    with pytest.raises(DataError, match="saw all examinations"):
        evaluate_balance(Path(), greedy, PLAN)
    with pytest.raises(DataError, match=r"run\.json"):
        evaluate_balance(Path(), tmp_path / "nothing", PLAN)
    (greedy / "run.json").write_text("{}")
    with pytest.raises(DataError, match="lacks conditional, flip"):
        evaluate_balance(Path(), greedy, PLAN)
    with pytest.raises(SettingsError, match="two seeds"):
        BalancePlan(seeds=1)


def test_stored_figures_are_read_or_told_damaged(tmp_path: Path):
    path = tmp_path / "balance.json"
    assert stored_rows(path) is None
    figures.store_balance(path, [{"date": "2026-11-22"}])
    assert stored_rows(path) == [{"date": "2026-11-22"}]
    path.write_text("[]")
    with pytest.raises(DataError, match=r"balance\.json"):
        stored_rows(path)
    with pytest.raises(SettingsError, match="another file"):
        figures.store_balance(tmp_path / "none" / "balance.json", [])
