"""Find out, without the onnx package, whether a model file points to data outside itself.

ONNX Runtime would read such data from the working directory, past the hash of the file. Only the few fields of the
ONNX protobuf schema that lead to a tensor are followed; everything else is skipped by its length.
"""

from __future__ import annotations

from collections.abc import Iterator

from capture.errors import ModelError

REINSTALL = "reinstall the weights"
"""What to do about a bad file of a release."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_EXTERNAL_DATA, _DATA_LOCATION, _LOCATION_EXTERNAL = 13, 14, 1

# message -> {field number: message inside it}; numbers of onnx.proto
_CHILDREN = {
    "Model": {7: "Graph", 20: "Training", 25: "Function"},
    "Training": {1: "Graph", 2: "Graph"},
    "Function": {7: "Node", 11: "Attribute"},
    "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "SparseTensor", 23: "SparseTensor"},
    "SparseTensor": {1: "Tensor", 2: "Tensor"},
}


def refuse_external_data(content: bytes, name: str, remedy: str = REINSTALL) -> None:
    """Make sure that a model stands on its own.

    Parameters
    ----------
    content : bytes of an ONNX file
    name : of the file, for the message
    remedy : what to do about a refused file, for the message

    Raises
    ------
    ModelError
        When a tensor lies outside the file, or the bytes are no ONNX model.
    """
    try:
        external = _has_external(memoryview(content), "Model")
    except (IndexError, ValueError, RecursionError) as error:
        raise ModelError(f"model file {name} is not a readable ONNX model: {remedy}") from error
    if external:
        raise ModelError(f"model file {name} refers to data in another file, which is refused: {remedy}")


def _has_external(message: memoryview, kind: str) -> bool:
    if kind == "Tensor":
        return any(
            number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value == _LOCATION_EXTERNAL)
            for number, value in _fields(message)
        )
    children = _CHILDREN[kind]
    return any(
        _has_external(value, children[number])
        for number, value in _fields(message)
        if number in children and isinstance(value, memoryview)
    )


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Field number and value: an integer for varints, the bytes for everything with a length."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, position = _varint(message, position)
            yield number, value
            continue
        if wire == _BYTES:
            length, position = _varint(message, position)
        elif wire in (_FIXED64, _FIXED32):
            length = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {wire}")
        end = position + length
        if end > len(message):
            raise ValueError("a field ends behind its message")
        yield number, message[position:end]
        position = end


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise ValueError("a number is too long")
