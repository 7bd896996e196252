"""What a label map holds: values, fractions, tiny parts, and whether it lies where the image shows something."""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt

from eisen._core.types import Array
from eisen.datasets.doctor.facts import LabelFacts
from eisen.transforms.functional.labels import label_counts

__all__ = ["label_facts"]

_SPECK_VOXELS = 4
_SPECK_SHARE = 0.01
_MOST_LABELS = 256
_PADDING_SHARE = 0.05


def label_facts(label: Array, image: Array | None = None) -> LabelFacts:
    """Return what a label map holds.

    A speck is an isolated part of at most 4 voxels whose class has a part at least 100 times as large.

    Args:
        label: Label map (x, y, z).
        image: The image it belongs to, same shape; None leaves out what needs one.

    Example:
        >>> label = np.zeros((20, 20, 20), "uint8")
        >>> label[2:12, 2:12, 2:12] = 1
        >>> label[15, 15, 15] = 1
        >>> facts = label_facts(label)
        >>> facts.counts, facts.specks
        ({0.0: 6999, 1.0: 1001}, {1: 1})
    """
    counts = _counts(label)
    fractions = sum(count for value, count in counts.items() if not value.is_integer())
    specks: dict[int, int] = {}
    largest: dict[int, int] = {}
    if not fractions and 1 < len(counts) <= _MOST_LABELS and label.ndim in (2, 3):
        specks, largest = _specks(label)
    return LabelFacts(counts, fractions, specks, largest, _outside(label, image))


def _counts(label: Array) -> dict[float, int]:
    """Return how many voxels each value has; slice by slice, so that it takes no memory of the size of the volume."""
    total: Counter[float] = Counter()
    for k in range(label.shape[-1]):
        plane = label[..., k]
        total.update(label_counts(np.nan_to_num(plane) if plane.dtype.kind == "f" else plane))
    return dict(sorted(total.items()))


def _specks(label: Array) -> tuple[dict[int, int], dict[int, int]]:
    """Return the number of specks of each value, and the size of the largest of them in voxels."""
    import cc3d

    whole = np.asfortranarray(_inside_box(label).astype(np.int32))
    parts, n_parts = cc3d.connected_components(whole, return_N=True)
    sizes = np.bincount(parts.ravel(order="K"), minlength=n_parts + 1)[1:]
    values = _value_of_parts(whole, parts, n_parts)
    specks: dict[int, int] = {}
    largest: dict[int, int] = {}
    for value in np.unique(values).tolist():
        own = sizes[values == value]
        tiny = own[(own <= _SPECK_VOXELS) & (own <= _SPECK_SHARE * own.max())]
        if tiny.size:
            specks[value], largest[value] = int(tiny.size), int(tiny.max())
    return specks, largest


def _inside_box(label: Array) -> Array:
    """Return the smallest box of a label map that holds all of its labels."""
    labelled = label != 0
    box = []
    for axis in range(label.ndim):
        hit = np.flatnonzero(labelled.any(axis=tuple(other for other in range(label.ndim) if other != axis)))
        box.append(slice(int(hit[0]), int(hit[-1]) + 1))
    return label[tuple(box)]


def _value_of_parts(label: Array, parts: Array, n_parts: int) -> npt.NDArray[np.int64]:
    """Return the label value of each connected part."""
    values = np.zeros(n_parts + 1, np.int64)
    values[parts.ravel(order="F")] = label.ravel(order="F")
    return values[1:]


def _outside(label: Array, image: Array | None) -> float:
    """Return the share of the labelled voxels where the image has its smallest value, if much of it has that."""
    if image is None or image.shape[: label.ndim] != label.shape:
        return 0.0
    first = image[(slice(None),) * label.ndim + (0,) * (image.ndim - label.ndim)]
    padding = first == np.nanmin(first)
    labelled = label != 0
    n_labelled = int(np.count_nonzero(labelled))
    n_padding = int(np.count_nonzero(padding))
    if not n_labelled or not _PADDING_SHARE * padding.size <= n_padding < padding.size:
        return 0.0
    return float(np.count_nonzero(padding & labelled) / n_labelled)
