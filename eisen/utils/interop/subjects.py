"""What can be asked of a subject of TorchIO 1 and of TorchIO 2 alike."""

from __future__ import annotations

from typing import Any

from eisen._core.optional import require

__all__ = ["images_of", "is_first", "silent_movements", "spatial_history"]

_TOLD = {
    *("Anisotropy", "Crop", "CropOrPad", "EnsureShapeMultiple", "Pad"),
    *("Reorient", "Resample", "ToCanonical", "ToOrientation", "Transpose"),
}
"""Spatial transforms after which TorchIO's affine is true. Flip, Affine, ... move the tissue and leave the affine."""


def images_of(subject: Any) -> dict[str, Any]:
    """Return the images of a subject by name."""
    torchio = require("torchio", "interop", "a subject")
    found = subject.get_images_dict(intensity_only=False) if is_first(torchio) else subject.images
    return dict(found)


def spatial_history(subject: Any) -> list[str]:
    """Return the names of the transforms that moved the voxels of a subject, as far as TorchIO knows them."""
    torchio = require("torchio", "interop", "a subject")
    records = getattr(subject, "applied_transforms", ())
    names = [record[0] if isinstance(record, tuple) else record.name for record in records]
    return [name for name in names if _moves(getattr(torchio, name, None), torchio)]


def silent_movements(subject: Any) -> list[str]:
    """Return the names of the transforms that moved the voxels of a subject without telling its affine."""
    return [name for name in spatial_history(subject) if name not in _TOLD]


def is_first(torchio: Any) -> bool:
    """Tell TorchIO 1, and what came before it, from TorchIO 2."""
    return not hasattr(torchio, "SubjectsBatch")


def _moves(transform: Any, torchio: Any) -> bool:
    """Tell whether a transform moves voxels; one that is not TorchIO's own, or runs others' code, may."""
    if transform is None or transform.__name__.endswith("Adapter"):
        return True
    return issubclass(transform, torchio.SpatialTransform)
