"""UCSD COVID-CT: CT slices of the chest, with and without COVID-19."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Unpack

from eisen._core.types import Step
from eisen.datasets.folders import Folder, files_in
from eisen.datasets.options import PublicOptions
from eisen.datasets.public import PublicDataset

__all__ = ["UCSDCovid19"]


class UCSDCovid19(PublicDataset):
    """CT slices of the chest taken from publications: 349 with findings of COVID-19, 397 without.

    From the repository "COVID-CT" of UCSD-AI4H; the images stay under the terms of the publications they are from::

        data_dir/
          CT_COVID/*.png, *.jpg          CT_NonCOVID/*.png, *.jpg

    A case holds ``image`` and ``label``: 1 for COVID-19, 0 for none; the positive ones come first.

    Args:
        data_dir: Folder of the data.
        positive_dir: Folder of the slices with COVID-19, inside `data_dir`.
        negative_dir: Folder of the slices without, inside `data_dir`.
        transform: What to do with a case when it is read; None: nothing.
        **options: As for every public data set.

    Raises:
        MissingFileError: If a folder is not there.
        EmptyDatasetError: If there are no images.

    Source: Yang et al., COVID-CT-Dataset: a CT scan dataset about COVID-19, arXiv:2003.13865 (2020).

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("CT_COVID/2020.01.png", "CT_NonCOVID/7%3.jpg"):
        ...     (folder / name).parent.mkdir()
        ...     (folder / name).touch()
        >>> cases = UCSDCovid19(folder, "CT_COVID", "CT_NonCOVID")
        >>> cases[0], cases[1]["label"]
        ({'image': 'CT_COVID/2020.01.png', 'label': 1}, 0)
    """

    layout = "two folders of .png and .jpg files, positive_dir and negative_dir"
    where = "the GitHub repository 'UCSD-AI4H/COVID-CT', and unpack Images-processed/CT_COVID.zip and CT_NonCOVID.zip"

    def __init__(
        self,
        data_dir: Folder,
        positive_dir: str,
        negative_dir: str,
        transform: Step | None = None,
        **options: Unpack[PublicOptions],
    ) -> None:
        self.positive_dir = positive_dir
        self.negative_dir = negative_dir
        super().__init__(data_dir, transform, **options)

    def list_cases(self, folder: Path) -> list[dict[str, Any]]:
        """Return one case per slice, those with COVID-19 first."""
        return [
            {"image": f"{place}/{name}", "label": label}
            for place, label in ((self.positive_dir, 1), (self.negative_dir, 0))
            for name in files_in(folder / place, ".png", ".jpg", ".jpeg")
        ]
