"""Letting a network look at a volume that is larger than what it can look at: through overlapping windows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from eisen._core.errors import ArgumentError
from eisen._core.sizes import memory_bytes
from eisen._core.types import Array
from eisen.ops.views import checked_views
from eisen.patches.sliding.frames import Emptiness, Frame, emptiness_of
from eisen.patches.sliding.outputs import Layout, flattened, rebuilt
from eisen.patches.sliding.sweeping import Means, Settings, Sweep, Watch
from eisen.patches.sliding.tiling import Tiling, checked_overlaps, checked_window
from eisen.patches.windows import window_weights

__all__ = ["Slab", "SlidingWindow"]

_log = logging.getLogger(__name__)
Model = Callable[..., Any]


@dataclass(frozen=True)
class Slab:
    """A finished part of a result along the last spatial axis.

    Args:
        start: First voxel along the last spatial axis of the first output.
        stop: Where the part ends.
        values: What the network returns, for this part; tensors that are overwritten when the next slab is asked for.
    """

    start: int
    stop: int
    values: Any


class SlidingWindow:
    """Look at a volume through overlapping windows, and return the weighted mean of what a network says about them.

    The result is that of the network on windows of the size it was trained with, for volumes of any size. Memory is
    that of the result and of one row of windows; `slabs` gives the result in pieces instead, with memory for what is
    not finished yet.

    Windows that reach beyond the volume, as all do when it is smaller than the window, are padded, and what the
    network says about the padding is cut off.

    Args:
        window: Size of the windows along each spatial axis, e.g. ``[64, 64, 64]``.
        overlap: How much of a window its neighbour covers too, from 0 to below 1; one number, or one for each axis.
        weights: How much a voxel of a window counts: ``"gaussian"``, ``"constant"``, or an array of the window's
            shape; see `window_weights`.
        batch_size: How many windows the network gets at once.
        device: Where the network computes, e.g. ``"cuda"``; it is moved there, and back. None: where the image is.
        accumulate_on: Where windows are added up, e.g. ``"cpu"`` for results that a GPU has no room for; None: where
            the image is.
        skip_empty: Leave windows out of which no voxel is above this number, or for which this function of the window
            (cases, channels, ...) is true; True: windows of one value. None: look at all.
        flips: Look at every window and its mirror images and take the mean: True for all spatial axes, or
            ``"flips:0,1"`` for some.
        axis: For 2-D networks over volumes: the spatial axis (0, 1, 2) whose slices they look at. `window` then has
            the two other axes.
        memory: Results that need more than this (``"4GB"``) are kept in a file on the disk. `eisen predict` stays below
            it altogether: it takes the result slab by slab.
        background: What is said about voxels that only empty windows saw: one number, or one for each channel. Where
            an empty window overlaps another, only the other counts.
        fill: The value of the image beyond its borders.

    Raises:
        ArgumentError: If an argument is none of these.

    Source: Ronneberger et al. 2015, U-Net, figure 2 (overlap-tile strategy); Isensee et al. 2021, nnU-Net,
        supplementary note 2 (Gaussian weights).

    Example:
        >>> net = torch.nn.Conv3d(1, 2, 3, padding=1)
        >>> SlidingWindow([16, 16, 8], overlap=0.25)(net, torch.zeros(1, 1, 40, 20, 6)).shape
        torch.Size([1, 2, 40, 20, 6])
    """

    def __init__(
        self,
        window: Sequence[int],
        overlap: float | Sequence[float] = 0.5,
        weights: str | Array = "gaussian",
        batch_size: int = 1,
        device: str | torch.device | None = None,
        accumulate_on: str | torch.device | None = None,
        skip_empty: float | bool | Emptiness | None = None,
        flips: bool | str = False,
        axis: int | None = None,
        memory: int | str | None = None,
        background: float | Sequence[float] = 0.0,
        fill: float = 0.0,
    ) -> None:
        sizes = checked_window(window)
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise ArgumentError(f"the batch size of windows is {batch_size!r}", expected="a whole number from 1")
        self.settings = Settings(
            sizes,
            checked_overlaps(overlap, len(sizes)),
            window_weights(sizes, weights),
            _checked_axis(axis, len(sizes)),
            emptiness_of(skip_empty),
            checked_views("flips" if flips is True else flips) if flips else None,
            background,
            fill,
            None if memory is None else memory_bytes(memory),
        )
        self.means = Means(_device(device), _device(accumulate_on), batch_size)
        self.watch: Watch | None = None
        """Told after each group of windows how many are done, and how many there are; whoever predicts may set it."""

    def __call__(self, model: Model, *inputs: Any) -> Any:
        """Return what the network says about whole images.

        Args:
            model: A network, or any function of tensors. It may return one tensor (cases, channels, ...), or several
                in a tuple, list or dict, with any number of channels and on grids that are coarser or finer by a whole
                number.
            *inputs: What it takes. The first is the image (cases, channels, ...); others of its spatial shape are cut
                into windows too.

        Raises:
            ArgumentError: If the first input is no tensor.
            ShapeError: If the number of axes is not that of the window, or what the network returns does not fit it.
        """
        if self.settings.empty is not None and inputs and len(inputs[0]) > 1:
            return self._case_by_case(model, inputs)
        for means, is_last in self._attempts():
            try:
                with _placed(model, means.device):
                    return self._whole(Sweep(self.settings, means, model, inputs, watch=self.watch))
            except torch.OutOfMemoryError:
                if is_last:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def slabs(self, model: Model, *inputs: Any, second: tuple[int, int] | None = None) -> Iterator[Slab]:
        """Yield what the network says in slabs along the last spatial axis, as soon as no later window reaches them.

        Put together they are what calling it returns, bit for bit.

        Args:
            model: See `__call__`.
            *inputs: See `__call__`.
            second: Only these voxels along the second spatial axis (volumes only): first, and end. Windows that see
                some of them are computed, so those between two such ranges are computed twice.
        """
        if self.settings.empty is not None and inputs and len(inputs[0]) > 1:
            raise ArgumentError("skip_empty looks at one case at a time", expected="a batch of 1")
        done = -1
        for means, is_last in self._attempts():
            try:
                with _placed(model, means.device):
                    for slab in self._in_slabs(Sweep(self.settings, means, model, inputs, second, self.watch)):
                        if slab.start > done:
                            yield slab
                            done = slab.start
            except torch.OutOfMemoryError:
                if is_last:
                    raise
            else:
                return

    def layout(self, model: Model, *inputs: Any) -> Layout:
        """Return which outputs a network has and on which grids, by showing it one window."""
        return Sweep(self.settings, self.means, model, inputs).layout

    def tiling(self, shape: Sequence[int]) -> Tiling:
        """Return the windows over an image of a spatial shape.

        Example:
            >>> SlidingWindow([64, 64, 64]).tiling((192, 192, 192)).n_windows
            125
        """
        frame = Frame(len(shape), self.settings.axis)
        return self.settings.tiling(frame, (shape[0], 1, shape[1]) if len(shape) == 2 else shape)

    @staticmethod
    def _whole(sweep: Sweep) -> Any:
        for mixer, _ in sweep.columns(whole=True):
            blends = mixer.blends
        return sweep.layout.rebuild([sweep.frame.to_image(blend.result) for blend in blends])

    @staticmethod
    def _in_slabs(sweep: Sweep) -> Iterator[Slab]:
        for mixer, parts in sweep.columns(whole=False):
            values = [sweep.frame.to_image(blend.values(part)) for blend, part in zip(mixer.blends, parts, strict=True)]
            if parts[0].stop > parts[0].start:
                yield Slab(parts[0].start, parts[0].stop, sweep.layout.rebuild(values))

    # -- when memory is short --------------------------------------------------------------------------------------

    def _attempts(self) -> Iterator[tuple[Means, bool]]:
        """Yield the means to try; the next are asked for when memory did not suffice for the ones before."""
        host, means = torch.device("cpu"), self.means
        yield means, False
        _log.warning("out of memory: adding up the windows in the memory of the host, one window at a time")
        _give_back()
        yield Means(means.device, host, 1), False
        _log.warning("out of memory again: computing on the CPU, which is slower")
        _give_back()
        yield Means(host, host, 1), True

    def _case_by_case(self, model: Model, inputs: Sequence[Any]) -> Any:
        """Return results of single cases, joined: which windows are empty differs."""
        n_cases = len(inputs[0])
        of_case = [
            self(model, *(v[i : i + 1] if isinstance(v, torch.Tensor) and len(v) == n_cases else v for v in inputs))
            for i in range(n_cases)
        ]
        leaves = zip(*(flattened(result) for result in of_case), strict=True)
        return rebuilt(of_case[0], [torch.cat(parts) for parts in leaves])


def _checked_axis(axis: int | None, n_axes: int) -> int | None:
    if axis is None:
        return None
    if isinstance(axis, bool) or axis not in (0, 1, 2) or n_axes != 2:
        raise ArgumentError(
            f"axis is {axis!r} for a window of {n_axes} axes",
            expected="0, 1 or 2, with a window of the two other axes of a volume",
        )
    return int(axis)


def _device(name: str | torch.device | None) -> torch.device | None:
    try:
        return None if name is None else torch.device(name)
    except RuntimeError:
        raise ArgumentError(f"there is no device {name!r}", expected="'cpu', 'cuda', 'cuda:1' ...") from None


def _give_back() -> None:
    """Let other allocations have what PyTorch keeps for later."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextmanager
def _placed(model: Model, device: torch.device | None) -> Iterator[None]:
    """Have a network on the device where it computes, and back where it was afterwards."""
    owner: Any = getattr(model, "__self__", model)
    weights = next(owner.parameters(), None) if isinstance(owner, torch.nn.Module) else None
    if device is None or weights is None or weights.device.type == device.type:
        yield
        return
    home = weights.device
    owner.to(device)
    try:
        yield
    finally:
        owner.to(home)
