"""RSNA Pediatric Bone Age Challenge: radiographs of hands, and how old the bones look."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Unpack

from eisen._core.errors import CorruptFileError
from eisen._core.types import Step
from eisen.datasets.folders import Folder, files_in
from eisen.datasets.options import PublicOptions
from eisen.datasets.public import PublicDataset
from eisen.datasets.tables import read_table, truth

__all__ = ["RSNABoneAgeChallenge", "read_bone_age_kaggle_label_csv"]


def read_bone_age_kaggle_label_csv(file: Folder, training: bool) -> dict[str, dict[str, Any]]:
    r"""Return what a CSV file of the challenge says about each image: ``male`` and, for training, ``label`` in months.

    Args:
        file: The CSV file, with the columns id, boneage, male (training) or Case ID, Sex (test).
        training: Which of the two it is.

    Raises:
        MissingFileError: If it is not there.
        CorruptFileError: If a column is missing, or a cell cannot be read.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "boneage-test-dataset.csv")
        >>> _ = path.write_text("Case ID,Sex\n4360,M\n4361,F\n")
        >>> read_bone_age_kaggle_label_csv(path, training=False)
        {'4360': {'male': True}, '4361': {'male': False}}
    """
    table = read_table(Path(file))
    if not training:
        male = [sex == "M" for sex in table.column("Sex")]
        return {name: {"male": value} for name, value in zip(table.column("Case ID"), male, strict=True)}
    rows = zip(table.column("id"), table.column("male", truth), table.column("boneage", int), strict=True)
    return {name: {"male": male, "label": months} for name, male, months in rows}


class RSNABoneAgeChallenge(PublicDataset):
    r"""Radiographs of the left hands of 12 600 children with the bone age that radiologists read from them.

    For research and education, from the RSNA, or from Kaggle ("rsna-bone-age", free account)::

        data_dir/
          boneage-training-dataset/boneage-training-dataset/1377.png ...
          boneage-training-dataset.csv          id,boneage,male
          boneage-test-dataset/boneage-test-dataset/4360.png ...
          boneage-test-dataset.csv              Case ID,Sex

    A case holds ``image``, ``male`` (True or False) and, for training, ``label``: the bone age in months.

    Args:
        data_dir: Folder of the data.
        training: True for the training images, False for the test images.
        transform: What to do with a case when it is read; None: nothing.
        **options: As for every public data set.

    Raises:
        MissingFileError: If a folder or the CSV file is not there.
        CorruptFileError: If the CSV file is wrong, or has no row for an image.
        EmptyDatasetError: If there are no images.

    Source: Halabi et al., The RSNA pediatric bone age machine learning challenge, Radiology 290, 498 (2019).

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> images = folder / "boneage-training-dataset" / "boneage-training-dataset"
        >>> images.mkdir(parents=True)
        >>> (images / "1377.png").touch()
        >>> _ = (folder / "boneage-training-dataset.csv").write_text("id,boneage,male\n1377,180,False\n")
        >>> case = RSNABoneAgeChallenge(folder, training=True)[0]
        >>> case["male"], case["label"]
        (False, 180)
    """

    layout = (
        "boneage-training-dataset/boneage-training-dataset/*.png with boneage-training-dataset.csv, "
        "and the same with boneage-test-dataset"
    )
    where = "the RSNA Pediatric Bone Age Challenge, or the Kaggle data set 'rsna-bone-age' (free account)"

    def __init__(
        self, data_dir: Folder, training: bool, transform: Step | None = None, **options: Unpack[PublicOptions]
    ) -> None:
        self.training = training
        super().__init__(data_dir, transform, **options)

    def list_cases(self, folder: Path) -> list[dict[str, Any]]:
        """Return one case per radiograph."""
        name = "boneage-training-dataset" if self.training else "boneage-test-dataset"
        files = files_in(folder / name / name, ".png")
        path = folder / f"{name}.csv"
        known = read_bone_age_kaggle_label_csv(path, self.training) if files else {}
        for file in files:
            if Path(file).stem not in known:
                raise CorruptFileError(
                    f"{path.name} has no row for {file}",
                    expected="a row for every image",
                    to_do="check that the CSV file belongs to these images",
                    file=str(path),
                )
        return [{"image": f"{name}/{name}/{file}", **known[Path(file).stem]} for file in files]
