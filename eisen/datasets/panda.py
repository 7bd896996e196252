"""PANDA: whole-slide images of prostate biopsies with Gleason grades."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Unpack

from eisen._core.types import Step
from eisen.datasets.folders import Folder
from eisen.datasets.options import PublicOptions
from eisen.datasets.public import PublicDataset
from eisen.datasets.tables import read_table

__all__ = ["PANDA"]


class PANDA(PublicDataset):
    r"""Scanned slides of 10 600 prostate biopsies, graded by pathologists, with masks of the tissue.

    CC BY-SA-NC 4.0, from the Kaggle competition "prostate-cancer-grade-assessment" (free account)::

        data_dir/
          train.csv                      image_id,data_provider,isup_grade,gleason_score
          train_images/<id>.tiff         train_label_masks/<id>_mask.tiff
          test.csv                       test_images/<id>.tiff

    A case of the training data holds ``image``, ``mask``, ``provider`` (text), ``isup`` (0 to 5) and ``gleason``
    (text, e.g. ``"3+4"``); a case of the test data ``image`` and ``provider``. Cases come in the order of the CSV file.
    About a hundred slides were published without a mask: leave them out of the CSV file when the masks are read.

    Args:
        data_dir: Folder of the data.
        csv_file: The list of slides, relative to `data_dir` or absolute.
        training: True for ``train_images``, False for ``test_images``.
        transform: What to do with a case when it is read; None: nothing.
        **options: As for every public data set.

    Raises:
        MissingFileError: If the folder or the CSV file is not there.
        CorruptFileError: If a column is missing, or a grade is not a whole number.
        EmptyDatasetError: If the CSV file lists nothing.

    Source: Bulten et al., Artificial intelligence for diagnosis and Gleason grading of prostate cancer: the PANDA
        challenge, Nature Medicine 28, 154 (2022).

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> header, row = "image_id,data_provider,isup_grade,gleason_score", "0005f7aaab,karolinska,2,3+4"
        >>> _ = (folder / "train.csv").write_text(f"{header}\n{row}\n")
        >>> PANDA(folder, "train.csv", training=True)[0]
        {'image': 'train_images/0005f7aaab.tiff', 'mask': 'train_label_masks/0005f7aaab_mask.tiff',
         'provider': 'karolinska', 'isup': 2, 'gleason': '3+4'}
    """

    layout = "train.csv with train_images/*.tiff and train_label_masks/*_mask.tiff, or test.csv with test_images/*.tiff"
    where = "the Kaggle competition 'prostate-cancer-grade-assessment' (free account, accept its rules)"

    def __init__(
        self,
        data_dir: Folder,
        csv_file: Folder,
        training: bool,
        transform: Step | None = None,
        **options: Unpack[PublicOptions],
    ) -> None:
        self.csv_file = csv_file
        self.training = training
        super().__init__(data_dir, transform, **options)

    def list_cases(self, folder: Path) -> list[dict[str, Any]]:
        """Return one case per row."""
        table = read_table(folder / self.csv_file)
        names, providers = table.column("image_id"), table.column("data_provider")
        if not self.training:
            return [
                {"image": f"test_images/{name}.tiff", "provider": provider}
                for name, provider in zip(names, providers, strict=True)
            ]
        grades, scores = table.column("isup_grade", int), table.column("gleason_score")
        return [
            {
                "image": f"train_images/{name}.tiff",
                "mask": f"train_label_masks/{name}_mask.tiff",
                "provider": provider,
                "isup": grade,
                "gleason": score,
            }
            for name, provider, grade, score in zip(names, providers, grades, scores, strict=True)
        ]
