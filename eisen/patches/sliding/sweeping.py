"""One pass over all windows of an image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from eisen._core.types import Array
from eisen.ops.running import RunningMean
from eisen.ops.views import views_of
from eisen.patches.sliding.frames import Cutter, Emptiness, Frame, demand_image
from eisen.patches.sliding.mixing import Mixer, Space
from eisen.patches.sliding.outputs import demand_output, flattened, layout_of, rebuilt
from eisen.patches.sliding.tiling import Tiling

__all__ = ["Means", "Settings", "Sweep", "Watch"]

_Region = tuple[slice, slice, slice]
_Outputs = list[torch.Tensor] | None
Watch = Callable[[int, int], None]
"""Told how many windows are done, and how many there are."""


@dataclass(frozen=True)
class Settings:
    """What a `SlidingWindow` was told.

    Args:
        window: Size of the windows, as many axes as the network sees.
        overlap: Along each of them.
        weights: Of the window's shape.
        axis: See `SlidingWindow`.
        empty: Tells which windows are left out.
        flips: Name of the views, see `eisen.ops.views.views_of`.
        background: Of voxels that only windows saw that were left out.
        fill: Of the image beyond its borders.
        memory: Bytes; results that need more are kept on the disk.
    """

    window: tuple[int, ...]
    overlap: tuple[float, ...]
    weights: Array
    axis: int | None = None
    empty: Emptiness | None = None
    flips: str | None = None
    background: float | Sequence[float] = 0.0
    fill: float = 0.0
    memory: int | None = None

    def tiling(self, frame: Frame, spatial: Sequence[int], grain: Sequence[int] = (1, 1, 1)) -> Tiling:
        """Return the windows over three axes."""
        return Tiling.over(spatial, frame.in_three(self.window), frame.in_three(self.overlap, 0.0), grain)


@dataclass(frozen=True)
class Means:
    """With which means windows are computed.

    Args:
        device: Where the network computes; None: where the image is.
        accumulate_on: Where they are added up; None: where the image is.
        batch_size: How many are computed at once.
    """

    device: torch.device | None = None
    accumulate_on: torch.device | None = None
    batch_size: int = 1


class Sweep:
    """Shows a network one window after the other, column by column, and adds up what it says.

    Args:
        settings: What the `SlidingWindow` was told.
        means: Where to compute.
        model: The network.
        inputs: What it takes; the first is the image.
        second: Which voxels are wanted along the second axis; None: all.
        watch: Who wants to know how far it is.
    """

    def __init__(
        self,
        settings: Settings,
        means: Means,
        model: Callable[..., Any],
        inputs: Sequence[Any],
        second: tuple[int, int] | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.frame = demand_image(inputs, settings.window, settings.axis)
        self._settings, self._model, self._second, self._watch = settings, model, second, watch
        self._n_done = 0
        self._batch_size, self._n_cases = means.batch_size, len(inputs[0])
        self._home = means.accumulate_on or inputs[0].device
        self._cutter = Cutter(inputs, self.frame, means.device, settings.fill)
        self.tiling = settings.tiling(self.frame, self._cutter.spatial)
        self._first = self._look_first()

    def _look_first(self) -> _Outputs:
        """Learn from one window which outputs there are; return them when they need not be computed again."""
        region = self.tiling.region((0, self._numbers[0], 0))
        raw = self._looked(self._cutter.many([region]))
        leaves = self._checked(raw, self._n_cases)
        form = rebuilt(raw, range(len(leaves)))
        self.layout = layout_of(leaves, form, self.frame.in_three(self._settings.window))
        if self.layout.grain != (1, 1, 1):
            self.tiling = self._settings.tiling(self.frame, self._cutter.spatial, self.layout.grain)
            return None
        return leaves if self._settings.empty is None and self._batch_size == 1 else None

    @property
    def _numbers(self) -> range:
        """The windows along the second axis."""
        lane = self.tiling.lanes[1]
        return range(len(lane.starts)) if self._second is None else lane.within(*self._second)

    def columns(self, *, whole: bool) -> Iterator[tuple[Mixer, list[slice]]]:
        """Yield after each column of windows which part of each output is finished, along its last axis.

        Args:
            whole: Keep everything; else parts yielded before are overwritten.
        """
        settings, numbers = self._settings, self._numbers
        space = Space(self._n_cases, self._home, settings.memory if whole else None)
        weights = settings.weights.reshape(self.frame.in_three(settings.window))
        background = None if settings.empty is None else settings.background
        mixer = Mixer(self.layout, self.tiling, weights, space, self._second, whole, background)
        outputs = self._outputs()
        for c in range(len(self.tiling.lanes[2].starts)):
            for a in range(len(self.tiling.lanes[0].starts)):
                mixer.start_row(a)
                for b in range(len(numbers)):
                    mixer.add(b, next(outputs))
                mixer.end_row(a, c)
            yield mixer, mixer.end_column(c)
            mixer.forget()

    def _outputs(self) -> Iterator[_Outputs]:
        """Yield the outputs of all windows in their order; None: left out."""
        first, _, third = (range(len(lane.starts)) for lane in self.tiling.lanes)
        for c in third:
            places = [(a, b, c) for a in first for b in self._numbers]
            if self._first is not None:
                outputs, self._first = self._first, None
                self._tell(1)
                yield outputs
                del outputs, places[0]
            for group in self._groups(places):
                yield from self._of_group(group)

    def _tell(self, n_more: int) -> None:
        """Tell who watches how many windows are done."""
        self._n_done += n_more
        if self._watch is not None:
            first, _, third = self.tiling.lanes
            self._watch(self._n_done, len(first.starts) * len(self._numbers) * len(third.starts))

    def _groups(self, places: Sequence[tuple[int, int, int]]) -> Iterator[list[_Region | None]]:
        """Yield the regions of windows that are computed together, with None for those that are left out."""
        group: list[_Region | None] = []
        n_seen, empty = 0, self._settings.empty
        for place in places:
            region: _Region | None = self.tiling.region(place)
            if empty is not None and empty(self._cutter.image_at(self.tiling.region(place))):
                region = None
            group.append(region)
            n_seen += region is not None
            if n_seen == self._batch_size:
                yield group
                group, n_seen = [], 0
        if group:
            yield group

    def _of_group(self, group: Sequence[_Region | None]) -> Iterator[_Outputs]:
        regions = [region for region in group if region is not None]
        leaves: list[torch.Tensor] = []
        if regions:
            leaves = self._checked(self._looked(self._cutter.many(regions)), self._n_cases * len(regions))
        self._tell(len(group))
        start, n = 0, self._n_cases
        for region in group:
            if region is None:
                yield None
                continue
            yield leaves if len(regions) == 1 else [leaf[start : start + n] for leaf in leaves]
            start += n

    def _looked(self, inputs: Sequence[Any]) -> Any:
        """Return what the network says about windows, or the mean over their mirror images."""
        with torch.no_grad():
            if self._settings.flips is None:
                return self._model(*inputs)
            n_axes = len(self._settings.window)
            means: list[RunningMean] = []
            raw: Any = None
            for view in views_of(self._settings.flips, n_axes):
                raw = self._model(*(view.apply(v) if getattr(v, "ndim", 0) == n_axes + 2 else v for v in inputs))
                leaves = [demand_output(leaf, len(inputs[0]), n_axes) for leaf in flattened(raw)]
                means = means or [RunningMean() for _ in leaves]
                for mean, leaf in zip(means, leaves, strict=True):
                    mean.add(view.undo(leaf))
            return rebuilt(raw, [mean.mean for mean in means])

    def _checked(self, raw: Any, n: int) -> list[torch.Tensor]:
        """Return the outputs with three axes, in 32 bits or more, where they are added up."""
        hidden = self.frame.hidden
        home, n_axes = self._home, len(self._settings.window)
        leaves = []
        for leaf in [raw] if isinstance(raw, torch.Tensor) else flattened(raw):
            output = demand_output(leaf, n, n_axes).detach()  # an identity may return the image, with its gradients
            output = output if hidden is None else output.unsqueeze(hidden)
            if output.dtype is not torch.float32 or output.device != home:
                output = output.to(home, torch.promote_types(output.dtype, torch.float32))
            leaves.append(output)
        return leaves
