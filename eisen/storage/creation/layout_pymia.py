"""The directory of a file that pymia 0.3.4 reads.

Categories are called as pymia's own code calls them: the field ``image`` becomes ``images``, ``label`` becomes
``labels``; others keep their names. Volumes have the axes (z, y, x, channel), and their properties are those of an ITK
image.
Source: the layout that pymia's writer makes, https://pymia.readthedocs.io.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from eisen._core.errors import ArgumentError
from eisen._core.types import Geometry
from eisen.storage.creation.facts import FieldColumn
from eisen.storage.creation.source_files import relative_to_root
from eisen.storage.creation.staging import index_name
from eisen.storage.geometry_text import geometry_from_json

if TYPE_CHECKING:
    import h5py

__all__ = ["category_of", "place_in_pymia", "write_pymia_directory"]

_IMAGES = "images"
_CATEGORIES = {"image": _IMAGES, "label": "labels"}
_LPS = np.diag([-1.0, -1.0, 1.0])
"""From the directions of NIfTI (right, anterior, superior) to those of ITK (left, posterior, superior)."""


def category_of(field: str) -> str:
    """Return what pymia calls a field.

    Example:
        >>> category_of("image"), category_of("mask")
        ('images', 'mask')
    """
    return _CATEGORIES.get(field, field)


def place_in_pymia(field: str, index: str) -> str:
    """Return the path of the dataset of an array.

    Example:
        >>> place_in_pymia("image", "07")
        'data/images/07'
    """
    return f"data/{category_of(field)}/{index}"


def write_pymia_directory(file: h5py.File, names: Sequence[str], columns: Sequence[FieldColumn]) -> None:
    """Write everything but the elements of the arrays; numbers and texts are data of their own category.

    Args:
        file: The file, open for writing.
        names: Names of the cases.
        columns: The fields.

    Raises:
        ArgumentError: If there are no images: pymia takes the size of every case from them.
    """
    arrays = [column for column in columns if column.kind == "array"]
    images = next((column for column in arrays if category_of(column.name) == _IMAGES), None)
    if images is None:
        raise ArgumentError(
            "layout='pymia': there is no array field 'image' (or 'images')",
            expected="images: pymia takes the size of every case from them",
            to_do=f"rename a field; the fields are: {', '.join(column.name for column in columns) or '(none)'}",
        )
    _write_texts(file, "meta/subjects", names)
    _write_files(file, arrays)
    for column in columns:
        category = category_of(column.name)
        _write_texts(file, f"meta/names/{category}_names", column.entries or [column.name])
        shapes = column.of("stored_shape") if column.kind == "array" else [[1]] * len(names)
        file[f"meta/shapes/{category}_shapes"] = np.array(shapes, np.int64)
        if column.kind != "array":
            _write_values(file, column)
    _write_image_properties(file, images)


def _write_files(file: h5py.File, arrays: Sequence[FieldColumn]) -> None:
    root, relative = relative_to_root([paths for column in arrays for paths in column.of("files")])
    import h5py

    file.create_dataset("meta/files/file_root", data=root, dtype=h5py.string_dtype())
    rows = iter(relative)
    for column in arrays:
        own = [next(rows) for _ in column.facts]
        if own and own[0] and len({len(paths) for paths in own}) == 1:
            _write_texts(file, f"meta/files/{category_of(column.name)}_files", own)


def _write_values(file: h5py.File, column: FieldColumn) -> None:
    for number, value in enumerate(column.facts):
        path = place_in_pymia(column.name, index_name(number, len(column.facts)))
        if column.kind == "number":
            file[path] = np.array([value])
        else:
            _write_texts(file, path, [value])


def _write_image_properties(file: h5py.File, images: FieldColumn) -> None:
    geometries = [geometry_from_json(text or "") for text in images.of("geometry")]
    shapes = images.of("stored_shape")
    rows = [_itk_properties(geometry, shape) for geometry, shape in zip(geometries, shapes, strict=True)]
    for number, name in enumerate(("shapes", "origins", "spacing", "directions")):
        values = np.array([row[number] for row in rows])
        file[f"meta/image_props/{name}"] = values.astype(np.int64 if name == "shapes" else np.float64)


def _itk_properties(geometry: Geometry | None, shape: Sequence[int]) -> tuple[Any, Any, Any, Any]:
    """Return size, origin, spacing and direction of an ITK image; in (x, y, z), directions row by row."""
    size = [*reversed(shape[:-1]), 1, 1, 1][:3]
    if geometry is None or len(shape) != 4:
        return size, np.zeros(3), np.ones(3), np.eye(3).ravel()
    spacing = np.array(geometry.spacing)
    direction = _LPS @ (geometry.affine[:3, :3] / spacing)
    return size, _LPS @ geometry.affine[:3, 3], spacing, direction.ravel()


def _write_texts(file: h5py.File, path: str, texts: Any) -> None:
    import h5py

    file.create_dataset(path, data=np.array(texts, dtype=object), dtype=h5py.string_dtype())
