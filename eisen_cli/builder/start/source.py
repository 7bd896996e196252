"""Where the cases of an experiment come from, and how their files are opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Entry", "Format", "Source", "divided", "entry"]

Entry = dict[str, Any]
"""A module as it stands in a configuration: ``{"type": ..., "params": {...}}``."""

Format = Literal["nifti", "itk", "picture", "dicom", "arrays"]
"""How files are read; ``"arrays"``: the dataset gives arrays and nothing is to be opened."""


def entry(path: str, **params: Any) -> Entry:
    """Return a module as it stands in a configuration.

    Example:
        >>> entry("torch.optim.Adam", lr=0.001)
        {'type': 'torch.optim.Adam', 'params': {'lr': 0.001}}
    """
    return {"type": path, "params": params}


@dataclass(frozen=True)
class Source:
    """The cases of an experiment.

    Args:
        datasets: Phase to its dataset.
        format: How files are opened.
        images: Fields of the images; several are stacked as channels of ``image``.
        label: Field of the reference: a label map, the number of a class, or another image; "" for none.
        n_channels: Channels of the image that the network gets.
        in_file: Whether a file holds several channels: a 4-D volume, a picture with colours.
        values: Value in the label files to number of the class; empty where they are the same.
        shape: Shape that all images have; None where it differs or is not known.
        dimensions: 2 for pictures, 3 for volumes.
        empty_labels: Whether label maps without any object occur.
    """

    datasets: Mapping[str, Entry]
    format: Format = "nifti"
    images: Sequence[str] = ("image",)
    label: str = "label"
    n_channels: int = 1
    in_file: bool = False
    values: Mapping[int, int] = field(default_factory=dict)
    shape: tuple[int, ...] | None = None
    dimensions: int = 3
    empty_labels: bool = False

    @property
    def image(self) -> str:
        """The field that the network reads."""
        return self.images[0] if len(self.images) == 1 else "image"

    def has(self, phase: str) -> bool:
        """Tell whether there are cases for a phase."""
        return phase in self.datasets


def divided(dataset: Entry, fraction: float = 0.2) -> dict[str, Entry]:
    """Return a dataset for Training and one for Validation: a seeded part of the same cases for each.

    Example:
        >>> both = divided(entry("eisen.datasets.JsonDataset", json_file="cases.json"))
        >>> {phase: each["params"]["split"] for phase, each in both.items()}
        {'Training': 'train', 'Validation': 'validation'}
    """
    sides = {"Training": "train", "Validation": "validation"}
    rest = {"validation_fraction": fraction, "split_seed": 0}
    return {phase: entry(dataset["type"], **dataset["params"], split=side, **rest) for phase, side in sides.items()}
