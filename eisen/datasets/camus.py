"""CAMUS: ultrasound of the heart with contours of the left ventricle and atrium."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Unpack

from eisen._core.errors import ArgumentError
from eisen._core.types import Step
from eisen.datasets.folders import Folder, folders_in
from eisen.datasets.options import PublicOptions
from eisen.datasets.public import PublicDataset

__all__ = ["CAMUS"]

_log = logging.getLogger(__name__)


class CAMUS(PublicDataset):
    """Ultrasound images of 500 hearts, at the end of filling and of contraction, in two views.

    Each patient gives two cases, first end-diastole, then end-systole. Free for research after registration with the
    organisers (CREATIS, Lyon)::

        data_dir/
          patient0001/
            patient0001_2CH_ED.mhd    patient0001_2CH_ED_gt.mhd    patient0001_2CH_sequence.mhd
            patient0001_2CH_ES.mhd    ...                          patient0001_4CH_ED.mhd, ...

    A case holds ``type`` (``"ED"`` or ``"ES"``) and, per view that is asked for, ``image_2CH``, ``label_2CH``
    (`with_ground_truth`) and ``sequence_2CH`` (`with_entire_sequences`); the same with 4CH. Files are not opened here.
    With ``group="(patient[0-9]+)"`` a split keeps both cases of a patient on one side.

    Args:
        data_dir: Folder with one folder per patient; one that is empty is left out with a warning.
        with_ground_truth: Whether the contours are there (they are not for the test patients).
        with_2CH: Whether to list the two-chamber view.
        with_4CH: Whether to list the four-chamber view.
        with_entire_sequences: Whether to list the film of the whole heart beat as well.
        transform: What to do with a case when it is read; None: nothing.
        **options: As for every public data set.

    Raises:
        ArgumentError: If neither view is asked for.
        MissingFileError: If the folder is not there.
        EmptyDatasetError: If it has no patients.

    Source: Leclerc et al., Deep learning for segmentation using an open large-scale dataset in 2D echocardiography,
        IEEE Transactions on Medical Imaging 38, 2198 (2019).

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "patient0001").mkdir()
        >>> (folder / "patient0001" / "patient0001_2CH_ED.mhd").touch()
        >>> CAMUS(folder, with_ground_truth=True, with_4CH=False)[1]
        {'type': 'ES', 'image_2CH': 'patient0001/patient0001_2CH_ES.mhd',
         'label_2CH': 'patient0001/patient0001_2CH_ES_gt.mhd'}
    """

    layout = "one folder per patient with <patient>_2CH_ED.mhd, <patient>_2CH_ED_gt.mhd and so on"
    where = "the CAMUS challenge of CREATIS (free registration), and unpack it so that data_dir/patient0001 exists"

    def __init__(
        self,
        data_dir: Folder,
        with_ground_truth: bool,
        with_2CH: bool = True,  # noqa: N803  # names of the contract
        with_4CH: bool = True,  # noqa: N803
        with_entire_sequences: bool = False,
        transform: Step | None = None,
        **options: Unpack[PublicOptions],
    ) -> None:
        if not (with_2CH or with_4CH):
            raise ArgumentError("CAMUS: neither view is asked for", expected="with_2CH, with_4CH or both")
        self.with_ground_truth = with_ground_truth
        self.with_entire_sequences = with_entire_sequences
        self.views = [view for view, wanted in (("2CH", with_2CH), ("4CH", with_4CH)) if wanted]
        super().__init__(data_dir, transform, **options)

    def list_cases(self, folder: Path) -> list[dict[str, Any]]:
        """Return two cases per patient."""
        patients = []
        for patient in folders_in(folder):
            if any((folder / patient).iterdir()):
                patients.append(patient)
            else:
                _log.warning("CAMUS: the folder %s is empty and left out", folder / patient)
        return [self._case(patient, phase) for patient in patients for phase in ("ED", "ES")]

    def _case(self, patient: str, phase: str) -> dict[str, Any]:
        case = {"type": phase}
        for view in self.views:
            stem = f"{patient}/{patient}_{view}"
            case[f"image_{view}"] = f"{stem}_{phase}.mhd"
            if self.with_ground_truth:
                case[f"label_{view}"] = f"{stem}_{phase}_gt.mhd"
            if self.with_entire_sequences:
                case[f"sequence_{view}"] = f"{stem}_sequence.mhd"
        return case
