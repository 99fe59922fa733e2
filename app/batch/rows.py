"""The rows of ``sonogauge score``: one per assessed frame, and their writers."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from app.engine.summary import whole_figures
from capture.errors import SettingsError
from models.runtime.contract import REGION_NAMES, Assessment, ClusterAssessment

READINESS_COLUMNS = {"readiness_ef": "ef", "readiness_strain": "strain", "readiness_mapse": "mapse"}
COLUMNS = (
    *("file", "frame", "t_s", "verdict", "reason", "view", "view_p", "cause"),
    *REGION_NAMES,
    *READINESS_COLUMNS,
    *("cluster", "cluster_p", "level_1_5"),
    *("score_0_100", "score_reason", "artifact_logp", "artifact_reason"),
    "model_ids",
)
"""Order of the columns. Region scores are 1..5, empty when not judged or out of sector; ``view_p`` is empty when no
view was recognised, ``cause`` (the strongest) when there is none; readiness is true or false, empty when not judged;
``cluster`` (a word), its probability and the level 1 (worst) to 5 are empty when the frame has no cluster. Where
``score_0_100``, or ``artifact_logp`` (log density by which the artifact gate tells whether the frame is like anything
known), is empty, its reason is not."""

Row = dict[str, object]


def row_of(file: str, assessment: Assessment) -> Row:
    """One assessment as a flat record with the keys of ``COLUMNS``."""
    scores = {region.name: region.score for region in assessment.regions} if assessment.is_judged else {}
    row: Row = {
        "file": file,
        "frame": assessment.frame_index,
        "t_s": None if assessment.t_media_s is None else round(assessment.t_media_s, 6),
        "verdict": str(assessment.verdict),
        "reason": assessment.reason,
        "view": assessment.view or "",
        "view_p": None if assessment.view_p is None else round(float(assessment.view_p), 4),
        "cause": assessment.causes[0].name if assessment.causes else "",
    }
    for name in REGION_NAMES:
        score = scores.get(name)
        row[name] = None if score is None else round(float(score), 4)
    for column, measurement in READINESS_COLUMNS.items():
        row[column] = None if assessment.readiness is None else getattr(assessment.readiness, measurement)
    row |= _cluster_columns(assessment.cluster)
    row |= whole_figures(assessment)
    row["model_ids"] = " ".join(assessment.model_ids[name] for name in sorted(assessment.model_ids))
    return row


def _cluster_columns(cluster: ClusterAssessment | None) -> Row:
    if cluster is None:
        return {"cluster": "", "cluster_p": None, "level_1_5": None}
    return {"cluster": cluster.name, "cluster_p": round(cluster.p, 4), "level_1_5": cluster.level}


class RowWriter(Protocol):
    """Somewhere to put rows; ``finish`` makes the file whole."""

    def write(self, row: Row) -> None:
        """Add one row."""
        ...

    def finish(self) -> None:
        """Write what is left and close."""
        ...


class _CsvWriter:
    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._writer = csv.DictWriter(file, COLUMNS)
        self._writer.writeheader()

    def write(self, row: Row) -> None:
        self._writer.writerow({key: "" if value is None else value for key, value in row.items()})

    def finish(self) -> None:
        self._file.close()


class _JsonLinesWriter:
    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, row: Row) -> None:
        self._file.write(json.dumps(row) + "\n")

    def finish(self) -> None:
        self._file.close()


_TEXTS = ("file", "verdict", "reason", "view", "cause", "cluster", "score_reason", "artifact_reason", "model_ids")
_TYPES = {
    **dict.fromkeys(_TEXTS, pa.string()),
    **dict.fromkeys(READINESS_COLUMNS, pa.bool_()),
    **dict.fromkeys(("frame", "level_1_5"), pa.int64()),
}
_SCHEMA = pa.schema([(name, _TYPES.get(name, pa.float64())) for name in COLUMNS])


class _ParquetWriter:
    BATCH = 1024

    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(path, _SCHEMA)
        self._rows: list[Row] = []

    def write(self, row: Row) -> None:
        self._rows.append(row)
        if len(self._rows) >= self.BATCH:
            self._flush()

    def finish(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=_SCHEMA))
            self._rows = []


_OPENERS: dict[str, Callable[[Path], RowWriter]] = {
    ".csv": lambda path: _CsvWriter(path.open("w", newline="", encoding="utf-8")),
    ".jsonl": lambda path: _JsonLinesWriter(path.open("w", encoding="utf-8")),
    ".parquet": _ParquetWriter,
}


class RowFile:
    """A results file, written beside its place and swapped in when it is whole.

    Used as a context manager: also after an error the rows written so far are kept. An error before the first row
    leaves older results in place.

    Raises
    ------
    SettingsError
        When the ending is not one of .csv, .jsonl, .parquet, or the place cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.suffix.lower() not in _OPENERS:
            raise SettingsError(f"--out {path}: the ending says the format; use .csv, .jsonl or .parquet")
        if path.is_dir():
            raise SettingsError(f"--out {path} is a folder: give the name of a file in it")
        self._aside = path.with_name(f".{path.name}.part")
        self._rows = 0
        with self._errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = _OPENERS[path.suffix.lower()](self._aside)

    def write(self, row: Row) -> None:
        """Add one row; SettingsError when the disk does not take it."""
        with self._errors():
            self._writer.write(row)
        self._rows += 1

    def __enter__(self) -> RowFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._errors():
            self._writer.finish()
            if kind is None or self._rows:
                os.replace(self._aside, self.path)
            else:  # nothing new: older results stay
                self._aside.unlink()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SettingsError(
                f"cannot write {self.path}: {error.strerror}; make room, or choose another --out"
            ) from error
