"""From the bytes of a request to images that were looked at, in a folder of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eisen._core.types import Array
from eisen_deploy.packaging.layout import ModelInput
from eisen_deploy.serving.messages import Refusal
from eisen_deploy.serving.volumes.arrays import AFFINE_HEADER, checked_affine, read_npy, wrong_axes
from eisen_deploy.serving.volumes.headers import clean_metaimage, clean_nrrd
from eisen_deploy.serving.volumes.kinds import kind_of, unknown_content
from eisen_deploy.serving.volumes.limits import Limits
from eisen_deploy.serving.volumes.nifti import check_nifti, not_a_pair
from eisen_deploy.serving.volumes.pictures import check_picture
from eisen_deploy.serving.volumes.sent import Sent
from eisen_deploy.serving.volumes.series import unpack_series
from eisen_deploy.serving.volumes.unzipping import unzipped

__all__ = ["Arrivals", "array_sent", "demand_bytes"]

Content = bytes | bytearray | memoryview
_BEGINNING = 1 << 16


@dataclass
class Arrivals:
    """Takes in the images of one request.

    Args:
        folder: Where their files go; whoever made it removes it.
        limits: How much there may be; what is taken in counts.
        content_type: What the client says the body is, for refusals.
    """

    folder: Path
    limits: Limits = field(default_factory=Limits)
    content_type: str = ""
    _n: int = 0

    def take(self, content: Content, given: ModelInput, affine: Any = None) -> Sent:
        """Return an image that came as the bytes of a file; what it begins with decides what it is.

        Args:
            content: The bytes.
            given: The input it is for.
            affine: Of an ``.npy`` file, as the client sent it.

        Raises:
            Refusal: If it is of no known kind, damaged, or too large.
        """
        kind, name = kind_of(content), given.field
        known: dict[str, Callable[[], Sent]] = {
            "gzip": lambda: self._zipped(content, given, affine),
            "nifti": lambda: self._nifti(self._written([content], ".nii"), name, "nii"),
            "nrrd": lambda: self._itk(*clean_nrrd(memoryview(content), name, self.limits), name, "nrrd"),
            "mha": lambda: self._itk(*clean_metaimage(memoryview(content), name, self.limits), name, "mha"),
            "zip": lambda: self._series(content, name),
            "dicom": lambda: self._single(content, name),
            "npy": lambda: self._npy(content, given, affine),
            "png": lambda: self._picture(content, name, ".png"),
            "jpeg": lambda: self._picture(content, name, ".jpg"),
            "tiff": lambda: self._picture(content, name, ".tif"),
        }
        if kind not in known:
            raise not_a_pair(name) if kind == "analyze" else unknown_content(content, name, self.content_type)
        return known[kind]()

    def _zipped(self, content: Content, given: ModelInput, affine: Any) -> Sent:
        path = self._written(unzipped(content, given.field, self.limits.unpacked), ".nii")
        with path.open("rb") as file:
            kind = kind_of(start := file.read(_BEGINNING))
        if kind == "nifti":
            return self._nifti(path, given.field, "nii.gz")
        if kind in ("gzip", "zip"):
            raise unknown_content(start, given.field, f"a {kind} file inside a gzip file")
        inner = path.read_bytes()
        path.unlink()
        return self.take(inner, given, affine)

    def _nifti(self, path: Path, name: str, came_as: str) -> Sent:
        shape, notes = check_nifti(path, name, self.limits)
        self._spend(path.stat().st_size)
        return Sent(name, "nifti", came_as, path, shape=shape, notes=notes)

    def _itk(self, header: bytes, voxels: memoryview, name: str, kind: str) -> Sent:
        return Sent(name, kind, kind, self._written([header, voxels], f".{kind}"))

    def _series(self, content: Content, name: str) -> Sent:
        folder = self._room()
        unpack_series(content, name, folder, self.limits)
        self._spend(sum(path.stat().st_size for path in folder.iterdir()))
        return Sent(name, "dicom", "dicom", folder)

    def _single(self, content: Content, name: str) -> Sent:
        """Return a series that is a single file, with one image or many frames."""
        return Sent(name, "dicom", "dicom", self._written([content], ".dcm").parent)

    def _npy(self, content: Content, given: ModelInput, affine: Any) -> Sent:
        array = read_npy(content, given.field, self.limits)
        return array_sent(array, given, affine, AFFINE_HEADER, "npy")

    def _picture(self, content: Content, name: str, suffix: str) -> Sent:
        path = self._written([content], suffix)
        check_picture(path, name, self.limits)
        return Sent(name, "picture", "png", path)

    def _room(self) -> Path:
        """Return a new folder for the files of one image; names of strangers are not used."""
        folder = self.folder / str(self._n)
        folder.mkdir()
        self._n += 1
        return folder

    def _written(self, pieces: Iterable[Content], suffix: str) -> Path:
        path = self._room() / f"image{suffix}"
        with path.open("wb") as file:
            file.writelines(pieces)
        return path

    def _spend(self, size: int) -> None:
        self.limits = Limits(max(self.limits.unpacked - size, 0), self.limits.members)


def array_sent(array: Array, given: ModelInput, affine: Any, where: str, came_as: str) -> Sent:
    """Return an array of a request with its place.

    Args:
        array: Channels first, if there are some.
        given: The input it is for.
        affine: What the client sent as its affine; pictures need none.
        where: What would hold the affine, for refusals.
        came_as: What an answer in the same format is.

    Raises:
        Refusal: If it has no affine, or too few axes.
    """
    n_space = given.spatial_axes
    if not n_space <= array.ndim <= n_space + 1:
        raise wrong_axes(given.field, array.shape, n_space)
    geometry = checked_affine(affine, array.shape[-3:], given.field, where) if n_space == 3 else None
    return Sent(given.field, "array", came_as, array=array, geometry=geometry)


def demand_bytes(value: Any, name: str) -> Content:
    """Return what a part of a form brought if it is a file.

    Raises:
        Refusal: If it is something else, e.g. text.
    """
    if isinstance(value, (bytes, bytearray, memoryview)):
        return value
    raise Refusal(
        f"'{name}' is no file",
        kind="WrongType",
        field=name,
        expected=f"the bytes of a file, e.g. curl -F {name}=@scan.nii.gz",
        got=type(value).__name__,
    )
