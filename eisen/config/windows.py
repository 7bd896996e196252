"""The hyperparameter ``.SlidingWindow``: how Validation, Testing and Prediction look at images through windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from eisen._core.errors import nearest
from eisen._core.sizes import MEMORY
from eisen.config.findings import Findings
from eisen.config.places import Place

__all__ = ["WindowSettings", "read_windows"]

_Size = Annotated[int, Field(ge=1, strict=True)]
_Part = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class WindowSettings:
    """What `eisen.patches.SlidingWindow` is told by a configuration; see there.

    Args:
        window: Size of the windows along each spatial axis.
        overlap: How much of a window its neighbour covers too, from 0 to below 1.
        weights: How much the voxels of a window count: ``"gaussian"`` or ``"constant"``.
        batch_size: How many windows the network gets at once.
        device: Where the network computes; null: where the image is.
        accumulate_on: Where windows are added up; null: where the image is.
        skip_empty: Leave out windows without a voxel above this number; true: windows of one value.
        flips: Take the mean over mirror images of every window: true, or e.g. ``"flips:0,1"``.
        axis: For 2-D networks over volumes: the spatial axis whose slices they look at.
        memory: Results that need more are kept on the disk, e.g. ``"4GB"``.
        background: What is said about voxels that only empty windows saw, a number or one for each channel.
        fill: The value of the image beyond its borders.

    Example:
        >>> WindowSettings([64, 64, 64], overlap=0.25).overlap
        0.25
    """

    window: Annotated[list[_Size], Field(min_length=2, max_length=3)]
    overlap: _Part | list[_Part] = 0.5
    weights: Literal["gaussian", "constant"] = "gaussian"
    batch_size: _Size = 1
    device: str | None = None
    accumulate_on: str | None = None
    skip_empty: bool | float | None = None
    flips: bool | str = False
    axis: Literal[0, 1, 2] | None = None
    memory: Annotated[str, Field(pattern=MEMORY)] | None = None
    background: float | list[float] = 0.0
    fill: float = 0.0

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `eisen.patches.SlidingWindow`."""
        return asdict(self)


def read_windows(params: Any, here: Place, findings: Findings) -> WindowSettings | None:
    """Return the settings under ``params`` of the hyperparameter; what is wrong with them is noted.

    Args:
        params: ``{"window": [64, 64, 64], ...}``, or the same as ``{"value": {...}}``, as ``--set`` writes it.
        here: Where the parameters stand.
        findings: Takes the problems.
    """
    inner = params.get("value") if isinstance(params, Mapping) and set(params) == {"value"} else params
    here = (*here, "value") if inner is not params else here
    if inner in (None, ""):
        findings.problem(here, ".SlidingWindow has no window", '{"window": [64, 64, 64], "overlap": 0.5}')
        return None
    try:
        settings: WindowSettings = TypeAdapter(WindowSettings).validate_python(inner)
    except ValidationError as error:
        for problem in error.errors()[:1]:
            _note(problem, here, findings)
        return None
    return settings


def _note(problem: Mapping[str, Any], here: Place, findings: Findings) -> None:
    known = list(WindowSettings.__dataclass_fields__)
    key = str(problem["loc"][0]) if problem["loc"] else ""
    if key not in known:
        what = f"unknown parameter '{key}' of .SlidingWindow" if key else ".SlidingWindow cannot be read"
        findings.problem((*here, key) if key else here, what, nearest(key, known) or ", ".join(known), key=bool(key))
        return
    if problem["type"] == "missing":
        findings.problem(here, ".SlidingWindow has no window", '"window": [64, 64, 64]')
        return
    findings.problem(
        (*here, key), f"{key} of .SlidingWindow is {problem['input']!r}", _EXPECTED.get(key, "see the docs")
    )


_EXPECTED = {
    "window": "two or three whole numbers from 1, e.g. [64, 64, 64]",
    "overlap": "a number from 0 to below 1, or one for each axis",
    "weights": '"gaussian" or "constant"',
    "batch_size": "a whole number from 1",
    "device": '"cpu", "cuda", "cuda:1" ...',
    "accumulate_on": '"cpu", "cuda", "cuda:1" ...',
    "skip_empty": "a number that no voxel of an empty window is above, or true for windows of one value",
    "flips": 'true, false or e.g. "flips:0,1"',
    "axis": "0, 1 or 2",
    "memory": 'a size such as "4GB" or "512MB"',
    "background": "a number, or one for each channel",
    "fill": "a number",
}
