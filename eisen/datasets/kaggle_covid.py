"""COVID-19 CT scans from Kaggle: chest CT with masks of the lungs and of the infection."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Unpack

from eisen._core.errors import CorruptFileError
from eisen._core.types import Step
from eisen.datasets.folders import Folder
from eisen.datasets.options import PublicOptions
from eisen.datasets.public import PublicDataset
from eisen.datasets.tables import read_table

__all__ = ["KaggleCovid19"]

_FOLDERS = {
    "image": "ct_scans",
    "lung_mask": "lung_mask",
    "infection_mask": "infection_mask",
    "lung_infection_mask": "lung_and_infection_mask",
}


class KaggleCovid19(PublicDataset):
    r"""CT scans of the chests of 20 patients with COVID-19, with masks of lungs, infection, and both together.

    CC BY-NC-SA 3.0 and 4.0, from the Kaggle data set "covid19-ct-scans" (free account)::

        data_dir/
          metadata.csv                   four columns of paths: scan, lungs, infection, both
          ct_scans/*.nii    lung_mask/*.nii    infection_mask/*.nii    lung_and_infection_mask/*.nii

    A case holds ``image``, ``lung_mask``, ``infection_mask`` and ``lung_infection_mask``. Of the paths in the CSV file
    only the file names count. Cases come in its order.

    Args:
        data_dir: Folder of the data.
        csv_file: The list of scans, relative to `data_dir` or absolute.
        transform: What to do with a case when it is read; None: nothing.
        **options: As for every public data set.

    Raises:
        MissingFileError: If the folder or the CSV file is not there.
        CorruptFileError: If the CSV file has not four columns.
        EmptyDatasetError: If it lists nothing.

    Source: Jun et al., COVID-19 CT lung and infection segmentation dataset, Zenodo 3757476 (2020).

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> row = "../input/ct_scans/a.nii,../input/lung_mask/a.nii,x/a.nii,y/a.nii"
        >>> _ = (folder / "metadata.csv").write_text(f"ct_scan,lung_mask,infection_mask,both\n{row}\n")
        >>> KaggleCovid19(folder, "metadata.csv")[0]["infection_mask"]
        'infection_mask/a.nii'
    """

    layout = "metadata.csv with the folders ct_scans, lung_mask, infection_mask and lung_and_infection_mask"
    where = "the Kaggle data set 'covid19-ct-scans' (free account)"

    def __init__(
        self, data_dir: Folder, csv_file: Folder, transform: Step | None = None, **options: Unpack[PublicOptions]
    ) -> None:
        self.csv_file = csv_file
        super().__init__(data_dir, transform, **options)

    def list_cases(self, folder: Path) -> list[dict[str, Any]]:
        """Return one case per row."""
        table = read_table(folder / self.csv_file)
        if len(table.columns) != len(_FOLDERS):
            raise CorruptFileError(
                f"{table.path.name} has {len(table.columns)} columns: {', '.join(table.columns)}",
                expected="four columns of paths: scan, lungs, infection, both",
                to_do="check that this is metadata.csv of the data set",
                file=str(table.path),
            )
        return [
            {
                field: f"{place}/{row[column].replace(chr(92), '/').rpartition('/')[2]}"
                for (field, place), column in zip(_FOLDERS.items(), table.columns, strict=True)
            }
            for row in table.rows
        ]
