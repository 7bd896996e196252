"""What kind of file the first step of a chain opens."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from eisen._core.errors import ArgumentError
from eisen.config import locate

__all__ = ["CHANNELS", "Kind", "kind_of_file", "kind_of_reader", "no_image", "picture_channels"]

Kind = Literal["nifti", "itk", "dicom", "picture", "numpy", "array"]

_READERS: dict[str, Kind] = {
    "eisen.io.LoadNiftiFromFilename": "nifti",
    "eisen.io.LoadITKFromFilename": "itk",
    "eisen.io.LoadDICOMSeries": "dicom",
    "eisen.io.LoadPILImageFromFilename": "picture",
    "eisen.io.LoadNumpyFromFilename": "numpy",
}
_OF_FORMAT: dict[str, Kind] = {
    "nifti": "nifti",
    "itk": "itk",
    "dicom series": "dicom",
    "picture": "picture",
    "numpy": "numpy",
}

CHANNELS = {"1": 1, "L": 1, "I": 1, "I;16": 1, "F": 1, "RGB": 3}
"""Of pictures, by what Pillow calls their kind."""


def kind_of_file(name: str, value: Any, first: dict[str, Any] | None, data_dir: Path | None) -> Kind:
    """Return how a file is opened: by the class of its reader, or by what it is if the reader takes everything.

    Args:
        name: The field.
        value: What the data set says: the name of a file or folder, or a list of names.
        first: The first step that works on the field; None: there is none.
        data_dir: Folder of the data.

    Raises:
        ArgumentError: If no request can bring such a file.
    """
    kind = kind_of_reader(first)
    if kind is not None:
        return kind
    if first is not None and (locate(first["type"]).__name__ == "LoadImageFromFilename" or _is_foreign(first)):
        from eisen.io.generic import format_of

        path = None if isinstance(value, (list, tuple)) else (data_dir or Path()) / value
        found = "dicom series" if path is None or path.is_dir() else format_of(path)
        if found in _OF_FORMAT:
            return _OF_FORMAT[found]
    what = f"is read by {first['type'].rpartition('.')[2]}" if first else "names a file, and no reader opens it"
    raise no_image(name, what, f"one of {', '.join(path.rpartition('.')[2] for path in _READERS)}")


def kind_of_reader(first: dict[str, Any] | None) -> Kind | None:
    """Return what a reader of eisen, or one derived from it, opens; None: it is none of these.

    Example:
        >>> kind_of_reader({"type": "eisen.io.imaging.LoadITKFromFilename", "params": {"fields": ["image"]}})
        'itk'
    """
    reader = None if first is None else locate(first["type"])
    if not isinstance(reader, type):
        return None
    return next((kind for path, kind in _READERS.items() if issubclass(reader, locate(path))), None)


def _is_foreign(step: dict[str, Any]) -> bool:
    return not step["type"].startswith("eisen.")


def picture_channels(path: Path) -> int:
    """Return 1 for grey pictures, 3 for colours, 0 for all others."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            return CHANNELS.get(image.mode, 0)
    except (OSError, ValueError):
        return 0


def no_image(name: str, what: str, expected: str) -> ArgumentError:
    """Return the error for a field that is no image.

    Args:
        name: The field.
        what: What it is instead.
        expected: What could be brought.
    """
    return ArgumentError(
        f"the field '{name}' {what}: no request can bring it",
        expected=expected,
        to_do="add a phase Prediction that starts from the images alone, and give it with --config",
        field=name,
    )
