"""Reading everything that ITK reads: MetaImage, NRRD, NIfTI, and more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from eisen._core.errors import CorruptFileError
from eisen._core.types import DataPoint, Geometry, meta_field
from eisen.io.metaimage import verify_metaimage
from eisen.io.paths import FileReader

__all__ = ["LoadITKFromFilename", "itk_geometry", "read_as_floats"]


class LoadITKFromFilename(FileReader):
    """Read volumes with ITK (.mha, .mhd, .nrrd, .nii.gz, ...): replace file names by SimpleITK images.

    Pixels become 32-bit floats, whatever the file held. Beside each field `f` of a volume the `Geometry` record
    ``f_meta`` is written, in RAS+ mm like everywhere in eisen (ITK counts in LPS+), for the axes in ITK's order
    (x, y, z).

    Exactly the named file is read. NIfTI files are decoded and placed as by `LoadNiftiFromFilename` (complete, checksum
    verified, sform before qform); the checksum of compressed MetaImage files is verified as well.

    Args:
        fields: Names of the fields that hold file names.
        data_dir: Folder that the file names are relative to. A file name that is absolute ignores it.

    Raises:
        MissingFileError: If a file is not there.
        CorruptFileError: If ITK cannot read a file, or its checksum is wrong.
        GeometryError: If the axes of a NIfTI file are not at right angles, which ITK cannot express.

    Source: ITK, https://itk.org.

    Example:
        >>> import SimpleITK, tempfile
        >>> folder = tempfile.mkdtemp()
        >>> SimpleITK.WriteImage(SimpleITK.Image(4, 5, 6, SimpleITK.sitkInt16), f"{folder}/scan.mha")
        >>> data = LoadITKFromFilename(["image"], folder)({"image": "scan.mha"})
        >>> data["image"].GetPixelIDTypeAsString(), data["image_meta"].shape
        ('32-bit float', (4, 5, 6))
    """

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Return the image of one field and where it is."""
        path = self.path_of(field, data[field])
        image = _read(path)
        if image.GetDimension() < 3:
            return {field: image}
        return {field: image, meta_field(field): itk_geometry(image, str(path))}


def itk_geometry(image: Any, source: str = "") -> Geometry:
    """Return the geometry of a volume of SimpleITK, for indices in ITK's order (x, y, z).

    ITK counts millimetres to the left and to the back (LPS), eisen to the right and to the front (RAS).

    Args:
        image: Of 3 dimensions, or 4 of which the first 3 are space.
        source: File name the voxels came from.

    Example:
        >>> import SimpleITK
        >>> itk_geometry(SimpleITK.Image(5, 6, 7, SimpleITK.sitkUInt8)).affine.diagonal()
        array([-1., -1.,  1.,  1.])
    """
    n = image.GetDimension()
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (n, n))[:3, :3] * np.asarray(image.GetSpacing()[:3])
    affine[:3, 3] = image.GetOrigin()[:3]
    return Geometry.of(np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine, image.GetSize()[:3], source)


def _read(path: Path) -> Any:
    name = path.name.lower()
    try:
        if name.endswith((".nii", ".nii.gz")):
            from eisen.io.itk_nifti import nifti_as_itk

            return nifti_as_itk(path)
        if name.endswith((".mha", ".mhd")):
            verify_metaimage(path)
        return read_as_floats(path)
    except RuntimeError as error:
        raise CorruptFileError(
            f"{path.name} cannot be read by ITK: {_reason(error)}",
            expected="a complete image file of a format that ITK knows",
            to_do="copy or download the file again, or use the reader made for its format",
            file=str(path),
        ) from error


def read_as_floats(path: Path) -> Any:
    """Return the image in a file; colours stay vectors, which ITK would turn into grey otherwise."""
    import SimpleITK

    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    vector = reader.GetNumberOfComponents() > 1
    reader.SetOutputPixelType(SimpleITK.sitkVectorFloat32 if vector else SimpleITK.sitkFloat32)
    return reader.Execute()


def _reason(error: RuntimeError) -> str:
    """Return the last line of ITK's message, which is the one that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
