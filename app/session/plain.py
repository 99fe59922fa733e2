"""Records of the engine as plain JSON values with their arrays beside them, and exactly back.

Fields are stored by name. A field that a record has gained since is filled with its default, one that it has lost is
left out, so that old sessions stay readable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from calibration.levels import Levels
from capture.errors import SessionError
from capture.geometry import LinearField, Rect, Sector
from models.runtime.contract import (
    Assessment,
    Cause,
    ClusterAssessment,
    FrameStamp,
    GateAssessment,
    Readiness,
    RegionAssessment,
    ScoreAssessment,
    Verdict,
)

KIND, ARRAY = "~", "~array"
_RECORDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        *(Assessment, RegionAssessment, Cause, Readiness, ClusterAssessment, ScoreAssessment, GateAssessment),
        *(FrameStamp, Sector, LinearField, Rect, Levels),
    )
}
_ENUMS = {"verdict": Verdict}
_SAFE_TYPES = frozenset(("|u1", "<i2", "<i4", "<i8", "<f4", "<f8", "|b1"))


def to_plain(value: Any, arrays: list[np.ndarray]) -> Any:
    """JSON values of a record; arrays are appended to ``arrays`` and stand there by their number."""
    if is_dataclass(value):
        names = [field.name for field in fields(value)]
        return {KIND: type(value).__name__} | {name: to_plain(getattr(value, name), arrays) for name in names}
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return {ARRAY: len(arrays) - 1}
    if isinstance(value, Mapping):
        return {str(key): to_plain(inner, arrays) for key, inner in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_plain(inner, arrays) for inner in value]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    return str(value) if isinstance(value, StrEnum) else value


def from_plain(value: Any, arrays: list[np.ndarray], more: Mapping[str, type] | None = None) -> Any:
    """The record of JSON values; sequences become tuples.

    Raises
    ------
    SessionError
        When a record is of no known kind or its values do not fit.
    """
    kinds = _RECORDS | dict(more or {})
    try:
        return _build(value, arrays, kinds)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise SessionError(f"a record of the session is damaged ({error}): verify the session") from error


def _build(value: Any, arrays: list[np.ndarray], kinds: Mapping[str, type]) -> Any:
    if isinstance(value, list):
        return tuple(_build(inner, arrays, kinds) for inner in value)
    if not isinstance(value, dict):
        return value
    if ARRAY in value:
        return arrays[value[ARRAY]]
    inner = {key: _build(item, arrays, kinds) for key, item in value.items() if key != KIND}
    if KIND not in value:
        return inner
    kind = kinds[value[KIND]]
    known = {field.name for field in fields(kind)}
    return kind(**{key: _ENUMS[key](item) if key in _ENUMS else item for key, item in inner.items() if key in known})


def pack_array(array: np.ndarray) -> tuple[list[Any], bytes]:
    """Type and shape, and the bytes with equal places of all elements side by side: outlines pack better so."""
    array = np.asarray(array, order="C")
    plain = array.astype(array.dtype.newbyteorder("<"), copy=False)
    planes = np.frombuffer(plain.tobytes(), np.uint8).reshape(-1, plain.dtype.itemsize).T
    return [plain.dtype.str, list(array.shape)], planes.tobytes()


def unpack_array(head: list[Any], data: memoryview) -> tuple[np.ndarray, int]:
    """The array of ``pack_array`` at the start of some bytes, and how many of them it took."""
    kind, shape = head
    if kind not in _SAFE_TYPES:
        raise SessionError(f"the session holds an array of type {kind!r}, which none of ours has: verify it")
    dtype = np.dtype(kind)
    count = int(np.prod(shape, dtype=np.int64))
    taken = count * dtype.itemsize
    if min(shape, default=0) < 0 or not 0 <= taken <= len(data):
        raise SessionError("an array of the session is cut off: verify the session")
    planes = np.frombuffer(data[:taken], np.uint8).reshape(dtype.itemsize, -1)
    return np.frombuffer(planes.T.tobytes(), dtype).reshape(shape), taken
