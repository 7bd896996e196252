"""Random bending."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eisen.transforms.augment.affine import RandomAffine

__all__ = ["RandomElastic"]


class RandomElastic(RandomAffine):
    """Bend a case smoothly, as soft tissue between two examinations.

    Control points on a coarse grid move at random, and a cubic B-spline moves what is between them. To rotate and bend
    in one interpolation, use `RandomAffine` with `elastic_mm`.

    Args:
        fields: Names of the fields; all are bent alike.
        elastic_mm: Largest shift of a control point along each axis, one number or one per axis (voxels for fields
            without geometry).
        control_points: Control points along each axis, at least 4, one number or one per axis; more make finer waves.
            Tissue does not fold while `elastic_mm` is below 0.4 of the distance between control points,
            size / (control_points - 3).
        interpolation: "linear" or "nearest"; or one per field; None: nearest for fields whose name says label, mask or
            seg, linear for the others.
        padding: What comes in from outside: "zeros", "min" for the smallest value of the image (after z-score 0 is the
            mean; labels get 0), or "border" for the nearest voxel of the rim.
        p: Probability that a case is bent.
        spatial_dims: 2 for channel-first pictures, 3 for volumes; None: 3, or 2 for arrays of two axes.

    Source: D. Rueckert et al., Nonrigid registration using free-form deformations, IEEE TMI 18(8), 1999.

    Example:
        >>> import numpy as np
        >>> bend = RandomElastic(["image"], elastic_mm=(2, 2, 0.5), control_points=(7, 7, 4))
        >>> bend({"image": np.ones((1, 32, 32, 8), "float32")})["image"].shape
        (1, 32, 32, 8)
    """

    def __init__(
        self,
        fields: Sequence[str],
        elastic_mm: float | Sequence[float] = 4,
        control_points: int | Sequence[int] = 7,
        interpolation: str | Mapping[str, str] | None = None,
        padding: str = "zeros",
        p: float = 1.0,
        *,
        spatial_dims: int | None = None,
    ) -> None:
        super().__init__(
            fields, 0, 0, 0, None, elastic_mm, control_points, interpolation, padding, p, spatial_dims=spatial_dims
        )
