"""Pictures of a case in three planes: the outlines of prediction and reference over the image."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from eisen._core.types import Array

__all__ = ["PREDICTION", "REFERENCE", "Picture", "planes_of", "three_planes"]

REFERENCE, PREDICTION = (70, 200, 255), (255, 140, 30)
"""Colours of the outlines, blue and orange: people who do not tell red from green tell them apart."""

_PIXELS = 300
"""Longer side of a picture, about."""

_Mask = npt.NDArray[np.bool_]
_VIEWS = ("sagittal", "coronal", "axial")


@dataclass(frozen=True)
class Picture:
    """A picture that a page can hold.

    Args:
        name: What it shows.
        address: The picture itself, as a data address.
        aspect: Width by height.
    """

    name: str
    address: str
    aspect: float


def three_planes(
    prediction: _Mask,
    reference: _Mask,
    spacing: Sequence[float],
    image: Array | None = None,
    affine: Array | None = None,
) -> list[Picture]:
    """Return pictures of the slices in which the masks differ most, one per axis.

    Args:
        prediction: Two or three axes; of two there is one picture.
        reference: Of the same shape.
        spacing: Distance of voxels along each axis.
        image: What is behind, of the same shape; None: a plain ground.
        affine: Where the voxels are in the body (right, anterior, superior); then the planes are shown as radiologists
            see them: the patient's right on the left side, the head or the face up.

    Example:
        >>> a, b = np.zeros((2, 8, 8, 8), bool)
        >>> a[2:5, 2:5, 2:5] = b[3:6, 3:6, 3:6] = True
        >>> [picture.name for picture in three_planes(a, b, (1, 1, 1))]
        ['axis 0, slice 3', 'axis 1, slice 3', 'axis 2, slice 3']
    """
    window = _window(image)
    if reference.ndim == 2:
        return [_picture("", _painted(prediction, reference, image, spacing, window))]
    views = [_View(f"axis {axis}", axis) for axis in range(3)]
    if affine is not None:
        views = _as_read(affine)
        prediction, reference, image = (_turned(v, affine) for v in (prediction, reference, image))
        spacing = [float(spacing[view.axis]) for view in views]
    found = []
    for place, (view, number) in enumerate(zip(views, planes_of(prediction, reference), strict=True)):
        mask, true = (view.seen(np.take(v, number, place)) for v in (prediction, reference))
        behind = None if image is None else view.seen(np.take(image, number, place))
        rest = [s for k, s in enumerate(spacing) if k != place]
        in_file = reference.shape[place] - 1 - number if view.is_reversed else number
        painted = _painted(mask, true, behind, rest[::-1] if view.is_turned else rest, window)
        found.append(_picture(f"{view.name}, slice {in_file}", painted))
    return found


@dataclass(frozen=True)
class _View:
    """How the slices across an axis are looked at.

    Args:
        name: Of the plane.
        axis: Of the array in the file.
        is_reversed: Whether slices are numbered the other way round there.
        is_turned: Whether its first axis goes to the right.
        goes_up: Whether its rows go up.
    """

    name: str
    axis: int
    is_reversed: bool = False
    is_turned: bool = False
    goes_up: bool = False

    def seen(self, values: Array) -> Array:
        """Return a slice, rows from the top."""
        return values.T[:: -1 if self.goes_up else 1] if self.is_turned else values


def _as_read(affine: Array) -> list[_View]:
    """Return the views along the axes to the patient's left, back and head."""
    axes = enumerate(_to_left_back_head(affine))
    of = {int(axis): (number, bool(sign < 0)) for number, (axis, sign) in axes}
    return [_View(_VIEWS[k], *of[k], is_turned=True, goes_up=_VIEWS[k] != "axial") for k in range(3)]


def _to_left_back_head(affine: Array) -> Array:
    from nibabel import orientations

    wanted = orientations.axcodes2ornt("LPS")
    found: Array = orientations.ornt_transform(orientations.io_orientation(affine), wanted)
    return found


def _turned(values: Any, affine: Array) -> Any:
    from nibabel import orientations

    return None if values is None else orientations.apply_orientation(values, _to_left_back_head(affine))


def planes_of(prediction: _Mask, reference: _Mask) -> list[int]:
    """Return along each axis the slice in which most voxels differ; where none does, the one with the most of both.

    Args:
        prediction: A mask.
        reference: Another one.

    Example:
        >>> planes_of(np.eye(3, dtype=bool)[:, :, None], np.zeros((3, 3, 1), bool))
        [0, 0, 0]
    """
    shown = prediction ^ reference
    shown = shown if shown.any() else reference
    axes = range(shown.ndim)
    return [int(np.argmax(shown.sum(axis=tuple(k for k in axes if k != axis)))) for axis in axes]


def _window(image: Array | None) -> tuple[float, float]:
    if image is None:
        return 0.0, 1.0
    values = np.asarray(image, dtype=np.float32).reshape(-1)[:: max(1, image.size // 200_000)]
    values = values[np.isfinite(values)]
    low, high = np.percentile(values, [1, 99]) if len(values) else (0.0, 1.0)
    return float(low), float(max(high, low + 1e-6))


def _painted(
    prediction: _Mask,
    reference: _Mask,
    image: Array | None,
    spacing: Sequence[float],
    window: tuple[float, float],
) -> Any:
    """Return a slice as a Pillow image, the last axis to the right, with square pixels."""
    from PIL import Image

    low, high = window
    ground = (
        np.full(reference.shape, 40.0) if image is None else (np.asarray(image, np.float32) - low) / (high - low) * 255
    )
    grey = np.clip(np.nan_to_num(ground), 0, 255).astype(np.uint8)
    size = _size(reference.shape, spacing)
    picture = Image.fromarray(grey).resize(size, Image.Resampling.BILINEAR).convert("RGB")
    colours = np.array(picture)
    for mask, colour in ((reference, REFERENCE), (prediction, PREDICTION)):
        large = np.asarray(Image.fromarray(mask.astype(np.uint8) * 255).resize(size, Image.Resampling.BILINEAR)) >= 128
        colours[large & ~ndimage.binary_erosion(large, iterations=2, border_value=1)] = colour
    return Image.fromarray(colours)


def _size(shape: Sequence[int], spacing: Sequence[float]) -> tuple[int, int]:
    """Return width and height in pixels."""
    height, width = (max(n * s, 1e-6) for n, s in zip(shape, spacing, strict=True))
    factor = _PIXELS / max(height, width)
    return max(8, round(width * factor)), max(8, round(height * factor))


def _picture(name: str, picture: Any) -> Picture:
    target = io.BytesIO()
    picture.save(target, "PNG", optimize=True)
    text = base64.b64encode(target.getvalue()).decode("ascii")
    return Picture(name, f"data:image/png;base64,{text}", picture.width / picture.height)
