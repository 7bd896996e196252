"""How the chain of a run wants to get an image: as which kind of file, or as which kind of array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from eisen._core.errors import ConfigError, EisenError
from eisen._core.types import Geometry, meta_field
from eisen.config import locate
from eisen_deploy.packaging.layout import ModelInput
from eisen_deploy.packaging.liveness import step_fields
from eisen_deploy.packaging.openers import CHANNELS, Kind, kind_of_file, kind_of_reader, no_image, picture_channels

__all__ = ["Given", "given_inputs", "spatial_axes_of"]

_OPENED: dict[str, tuple[Kind, str]] = {
    "nibabel": ("nifti", "eisen.io.LoadNiftiFromFilename"),
    "SimpleITK": ("itk", "eisen.io.LoadITKFromFilename"),
    "PIL": ("picture", "eisen.io.LoadPILImageFromFilename"),
}
"""Images that a data set has opened itself, by the library they are of: a package reads them from files."""


@dataclass(frozen=True)
class Given:
    """What requests bring.

    Args:
        inputs: Per field of the data point.
        readers: Entries to put in front of the chain, for what the data set gave as an opened image.
        assumed: What nobody looked at, one line each.
    """

    inputs: list[ModelInput]
    readers: list[dict[str, Any]] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)


def given_inputs(
    fields: Sequence[str],
    steps: Sequence[dict[str, Any]],
    spatial_axes: Literal[2, 3],
    case: Mapping[str, Any] | None = None,
    data_dir: Path | None = None,
) -> Given:
    """Find out what requests have to bring.

    Args:
        fields: Fields that the chain starts from.
        steps: The entries of the chain.
        spatial_axes: 3 for volumes, 2 for pictures.
        case: A case as the data set gives it; None: there are no data, the readers tell.
        data_dir: Folder of the data.

    Raises:
        ArgumentError: If a field holds no image, or images of a kind that no request can bring.

    Example:
        >>> read = {"type": "eisen.io.imaging.LoadNiftiFromFilename", "params": {"fields": ["image"]}}
        >>> given_inputs(["image"], [read], 3).inputs[0].given_as
        'nifti'
        >>> given_inputs(["image"], [], 2, {"image": np.zeros((1, 28, 28), "uint8")}).inputs[0]
        ModelInput(field='image', given_as='array', n_axes=3, dtype='uint8', spatial_axes=2, channels=1)
    """
    found = Given([])
    for name in fields:
        first = next((step for step in steps if name in step_fields(step)), None)
        if case is None:
            found.inputs.append(_assumed(name, first, steps, spatial_axes, found.assumed))
        else:
            if name not in case:
                raise no_image(name, "is not in the data", f"one of {', '.join(case)}")
            found.inputs.append(_seen(name, case, first, spatial_axes, data_dir, found.readers))
    return found


def spatial_axes_of(shapes: Sequence[Sequence[int]]) -> Literal[2, 3]:
    """Return whether weights are of a network for volumes or for pictures.

    Args:
        shapes: Shapes of the weights.

    Example:
        >>> spatial_axes_of([(8,), (8, 1, 3, 3, 3)]), spatial_axes_of([(8, 1, 3, 3)])
        (3, 2)
    """
    return 2 if 4 in map(len, shapes) and 5 not in map(len, shapes) else 3


def _seen(
    name: str,
    case: Mapping[str, Any],
    first: dict[str, Any] | None,
    spatial_axes: Literal[2, 3],
    data_dir: Path | None,
    readers: list[dict[str, Any]],
) -> ModelInput:
    """Return what is known about a field after a look at one case."""
    value = case[name]
    if isinstance(value, (str, Path)) or (isinstance(value, (list, tuple)) and all(isinstance(v, str) for v in value)):
        kind = kind_of_file(name, value, first, data_dir)
        path = (data_dir or Path()) / value if isinstance(value, (str, Path)) else None
        found = _of_file(name, kind, spatial_axes, picture_channels(path) if kind == "picture" and path else 0)
        if kind == "numpy" and path is not None and path.suffix == ".npy":
            return replace(found, n_axes=np.load(path, mmap_mode="r").ndim)
        return found
    home = next((cls.__module__.partition(".")[0] for cls in type(value).__mro__ if _library(cls) in _OPENED), "")
    if home:
        kind, reader = _OPENED[home]
        readers.append({"type": reader, "params": {"fields": [name]}})
        return _of_file(name, kind, spatial_axes, CHANNELS.get(getattr(value, "mode", ""), 0))
    array = np.asarray(value)
    if array.ndim < 2 or array.dtype.kind not in "biuf":
        raise no_image(name, f"holds {type(value).__name__}", "the name of an image, or an array of two axes or more")
    has_place = isinstance(case.get(meta_field(name)), Geometry)
    axes: Literal[2, 3] = 3 if has_place else spatial_axes
    channels = array.shape[0] if array.ndim == axes + 1 and axes == 2 else int(axes == 2)
    return ModelInput(name, "array", array.ndim, str(array.dtype), axes, channels)


def _library(kind: type) -> str:
    return kind.__module__.partition(".")[0]


def _of_file(name: str, kind: Kind, spatial_axes: Literal[2, 3], channels: int = 0) -> ModelInput:
    axes: Literal[2, 3] = 2 if kind == "picture" or (kind == "numpy" and spatial_axes == 2) else 3
    return ModelInput(name, kind, axes, "", axes, channels)


def _assumed(
    name: str,
    first: dict[str, Any] | None,
    steps: Sequence[dict[str, Any]],
    spatial_axes: Literal[2, 3],
    assumed: list[str],
) -> ModelInput:
    """Return what the chain alone tells about a field."""
    kind = kind_of_reader(first)
    if kind is not None:
        return _of_file(name, kind, spatial_axes)
    if first is not None and _name_of(first) == "LoadImageFromFilename":
        kind = "picture" if spatial_axes == 2 else "nifti"
        assumed.append(f"'{name}' is read from files of any kind; requests become {kind} files")
        return _of_file(name, kind, spatial_axes)
    adds = any(name in step_fields(s) and _name_of(s) in ("AddChannelDimension", "EnsureChannelFirstd") for s in steps)
    n_axes = spatial_axes + (not adds)
    assumed.append(f"'{name}' comes as an array of {n_axes} axes: no reader says how it is opened")
    return ModelInput(name, "array", n_axes, "", spatial_axes, int(spatial_axes == 2))


def _name_of(step: dict[str, Any]) -> str:
    try:
        return str(getattr(locate(step["type"]), "__name__", ""))
    except (ConfigError, EisenError):
        return ""
