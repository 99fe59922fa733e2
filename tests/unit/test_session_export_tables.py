"""Tables of a session: every figure of every frame as it was recorded, nulls where there is none, units told."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from made_up_sessions import record, tissue
from pyarrow import parquet

from app.session.export.plan import NOTICE, open_plan
from app.session.export.tables import write_csv, write_parquet
from app.session.layout import SessionFolder
from models.runtime.contract import REGION_NAMES

FRAMES = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> SessionFolder:
    return record(tmp_path_factory.mktemp("library"), [tissue(k) for k in range(FRAMES)], assessed_every=3)


def test_parquet_holds_every_figure_with_its_unit(folder: SessionFolder, tmp_path: Path):
    with open_plan(folder) as plan:
        write_parquet(plan, tmp_path / "t.parquet")
        table = parquet.read_table(tmp_path / "t.parquet")
        session = plan.session
        rows = table.to_pylist()
        assert [row["frame"] for row in rows] == list(range(FRAMES))
        assert [row["t_s"] for row in rows] == session.frames.t_s.tolist()
        for k, row in enumerate(rows):
            found = session.assessment(k)
            assert row["is_assessed"] == (found is not None) == (k % 3 == 0)
            for region, name in enumerate(REGION_NAMES):
                wanted = None if found is None else found.regions[region]
                assert row[f"raw_{name}"] == (wanted and wanted.score_raw)
                assert row[f"label_{name}"] == (wanted and wanted.label)
            assert row["score"] == (found and found.score and found.score.value)
            assert row["latency_ms"] == (None if found is None else pytest.approx(20.0))
            assert row["spacing_mm"] == 0.25
            assert row["ef"] is None
    assert table.schema.field("t_s").metadata == {b"unit": b"s"}
    assert table.schema.field("raw_mid_left").metadata[b"unit"].startswith(b"1..5")
    about = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    assert about["notice"] == NOTICE
    assert json.loads(about["models"]) == {"mock": "mock@1-int8#0"}
    assert "S-1" not in "".join(about.values())


def test_csv_is_the_same_table(folder: SessionFolder, tmp_path: Path):
    with open_plan(folder, from_s=0.05) as plan:
        write_parquet(plan, tmp_path / "t.parquet")
        write_csv(plan, tmp_path / "t.csv")
    wanted = parquet.read_table(tmp_path / "t.parquet")
    with (tmp_path / "t.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == wanted.column_names
    assert len(rows) == wanted.num_rows < FRAMES
    for name in ("t_s", "score", "smooth_apical_left"):
        got = np.array([float(row[name] or "nan") for row in rows])
        np.testing.assert_array_equal(got, np.array(wanted[name].to_pylist(), float))


def test_pandas_reads_both(folder: SessionFolder, tmp_path: Path):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed: no part of the product")
    with open_plan(folder) as plan:
        write_parquet(plan, tmp_path / "t.parquet")
        write_csv(plan, tmp_path / "t.csv")
    one, two = pandas.read_parquet(tmp_path / "t.parquet"), pandas.read_csv(tmp_path / "t.csv")
    assert one.shape == two.shape == (FRAMES, len(one.columns))
    assert one["raw_mid_left"].isna().sum() == FRAMES - FRAMES // 3
