"""Proof that an exported network computes what the network computes: inputs to try, and what came out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from eisen._core.errors import ArgumentError, ArtifactError

__all__ = ["ExportReport", "ExportSpec", "first_line"]

_AXES = {1: ("width",), 2: ("height", "width"), 3: ("depth", "height", "width")}


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or its name."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__


@dataclass(frozen=True)
class ExportReport:
    """What is known about an exported network.

    Args:
        path: The file.
        difference: Largest absolute difference to the outputs of the network in PyTorch, over all inputs tried; None
            if it was not verified.
        scale: Largest absolute output of the network.
        shapes: Shapes of the inputs it was tried with.
        runtime: What ran it, with version.
    """

    path: Path
    difference: float | None = None
    scale: float = 0.0
    shapes: tuple[tuple[int, ...], ...] = ()
    runtime: str = ""

    def __str__(self) -> str:
        if self.difference is None:
            return f"{self.path}: not verified"
        shapes = ", ".join("x".join(map(str, shape)) for shape in self.shapes)
        return (
            f"{self.path}: {self.runtime} differs from PyTorch by at most {self.difference:.2g} "
            f"(largest output {self.scale:.3g}; inputs {shapes})"
        )


class ExportSpec:
    """The inputs of a network as exporters need them.

    Args:
        input_size: Size of an input, e.g. ``[1, 1, 64, 64, 64]``: cases, channels, and the spatial axes.
        dynamic_spatial: Whether the spatial axes may change as well as the number of cases.
        owner: Who exports, for errors.

    Raises:
        ArgumentError: If the size is not one.
    """

    def __init__(self, input_size: Any, dynamic_spatial: bool, owner: str) -> None:
        size = list(input_size) if isinstance(input_size, Sequence) and not isinstance(input_size, str) else []
        if len(size) < 2 or not all(isinstance(n, int) and n > 0 for n in size):
            raise ArgumentError(
                f"{owner}: input_size is {input_size!r}",
                expected="the size of a batch: cases, channels and spatial axes, e.g. [1, 1, 64, 64, 64]",
            )
        self.size = tuple(size)
        self.dynamic_spatial = dynamic_spatial

    @property
    def example(self) -> Tensor:
        """An input to trace with. Two cases: an axis of length 1 would be taken as fixed."""
        return self._random((max(2, self.size[0]), *self.size[1:]), seed=0)

    @property
    def dynamic_axes(self) -> dict[int, str]:
        """Names of the axes that may change."""
        axes = {0: "batch_size"}
        if self.dynamic_spatial:
            n = len(self.size) - 2
            axes |= dict(enumerate(_AXES.get(n, tuple(f"axis_{i}" for i in range(n))), start=2))
        return axes

    def trials(self) -> Iterator[Tensor]:
        """Yield inputs to compare with: of the size asked for, of another number of cases, of other sides."""
        yield self._random(self.size, seed=1)
        yield self._random((self.size[0] + 2, *self.size[1:]), seed=2)
        if self.dynamic_spatial:
            yield self._random((1, self.size[1], *(2 * side for side in self.size[2:])), seed=3)

    def _random(self, size: Sequence[int], seed: int) -> Tensor:
        return torch.randn(*size, generator=torch.Generator().manual_seed(seed))

    def compare(self, network: torch.nn.Module, run: Any, report: ExportReport, tolerance: float) -> ExportReport:
        """Compare an exported network with the one in PyTorch.

        Args:
            network: In evaluation mode, on the CPU.
            run: Called with an input; returns the list of outputs.
            report: What is known so far.
            tolerance: Largest difference that is accepted, as a share of the largest output.

        Returns:
            The report, with the difference.

        Raises:
            ArtifactError: If an output differs by more.
        """
        difference = scale = 0.0
        shapes = []
        for values in self.trials():
            with torch.no_grad():
                wanted = _flat(network(values))
            for mine, other in zip(wanted, _ran(run, values, report), strict=True):
                found = torch.as_tensor(other)
                if found.shape != mine.shape:
                    raise _differs(report, f"the shape {tuple(found.shape)} instead of {tuple(mine.shape)}")
                difference = max(difference, float((found.double() - mine.double()).abs().max()))
                scale = max(scale, float(mine.abs().max()))
            shapes.append(tuple(values.shape))
        if not difference <= tolerance * max(scale, 1e-6):
            raise _differs(report, f"values that differ by up to {difference:.3g}, where the largest is {scale:.3g}")
        return ExportReport(report.path, difference, scale, tuple(shapes), report.runtime)


def _flat(outputs: Any) -> list[Tensor]:
    if isinstance(outputs, Tensor):
        return [outputs]
    values = outputs.values() if isinstance(outputs, dict) else outputs
    return [tensor for value in values for tensor in _flat(value)]


def _ran(run: Any, values: Tensor, report: ExportReport) -> Any:
    try:
        return run(values)
    except Exception as error:
        shape = "x".join(map(str, values.shape))
        raise ArtifactError(
            f"{report.path.name} was not written: it fails for an input of {shape}, {first_line(error)}",
            expected="a result for every size asked for",
            to_do="export with dynamic_spatial=False, or with a larger input_size",
            file=str(report.path),
        ) from error


def _differs(report: ExportReport, how: str) -> ArtifactError:
    return ArtifactError(
        f"{report.path.name} was not written: {report.runtime} gives {how}",
        expected="the outputs of the network in PyTorch",
        to_do="raise tolerance if that is accurate enough for you, or export with fixed sizes",
        file=str(report.path),
    )
