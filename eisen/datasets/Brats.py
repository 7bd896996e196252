"""BraTS 2020: MR of brain tumours in four contrasts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Unpack

from eisen._core.types import Step
from eisen.datasets.folders import Folder, folders_in
from eisen.datasets.options import PublicOptions
from eisen.datasets.public import PublicDataset
from eisen.datasets.tables import read_table

__all__ = ["Brats2020", "read_csv"]

_CONTRASTS = ("t1", "t1ce", "t2", "flair")


def read_csv(file: Folder) -> list[dict[str, str]]:
    r"""Return the rows of a CSV file, each as a dict of column to text.

    Args:
        file: The CSV file; its first line names the columns.

    Raises:
        MissingFileError: If it is not there.
        CorruptFileError: If it has no header, or a row has another number of cells.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "survival_info.csv")
        >>> _ = path.write_text("Brats20ID,Age\nBraTS20_Training_001,60.5\n")
        >>> read_csv(path)
        [{'Brats20ID': 'BraTS20_Training_001', 'Age': '60.5'}]
    """
    return read_table(Path(file)).rows


class Brats2020(PublicDataset):
    r"""MR of 494 brain tumours in four contrasts; for training, with the parts of the tumour and the survival.

    For research, from the Brain Tumor Segmentation challenge 2020 (CBICA, University of Pennsylvania; registration)::

        data_dir/
          BraTS20_Training_001/BraTS20_Training_001_t1.nii.gz, _t1ce, _t2, _flair, _seg
          name_mapping.csv               column BraTS_2020_subject_ID
          survival_info.csv              column Brats20ID

    A case holds ``t1``, ``t1ce``, ``t2``, ``flair`` and, where the subject is in the CSV file, its row as a dict in
    ``name_mapping``; for training also ``label`` and, where there is a row, ``survival_info``.

    Args:
        data_dir: Folder with one folder per subject.
        training: Whether label maps and survival are there.
        transform: What to do with a case when it is read; None: nothing.
        **options: As for every public data set.

    Raises:
        MissingFileError: If the folder or a CSV file is not there.
        CorruptFileError: If a CSV file lacks its column of subjects.
        EmptyDatasetError: If there are no subjects.

    Source: Bakas et al., Identifying the best machine learning algorithms for brain tumor segmentation, progression
        assessment, and overall survival prediction in the BRATS challenge, arXiv:1811.02629 (2018).

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "BraTS20_Validation_001").mkdir()
        >>> _ = (folder / "name_mapping.csv").write_text("Grade,BraTS_2020_subject_ID\nHGG,BraTS20_Validation_001\n")
        >>> case = Brats2020(folder, training=False)[0]
        >>> case["t1ce"], case["name_mapping"]["Grade"]
        ('BraTS20_Validation_001/BraTS20_Validation_001_t1ce.nii.gz', 'HGG')
    """

    layout = "<subject>/<subject>_{t1,t1ce,t2,flair,seg}.nii.gz, name_mapping.csv and survival_info.csv (training)"
    where = "the BraTS 2020 challenge of the University of Pennsylvania (registration on its page)"

    def __init__(
        self, data_dir: Folder, training: bool, transform: Step | None = None, **options: Unpack[PublicOptions]
    ) -> None:
        self.training = training
        super().__init__(data_dir, transform, **options)

    def list_cases(self, folder: Path) -> list[dict[str, Any]]:
        """Return one case per subject."""
        subjects = folders_in(folder)
        if not subjects:
            return []
        tables = {"name_mapping": _rows_by(folder / "name_mapping.csv", "BraTS_2020_subject_ID")}
        if self.training:
            tables["survival_info"] = _rows_by(folder / "survival_info.csv", "Brats20ID")
        images = [*((kind, kind) for kind in _CONTRASTS), *([("label", "seg")] if self.training else [])]
        return [
            {field: f"{subject}/{subject}_{kind}.nii.gz" for field, kind in images}
            | {field: dict(rows[subject]) for field, rows in tables.items() if subject in rows}
            for subject in subjects
        ]


def _rows_by(path: Path, column: str) -> dict[str, dict[str, str]]:
    """Return the rows of a table by the subject they are about."""
    table = read_table(path)
    return dict(zip(table.column(column), table.rows, strict=True))
