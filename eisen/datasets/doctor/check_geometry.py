"""What headers say about space: usable affines, right angles, and images and labels in the same place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from eisen._core.errors import GeometryError
from eisen._core.types import Affine, Geometry, grid_tolerance_mm, is_label_field, shear_degrees
from eisen.datasets.doctor.facts import CaseFacts, Header
from eisen.datasets.doctor.findings import Finding, finding
from eisen.datasets.doctor.kinds import Severity
from eisen.datasets.doctor.study import Study

__all__ = ["check_geometry"]

_SHEAR_DEGREES = 0.1
_SPACING_MM = (0.01, 50.0)


def check_geometry(study: Study, facts: list[CaseFacts]) -> Iterator[Finding]:
    """Yield what is wrong with the place of images and labels."""
    for entry in facts:
        for field, header in entry.headers.items():
            about = entry.about(field)
            yield from (finding(code, what, **about, **numbers) for code, what, numbers in _of_header(header))
        yield from _of_pairs(study, entry)


def _of_header(header: Header) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield code, sentence and numbers of what is wrong with one header."""
    if header.affine is None:
        return
    spacing = " x ".join(f"{mm:.4g}" for mm in header.spacing)
    if _geometry(header) is None:
        yield "affine-unusable", f"the voxels measure {spacing} mm; the axes do not span space", {}
        return
    if header.unit:
        yield "unit-not-mm", f"the header counts in {header.unit}, everything here in mm", {}
    if header.conflict_mm > grid_tolerance_mm(header.spacing):
        what = f"by sform and by qform the corners are up to {header.conflict_mm:.4g} mm apart; the sform counts"
        yield "sform-qform-conflict", what, {"displacement_mm": header.conflict_mm}
    if (shear := shear_degrees(header.affine)) > _SHEAR_DEGREES:
        yield "affine-sheared", f"the axes are {shear:.3g}° off a right angle", {"shear_degrees": shear}
    if min(header.spacing) < _SPACING_MM[0] or max(header.spacing) > _SPACING_MM[1]:
        yield "spacing-absurd", f"a voxel measures {spacing} mm", {"spacing_mm": list(header.spacing)}
    if not header.coded:
        yield "position-unknown", "neither sform nor qform is set: only the voxel size is known", {}


def _geometry(header: Header) -> Geometry | None:
    try:
        return header.geometry
    except GeometryError:
        return None


def _of_pairs(study: Study, entry: CaseFacts) -> Iterator[Finding]:
    """Compare every field of a case with its first image."""
    fields = [field for field in entry.case.files if field in entry.headers]
    images = [field for field in entry.case.images() if field in entry.headers]
    if not images:
        return
    first = images[0]
    for field in fields:
        if field == first:
            continue
        found = _compared(entry.headers[first], entry.headers[field], first, field)
        if found:
            code, what, numbers = found
            mild = code == "grid-mirrored" and entry.case.phase in study.reorients
            severity = Severity.NOTE if mild else None if is_label_field(field) else Severity.WARNING
            about = entry.about(field)
            yield finding(code, what, severity=severity, **about, **numbers)


def _compared(one: Header, other: Header, first: str, second: str) -> tuple[str, str, dict[str, Any]] | None:
    """Return code, sentence and numbers of how two headers of a case do not fit together."""
    shapes: dict[str, Any] = {"shape": list(other.shape), f"{first}_shape": list(one.shape)}
    words = f"'{first}' has {_shape(one)} voxels and '{second}' {_shape(other)}"
    grids = _geometry(one), _geometry(other)
    if grids[0] is None or grids[1] is None:
        return ("shape-mismatch", words, shapes) if one.shape != other.shape else None
    tolerance = min(grid_tolerance_mm(one.spacing), grid_tolerance_mm(other.spacing))
    same_shape = one.shape == other.shape
    if same_shape and grids[0].displacement_mm(grids[1]) <= tolerance:
        return None
    if _same_box(grids[0], grids[1], tolerance):
        axes = _letters(one.affine), _letters(other.affine)
        what = f"they fill the same box, but '{first}' is stored {axes[0]} and '{second}' {axes[1]}"
        return "grid-mirrored", what, {"axes": axes[1], f"{first}_axes": axes[0]}
    if not same_shape:
        return "shape-mismatch", words, shapes
    distance = grids[0].displacement_mm(grids[1])
    what = f"'{first}' and '{second}' are up to {distance:.4g} mm apart"
    return "geometry-mismatch", what, {"displacement_mm": distance}


def _shape(header: Header) -> str:
    return " x ".join(map(str, header.shape))


def _same_box(one: Geometry, other: Geometry, tolerance: float) -> bool:
    """Tell whether two grids have the same eight corners, in whatever order."""
    distance = np.linalg.norm(one.corners()[:, None] - other.corners()[None], axis=2)
    return bool((distance.min(axis=0) <= tolerance).all() and (distance.min(axis=1) <= tolerance).all())


def _letters(affine: Affine | None) -> str:
    import nibabel

    return "".join(letter or "?" for letter in nibabel.aff2axcodes(affine))
