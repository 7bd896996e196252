"""RSNA Intracranial Hemorrhage Detection: CT slices of the head, labelled by the kind of bleeding."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from eisen._core.errors import CorruptFileError
from eisen._core.types import Step
from eisen.datasets.folders import Folder, files_in
from eisen.datasets.options import PublicOptions
from eisen.datasets.public import PublicDataset
from eisen.datasets.tables import open_table, value_of

__all__ = [
    "CLASSES",
    "RSNAIntracranialHemorrhageDetection",
    "label_dict_to_array",
    "read_rsna_kaggle_label_csv",
]

CLASSES = ["epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural", "any"]
"""Kinds of bleeding, in the order of the labels."""


def read_rsna_kaggle_label_csv(file: Folder) -> dict[str, dict[str, float]]:
    r"""Return the labels in the CSV file of the challenge: image to kind of bleeding to probability.

    Args:
        file: The CSV file; after its header, rows such as ``ID_12cadc6af_epidural,0``.

    Raises:
        MissingFileError: If it is not there.
        CorruptFileError: If a row is not of that form.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "labels.csv")
        >>> _ = path.write_text("ID,Label\nID_1_epidural,0\nID_1_any,1\n")
        >>> read_rsna_kaggle_label_csv(path)
        {'ID_1': {'epidural': 0.0, 'any': 1.0}}
    """
    path = Path(file)
    labels: dict[str, dict[str, float]] = {}
    with open_table(path) as (columns, rows):  # row by row: there are four million
        if len(columns) != 2:
            what = f"{path.name} has {len(columns)} columns: {', '.join(columns)}"
            raise CorruptFileError(what, expected="two columns, ID and Label", file=str(path))
        for line, (name, value) in rows:
            image, kind = value_of(name, image_and_class, path, line, columns[0])
            labels.setdefault(image, {})[kind] = value_of(value, float, path, line, columns[1])
    return labels


def label_dict_to_array(d: Mapping[str, float]) -> npt.NDArray[np.float64]:
    """Return the labels of one image as an array of shape (6,), in the order of `CLASSES`.

    Args:
        d: Kind of bleeding to probability.

    Raises:
        KeyError: If a kind is missing.

    Example:
        >>> label_dict_to_array({name: float(name == "any") for name in CLASSES})
        array([0., 0., 0., 0., 0., 1.])
    """
    return np.array([d[name] for name in CLASSES], dtype=np.float64)


def image_and_class(cell: str) -> tuple[str, str]:
    """Split the text before the comma of a row: ``ID_<id>_<class>``."""
    image, _, kind = cell.rpartition("_")
    if not image or kind not in CLASSES:
        raise ValueError(f"{cell!r} is not ID_<id>_<class>")
    return image, CLASSES[CLASSES.index(kind)]  # one text object per class, not one per row


class RSNAIntracranialHemorrhageDetection(PublicDataset):
    r"""750 000 CT slices of the head, each labelled with the kinds of bleeding that are visible.

    For research and education, under the rules of the challenge on Kaggle ("rsna-intracranial-hemorrhage-detection",
    free account)::

        data_dir/
          stage_2_train/ID_000012eaf.dcm ...
          stage_2_train.csv                     ID,Label / ID_000012eaf_epidural,0 ...
          stage_2_test/ID_000000e27.dcm ...

    A case holds ``image`` and, for training, ``label``: a float64 array of shape (6,) in the order of `CLASSES`.

    Args:
        data_dir: Folder of the data.
        training: True for the training slices with labels, False for the test slices.
        transform: What to do with a case when it is read; None: nothing.
        **options: As for every public data set.

    Raises:
        MissingFileError: If a folder or the CSV file is not there.
        CorruptFileError: If the CSV file is wrong, or lacks the labels of an image.
        EmptyDatasetError: If there are no images.

    Source: Flanders et al., Construction of a machine learning dataset through collaboration: the RSNA 2019 brain CT
        hemorrhage challenge, Radiology: Artificial Intelligence 2, e190211 (2020).

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "stage_2_train").mkdir()
        >>> (folder / "stage_2_train" / "ID_1.dcm").touch()
        >>> rows = [f"ID_1_{name},{int(name == 'any')}" for name in CLASSES]
        >>> _ = (folder / "stage_2_train.csv").write_text("\n".join(["ID,Label", *rows]))
        >>> RSNAIntracranialHemorrhageDetection(folder, training=True)[0]
        {'image': 'stage_2_train/ID_1.dcm', 'label': array([0., 0., 0., 0., 0., 1.])}
    """

    layout = "stage_2_train/*.dcm with stage_2_train.csv, and stage_2_test/*.dcm"
    where = "the Kaggle competition 'rsna-intracranial-hemorrhage-detection' (free account, accept its rules)"

    def __init__(
        self, data_dir: Folder, training: bool, transform: Step | None = None, **options: Unpack[PublicOptions]
    ) -> None:
        self.training = training
        super().__init__(data_dir, transform, **options)

    def list_cases(self, folder: Path) -> list[dict[str, Any]]:
        """Return one case per slice."""
        place = "stage_2_train" if self.training else "stage_2_test"
        names = files_in(folder / place, ".dcm")
        if not self.training:
            return [{"image": f"{place}/{name}"} for name in names]
        path = folder / "stage_2_train.csv"
        labels = read_rsna_kaggle_label_csv(path) if names else {}
        return [{"image": f"{place}/{name}", "label": _label(name, labels, path)} for name in names]


def _label(name: str, labels: Mapping[str, Mapping[str, float]], path: Path) -> npt.NDArray[np.float64]:
    known = labels.get(Path(name).stem, {})
    lacking = [kind for kind in CLASSES if kind not in known]
    if lacking:
        raise CorruptFileError(
            f"{path.name} has no row for {', '.join(lacking)} of {name}",
            expected=f"six rows for every image: {', '.join(CLASSES)}",
            to_do="check that the CSV file belongs to these images",
            file=str(path),
        )
    return label_dict_to_array(known)
