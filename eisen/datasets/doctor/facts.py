"""What the doctor knows about a case: what the headers and the voxels of its files say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from eisen._core.types import Affine, Array, Geometry
from eisen.datasets.doctor.study import Case

__all__ = ["CaseFacts", "Header", "LabelFacts", "Preview", "VoxelFacts"]


@dataclass(frozen=True)
class Header:
    """What a file says about itself before its voxels are read.

    Args:
        format: ``"nifti"``, ``"itk"``, ``"picture"`` or ``"dicom"``.
        shape: Spatial shape, 3 numbers (2 of a picture).
        n_channels: Channels, time points or colours.
        dtype: Type of the voxels in the file, as NumPy calls it.
        affine: 4 x 4, voxel index to RAS+ mm; None of a picture.
        unit: Unit of length that the header names; empty when it names none.
        conflict_mm: Largest distance between the corners by sform and by qform; 0 when only one is set.
        coded: Whether the header says where the voxels are.
        patient: Patient ID; empty when the format has none.
    """

    format: str
    shape: tuple[int, ...]
    n_channels: int
    dtype: str
    affine: Affine | None = None
    unit: str = ""
    conflict_mm: float = 0.0
    coded: bool = True
    patient: str = ""

    @property
    def geometry(self) -> Geometry | None:
        """Where the voxels are; None of a picture."""
        return None if self.affine is None else Geometry.of(self.affine, self.shape)

    @property
    def spacing(self) -> tuple[float, ...]:
        """Edge lengths of a voxel in mm; empty of a picture."""
        return () if self.affine is None else tuple(float(x) for x in np.linalg.norm(self.affine[:3, :3], axis=0))

    @property
    def voxel_mm3(self) -> float:
        """Volume of a voxel; 1 of a picture, where pixels are counted."""
        return 1.0 if self.affine is None else abs(float(np.linalg.det(self.affine[:3, :3])))


@dataclass(frozen=True)
class VoxelFacts:
    """What the voxels of an image or label say.

    Args:
        n: Number of voxels.
        n_nan: How many are NaN.
        n_infinite: How many are infinite.
        low: 0.5th percentile of the finite voxels.
        median: 50th percentile.
        high: 99.5th percentile.
        minimum: Smallest finite voxel.
        maximum: Largest finite voxel.
        n_values: Number of different values in a sample, counted up to 256.
        padding: Share of voxels that have exactly the smallest value.
        digest: Equal for equal voxels, whatever the format, type and compression of the file.
        slices: The same for each slice along the last axis; empty bytes for a slice without content.
        signature: Fine structure at 16 x 16 x 16 places (64 x 64 of a picture), mean 0 and norm 1; None without.
    """

    n: int
    n_nan: int
    n_infinite: int
    low: float
    median: float
    high: float
    minimum: float
    maximum: float
    n_values: int
    padding: float
    digest: bytes
    slices: tuple[bytes, ...]
    signature: npt.NDArray[np.float16] | None = None


@dataclass(frozen=True)
class LabelFacts:
    """What a label map holds.

    Args:
        counts: Value to number of voxels, background included.
        fractions: Number of voxels that are no whole number.
        specks: Value to the number of tiny isolated parts.
        largest_speck: Value to the number of voxels of the largest of them.
        outside: Share of the labelled voxels that lie in the padding of the image; 0 without an image.
    """

    counts: Mapping[float, int]
    fractions: int = 0
    specks: Mapping[int, int] = field(default_factory=dict)
    largest_speck: Mapping[int, int] = field(default_factory=dict)
    outside: float = 0.0


@dataclass(frozen=True)
class Preview:
    """One slice to look at, rows from top to bottom.

    Args:
        image: uint8.
        label: Label values, same shape; None without a label.
        aspect: Height of a pixel over its width.
    """

    image: Array
    label: Array | None
    aspect: float


@dataclass
class CaseFacts:
    """Everything known about a case.

    Args:
        case: The case.
        headers: Per field, of files that could be opened.
        voxels: Per field, of files that could be read.
        labels: Per label field that could be read.
        preview: A slice of the first image, when one was asked for.
    """

    case: Case
    headers: dict[str, Header] = field(default_factory=dict)
    voxels: dict[str, VoxelFacts] = field(default_factory=dict)
    labels: dict[str, LabelFacts] = field(default_factory=dict)
    preview: Preview | None = None

    def about(self, name: str) -> dict[str, Any]:
        """Return what a finding about a field of this case says first: case, field and file."""
        return {"case": self.case.name, "field": name, "file": self.case.files[name]}
