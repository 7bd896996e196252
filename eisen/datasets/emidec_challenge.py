"""EMIDEC: late-enhancement MR of the heart, with and without infarction."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Unpack

from eisen._core.types import Step
from eisen.datasets.folders import Folder, folders_in
from eisen.datasets.options import PublicOptions
from eisen.datasets.public import PublicDataset
from eisen.io.paths import existing_file

__all__ = ["EMIDEC"]

_PATHOLOGICAL = re.compile(r"(^|[_\s-])P\d")


class EMIDEC(PublicDataset):
    r"""MR of 150 hearts after contrast agent, two thirds with an infarction, with contours and clinical data.

    For research, CC BY-NC-SA, from the EMIDEC challenge (MICCAI 2020, registration)::

        data_dir/
          Case_P001/Images/Case_P001.nii.gz      Case_P001/Contours/Case_P001.nii.gz
          Case P001.txt                          Case_N006/ ...

    A case holds ``image``, ``metadata`` (the text about the patient, without line breaks) and, for training, ``label``
    and ``pathological``: True where the name of the case is P and a number (``Case_P001``), False else (``Case_N006``).

    Args:
        data_dir: Folder of the data; folders with a dot in their name are left out.
        training: Whether contours are there.
        transform: What to do with a case when it is read; None: nothing.
        **options: As for every public data set.

    Raises:
        MissingFileError: If the folder, or the text file of a case, is not there.
        EmptyDatasetError: If there are no cases.

    Source: Lalande et al., Emidec: a database usable for the automatic evaluation of myocardial infarction from
        delayed-enhancement cardiac MRI, Data 5, 89 (2020).

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "Case_P001").mkdir()
        >>> _ = (folder / "Case P001.txt").write_text("Sex: F; \nAge: 57")
        >>> case = EMIDEC(folder, training=True)[0]
        >>> case["image"], case["metadata"], case["pathological"]
        ('Case_P001/Images/Case_P001.nii.gz', 'Sex: F; Age: 57', True)
    """

    layout = "<case>/Images/<case>.nii.gz and <case>/Contours/<case>.nii.gz, and beside them '<case with spaces>.txt'"
    where = "the EMIDEC challenge of MICCAI 2020 (registration on its page)"

    def __init__(
        self, data_dir: Folder, training: bool, transform: Step | None = None, **options: Unpack[PublicOptions]
    ) -> None:
        self.training = training
        super().__init__(data_dir, transform, **options)

    def list_cases(self, folder: Path) -> list[dict[str, Any]]:
        """Return one case per folder."""
        return [self._case(folder, name) for name in folders_in(folder) if "." not in name]

    def _case(self, folder: Path, name: str) -> dict[str, Any]:
        text = existing_file(folder / f"{name.replace('_', ' ')}.txt").read_text(encoding="utf-8", errors="ignore")
        case: dict[str, Any] = {"image": f"{name}/Images/{name}.nii.gz", "metadata": text.replace("\n", "")}
        if self.training:
            case["label"] = f"{name}/Contours/{name}.nii.gz"
            case["pathological"] = _PATHOLOGICAL.search(name) is not None
        return case
