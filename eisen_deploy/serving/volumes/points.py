"""From the images of a request to the data point that the readers and transforms of a package start from."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eisen._core.types import Array, DataPoint, meta_field
from eisen_deploy.packaging.layout import ModelInput
from eisen_deploy.serving.messages import Refusal
from eisen_deploy.serving.volumes.arrays import wrong_axes
from eisen_deploy.serving.volumes.kinds import ACCEPTED
from eisen_deploy.serving.volumes.sent import Sent, Voxels

if TYPE_CHECKING:
    from eisen_deploy.serving.packaged import PackagedModel

__all__ = ["data_point", "missing_input", "n_axes_of"]

_AS_IT_IS = {
    "nifti": ("nifti",),
    "itk": ("nifti", "nrrd", "mha"),
    "dicom": ("dicom", "nifti"),
    "picture": ("picture",),
}
"""Which kinds of files a reader opens without a detour; that of DICOM series learns NIfTI, see `SeriesOrVolume`."""


def data_point(model: PackagedModel, sent: Mapping[str, Sent], folder: Path) -> tuple[DataPoint, str]:
    """Return the data point that images make, and the file of the picture if there is one.

    Names of files are relative to the scratch folder of the model. Files that a reader cannot open are written anew:
    volumes as NIfTI-2, which keeps every digit of an affine.

    Args:
        model: The package.
        sent: Its inputs, by field.
        folder: Where files go; inside the scratch folder of the model.

    Raises:
        Refusal: If an image is missing, or of the wrong kind, or has the wrong number of axes.
        EisenError: If one is damaged.
    """
    data: DataPoint = {}
    source = ""
    for number, given in enumerate(model.package.inputs):
        image = sent.get(given.field)
        if image is None:
            raise missing_input(given.field, sent)
        _demand_kind(image, given)
        room = folder / f"for_reader_{number}"
        room.mkdir()
        entries = _entries(model, given, image, room)
        path = entries.get(given.field)
        if isinstance(path, Path):
            entries[given.field] = str(path.relative_to(model.scratch))
            source = source or (str(path) if given.given_as == "picture" else "")
        data |= entries
    return data, source


def n_axes_of(model: PackagedModel, given: ModelInput) -> int:
    """Return how many axes an image of an input has, that of the channels included."""
    if given.given_as in ("picture", "dicom"):
        return given.spatial_axes
    steps = [step for step in model.phase.transforms if given.field in step.params.get("fields", ())]
    has_channels = any(step.params.get("multichannel") for step in steps)
    return max(given.n_axes, given.spatial_axes + bool(has_channels))


def missing_input(field: str, there: Mapping[str, Any]) -> Refusal:
    """Return the refusal of a request that lacks an image."""
    return Refusal(
        f"there is no '{field}' in the request",
        kind="MissingField",
        field=field,
        expected="an image for every input of the model",
        got=", ".join(sorted(map(str, there)))[:200] or "nothing",
    )


def _demand_kind(image: Sent, given: ModelInput) -> None:
    is_flat = given.spatial_axes == 2
    if image.kind == "array" or (image.kind == "picture") == is_flat:
        return
    raise Refusal(
        f"'{given.field}' is {'no picture' if is_flat else 'a picture'}, and this model looks at "
        f"{'pictures' if is_flat else 'volumes'}",
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "WrongKind",
        field=given.field,
        expected="PNG, JPEG, TIFF or .npy" if is_flat else ACCEPTED,
        got=image.kind,
    )


def _entries(model: PackagedModel, given: ModelInput, image: Sent, room: Path) -> DataPoint:
    """Return what the data point says about one image: a file, or an array with its geometry."""
    n_axes = n_axes_of(model, given)
    if image.kind in _AS_IT_IS.get(given.given_as, ()):
        _check_file(image, given, n_axes)
        return {given.field: image.file}
    found = image.voxels
    voxels = _fitting(found, given, found.array.ndim if given.given_as == "picture" else n_axes)
    if given.given_as == "array":
        return _array(voxels, given, n_axes)
    if given.given_as == "numpy":
        return _numpy(model, voxels, given, room / "image")
    return {given.field: _written(voxels, given, room)}


def _check_file(image: Sent, given: ModelInput, n_axes: int) -> None:
    """Refuse files that a reader would open, although they are not what the model takes."""
    if image.kind == "nifti" and given.given_as != "itk":
        if len(image.shape) != n_axes:
            raise wrong_axes(given.field, image.shape, n_axes)
    elif image.kind == "picture" and given.channels:
        bands = _n_bands(image.file)
        if bands != given.channels:
            raise _wrong_channels(given, bands)


def _n_bands(path: Path) -> int:
    from PIL import Image

    with Image.open(path) as picture:
        return len(picture.getbands())


def _wrong_channels(given: ModelInput, n: int) -> Refusal:
    return Refusal(
        f"'{given.field}' has {n} channels, and this model takes {given.channels}",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "WrongShape",
        field=given.field,
        expected=f"{given.channels} channels ({'grey' if given.channels == 1 else 'colours'})",
        got=str(n),
    )


def _fitting(voxels: Voxels, given: ModelInput, n_axes: int) -> Voxels:
    """Return voxels with the axes that the model takes; channels last.

    Raises:
        Refusal: If they have others, or some are no numbers.
    """
    array = voxels.array
    while array.ndim > n_axes and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim == given.spatial_axes == n_axes - 1:
        array = array[..., None]
    if array.ndim != n_axes:
        raise wrong_axes(given.field, array.shape, n_axes)
    if given.channels and n_axes > given.spatial_axes and array.shape[-1] != given.channels:
        raise _wrong_channels(given, array.shape[-1])
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise _not_finite(array, given.field)
    return Voxels(array, voxels.geometry)


def _not_finite(array: Array, field: str) -> Refusal:
    wrong = ~np.isfinite(array)
    first = tuple(int(n) for n in np.unravel_index(int(wrong.argmax()), array.shape))
    return Refusal(
        f"{int(wrong.sum())} of {array.size} voxels of '{field}' are NaN or infinite; the first is at index {first}",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "VoxelValueError",
        field=field,
        expected="finite numbers",
    )


def _array(voxels: Voxels, given: ModelInput, n_axes: int) -> DataPoint:
    """Return voxels as the data set of the training gave them: channels first, in its type."""
    array = np.moveaxis(voxels.array, -1, 0) if n_axes > given.spatial_axes else voxels.array
    array = np.array(array, dtype=given.dtype or array.dtype)  # a copy: steps may write into it
    return {given.field: array} | ({} if voxels.geometry is None else {meta_field(given.field): voxels.geometry})


def _numpy(model: PackagedModel, voxels: Voxels, given: ModelInput, path: Path) -> DataPoint:
    """Write voxels as a file of NumPy that has its affine where the reader looks for it."""
    array = _array(voxels, given, n_axes_of(model, given))[given.field]
    reader = model.reader_of(given.field)
    params = {} if reader is None else reader.params
    affine = None if voxels.geometry is None else voxels.geometry.affine
    if params.get("affine_field"):
        np.save(path.with_suffix(".npy"), array, allow_pickle=False)
        return {given.field: path.with_suffix(".npy"), params["affine_field"]: affine}
    arrays = {str(params.get("key") or "data"): array} | ({} if affine is None else {"affine": affine})
    np.savez(path.with_suffix(".npz"), **arrays)
    return {given.field: path.with_suffix(".npz")}


def _written(voxels: Voxels, given: ModelInput, room: Path) -> Path:
    """Write voxels as a file that the reader of a field opens."""
    if given.given_as == "picture":
        from eisen.io import write_image

        flat = np.moveaxis(voxels.array, -1, 0) if voxels.array.ndim == 3 else voxels.array
        write_image(room / "image.png", flat)
        return room / "image.png"
    from eisen.io.encode import encoded
    from eisen.io.write import nifti_of

    if voxels.geometry is None:
        raise wrong_axes(given.field, voxels.array.shape, given.spatial_axes)
    path = room / "image.nii"
    path.write_bytes(encoded(nifti_of(voxels.array, voxels.geometry.affine, exact=True), zipped=False))
    return path
