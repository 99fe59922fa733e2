"""Result rows of ``sonogauge score`` and their three file formats."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from mocks import make_assessment, make_frame

from app.batch.rows import COLUMNS, Row, RowFile, row_of
from capture.errors import SettingsError
from models.runtime.contract import (
    REGION_NAMES,
    Cause,
    ClusterAssessment,
    GateAssessment,
    Readiness,
    ScoreAssessment,
    cannot_judge,
)

REGIONS = (
    "basal_left",
    "mid_left",
    "apical_left",
    "apical_right",
    "mid_right",
    "basal_right",
    "annulus_left",
    "annulus_right",
)


CLUSTER = ("cluster", "cluster_p", "level_1_5")
WHOLE = ("score_0_100", "score_reason", "artifact_logp", "artifact_reason")


def rows() -> list[Row]:
    first, second = make_frame(0, t_media_s=0.0), make_frame(1)
    judged = make_assessment(
        first,
        [4.25, None, *[3.0] * 6],
        view="A4C",
        view_p=0.96875,
        causes=(Cause("shadow", 0.7, ("mid_left",)), Cause("haze", 0.2)),
        readiness=Readiness(False, False, True),
        cluster=ClusterAssessment("A", 1, (0.25, 0.70004, 0.04996), ("A-", "A", "A+"), (1.0, 2.0), 0.4, 3),
        score=ScoreAssessment(81.2345),
        gate=GateAssessment(-1.234567, -4.0, True, None, "", (0.1, 0.2)),
        model_ids={"b": "b@int8#2", "a": "a@int8#1"},
    )
    return [row_of("clip, one.mp4", judged), row_of("b.png", cannot_judge(second, 'no "heart" found\ntilt'))]


def read(path: Path) -> list[Row]:
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return list(pq.read_table(path).to_pylist())


def test_columns_are_those_that_users_were_promised():
    first = ("file", "frame", "t_s", "verdict", "reason", "view", "view_p", "cause")
    promised = (*first, *REGIONS, "readiness_ef", "readiness_strain", "readiness_mapse", *CLUSTER, *WHOLE, "model_ids")
    assert promised == COLUMNS
    assert all(tuple(row) == COLUMNS for row in rows())


def test_a_judged_frame_and_one_that_is_not():
    judged, refused = rows()
    assert (judged["verdict"], judged["reason"], judged["view"], judged["t_s"]) == ("ok", "", "A4C", 0.0)
    assert [judged[name] for name in REGION_NAMES] == [4.25, None, *[3.0] * 6]
    assert (judged["view_p"], judged["cause"]) == (0.9688, "shadow")
    assert [judged[f"readiness_{name}"] for name in ("ef", "strain", "mapse")] == [False, False, True]
    assert (refused["view_p"], refused["cause"], refused["readiness_ef"]) == (None, "", None)
    assert [judged[name] for name in CLUSTER] == ["A", 0.7, 3]
    assert [refused[name] for name in CLUSTER] == ["", None, None]
    assert [judged[name] for name in WHOLE] == [81.23, "", -1.2346, ""]
    assert [refused[name] for name in WHOLE] == [None, refused["reason"], None, refused["reason"]]
    assert judged["model_ids"] == "a@int8#1 b@int8#2"
    assert (refused["verdict"], refused["view"], refused["t_s"]) == ("cannot_judge", "", None)
    assert [refused[name] for name in REGION_NAMES] == [None] * 8


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
def test_typed_formats_give_every_row_back(tmp_path: Path, ending: str):
    path = tmp_path / "new" / f"out{ending}"
    with RowFile(path) as results:
        for row in rows():
            results.write(row)
    assert read(path) == rows()
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_csv_gives_every_row_back_as_text(tmp_path: Path):
    path = tmp_path / "out.CSV"
    with RowFile(path) as results:
        for row in rows():
            results.write(row)
    with path.open(newline="", encoding="utf-8") as file:
        found = list(csv.reader(file))
    assert tuple(found[0]) == COLUMNS
    wanted = [["" if value is None else str(value) for value in row.values()] for row in rows()]
    assert found[1:] == wanted


def test_parquet_rows_beyond_one_batch_are_all_there(tmp_path: Path):
    path = tmp_path / "out.parquet"
    with RowFile(path) as results:
        for index in range(2050):
            results.write(rows()[0] | {"frame": index})
    assert [row["frame"] for row in read(path)] == list(range(2050))


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_rows_before_an_error_are_kept(tmp_path: Path, ending: str):
    path = tmp_path / f"out{ending}"

    def score() -> None:
        with RowFile(path) as results:
            results.write(rows()[0])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        score()
    assert len(read(path)) == 1


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_an_error_before_the_first_row_leaves_older_results_alone(tmp_path: Path, ending: str):
    path = tmp_path / f"out{ending}"
    path.write_text("of yesterday")
    with pytest.raises(RuntimeError), RowFile(path):
        raise RuntimeError
    assert path.read_text() == "of yesterday"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_a_run_without_rows_gives_a_file_without_rows(tmp_path: Path, ending: str):
    path = tmp_path / f"out{ending}"
    with RowFile(path):
        pass
    assert read(path) == []


def test_a_wrong_ending_is_told_before_anything_is_written(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"use \.csv, \.jsonl or \.parquet"):
        RowFile(tmp_path / "new" / "out.xlsx")
    assert not (tmp_path / "new").exists()


def test_a_place_that_cannot_be_written_is_told_at_once(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="choose another --out"):
        RowFile(tmp_path / "file" / "out.csv")
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(SettingsError, match="is a folder"):
        RowFile(tmp_path / "out.csv")


def test_a_full_disk_is_told_and_what_was_there_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "out.csv"
    path.write_text("of yesterday")
    results = RowFile(path)

    def full(row: Row) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(results._writer, "write", full)
    with pytest.raises(SettingsError, match=r"out\.csv: No space left on device"), results:
        results.write(rows()[0])
    assert path.read_text() == "of yesterday"
