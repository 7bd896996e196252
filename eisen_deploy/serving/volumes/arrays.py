"""Arrays of requests: ``.npy`` files, whose header is checked first, and affines."""

from __future__ import annotations

import io
import json
from http import HTTPStatus
from typing import Any

import numpy as np

from eisen._core.errors import EisenError
from eisen._core.types import Array, Geometry
from eisen_deploy.serving.messages import Refusal
from eisen_deploy.serving.volumes.limits import Limits

__all__ = ["AFFINE_HEADER", "checked_affine", "demand_numbers", "parsed_affine", "read_npy", "wrong_axes"]

AFFINE_HEADER = "X-Eisen-Affine"
_LONGEST_HEADER = 10_000
_HOW = "4 x 4 numbers, voxel index to millimetres, right, anterior and superior being positive"


def read_npy(content: bytes | bytearray | memoryview, field: str, limits: Limits) -> Array:
    """Return the array of an ``.npy`` file, a view on its bytes; nothing in it is executed.

    Raises:
        Refusal: If it is truncated or damaged, or holds something else than real numbers.

    Example:
        >>> file = io.BytesIO()
        >>> np.save(file, np.ones((2, 3)))
        >>> read_npy(file.getvalue(), "image", Limits()).shape
        (2, 3)
    """
    start = io.BytesIO(bytes(content[:_LONGEST_HEADER]))
    try:
        version = np.lib.format.read_magic(start)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, by_columns, dtype = read(start, max_header_size=_LONGEST_HEADER)
    except Exception as error:  # the header is Python source, so it can be wrong in many ways
        raise _damaged(field, f"its header makes no sense: {str(error)[:100]}") from error
    _demand_real(dtype, field)
    needed = limits.demand_voxels(shape, dtype.itemsize, field)
    voxels = memoryview(content)[start.tell() :]
    if len(voxels) != needed:
        raise _damaged(field, f"its header announces {needed} bytes of voxels, and there are {len(voxels)}")
    array = np.frombuffer(voxels, dtype).reshape(shape, order="F" if by_columns else "C")
    return array.astype(dtype.newbyteorder("="), copy=False)


def demand_numbers(array: Any, field: str, limits: Limits) -> Array:
    """Return an array of a message if it holds real numbers.

    Raises:
        Refusal: If it is something else.
    """
    if not isinstance(array, np.ndarray):
        raise Refusal(
            f"'{field}' is no array",
            kind="WrongType",
            field=field,
            expected="an ndarray, or the bytes of an image file",
            got=type(array).__name__,
        )
    _demand_real(array.dtype, field)
    limits.demand_voxels(array.shape, array.dtype.itemsize, field)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def parsed_affine(text: Any, field: str, where: str) -> Any:
    """Return the affine that a header or a form brought as JSON.

    Args:
        text: JSON: four lists of four numbers; or, for several images, an object with one entry per field.
        field: The image it belongs to.
        where: Where it stands.

    Raises:
        Refusal: If it is no JSON.
    """
    try:
        value = json.loads(bytes(text).decode() if isinstance(text, (bytes, bytearray, memoryview)) else text)
    except (ValueError, TypeError) as error:
        raise Refusal(f"{where} is no JSON: {error}", kind="BadAffine", field=where, expected=_HOW) from error
    return value.get(field) if isinstance(value, dict) else value


def checked_affine(value: Any, shape: Any, field: str, where: str) -> Geometry:
    """Return where the voxels of an array are.

    Args:
        value: The affine; None: the client sent none.
        shape: Of the three axes in space.
        field: The image.
        where: What would hold the affine, for the refusal.

    Raises:
        Refusal: If it is missing, or spans no space.
    """
    if value is None:
        raise Refusal(
            f"it is not known where the voxels of '{field}' are: there is no {where}",
            kind="MissingAffine",
            field=where,
            expected=_HOW,
            to_do="send the affine of the file it came from; nothing is assumed in its place",
        )
    try:
        return Geometry.of(np.asarray(value, dtype=np.float64), shape)
    except (ValueError, TypeError) as error:
        what = error.card.what if isinstance(error, EisenError) else str(error)
        raise Refusal(
            f"the affine of '{field}' is none: {what[:200]}",
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "BadAffine",
            field=where,
            expected=f"{_HOW}, with three independent axes",
        ) from error


def wrong_axes(field: str, shape: Any, n_axes: int) -> Refusal:
    """Return the refusal of an image with too few or too many axes.

    Args:
        field: The image.
        shape: What it has.
        n_axes: What the package takes.
    """
    size = " x ".join(str(int(n)) for n in shape)
    channels = "channels and " if n_axes == 4 else ""
    return Refusal(
        f"'{field}' has {len(shape)} axes ({size}), and this model takes {n_axes}",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "WrongShape",
        field=field,
        expected=f"{channels}{'two' if n_axes == 2 else 'three'} axes in space",
        got=f"shape {tuple(int(n) for n in shape)}",
        to_do="send one image of the series" if len(shape) > n_axes else "",
    )


def _demand_real(dtype: np.dtype[Any], field: str) -> None:
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise Refusal(
            f"'{field}' holds something else than real numbers",
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "WrongType",
            field=field,
            expected="whole numbers or floats of up to 64 bits",
            got=str(dtype),
        )


def _damaged(field: str, why: str) -> Refusal:
    return Refusal(
        f"'{field}' is an .npy file that is damaged: {why}",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Damaged",
        field=field,
        expected="what numpy.save wrote, complete",
    )
