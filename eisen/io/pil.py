"""Reading 2-D pictures: PNG, JPEG, TIFF, and what else Pillow reads."""

from __future__ import annotations

from eisen._core.errors import CorruptFileError
from eisen._core.types import DataPoint
from eisen.io.paths import FileReader

__all__ = ["LoadPILImageFromFilename"]


class LoadPILImageFromFilename(FileReader):
    """Read pictures (radiographs, ultrasound, microscopy as PNG, JPEG or TIFF): replace file names by PIL images.

    Args:
        fields: Names of the fields that hold file names.
        data_dir: Folder that the file names are relative to. A file name that is absolute ignores it.

    Raises:
        MissingFileError: If a file is not there.
        CorruptFileError: If a file is truncated or not a picture.

    Source: Pillow, https://python-pillow.github.io.

    Example:
        >>> import PIL.Image, tempfile
        >>> folder = tempfile.mkdtemp()
        >>> PIL.Image.new("L", (8, 6)).save(f"{folder}/chest.png")
        >>> LoadPILImageFromFilename(["image"], folder)({"image": "chest.png"})["image"].size
        (8, 6)
    """

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Return the picture of one field."""
        from PIL import Image

        path = self.path_of(field, data[field])
        try:
            image = Image.open(path)
            try:
                image.load()  # finds a truncated file here, and lets go of the file
            except BaseException:
                image.close()
                raise
        except (OSError, SyntaxError, ValueError) as error:
            raise CorruptFileError(
                f"{path.name} cannot be read as a picture: {error}",
                expected="a complete picture file, e.g. PNG, JPEG or TIFF",
                to_do="copy or download the file again, or use the reader made for its format",
                file=str(path),
            ) from error
        return {field: image}
