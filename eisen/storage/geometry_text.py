"""A geometry record as one line of JSON, and back: every part of it, to the last bit."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

import numpy as np

from eisen._core.errors import CorruptFileError
from eisen._core.types import Array, Geometry, Warp

__all__ = ["geometry_from_json", "geometry_to_json"]


def geometry_to_json(geometry: Geometry | None) -> str:
    """Return a geometry record as JSON: grids, file, steps, warps. None gives an empty text.

    Example:
        >>> text = geometry_to_json(Geometry.of(np.eye(4), (4, 5, 6), "brain.nii.gz"))
        >>> geometry_from_json(text).source
        'brain.nii.gz'
    """
    if geometry is None:
        return ""
    record = {
        "affine": _numbers(geometry.affine),
        "shape": [int(n) for n in geometry.shape],
        "native_affine": _numbers(geometry.native_affine),
        "native_shape": [int(n) for n in geometry.native_shape],
        "source": str(geometry.source),
        "history": [str(step) for step in geometry.history],
        "invertible": bool(geometry.invertible),
        "warps": [_packed(warp) for warp in geometry.warps],
    }
    return json.dumps(record, separators=(",", ":"))


def geometry_from_json(text: str) -> Geometry | None:
    """Return the geometry record that `geometry_to_json` wrote; an empty text gives None.

    Raises:
        CorruptFileError: If the text is no such record.

    Example:
        >>> geometry_from_json("") is None
        True
    """
    if not text:
        return None
    try:
        return _unpacked(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptFileError(
            f"a geometry record cannot be read: {type(error).__name__}: {error}",
            expected="JSON with affine, shape, native_affine and native_shape, as eisen writes it",
            to_do="make the file again",
        ) from error


def _unpacked(record: Mapping[str, Any]) -> Geometry:
    return Geometry(
        _affine(record["affine"]),
        _size(record["shape"]),
        _affine(record["native_affine"]),
        _size(record["native_shape"]),
        str(record.get("source", "")),
        tuple(str(step) for step in record.get("history", ())),
        bool(record.get("invertible", True)),
        tuple(_warp(warp) for warp in record.get("warps", ())),
    )


def _numbers(matrix: Array) -> list[list[float]]:
    return [[float(value) for value in row] for row in np.asarray(matrix, np.float64)]


def _affine(rows: Any) -> Array:
    matrix = np.array(rows, np.float64)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        raise ValueError("an affine is not 4 x 4 finite numbers")
    return matrix


def _size(numbers: Any) -> tuple[int, ...]:
    size = tuple(int(n) for n in numbers)
    if any(n < 0 for n in size):
        raise ValueError(f"a shape is {size}")
    return size


def _packed(warp: Warp) -> dict[str, Any]:
    points = np.ascontiguousarray(warp.points)
    points = points.astype(points.dtype.newbyteorder("<"), copy=False)
    return {
        "affine": _numbers(warp.affine),
        "shape": [int(n) for n in warp.shape],
        "points": b64encode(points.tobytes()).decode("ascii"),
        "points_shape": list(points.shape),
        "points_dtype": points.dtype.name,
    }


def _warp(record: Mapping[str, Any]) -> Warp:
    kind = np.dtype(str(record["points_dtype"]))
    if kind.kind != "f":
        raise ValueError(f"the control points of a warp are {kind}")
    flat = np.frombuffer(b64decode(record["points"], validate=True), kind.newbyteorder("<"))
    points = flat.reshape(_size(record["points_shape"])).astype(kind)
    return Warp(points, _affine(record["affine"]), _size(record["shape"]))
