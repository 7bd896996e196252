"""Whether arrays and source files still have the digests that were noted when the store was made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eisen._core.digest import bytes_digest
from eisen.storage.creation.source_files import digest_of_files
from eisen.storage.reading.contents import Contents, FieldContents

if TYPE_CHECKING:
    import h5py

__all__ = ["array_state", "source_state"]


def array_state(file: h5py.File, contents: Contents, part: FieldContents, number: int) -> tuple[str, str]:
    """Return the state of the array of a case, and what is wrong with it in words.

    Args:
        file: The open store.
        contents: What it says about itself.
        part: The field.
        number: Number of the case.

    Returns:
        ``"intact"``, ``"unknown"`` (no digest was noted), ``"missing"``, ``"damaged"`` or ``"shape"``.
    """
    dataset = file.get(f"data/{part.name}/{number:0{len(str(len(contents.cases)))}d}")
    if dataset is None:
        return "missing", "there is no such array"
    try:
        array = np.ascontiguousarray(dataset[()])
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        return "damaged", f"it cannot be read: {error}"[:200]
    noted_digest = part.digests[number] if len(part.digests) else ""
    if noted_digest and bytes_digest(array.data if array.size else b"") != noted_digest:
        return "damaged", "its bytes are not those that were written"
    noted = _shape(part.shapes, number)
    if noted is not None and contents.layout == "eisen" and noted != array.shape:
        return "shape", f"its shape is {array.shape}, and {noted} was noted"
    return ("intact" if noted_digest else "unknown"), ""


def _shape(shapes: Any, number: int) -> tuple[int, ...] | None:
    return None if shapes is None else tuple(int(n) for n in shapes[number])


def source_state(contents: Contents, part: FieldContents, number: int, folder: Path) -> tuple[str, str]:
    """Return the state of the files an array was made from, and what is wrong with them in words.

    Args:
        contents: What the store says about itself.
        part: The field.
        number: Number of the case.
        folder: Where the store is.

    Returns:
        ``"same"``, ``"changed"``, ``"gone"``, or ``"none"`` where no file or no digest was noted.
    """
    known = part.source_digests[number] if len(part.source_digests) else ""
    names = part.files_at(number)
    if not known or not names:
        return "none", ""
    root = folder / contents.file_root  # an absolute root stays as it is
    paths = [root / name for name in names]
    if not all(path.exists() for path in paths):
        return "gone", ""
    try:
        same = digest_of_files(paths) == known
    except OSError as error:
        return "changed", f"{paths[0]} cannot be read: {error.strerror or error}"
    return ("same", "") if same else ("changed", f"{paths[0]} is another file than when the store was made")
