"""An assessment as it is stored: figures in typed columns for curves and searches, and the whole, exactly, as bytes."""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any

from app.session.plain import from_plain, pack_array, to_plain, unpack_array
from capture.errors import SessionError
from models.runtime.contract import REGION_NAMES, Assessment

_REGIONS = range(len(REGION_NAMES))
FIGURES: dict[str, str] = {
    "frame_index": "INTEGER",
    "t_mono_ns": "INTEGER",
    "t_ready_ns": "INTEGER",
    "verdict": "TEXT",
    "view": "TEXT",
    "view_p": "REAL",
    "score": "REAL",
    "cluster": "TEXT",
    "cluster_rank": "INTEGER",
    "cluster_level": "INTEGER",
    "severity": "REAL",
    "log_density": "REAL",
    "is_known": "INTEGER",
    "ef": "INTEGER",
    "strain": "INTEGER",
    "mapse": "INTEGER",
    "cause": "TEXT",
    **{f"raw_{k}": "REAL" for k in _REGIONS},
    **{f"smooth_{k}": "REAL" for k in _REGIONS},
    **{f"label_{k}": "INTEGER" for k in _REGIONS},
}
"""Columns of the table ``assessments``; ``raw_3`` is of the fourth of ``REGION_NAMES``."""

_LARGEST_RECORD = 64 << 20


def figures_of(assessment: Assessment, t_ready_ns: int) -> tuple[Any, ...]:
    """Values of ``FIGURES`` in their order, None where there is none."""
    cluster, gate, ready = assessment.cluster, assessment.gate, assessment.readiness
    regions = dict(zip(_REGIONS, assessment.regions, strict=False))
    found = [
        *(assessment.frame_index, assessment.t_mono_ns, t_ready_ns),
        *(str(assessment.verdict), assessment.view, assessment.view_p),
        None if assessment.score is None else assessment.score.value,
        *((None,) * 4 if cluster is None else (cluster.name, cluster.rank, cluster.level, cluster.severity)),
        *((None,) * 2 if gate is None else (gate.log_density, gate.is_known)),
        *((None,) * 3 if ready is None else (ready.ef, ready.strain, ready.mapse)),
        assessment.causes[0].name if assessment.causes else None,
        *(regions[k].score_raw if k in regions else None for k in _REGIONS),
        *(regions[k].score if k in regions else None for k in _REGIONS),
        *(regions[k].label if k in regions else None for k in _REGIONS),
    ]
    return tuple(value.item() if hasattr(value, "item") else value for value in found)


def pack_assessment(assessment: Assessment) -> bytes:
    """All of an assessment, arrays included."""
    arrays: list[Any] = []
    plain = to_plain(assessment, arrays)
    packed = [pack_array(array) for array in arrays]
    text = json.dumps([plain, [head for head, _ in packed]], separators=(",", ":")).encode()
    return zlib.compress(struct.pack("<I", len(text)) + text + b"".join(data for _, data in packed), 1)


def unpack_assessment(record: bytes) -> Assessment:
    """The assessment of ``pack_assessment``, equal in every field.

    Raises
    ------
    SessionError
        When the bytes are damaged.
    """
    try:
        unpacker = zlib.decompressobj()
        data = memoryview(unpacker.decompress(record, _LARGEST_RECORD))
        if not unpacker.eof:
            raise ValueError("cut off")
        (length,) = struct.unpack_from("<I", data)
        plain, heads = json.loads(bytes(data[4 : 4 + length]))
        arrays, at = [], 4 + length
        for head in heads:
            array, taken = unpack_array(head, data[at:])
            arrays.append(array)
            at += taken
    except (zlib.error, struct.error, ValueError, TypeError, RecursionError) as error:
        raise SessionError(f"an assessment of the session is damaged ({error}): verify the session") from error
    found = from_plain(plain, arrays)
    if not isinstance(found, Assessment):
        raise SessionError("the session holds something else where an assessment should be: verify it")
    return found
