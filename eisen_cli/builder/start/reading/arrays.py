"""Files that hold arrays: a store of eisen, and a collection of MedMNIST."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from eisen._core.errors import CorruptFileError
from eisen._core.types import is_label_field
from eisen.datasets import MedMNISTDataset, StoreDataset
from eisen_cli.builder.start.reading.following import follow, follow_classes
from eisen_cli.builder.start.reading.looking import Look
from eisen_cli.builder.start.reading.start import Learned, Start
from eisen_cli.builder.start.source import Source, divided, entry

__all__ = ["from_collection", "from_store"]

_LOOKED = 4
_PARTS = {"train": "Training", "val": "Validation", "test": "Testing"}


def from_store(path: Path) -> Start:
    """Return what follows from a store, as ``eisen data create`` writes it.

    Args:
        path: The file.

    Raises:
        CorruptFileError: If it holds no images.
    """
    dataset = StoreDataset(path.parent, path.name)
    cases: list[dict[str, Any]] = [dataset[n] for n in range(min(_LOOKED, len(dataset)))]
    arrays = {name: value for name, value in cases[0].items() if getattr(value, "ndim", 0) >= 3}
    images = [name for name in arrays if not is_label_field(name)]
    if not images:
        expected = "an array with channels in front, as 'eisen data create' writes it"
        raise CorruptFileError(f"{path.name} holds no images", expected=expected, file=str(path))
    maps = [name for name in arrays if is_label_field(name)]
    look = _look([case[images[0]] for case in cases], [case[maps[0]] for case in cases] if maps else [], len(dataset))
    several = len(images) > 1
    n_channels = sum(arrays[name].shape[0] for name in images) if several else look.n_channels
    source = Source(
        divided(entry("eisen.datasets.StoreDataset", file=path.name)),
        "arrays",
        (images[0],),
        maps[0] if maps else "",
        n_channels=look.n_channels,
        dimensions=look.dimensions,
        empty_labels=look.has_empty,
    )
    learned = [
        Learned("understood", f"A store of {len(dataset)} cases with {', '.join(arrays)}.", "split"),
        Learned("assumed", "A fifth of the cases validates; which ones is drawn with a seed.", "split"),
    ]
    if several:
        text = f"The network looks at '{images[0]}'; the store has {n_channels} channels in {len(images)} fields."
        learned.append(Learned("assumed", text, "model"))
    if maps:
        return follow(path.stem, path.parent, source, look, None, learned)
    return _told_by_number(path, source, look, learned, cases, dataset)


def _told_by_number(
    path: Path, source: Source, look: Look, learned: list[Learned], cases: list[dict[str, Any]], dataset: Any
) -> Start:
    """Return a classification where cases have a number that may be that of a class."""
    from dataclasses import replace

    numbers = [name for name, value in cases[0].items() if isinstance(value, int | np.integer) and name != "number"]
    label = next((name for name in ("label", "class", "target", *numbers) if name in numbers), "")
    if not label:
        return follow(path.stem, path.parent, source, look, None, learned)
    counts = Counter(int(dataset.case_rest(n)[label]) for n in range(len(dataset)))
    names = [f"class {number}" for number in range(max(counts) + 1)]
    learned.append(Learned("assumed", f"'{label}' is the class of a case: {len(counts)} of them.", "classes"))
    source = replace(source, label=label)
    return follow_classes(path.stem, path.parent, source, look, names, learned, list(counts.values()))


def _look(images: list[Any], labels: list[Any], n_cases: int) -> Look:
    shapes = np.array([image.shape[1:] for image in images])
    low, high = np.percentile(np.concatenate([np.asarray(i, float).reshape(-1)[::7] for i in images]), [0.5, 99.5])
    values = sorted({int(value) for label in labels for value in np.unique(label)})
    return Look(
        n_cases=n_cases,
        n_seen=len(images),
        format="arrays",
        shape=tuple(int(n) for n in np.median(shapes, axis=0)),
        same_shape=bool((shapes == shapes[0]).all()),
        n_channels=int(images[0].shape[0]),
        low=float(low),
        high=float(high),
        values=tuple(values),
        has_empty=any(not np.any(label) for label in labels),
    )


def from_collection(path: Path) -> Start:
    """Return what follows from a collection of MedMNIST, or arrays that are stored like one.

    Args:
        path: The ``.npz`` file.

    Raises:
        CorruptFileError: If it is none.
    """
    with np.load(path, allow_pickle=False) as content:
        names = list(content.files)
        numbers = content["train_labels"] if "train_labels" in names else np.zeros((0, 1))
    parts = {part: phase for part, phase in _PARTS.items() if f"{part}_images" in names}
    if "train" not in parts or numbers.size == 0:
        expected = "arrays called train_images, train_labels, val_images ..."
        raise CorruptFileError(f"{path.name} is no collection of images and labels", expected=expected, file=str(path))
    dataset = MedMNISTDataset(path.parent, path.name, "train")
    look = _look([dataset[n]["image"] for n in range(min(_LOOKED, len(dataset)))], [], len(dataset))
    kind = "eisen.datasets.MedMNISTDataset"
    datasets = {phase: entry(kind, npz_file=path.name, phase=part) for part, phase in parts.items()}
    datasets = datasets if "Validation" in datasets else divided(datasets["Training"])
    source = Source(datasets, "arrays", n_channels=look.n_channels, dimensions=look.dimensions)
    counts = Counter(int(number) for number in numbers[:, 0])
    learned = [
        Learned("understood", f"A collection of {len(dataset)} training images, {len(counts)} classes.", "split")
    ]
    classes = [f"class {number}" for number in range(max(counts) + 1)]
    return follow_classes(path.stem, path.parent, source, look, classes, learned, list(counts.values()))
