"""Shards of virtual samples: the same bytes for any number of processes, resumed, and refused when damaged or mixed."""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from capture.errors import DataError
from models.data import virtual_generate, virtual_manifest, virtual_shards
from models.data.contact_sheet import contact_sheet
from models.data.virtual_dataset import VirtualDataset
from models.data.virtual_generate import generate
from models.data.virtual_manifest import Manifest, prepare
from models.data.virtual_shards import shard_name, shard_samples, write_shard

VIEWS = {"A4C": 1.0, "ALAX": 1.0}


def bytes_of(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("virtual") / "set"
    outcome = generate(folder, seed=4, samples=6, jobs=1, views=VIEWS)
    assert (outcome.made, outcome.kept, outcome.complete) == (6, 0, True)
    return folder


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    for path in made.rglob("*"):
        if path.is_file():
            target = folder / path.relative_to(made)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    return folder


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two samples a shard, within this process."""
    for module in (virtual_shards, virtual_manifest):
        monkeypatch.setattr(module, "SHARD_SIZE", 2)
    monkeypatch.setattr("models.data.virtual_dataset.SHARD_SIZE", 2)


def write_all(folder: Path, numbers: list[int], samples: int) -> None:
    manifest = Manifest(4, samples, VIEWS)
    prepare(folder, manifest)
    maker = virtual_generate.SampleMaker(4, VIEWS)
    for number in numbers:
        assert write_shard(folder / shard_name(number), maker.make, shard_samples(number, samples), lambda: True)


def test_records_are_whole(made):
    dataset = VirtualDataset(made)
    dataset.verify()
    assert len(dataset) == 6
    for index in range(6):
        record = dataset[index]
        assert record.info["index"] == index
        assert record.image.shape == record.labels.shape == (256, 256)
        assert record.rating.dtype == record.coherence.dtype == np.float32
        assert 1 <= record.rating.min() <= record.rating.max() <= 5
        assert {values.shape for values in record.severity.values()} == {(64, 64)}
        assert record.region_rating.shape == (8,)
        assert not record.image[~record.inside].any()
    with pytest.raises(IndexError):
        dataset[6]


def test_a_data_set_travels_to_other_processes_without_its_pictures(made):
    dataset = VirtualDataset(made)
    expected = dataset[2].image
    packed = pickle.dumps(dataset)
    assert len(packed) < 2000
    assert np.array_equal(pickle.loads(packed)[2].image, expected)


@pytest.mark.usefixtures("small_shards")
def test_the_order_in_which_shards_are_made_does_not_matter(tmp_path):
    write_all(tmp_path / "one", [0, 1, 2], 5)
    write_all(tmp_path / "other", [2, 0, 1], 5)
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "other")
    assert len(VirtualDataset(tmp_path / "one")) == 5


@pytest.mark.usefixtures("small_shards")
def test_an_unfinished_folder_is_refused_unless_its_whole_shards_are_asked_for(tmp_path):
    write_all(tmp_path / "set", [0], 4)
    with pytest.raises(DataError, match="not complete"):
        VirtualDataset(tmp_path / "set")
    assert len(VirtualDataset(tmp_path / "set", partial=True)) == 2


def test_whole_shards_are_kept(copy):
    before = (copy / shard_name(0) / "images.npy").stat().st_mtime_ns
    outcome = generate(copy, seed=4, samples=6, jobs=2, views=VIEWS)
    assert (outcome.made, outcome.kept, outcome.complete) == (0, 6, True)
    assert (copy / shard_name(0) / "images.npy").stat().st_mtime_ns == before


def test_a_half_written_shard_is_made_anew(copy, made):
    (copy / shard_name(0) / "shard.json").unlink()
    (copy / f".{shard_name(0)}.part").mkdir()
    assert generate(copy, seed=4, samples=6, jobs=1, views=VIEWS).made == 6
    assert bytes_of(copy) == bytes_of(made)


def test_a_stopped_shard_leaves_nothing(tmp_path):
    maker = virtual_generate.SampleMaker(4, VIEWS)
    assert not write_shard(tmp_path / "shard_00000", maker.make, range(2), lambda: False)
    assert not list(tmp_path.iterdir())


def test_another_seed_or_mix_of_views_is_refused(copy):
    for seed, views in ((5, VIEWS), (4, {"A4C": 1.0})):
        with pytest.raises(DataError, match="another folder"):
            generate(copy, seed=seed, samples=6, views=views)


def test_fewer_samples_than_there_are_is_refused(copy):
    with pytest.raises(DataError, match="more than the 3"):
        generate(copy, seed=4, samples=3, views=VIEWS)


def test_another_version_is_refused(copy):
    path = copy / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 0}))
    with pytest.raises(DataError, match="version 0"):
        VirtualDataset(copy)


def test_shards_without_a_manifest_are_refused(copy):
    (copy / "manifest.json").unlink()
    with pytest.raises(DataError, match="without a manifest"):
        generate(copy, seed=4, samples=6, views=VIEWS)
    with pytest.raises(DataError, match="no virtual data set"):
        VirtualDataset(copy)


def test_damage_is_found(copy):
    images = copy / shard_name(0) / "images.npy"
    whole = images.read_bytes()
    images.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(DataError, match=r"images\.npy changed"):
        VirtualDataset(copy).verify()
    images.write_bytes(whole[:1000])
    with pytest.raises(DataError, match="damaged"):
        VirtualDataset(copy)[0]


def test_shards_in_the_wrong_place_are_found(copy):
    lines = (copy / shard_name(0) / "samples.jsonl").read_text().splitlines()
    (copy / shard_name(0) / "samples.jsonl").write_text("\n".join(lines[::-1]) + "\n")
    with pytest.raises(DataError, match="other samples"):
        VirtualDataset(copy)[0]


@pytest.mark.parametrize(("samples", "jobs", "seed"), [(0, 1, 1), (1, 0, 1), (1, 1, -1)])
def test_impossible_numbers_are_refused(tmp_path, samples, jobs, seed):
    with pytest.raises(DataError, match="cannot be made"):
        generate(tmp_path, seed, samples, jobs)


def test_the_contact_sheet_has_a_tile_for_every_sample(made):
    dataset = VirtualDataset(made)
    sheet = contact_sheet([dataset[index] for index in range(6)], across=4)
    assert sheet.shape == (2 * 192, 4 * 384, 3)
    assert sheet[:192].any()
    assert not sheet[192:, 2 * 384 :].any()
