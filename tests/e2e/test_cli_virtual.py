"""``sonogauge virtual``: a data set from the command line, and the realism page."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest

from models.data.virtual_dataset import VirtualDataset

Sonogauge = Callable[..., Any]
ROOT = Path(__file__).resolve().parents[2]


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def two_shards(sonogauge: Sonogauge, tmp_path: Path) -> Path:
    out = tmp_path / "one"
    ended = sonogauge("virtual", "dataset", "--n", 260, "--seed", 7, "--out", out, "--jobs", 2)
    assert ended.code == 0, ended.err
    assert "260 samples made, 0 there before" in ended.out
    return out


@pytest.mark.slow
def test_any_number_of_processes_gives_the_same_bytes(sonogauge, two_shards, tmp_path):
    ended = sonogauge("virtual", "dataset", "--n", 260, "--seed", 7, "--out", tmp_path / "other", "--jobs", 1)
    assert ended.code == 0, ended.err
    assert hashes(two_shards) == hashes(tmp_path / "other")


def test_a_data_set_is_made_shown_and_goes_on(sonogauge, tmp_path):
    out = tmp_path / "set"
    ended = sonogauge("virtual", "dataset", "--n", 5, "--seed", 7, "--out", out, "--jobs", 1, "--views", "A4C=2,A2C")
    assert ended.code == 0, ended.err
    assert "5 samples made, 0 there before" in ended.out
    assert "samples/s" in ended.out
    sheet = cv2.imread(str(out / "contact_sheet.png"))
    assert sheet is not None
    first = VirtualDataset(out)[4].image.copy()
    ended = sonogauge("virtual", "dataset", "--n", 6, "--seed", 7, "--out", out, "--jobs", 2, "--views", "A4C=2,A2C")
    assert ended.code == 0, ended.err
    dataset = VirtualDataset(out)
    dataset.verify()
    assert len(dataset) == 6
    assert (dataset[4].image == first).all()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--n", 4, "--views", "A3C"), 2, "no view and share"),
        (("--n", 4, "--views", "A4C=many"), 2, "no share"),
        (("--n", 0), 2, ""),
    ],
)
def test_what_cannot_be_made_is_refused(sonogauge, tmp_path, arguments, code, says):
    ended = sonogauge("virtual", "dataset", *arguments, "--out", tmp_path / "set")
    assert ended.code == code
    assert says in ended.err


def test_interrupting_leaves_whole_shards_alone(tmp_path):
    out = tmp_path / "set"
    command = [sys.executable, "-c", "from app.cli import main; main()", "virtual", "dataset"]
    process = subprocess.Popen(
        [*command, "--n", "256", "--out", str(out), "--jobs", "1"],
        cwd=ROOT,
        env=dict(os.environ),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not (out / "manifest.json").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(2)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "the same command goes on" in err
    assert [path.name for path in out.iterdir()] == ["manifest.json"]


def test_the_realism_page_holds_figures_and_pictures(sonogauge, tmp_path, camus_like):
    out = tmp_path / "set"
    assert sonogauge("virtual", "dataset", "--n", 12, "--out", out, "--jobs", 1, "--views", "A4C").code == 0
    page = tmp_path / "page.html"
    arguments = ("virtual", "realism", "--data", out, "--out", page, "--real", camus_like, "--frames", 6, "--json")
    ended = sonogauge(*arguments)
    assert ended.code in (0, 1), ended.err
    found = json.loads(ended.out)
    assert found == json.loads(page.with_suffix(".json").read_text())
    assert found["frames"]["real"] >= 4
    assert found["frames"]["clip"] == 0
    assert found["figures"]["axial_deep_px"]["held"]
    assert found["frechet"] is None
    text = page.read_text()
    assert text.count("data:image/png;base64,") == 2
    assert "lateral_near_px*" in text


def test_realism_without_a_data_set_says_what_to_do(sonogauge, tmp_path):
    ended = sonogauge("virtual", "realism", "--data", tmp_path, "--out", tmp_path / "page.html")
    assert ended.code == 1
    assert "sonogauge virtual dataset" in ended.err


@pytest.fixture
def camus_like(sonogauge: Sonogauge, tmp_path: Path) -> Path:
    """A data folder laid out like CAMUS with virtual frames in it."""
    source = tmp_path / "source"
    assert (
        sonogauge("virtual", "dataset", "--n", 8, "--seed", 3, "--out", source, "--jobs", 1, "--views", "A2C").code == 0
    )
    root = tmp_path / "data" / "camus"
    lines = ["split,file,view,phase,width,height,spacing_mm"]
    for name in ("images", "labels"):
        (root / "train" / name).mkdir(parents=True)
    dataset = VirtualDataset(source)
    for index in range(len(dataset)):
        record, stem = dataset[index], f"patient{index:04d}_2CH_ED"
        width = round(256 * record.spacing_mm[0] / record.spacing_mm[1])
        image, label = (
            cv2.resize(values, (width, 256), interpolation=cv2.INTER_NEAREST)
            for values in (record.image, record.labels)
        )
        cv2.imwrite(str(root / "train" / "images" / f"{stem}.png"), image)
        cv2.imwrite(str(root / "train" / "labels" / f"{stem}_gt.png"), label)
        lines.append(f"train,{stem}.png,A2C,ED,{width},256,")
    (root / "index.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "data"
