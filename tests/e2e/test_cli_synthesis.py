"""``export``, ``evaluate synthesis`` and ``synth`` on a generator that was trained for a moment."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from made_up_fetal import fetal_like, write_fetal, write_squeezenet

from capture.errors import DataError, ModelError, SettingsError
from capture.geometry import Sector
from models.runtime.manifest import load_manifest, verify
from models.runtime.reference import reference_for
from models.synthesis import balance_figures, released
from models.synthesis import data as synthesis_data
from models.synthesis.export import export_synthesis
from models.synthesis.gan import Gan, write_aside
from models.synthesis.picture_file import marked, png_bytes, png_text
from models.synthesis.recipe import SynthesisOptions, SynthesisRecipe
from models.synthesis.released import as_text, evaluate_synthesis
from models.synthesis.sample import PictureMaker
from models.synthesis.train import _same_run, asked_for, generator_path
from models.us2qnet.data import SectorPicture

Sonogauge = Callable[..., Any]

pytestmark = [
    pytest.mark.usefixtures("one_torch_thread"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # torch speaks of its own plans
]


def untrained_run(run: Path, size: int, conditional: bool) -> Path:
    """A run folder whose generator has random weights, of width 4."""
    recipe, options = SynthesisRecipe(size=size, width=4), SynthesisOptions(conditional=conditional)
    _same_run(run / "run.json", asked_for(recipe, options))
    gan = Gan(recipe, conditional, run / "gan.pt")
    shape = {"size": size, "width": 4, "conditional": conditional}
    for epoch in (1, 2):
        write_aside({"generator": gan.average.state_dict(), "black": 3.0, **shape}, generator_path(run, epoch))
    return run


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Released files of two sizes, and of a conditional generator."""
    folder = tmp_path_factory.mktemp("synthesis")
    for size, conditional in ((64, False), (128, False), (64, True)):
        run = untrained_run(folder / f"run_{size}_{conditional}", size, conditional)
        made = export_synthesis(run, folder / "weights")
        assert made["epoch"] == 2
        assert made["mean_abs"] < 1
    return folder / "weights"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_squeezenet(write_fetal(tmp_path_factory.mktemp("data")))


def test_the_manifest_tells_what_a_generator_eats(weights: Path):
    manifest = load_manifest(weights)
    assert set(manifest.models) == {"synthesis_fetal_64", "synthesis_fetal_128", "synthesis_fetal_64_levels"}
    assert all(check.is_ok for check in verify(weights))
    entry = manifest.entry("synthesis_fetal_64_levels")
    assert entry.contract.input.shape == (None, 101)
    assert entry.licence == "CC BY 4.0 (HC18)"
    assert "training split" in entry.training_data[0]
    (reference,) = reference_for(entry.contract.input)
    assert reference.shape == (1, 101)


def test_an_empty_run_is_told(sonogauge: Sonogauge, tmp_path: Path):
    ended = sonogauge("export", "synthesis", tmp_path, "--out", tmp_path / "weights")
    assert (ended.code, "run.json" in ended.err) == (1, True)


def test_one_seed_gives_one_set(weights: Path):
    maker = PictureMaker(weights, "synthesis_fetal_64")
    first, again, other = (maker.pictures(30, seed) for seed in (1, 1, 2))
    assert first.shape == (30, 64, 64)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    with pytest.raises(SettingsError, match="no levels"):
        maker.pictures(1, levels=[0.5])
    maker.close()


def test_levels_must_be_known(weights: Path):
    maker = PictureMaker(weights, "synthesis_fetal_64_levels")
    assert maker.pictures(3).shape == (3, 64, 64)
    with pytest.raises(SettingsError, match="from 0 to 1"):
        maker.pictures(2, levels=[0.5, 1.5])
    maker.close()
    with pytest.raises(ModelError, match="no model"):
        PictureMaker(weights, "synthesis_echo_64")


def test_synth_writes_marked_pictures_a_list_and_a_report(
    sonogauge: Sonogauge, weights: Path, data: Path, tmp_path: Path
):
    out = tmp_path / "made"
    ended = sonogauge("synth", "--n", 6, "--size", 64, "--out", out, "--weights", weights, "--data", data)
    assert ended.code == 0, ended.err
    with (out / "index.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    assert {(row["label"], row["set"], row["size"], row["level"]) for row in rows} == {("SYNTHETIC", "fetal", "64", "")}
    for row in rows:
        text = png_text((out / row["file"]).read_bytes())
        assert text["Title"] == "SYNTHETIC"
        assert "synthesis_fetal_64@" in text["Description"]
        picture = cv2.imread(str(out / row["file"]), cv2.IMREAD_UNCHANGED)
        assert picture.shape == (64, 64)
        x, y, width, height = (int(row[f"mark_{name}"]) for name in ("x", "y", "width", "height"))
        mark = picture[y : y + height, x : x + width]
        assert (mark == 255).mean() > 0.4
        assert mark.min() < 60
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 2
    assert "V143" in page
    assert "SqueezeNet" in page
    assert page.count("src=") == 2


def test_synth_refuses_a_folder_that_holds_something(sonogauge: Sonogauge, weights: Path, tmp_path: Path):
    (tmp_path / "mine.txt").write_text("mine")
    ended = sonogauge("synth", "--n", 1, "--size", 64, "--out", tmp_path, "--weights", weights)
    assert (ended.code, "mine.txt" in ended.err) == (2, True)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["mine.txt"]


def test_without_real_pictures_the_report_says_so(sonogauge: Sonogauge, weights: Path, tmp_path: Path):
    out = tmp_path / "made"
    options = ("--weights", weights, "--data", tmp_path / "nothing", "--level", 0.5)
    assert sonogauge("synth", "--n", 2, "--size", 64, "--out", out, *options).code == 0
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "No real pictures" in page
    assert "level of degradation 0.5" in page
    assert ",0.5," in (out / "index.csv").read_text()


def test_evaluate_gives_the_figures_that_are_asked_for(weights: Path, data: Path, tmp_path: Path):
    plain = tmp_path / "weights"
    for size in (64, 128):
        export_synthesis(untrained_run(tmp_path / f"run{size}", size, False), plain)
    found = evaluate_synthesis(data, plain, made=5)
    for name in ("frechet_64", "frechet_128", "diversity_64", "diversity_128", "lbp_distance"):
        assert np.isfinite(found[name])
    assert found["lbp_distance"] == max(found["lbp_distance_64"], found["lbp_distance_128"])
    assert set(found["models"]["synthesis_fetal_64"]["lbp_bins"]) == {"V8", "V20", "V143", "V240"}
    assert found["models"]["synthesis_fetal_64"]["n_real"] == 10
    text = as_text(found)
    assert "frechet_128" in text
    assert "V240" in text


def test_evaluate_asks_for_both_sizes_first(sonogauge: Sonogauge, data: Path, tmp_path: Path):
    export_synthesis(untrained_run(tmp_path / "run", 64, False), tmp_path / "weights")
    ended = sonogauge("evaluate", "synthesis", "--json", "--data", data, "--weights", tmp_path / "weights")
    assert (ended.code, "synthesis_fetal_128" in ended.err) == (1, True)


def test_train_tells_when_there_are_too_few_pictures(sonogauge: Sonogauge, data: Path, tmp_path: Path):
    ended = sonogauge("train", "synthesis", "--images", 99, "--data", data, "--out", tmp_path / "run")
    assert (ended.code, "has 10 pictures" in ended.err) == (2, True)


def test_balance_prints_and_keeps_what_evaluate_synthesis_shows(
    sonogauge: Sonogauge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    sector = Sector(36.0, 1.0, 2.0, 44.0, -0.6, 0.6)
    pictures = [SectorPicture(image, sector, f"{n:03d}", f"{n}") for n, image in enumerate(fetal_like(20))]
    monkeypatch.setattr(synthesis_data, "fetal_pictures", lambda data_dir: pictures)
    monkeypatch.setattr(balance_figures, "DRAWS", 20)
    runs, kept = [untrained_run(tmp_path / f"run_{size}", size, True) for size in (64, 128)], tmp_path / "balance.json"
    options = ("--degraded-share", 0.2, "--seeds", 2, "--steps", 1, "--data", tmp_path)
    ended = sonogauge("evaluate", "balance", *runs, *options, "--out", kept, "--json")
    assert ended.code == 0, ended.err
    assert [row["size"] for row in ended.json["rows"]] == [64, 128]
    assert json.loads(kept.read_text()) == ended.json
    found = {"models": {}, "sweep": None, "balance": released.stored_rows(kept)}
    assert "saw degraded pictures that the classifier lacks: of 100%" in as_text(found)
    assert "sonogauge evaluate balance RUN --degraded-share 0.2" in as_text(found)
    assert "Balancing with synthetic pictures has not been run" in as_text(found | {"balance": None})
    ended = sonogauge("evaluate", "balance", *runs, *options, "--out", tmp_path / "none" / "balance.json")
    assert (ended.code, "there is no folder" in ended.err) == (2, True)


def test_a_share_of_degraded_pictures_is_for_conditional_runs(sonogauge: Sonogauge, data: Path, tmp_path: Path):
    ended = sonogauge("train", "synthesis", "--degraded-share", 0.1, "--data", data, "--out", tmp_path / "run")
    assert (ended.code, "--conditional" in ended.err) == (2, True)


def test_a_damaged_png_is_told_and_a_large_picture_has_the_whole_word():
    picture = np.zeros((128, 128), np.uint8)
    content = bytearray(png_bytes(picture, {"Title": "SYNTHETIC"}))
    assert np.array_equal(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED), picture)
    content[45] ^= 1
    with pytest.raises(DataError, match="damaged"):
        png_text(bytes(content))
    small, large = (marked(np.zeros((side, side), np.uint8))[1] for side in (64, 128))
    assert large[2] > 2 * small[2]
