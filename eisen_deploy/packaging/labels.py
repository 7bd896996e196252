"""Names and colours of label values and classes."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping

from eisen_deploy.packaging.layout import Label

__all__ = ["colour_of", "labels_of"]

_COLOURS = (
    "#e6550d", "#3182bd", "#31a354", "#756bb1", "#d6a300", "#17a2b8", "#e377c2", "#8c564b", "#9acd32", "#f08080"
)  # fmt: skip
_GOLDEN = 0.618034
"""Hues that far apart never come close to each other."""


def colour_of(number: int) -> str:
    """Return the colour of a label: black for the background, different ones for all others.

    Example:
        >>> colour_of(0), colour_of(1), colour_of(1) == colour_of(40)
        ('#000000', '#e6550d', False)
    """
    if number == 0:
        return "#000000"
    if 0 < number <= len(_COLOURS):
        return _COLOURS[number - 1]
    red, green, blue = colorsys.hsv_to_rgb(number * _GOLDEN % 1.0, 0.75, 0.85)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def labels_of(kind: str, channels: list[int], names: Mapping[int, str] | None) -> list[Label]:
    """Return the labels of a label map, or the classes of a classifier; numbers and images have none.

    Args:
        kind: What comes out of the model.
        channels: Which value each channel stands for.
        names: What values are called, as far as that is known.

    Example:
        >>> [(label.value, label.name) for label in labels_of("labels", [1], {1: "tumour"})]
        [(0, 'background'), (1, 'tumour')]
    """
    if kind not in ("labels", "classes"):
        return []
    known = names or {}
    values = sorted({*channels, 0} if kind == "labels" or len(channels) == 1 else set(channels))
    nothing = {0: "background"} if kind == "labels" else {}
    return [Label(v, known.get(v) or nothing.get(v) or f"{v}", colour_of(v)) for v in values]
