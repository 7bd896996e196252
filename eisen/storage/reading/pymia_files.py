"""Files of pymia 0.3.4 as stores: channels come last there, and everything that is known stands in ITK's order."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from eisen._core.types import Array, Geometry, is_label_field
from eisen.storage.reading.contents import Contents, FieldContents, Group, texts

__all__ = ["is_pymia", "pymia_contents"]


def is_pymia(root: Group) -> bool:
    """Tell whether a file is one that pymia wrote, or eisen in pymia's layout."""
    return "meta/subjects" in root and ("data" in root or "meta/files" in root)


def pymia_contents(root: Group) -> Contents:
    """Return what a file of pymia says about itself.

    Shapes are those of the arrays, not the 16-bit ones that pymia lists beside them, which are wrong above 65 535. A
    category of single numbers or texts becomes such a field.

    Args:
        root: The file.

    Raises:
        ValueError: If it is damaged; other errors are possible then too.
    """
    found = Contents("pymia", tuple(texts(root["meta/subjects"])), pixels="data" in root)
    if "meta/files/file_root" in root:
        found.file_root = texts(root["meta/files/file_root"])[0]
    properties = _properties(root)
    for category in _categories(root):
        found.fields[category] = _field(root, category, len(found.cases), properties)
    return found


def _categories(root: Group) -> list[str]:
    """Return the names of all categories: those with pixels, and those of which only files and shapes are known."""
    names = list(root["data"]) if "data" in root else []
    for group, ending in (("meta/files", "_files"), ("meta/shapes", "_shapes"), ("meta/names", "_names")):
        listed = list(root[group]) if group in root else []
        names += [entry.removesuffix(ending) for entry in listed if entry.endswith(ending)]
    return list(dict.fromkeys(names))


def _field(root: Group, category: str, n_cases: int, properties: list[Geometry | None]) -> FieldContents:
    part = FieldContents(category, is_label=is_label_field(category))
    names = f"meta/names/{category}_names"
    part.entries = tuple(texts(root[names])) if names in root else ()
    files = f"meta/files/{category}_files"
    if files in root:
        part.files = [json.dumps([_text(entry) for entry in np.atleast_1d(row)]) for row in root[files][()]]
    arrays = [root[path] for path in _paths(root, category, n_cases)]
    if arrays and _is_single(arrays[0]):
        part.kind = "text" if arrays[0].dtype.kind in "OS" else "number"
        values = [np.asarray(array[()]).reshape(-1)[0] for array in arrays]
        part.values = [_text(value) for value in values] if part.kind == "text" else np.array(values)
        return part
    shapes = [array.shape for array in arrays] or [tuple(row) for row in root[f"meta/shapes/{category}_shapes"][()]]
    part.shapes = _channels_first(shapes)
    part.dtype = arrays[0].dtype.newbyteorder("=").name if arrays else ""
    spaces = [shape[:-1] for shape in shapes]
    part.geometry = lambda case: _fitting(properties, case, spaces[case])
    return part


def _paths(root: Group, category: str, n_cases: int) -> list[str]:
    """Return where the arrays of a category are; their names are numbers, padded with zeros."""
    group = f"data/{category}"
    if group not in root:
        return []
    return [f"{group}/{key}" for key in sorted(root[group], key=int)][:n_cases]


def _is_single(array: Any) -> bool:
    return array.dtype.kind in "OS" or (array.dtype.kind in "biuf" and array.shape in ((), (1,)))


def _channels_first(shapes: list[tuple[int, ...]]) -> Array | None:
    turned = [(shape[-1], *shape[:-1]) if len(shape) > 1 else shape for shape in shapes]
    return np.array(turned, np.int64) if len({len(shape) for shape in turned}) == 1 else np.array(turned, object)


def _properties(root: Group) -> list[Geometry | None]:
    """Return the geometry of the category `images` for arrays with the axes (z, y, x)."""
    group = "meta/image_props"
    if group not in root:
        return []
    sizes, origins, spacings, directions = (
        np.asarray(root[f"{group}/{name}"][()]) for name in ("shapes", "origins", "spacing", "directions")
    )
    if directions.shape[-1:] != (9,):
        return []
    return [_geometry(*facts) for facts in zip(sizes, origins, spacings, directions, strict=True)]


def _geometry(size: Array, origin: Array, spacing: Array, direction: Array) -> Geometry | None:
    affine = np.eye(4)
    affine[:3, :3] = direction.reshape(3, 3) * spacing
    affine[:3, 3] = origin
    in_ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    try:
        return Geometry.of(in_ras[:, [2, 1, 0, 3]], [int(n) for n in size[::-1]])
    except ValueError:  # nothing was known about the image
        return None


def _fitting(properties: list[Geometry | None], case: int, shape: tuple[int, ...]) -> Geometry | None:
    """Return the geometry of a case where an array has its shape."""
    found = properties[case] if case < len(properties) else None
    return found if found is not None and found.shape == tuple(int(n) for n in shape) else None


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
