"""Artifacts of MR scanners, made in k-space, the Fourier transform of the image.

An image without negative values is taken for a magnitude, and what an artifact would make negative is folded up.
What is done to lines of k-space along one axis commutes with the transforms along the other axes, so one-dimensional
transforms are enough.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np
import numpy.typing as npt

from eisen._core.types import Array
from eisen.transforms.functional.tensors import fresh, on_tensors
from eisen.transforms.functional.warp import rotation, sampling_grid, warp_image

__all__ = ["ghosting", "motion", "spike"]


def _magnitude(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Let an image without negative values stay one: a scanner shows the magnitude of what k-space holds."""

    @wraps(kernel)
    def folded(array: Any, *args: Any, **kwargs: Any) -> Any:
        import torch

        result = kernel(array, *args, **kwargs)
        return torch.where(array.amin() >= 0, result.abs(), result) if array.numel() else result

    return folded


@on_tensors
@_magnitude
def ghosting(array: Any, n_ghosts: int, intensity: float, axis: int = -1, keep: float = 0.02) -> Any:
    """Make faint copies of the image, displaced along one axis: every n-th plane of k-space is weakened.

    Args:
        array: Any shape.
        n_ghosts: Number of copies along the axis, the image included, from 2.
        intensity: How much the planes are weakened: 0 not at all, 1 wipes them out.
        axis: Axis along which the copies are displaced (the phase encoding).
        keep: Fraction of the planes around the centre of k-space that stays, and with it the contrast of the image.

    Example:
        >>> ghosting(np.float32([4, 0, 0, 0]), n_ghosts=2, intensity=1, keep=0)
        array([2., 0., 2., 0.], dtype=float32)
    """
    import torch

    image = fresh(array)
    n = array.shape[axis]
    frequency = np.arange(n // 2 + 1)
    is_weak = (frequency % n_ghosts == 0) & (frequency >= keep * n / 2)
    if n < 2 or not image.numel() or not is_weak.any():
        return image
    weight = torch.as_tensor(np.where(is_weak, 1 - intensity, 1.0), dtype=image.dtype, device=image.device)
    weight = weight.reshape([-1 if a == axis % image.ndim else 1 for a in range(image.ndim)])
    return torch.fft.irfft(torch.fft.rfft(image, dim=axis) * weight, n=n, dim=axis)


@on_tensors
@_magnitude
def spike(array: Any, frequency: Sequence[int], intensity: float, phase: float = 0.0) -> Any:
    """Put regular stripes over the image: one point of k-space (and its mirror image) is too high.

    Args:
        array: Any leading axes, then as many spatial axes as `frequency` has numbers.
        frequency: The point of k-space: waves over the array along each axis.
        intensity: Height of the stripes, in standard deviations of the image.
        phase: Where the first stripe is, in radians.

    Example:
        >>> spike(np.float32([-1, 1, -1, 1]), [1], intensity=1.0).round(2)
        array([ 0.,  1., -2.,  1.], dtype=float32)
    """
    import torch

    image = fresh(array)
    if not image.numel():
        return image
    d = len(frequency)
    angle: Any = 0.0
    for axis, (waves, n) in enumerate(zip(frequency, array.shape[-d:], strict=True)):
        at = 2 * np.pi * waves * np.arange(n) / n + (phase if axis == 0 else 0)
        line = torch.as_tensor(at, dtype=image.dtype, device=image.device)
        angle = angle + line.reshape([-1] + [1] * (d - 1 - axis))
    return image.add_(angle.cos_(), alpha=float(intensity * image.std(correction=0)))


@on_tensors
@_magnitude
def motion(
    array: Any,
    degrees: Array,
    shifts: Array,
    times: Sequence[float],
    axis: int = -1,
    spacing: Sequence[float] = (1, 1, 1),
) -> Any:
    """Blur and ghost as a patient who moves during the scan does: parts of k-space come from moved copies of the image.

    The pose in which the centre of k-space was taken is where the image stays, so labels still fit.

    Args:
        array: Any leading axes, then as many spatial axes as `spacing` has numbers.
        degrees: Angles of each pose, shape (poses, 3), or (poses, 1) in 2-D.
        shifts: Shift of each pose along each axis, in the unit of `spacing`, shape (poses, d).
        times: When each pose begins, as a fraction of the scan, increasing; before the first the patient lies still.
        axis: Spatial axis along which k-space is filled (the phase encoding).
        spacing: Size of a voxel along each axis.

    Source: R. Shaw et al., MRI k-space motion artefact augmentation: model robustness and task-specific uncertainty,
    MIDL 2019, sec. 2.

    Example:
        >>> image = np.zeros((8, 8), "float32")
        >>> image[2:6, 2:6] = 1
        >>> blurred = motion(image, np.array([[0.0]]), np.array([[0.0, 3.0]]), [0.6], axis=1, spacing=(1, 1))
        >>> round(float(blurred.sum()), 3), bool(blurred.std() < image.std())
        (16.0, True)
    """
    import torch

    image = fresh(array)
    axis = axis - len(spacing) if axis >= 0 else axis
    n = array.shape[axis]
    if n < 2 or not image.numel():
        return image
    weights = _line_weights(n, [float(time) for time in times])
    poses = np.concatenate([np.zeros((1, np.shape(degrees)[1])), degrees])
    places = np.concatenate([np.zeros((1, len(spacing))), shifts])
    still = int(weights[:, 0].argmax())
    total: Any = 0
    for number in np.flatnonzero(weights.any(axis=1)):
        pose, place = poses[number] - poses[still], places[number] - places[still]
        moved = _moved(image, pose, place, np.asarray(spacing, dtype=np.float64))
        weight = torch.as_tensor(weights[number], dtype=image.dtype, device=image.device)
        total = total + torch.fft.rfft(moved, dim=axis) * weight.reshape([-1] + [1] * (-1 - axis))
    return torch.fft.irfft(total, n=n, dim=axis)


def _line_weights(n: int, times: Sequence[float]) -> npt.NDArray[np.float64]:
    """Return how much each pose has of each frequency, (poses, n // 2 + 1); the columns add up to 1.

    Lines are filled from the most negative to the most positive frequency. The real part of the mixture is what the
    mean of the weights of a frequency and its negative gives.
    """
    when = (np.arange(n) + 0.5) / n
    pose = np.searchsorted(times, when, side="right")
    line = np.fft.fftshift(np.fft.fftfreq(n, 1 / n)).round().astype(int)
    weights = np.zeros((len(times) + 1, n // 2 + 1))
    np.add.at(weights, (pose, np.abs(line)), 1.0)
    return np.asarray(weights / weights.sum(axis=0))


def _moved(
    image: Any, degrees: npt.NDArray[np.float64], shift: npt.NDArray[np.float64], spacing: npt.NDArray[np.float64]
) -> Any:
    """Turn an image about its centre and shift it; linear, the rim repeated outwards."""
    if not degrees.any() and not shift.any():
        return image
    shape = tuple(image.shape[-len(spacing) :])
    centre = (np.asarray(shape) - 1) / 2
    backward = rotation(degrees).T
    linear = backward * spacing / spacing[:, None]
    offset = centre - linear @ centre - (backward @ shift) / spacing
    return warp_image(image, sampling_grid(shape, np.column_stack([linear, offset])), "border")
