"""MedMNIST: small medical images in one file of NumPy arrays."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any, Unpack
from zipfile import BadZipFile

import numpy as np

from eisen._core.errors import ArgumentError, CorruptFileError, EisenError, EmptyDatasetError, nearest
from eisen._core.types import DataPoint, Step
from eisen.datasets.base import EisenDataset
from eisen.datasets.folders import Folder
from eisen.datasets.options import SplitOptions
from eisen.io.paths import existing_file

__all__ = ["MedMNISTDataset"]


class MedMNISTDataset(EisenDataset):
    """One of the MedMNIST collections, or arrays of your own stored like them.

    The file holds ``train_images``, ``train_labels``, and the same with ``val_`` and ``test_``.

    Most are CC BY 4.0 and come from Zenodo (record 10519652) as one ``.npz`` file each, e.g. ``pneumoniamnist.npz``.

    A case holds ``image``, as stored (uint8), channel first: grey (1, H, W), colour (3, H, W), volumes (1, D, H, W);
    and ``label``: a whole number, or with several labels per image a float32 array of zeros and ones.

    Args:
        data_dir: Folder of the data.
        npz_file: The collection, relative to `data_dir` or absolute.
        phase: Which part of it: ``"train"``, ``"val"`` or ``"test"``.
        transform: What to do with a case when it is read; None: nothing.
        **split: Which cases of that part to keep.

    Raises:
        MissingFileError: If the file is not there.
        CorruptFileError: If it is not such a file, or images and labels are not equally many.
        ArgumentError: If it has no such part.
        EmptyDatasetError: If the part is empty.

    Source: Yang et al., MedMNIST v2: a large-scale lightweight benchmark for 2D and 3D biomedical image classification,
        Scientific Data 10, 41 (2023).

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> images, labels = np.zeros((5, 28, 28), "uint8"), np.ones((5, 1), "uint8")
        >>> np.savez(f"{folder}/a.npz", train_images=images, train_labels=labels)
        >>> cases = MedMNISTDataset(folder, "a.npz", "train")
        >>> len(cases), cases[0]["image"].shape, cases[0]["label"]
        (5, (1, 28, 28), 1)
    """

    def __init__(
        self,
        data_dir: Folder,
        npz_file: Folder,
        phase: str,
        transform: Step | None = None,
        **split: Unpack[SplitOptions],
    ) -> None:
        self.data_dir = data_dir
        self.npz_file = npz_file
        self.phase = phase
        path = existing_file(Path(data_dir) / npz_file)
        arrays = _arrays(path, phase)
        self.images, self.labels = arrays["images"], arrays["labels"]
        _check(self.images, self.labels, path)
        super().__init__(range(len(self.images)), transform, **split)

    def peek(self, number: int) -> DataPoint:
        """Return the label of a case; its image is not touched."""
        return {"label": _label(self.labels[self.cases[number]])}

    def read(self, number: int) -> DataPoint:
        """Return an image and its label."""
        row = self.cases[number]
        image = self.images[row]
        is_colour = self.images.ndim == 4 and image.shape[-1] in (3, 4)
        image = np.ascontiguousarray(np.moveaxis(image, -1, 0)) if is_colour else image[np.newaxis].copy()
        return {"image": image, "label": _label(self.labels[row])}


def _label(stored: Any) -> Any:
    """Return a whole number, or several labels as zeros and ones."""
    label = stored.reshape(-1)
    return int(label[0]) if label.size == 1 else label.astype(np.float32)


def _arrays(path: Path, phase: str) -> dict[str, Any]:
    """Return images and labels of one part of the file."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            phases = [name.removesuffix("_images") for name in file.files if name.endswith("_images")]
            if phase not in phases:
                raise ArgumentError(
                    f"{path.name} has no part {phase!r}",
                    expected=f"one of {', '.join(map(repr, phases)) or '(none: it has no ..._images)'}",
                    to_do=nearest(str(phase), phases),
                )
            return {kind: file[f"{phase}_{kind}"] for kind in ("images", "labels")}
    except EisenError:
        raise
    except (BadZipFile, zlib.error, OSError, KeyError, ValueError, AttributeError, TypeError, EOFError) as error:
        what = f"{path.name} is not a collection of MedMNIST: {error}"
        raise CorruptFileError(what, expected="an .npz file with ..._images and ..._labels", file=str(path)) from error


def _check(images: Any, labels: Any, path: Path) -> None:
    if images.ndim not in (3, 4) or len(images) != len(labels):
        raise CorruptFileError(
            f"{path.name} holds images of shape {images.shape} and labels of shape {labels.shape}",
            expected="(cases, H, W), (cases, H, W, 3) or (cases, D, H, W), and as many labels",
            file=str(path),
        )
    if not len(images):
        raise EmptyDatasetError(f"{path.name} holds no images there", expected="at least one", file=str(path))
