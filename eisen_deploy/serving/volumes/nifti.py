"""NIfTI files of requests: what their headers announce is checked before a reader allocates anything."""

from __future__ import annotations

import warnings
from http import HTTPStatus
from pathlib import Path
from typing import Any

from eisen_deploy.serving.messages import Refusal
from eisen_deploy.serving.volumes.arrays import checked_affine
from eisen_deploy.serving.volumes.limits import Limits

__all__ = ["check_nifti", "not_a_pair"]

_LONGEST_HEADER = 540
_MOST_AXES = 7
_NO_PLACE = "the header of '{}' has neither sform nor qform: where left and right are is taken from the order of voxels"


def check_nifti(path: Path, field: str, limits: Limits) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Make sure that a file holds the voxels that its header announces; return their shape, and warnings.

    Args:
        path: A NIfTI file that is not gzipped.
        field: Whose it is.
        limits: How much there may be.

    Raises:
        Refusal: If it is truncated or damaged, has no voxels or too many, or something else than real numbers.
    """
    header = _header(path, field)
    if not 0 <= int(header["dim"][0]) <= _MOST_AXES:
        raise _damaged(field, f"its header announces {int(header['dim'][0])} axes")
    try:
        shape = tuple(int(n) for n in header.get_data_shape())
        dtype, offset = header.get_data_dtype(), int(header.get_data_offset())
    except Exception as error:  # what nibabel raises depends on what is damaged
        raise _damaged(field, f"its header makes no sense: {error}") from error
    needed = limits.demand_voxels(shape, dtype.itemsize, field)
    if dtype.kind not in "iuf":
        raise Refusal(
            f"the voxels of '{field}' are no real numbers",
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "WrongType",
            field=field,
            expected="whole numbers or floats",
            got=str(dtype),
        )
    size = path.stat().st_size
    if offset < 0 or offset + needed > size:
        raise _damaged(
            field, f"its header announces {max(offset, 0) + needed} bytes, and there are {size}", "truncated"
        )
    _demand_place(header, shape, field)
    return shape, () if header["sform_code"] or header["qform_code"] else (_NO_PLACE.format(field),)


def not_a_pair(field: str) -> Refusal:
    """Return the refusal of half of a pair of files."""
    return Refusal(
        f"'{field}' is a header of Analyze, or of a NIfTI pair of .hdr and .img; the voxels are in another file",
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "UnknownFormat",
        field=field,
        expected="a NIfTI file that holds header and voxels: .nii or .nii.gz",
        to_do="convert the pair, e.g. with nibabel: nibabel.save(nibabel.load('x.img'), 'x.nii.gz')",
    )


def _header(path: Path, field: str) -> Any:
    import nibabel

    with path.open("rb") as file:
        start = file.read(_LONGEST_HEADER)
    is_second = start[4:8] == b"n+2\0"
    kind: Any = nibabel.Nifti2Header if is_second else nibabel.Nifti1Header
    length = 540 if is_second else 348
    if len(start) < length:
        raise _damaged(field, f"there are {len(start)} bytes, and the header alone has {length}", "truncated")
    return kind(start[:length], check=False)


def _demand_place(header: Any, shape: tuple[int, ...], field: str) -> None:
    """Refuse a header that does not say where the voxels are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            affine = header.get_best_affine()
        except Exception as error:  # a quaternion that is none
            raise _damaged(field, f"its header does not say where it is: {error}") from error
        checked_affine(affine, (*shape, 1, 1)[:3], field, field)


def _damaged(field: str, why: str, how: str = "damaged") -> Refusal:
    return Refusal(
        f"'{field}' is a NIfTI file that is {how}: {why}",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Damaged",
        field=field,
        expected="a complete file",
        to_do="send the whole file; 'curl -T file' does",
    )
