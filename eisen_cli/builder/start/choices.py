"""What a template lets people choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from eisen._core.errors import ArgumentError, nearest
from eisen_cli.builder.start.source import Source

__all__ = ["CHOICES", "Choice", "Choices", "changed"]

Kind = Literal["integer", "number", "switch", "choice", "sizes", "numbers", "names", "text"]


@dataclass(frozen=True)
class Choice:
    """One thing that can be chosen.

    Args:
        name: Its name among `Choices`.
        title: What it is called on the page.
        kind: What is typed: a number, names one per line, ...
        doc: One sentence about it.
        options: Value to words, of a ``"choice"``.
        unit: Unit of the number.
    """

    name: str
    title: str
    kind: Kind
    doc: str
    options: Mapping[str, str] = field(default_factory=dict)
    unit: str = ""


@dataclass(frozen=True)
class Choices:
    """What the parts of a configuration are made from.

    Args:
        source: Where cases come from.
        classes: Names of the classes, number 0 first; the background is class 0 of a segmentation.
        fit: How images come to the size of a batch: ``"patches"`` are cut at random, ``"whole"`` images are cropped or
            padded around their middle, ``"resize"`` changes the number of pixels.
        size: That size.
        normalization: ``"z-score"`` of each image, a ``"window"`` of intensities, or a fixed ``"range"`` to 0..1.
        low: Lower end of window or range.
        high: Its upper end.
        spacing_mm: Voxel size that all images are brought to; None leaves them.
        augmentation: ``"none"``, ``"light"`` or ``"strong"``.
        mirror: Whether images are mirrored at random.
        width: Filters of the network at full resolution.
        mode: ``"gan"`` or ``"wgan-gp"``; ``"denoise"`` or ``"translate"``; ``"classes"`` or ``"number"``.
        noise: Standard deviation of the noise that a denoiser gets to see, of images from 0 to 1.
        balance: Whether rare classes are drawn as often as frequent ones.
        epochs: Passes over the training data.
        batch_size: Cases per step.
    """

    source: Source
    classes: Sequence[str] = ("background", "foreground")
    fit: str = "whole"
    size: Sequence[int] = (64, 64, 64)
    normalization: str = "z-score"
    low: float = 0.0
    high: float = 255.0
    spacing_mm: Sequence[float] | None = None
    augmentation: str = "light"
    mirror: bool = False
    width: int = 16
    mode: str = ""
    noise: float = 0.1
    balance: bool = False
    epochs: int = 50
    batch_size: int = 2


_SPECS = (
    Choice("classes", "Names of the classes", "names", "One per line, in the order of their numbers, from 0."),
    Choice(
        "fit",
        "Training looks at",
        "choice",
        "Patches save memory and see small things often; whole images see everything at once.",
        {"patches": "patches", "whole": "whole images", "resize": "resized images"},
    ),
    Choice("size", "Size", "sizes", "Shape of what the network gets in training, a multiple of its stride.", unit="px"),
    Choice(
        "normalization",
        "Intensities",
        "choice",
        "What makes images of different scanners comparable.",
        {"z-score": "mean 0, deviation 1", "window": "a window, to 0..1", "range": "a fixed range, to 0..1"},
    ),
    Choice("low", "From", "number", "Lower end of the window or range."),
    Choice("high", "To", "number", "Upper end of the window or range."),
    Choice("spacing_mm", "Resample to", "numbers", "One voxel size for all cases; empty leaves them.", unit="mm"),
    Choice(
        "augmentation",
        "Augmentation",
        "choice",
        "Random changes in training, so that the network does not learn the cases by heart.",
        {"none": "none", "light": "light", "strong": "strong, with bending"},
    ),
    Choice("mirror", "Mirror", "switch", "Off where left and right mean something."),
    Choice(
        "width",
        "Network",
        "choice",
        "Filters at full resolution: more learn more, and take more time and memory.",
        {"8": "small (8 filters)", "16": "medium (16)", "32": "large (32)", "64": "very large (64)"},
    ),
    Choice("mode", "Task", "choice", "What is learnt, and how."),
    Choice("noise", "Noise", "number", "Standard deviation of the noise to remove, of images from 0 to 1."),
    Choice("balance", "Draw classes equally often", "switch", "For data in which one class is rare."),
    Choice("epochs", "Epochs", "integer", "Passes over the training data."),
    Choice("batch_size", "Cases per step", "integer", "More are steadier and need more memory."),
)

CHOICES: dict[str, Choice] = {choice.name: choice for choice in _SPECS}
"""All choices by name."""

_LEAST = {"epochs": 1, "batch_size": 1, "size": 4, "spacing_mm": 0.01, "noise": 0.0}


def changed(choices: Choices, name: str, value: Any) -> Choices:
    """Return choices with another value for one of them.

    Args:
        choices: The choices.
        name: Which one.
        value: The new value.

    Raises:
        ArgumentError: If it is no value for it.

    Example:
        >>> changed(Choices(Source({})), "epochs", 5).epochs
        5
    """
    from dataclasses import replace

    spec = CHOICES.get(name)
    if spec is None:
        raise ArgumentError(f"there is no choice '{name}'", expected=nearest(name, CHOICES) or ", ".join(CHOICES))
    value = _checked(spec, value, choices)
    return replace(choices, **{name: value})


def _checked(spec: Choice, value: Any, choices: Choices) -> Any:
    if spec.kind in ("sizes", "numbers"):
        return _numbers(spec, value, choices.source.dimensions)
    if spec.kind == "names":
        return _names(spec, value)
    if spec.kind in ("integer", "number"):
        return _number(spec, value, int if spec.kind == "integer" else float)
    if spec.name == "width":
        return _number(spec, value, int)
    return bool(value) if spec.kind == "switch" else str(value)


def _number(spec: Choice, value: Any, kind: type) -> Any:
    least = _LEAST.get(spec.name)
    try:
        number = kind(value)
    except (TypeError, ValueError):
        number = None
    if number is None or number != number or (least is not None and number < least):
        expected = f"a {'whole ' * (kind is int)}number{f', {least} or more' * (least is not None)}"
        raise ArgumentError(f"'{spec.title}' is {value!r}", expected=expected)
    return number


def _numbers(spec: Choice, value: Any, n_axes: int) -> Any:
    texts = value.replace("x", " ").replace("×", " ").replace(",", " ").split() if isinstance(value, str) else value
    if spec.name == "spacing_mm" and not texts:
        return None
    kind = int if spec.kind == "sizes" else float
    numbers = tuple(_number(spec, each, kind) for each in texts or ())
    if len(numbers) not in (1, n_axes):
        raise ArgumentError(f"'{spec.title}' is {value!r}", expected=f"{n_axes} numbers, one per axis, or one for all")
    return numbers * n_axes if len(numbers) == 1 else numbers


def _names(spec: Choice, value: Any) -> tuple[str, ...]:
    lines = value.splitlines() if isinstance(value, str) else [str(each) for each in value]
    names = tuple(line.strip() for line in lines if line.strip())
    if len(names) < 2 or len(set(names)) < len(names):
        raise ArgumentError(f"'{spec.title}' are {', '.join(names) or 'none'}", expected="two or more different names")
    return names
