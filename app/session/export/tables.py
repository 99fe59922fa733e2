"""Figures of a session as a table, one row per frame: Parquet with units in the columns' metadata, CSV."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet

from app.session.assessment_record import FIGURES
from app.session.export.plan import NOTICE, ExportPlan
from app.session.seal import Progress, no_progress
from models.runtime.contract import REGION_NAMES

_UNITS = {
    "t_s": "s",
    "t_media_s": "s",
    "latency_ms": "ms",
    "spacing_mm": "mm/pixel",
    "view_p": "probability",
    "score": "0..100",
    "cluster_rank": "0 is the worst",
    "cluster_level": "1..5",
    "severity": "0..1",
    "log_density": "nat",
}
_REGION_UNITS = {
    "raw": "1..5, of the frame alone",
    "smooth": "1..5, smoothed over time",
    "label": "1..5, 0 out of sector",
}
_FLAGS = ("is_known", "ef", "strain", "mapse")
_NOT_SHOWN = ("frame_index", "t_mono_ns", "t_ready_ns")


def write_parquet(plan: ExportPlan, path: Path, progress: Progress = no_progress) -> None:
    """Write ``table_of`` as Parquet; OSError when the disk is full."""
    parquet.write_table(table_of(plan), path, compression="zstd")
    progress(1.0)


def write_csv(plan: ExportPlan, path: Path, progress: Progress = no_progress) -> None:
    """Write ``table_of`` as CSV with one head line; OSError when the disk is full."""
    csv.write_csv(table_of(plan), path)
    progress(1.0)


def table_of(plan: ExportPlan) -> pa.Table:
    """All figures of the chosen frames; null where a frame was not assessed or has no such figure.

    Columns: ``frame`` (counted from 0), ``source_frame``, ``t_s`` since the session's first frame, ``t_media_s``,
    ``segment``, ``spacing_mm``, ``is_assessed``, ``latency_ms``, ``verdict``, view, score, cluster, gate, readiness,
    ``cause``, and ``raw_``, ``smooth_`` and ``label_`` of each region.

    Raises
    ------
    SessionError
        When the index is damaged.
    """
    columns = _frame_columns(plan) | _figure_columns(plan)
    fields = [pa.field(name, column.type, metadata=_metadata(name)) for name, column in columns.items()]
    models = {model.name: model.model_id for model in plan.session.info.models}
    about = {"session": plan.name, "notice": NOTICE, "models": json.dumps(models)}
    return pa.table(list(columns.values()), schema=pa.schema(fields, metadata=about))


def _frame_columns(plan: ExportPlan) -> dict[str, pa.Array]:
    table, frames = plan.session.frames, plan.frames
    segments = table.segment[frames]
    spacing = {number: segment.geometry.spacing_mm for number, segment in plan.session.segments.items()}
    return {
        "frame": pa.array(frames, pa.int64()),
        "source_frame": pa.array(table.frame_index[frames], pa.int64(), mask=table.frame_index[frames] < 0),
        "t_s": pa.array(table.t_s[frames], pa.float64()),
        "t_media_s": pa.array(table.t_media_s[frames], pa.float64(), from_pandas=True),
        "segment": pa.array(segments, pa.int64()),
        "spacing_mm": pa.array([spacing.get(number) for number in segments.tolist()], pa.float64()),
    }


def _figure_columns(plan: ExportPlan) -> dict[str, pa.Array]:
    session, frames = plan.session, plan.frames
    figures = session.figures()
    row_of = np.full(len(session), -1)
    known = np.flatnonzero(session.frame_of_assessment >= 0)
    row_of[session.frame_of_assessment[known]] = known  # of two rows of a frame the later one
    rows = row_of[frames]
    latency_ms = (figures["t_ready_ns"] - figures["t_mono_ns"]) / 1e6
    columns = {"is_assessed": pa.array(rows >= 0), "latency_ms": _column(latency_ms, rows, pa.float64())}
    for name, kind in FIGURES.items():
        if name not in _NOT_SHOWN:
            columns[_named(name)] = _column(figures[name], rows, _type(name, kind))
    return columns


def _column(values: np.ndarray, rows: np.ndarray, kind: pa.DataType) -> pa.Array:
    """Values of some rows; null for row -1, NaN and None."""
    taken = [None if row < 0 else values[row] for row in rows.tolist()]
    plain = [None if value is None or value != value else value for value in taken]  # noqa: PLR0124 - NaN
    whole = pa.types.is_integer(kind) or pa.types.is_boolean(kind)
    return pa.array([None if v is None else int(v) for v in plain] if whole else plain, _storage(kind)).cast(kind)


def _storage(kind: pa.DataType) -> pa.DataType:
    return pa.int64() if pa.types.is_boolean(kind) else kind


def _type(name: str, kind: str) -> pa.DataType:
    if name in _FLAGS:
        return pa.bool_()
    return {"TEXT": pa.string(), "REAL": pa.float64(), "INTEGER": pa.int64()}[kind]


def _named(figure: str) -> str:
    """``raw_3`` by the name of its region."""
    part, _, number = figure.rpartition("_")
    return f"{part}_{REGION_NAMES[int(number)]}" if part in _REGION_UNITS else figure


def _metadata(name: str) -> dict[str, str] | None:
    unit = _UNITS.get(name) or _REGION_UNITS.get(name.partition("_")[0])
    return None if unit is None else {"unit": unit}
