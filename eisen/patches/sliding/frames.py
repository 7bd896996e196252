"""From images and volumes to windows as a network wants them, and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812

from eisen._core.errors import ArgumentError, ShapeError

__all__ = ["Cutter", "Emptiness", "Frame", "emptiness_of"]

Emptiness = Callable[[torch.Tensor], bool]


@dataclass(frozen=True)
class Frame:
    """How the axes of a network and the three axes of a blend belong together.

    Args:
        n_axes: Spatial axes of the image, 2 or 3.
        axis: The spatial axis that a 2-D network does not see; None: it sees all.
    """

    n_axes: int
    axis: int | None = None

    def in_three(self, sizes: Sequence[Any], one: Any = 1) -> tuple[Any, Any, Any]:
        """Return one entry per axis of a blend, of entries for the axes the windows have."""
        first, *rest = sizes
        if self.axis is not None:
            flat = list(sizes)
            flat.insert(self.axis, one)
            return flat[0], flat[1], flat[2]
        return (first, one, rest[0]) if self.n_axes == 2 else (first, rest[0], rest[1])

    def of_image(self, image: torch.Tensor) -> torch.Tensor:
        """Return an image (cases, channels, ...) with three spatial axes."""
        return image.unsqueeze(3) if self.n_axes == 2 else image

    def to_image(self, result: torch.Tensor) -> torch.Tensor:
        """Return a result of three spatial axes as the image has them."""
        return result.squeeze(3) if self.n_axes == 2 else result

    @property
    def hidden(self) -> int | None:
        """The axis, counted from the cases, that windows have and the network does not see."""
        return 3 if self.n_axes == 2 else None if self.axis is None else 2 + self.axis


class Cutter:
    """Cuts windows out of the images that a network takes.

    Windows inside of the image are views; only those that reach beyond it are copied and padded.

    Args:
        inputs: What the network takes. The first is an image (cases, channels, ...); others with its spatial shape
            are cut like it, everything else is passed on as it is.
        frame: How axes belong together.
        device: Where the network computes; None: where the image is.
        fill: The value beyond the image.
    """

    def __init__(self, inputs: Sequence[Any], frame: Frame, device: torch.device | None, fill: float) -> None:
        image = inputs[0]
        self.shape = image.shape
        self.device = image.device if device is None else device
        self._frame, self._fill = frame, fill
        self._is_cut = [isinstance(v, torch.Tensor) and v.shape[2:] == image.shape[2:] for v in inputs]
        self._inputs = [frame.of_image(v) if cut else v for v, cut in zip(inputs, self._is_cut, strict=True)]

    @property
    def spatial(self) -> tuple[int, int, int]:
        """Shape of the image along the three axes."""
        a, b, c = self._inputs[0].shape[2:]
        return int(a), int(b), int(c)

    def image_at(self, region: tuple[slice, slice, slice]) -> torch.Tensor:
        """Return a window of the image itself."""
        return self._cut(self._inputs[0], region)

    def many(self, regions: Sequence[tuple[slice, slice, slice]]) -> list[Any]:
        """Return what the network takes for a batch of windows."""
        return [
            self._batch(value, regions) if cut else self._moved(value, len(regions))
            for value, cut in zip(self._inputs, self._is_cut, strict=True)
        ]

    def _batch(self, value: torch.Tensor, regions: Sequence[tuple[slice, slice, slice]]) -> torch.Tensor:
        parts = [self._cut(value, region) for region in regions]
        joined = parts[0] if len(parts) == 1 else torch.cat(parts)
        hidden = self._frame.hidden
        joined = joined if hidden is None else joined.squeeze(hidden)
        return joined if joined.device == self.device else joined.to(self.device, non_blocking=True)

    def _moved(self, value: Any, times: int) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        value = value.to(self.device)
        is_per_case = value.ndim > 0 and len(value) == self.shape[0]
        return torch.cat([value] * times) if times > 1 and is_per_case else value

    def _cut(self, value: torch.Tensor, region: tuple[slice, slice, slice]) -> torch.Tensor:
        a, b, c = region
        n_a, n_b, n_c = value.shape[2:]
        if a.start >= 0 and b.start >= 0 and c.start >= 0 and a.stop <= n_a and b.stop <= n_b and c.stop <= n_c:
            return value[:, :, a, b, c]
        sizes = (n_a, n_b, n_c)
        inside = [slice(max(0, s.start), min(s.stop, n)) for s, n in zip(region, sizes, strict=True)]
        pads = [(i.start - s.start, s.stop - i.stop) for s, i in zip(region, inside, strict=True)]
        flat = [n for before, after in reversed(pads) for n in (before, after)]
        return F.pad(value[(slice(None), slice(None), *inside)], flat, value=self._fill)


def emptiness_of(skip: float | bool | Emptiness | None) -> Emptiness | None:
    """Return what tells that a window (cases, channels, ...) is empty.

    Args:
        skip: A number: no voxel is above it; True: all voxels are the same; a function of the window; None or False:
            no window is.

    Raises:
        ArgumentError: If it is something else.

    Example:
        >>> emptiness_of(0.5)(torch.tensor([0.1, 0.5]))
        True
    """
    if skip is None or skip is False:
        return None
    if skip is True:
        return lambda window: bool(window.amax() == window.amin())
    if isinstance(skip, (int, float)):
        return lambda window: bool(window.amax() <= skip)
    if not callable(skip):
        raise ArgumentError(
            f"skip_empty is {skip!r}", expected="a number that no voxel of an empty window is above, or a function"
        )
    return lambda window: bool(skip(window))


def demand_image(inputs: Sequence[Any], window: Sequence[int], axis: int | None) -> Frame:
    """Return how the axes of the first input and of the windows belong together.

    Raises:
        ArgumentError: If there is no input, or the first is no tensor.
        ShapeError: If the numbers of axes do not fit, or an axis has no voxel.
    """
    image = inputs[0] if inputs else None
    if not isinstance(image, torch.Tensor):
        raise ArgumentError(
            f"the first input is {type(image).__name__}", expected="the image as a tensor (cases, channels, ...)"
        )
    n_axes = len(window) + (axis is not None)
    if image.ndim - 2 != n_axes:
        raise ShapeError(
            f"the window has {len(window)} axes, the image {max(0, image.ndim - 2)}: shape {tuple(image.shape)}",
            expected=f"an image (cases, channels, and {n_axes} spatial axes)",
            to_do="" if axis is not None else "give a 2-D network that looks at the slices of a volume axis=0, 1 or 2",
        )
    if not image.numel():
        raise ShapeError(
            f"the image has no voxels: shape {tuple(image.shape)}", expected="at least one along each axis"
        )
    return Frame(n_axes, axis)
