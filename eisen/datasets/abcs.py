"""ABCs: CT and MR of the head with structures for planning radiotherapy."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, ClassVar, Unpack

from eisen._core.types import Step
from eisen.datasets.folders import Folder, files_in, folders_in
from eisen.datasets.options import PublicOptions
from eisen.datasets.public import PublicDataset

__all__ = ["ABCDataset", "ABCsDataset"]

_CT = "_ct.mha"


class ABCsDataset(PublicDataset):
    """CT and MR (T1, T2) of the heads of glioma patients, with two sets of structures for radiotherapy.

    For research, from the Anatomical Brain Barriers to Cancer Spread challenge (MICCAI 2020, registration)::

        data_dir/                                   or, flat:
          001/001_ct.mha  001_t1.mha  001_t2.mha    data_dir/
              001_labelmap_task1.mha                  001_ct.mha  001_t1.mha ...
              001_labelmap_task2.mha

    A case holds ``ct``, ``t1``, ``t2`` and, for training, ``label_task1`` (barriers of cancer spread) and
    ``label_task2`` (organs at risk). There is a case for every file whose name ends in ``_ct.mha``.

    Args:
        data_dir: Folder of the data.
        training: Whether the label maps are there.
        flat_dir_structure: True if the files are in `data_dir` itself, False if in folders one level below.
        transform: What to do with a case when it is read; None: nothing.
        **options: As for every public data set.

    Raises:
        MissingFileError: If the folder is not there.
        EmptyDatasetError: If there are no cases in it, on that level.

    Source: Shusharina et al., Cross-modality brain structures image segmentation for the radiotherapy target
        definition and plan optimization, Lecture Notes in Computer Science 12587, 3 (2021).

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "001_ct.mha").touch()
        >>> ABCsDataset(folder, training=False, flat_dir_structure=True)[0]
        {'ct': '001_ct.mha', 't1': '001_t1.mha', 't2': '001_t2.mha'}
    """

    layout = "<case>_ct.mha, _t1.mha, _t2.mha, _labelmap_task1.mha, _labelmap_task2.mha in one folder per case, or flat"
    where = "the ABCs challenge of MICCAI 2020 (registration on its page)"

    def __init__(
        self,
        data_dir: Folder,
        training: bool,
        flat_dir_structure: bool = False,
        transform: Step | None = None,
        **options: Unpack[PublicOptions],
    ) -> None:
        self.training = training
        self.flat_dir_structure = flat_dir_structure
        super().__init__(data_dir, transform, **options)

    def list_cases(self, folder: Path) -> list[dict[str, Any]]:
        """Return one case per CT."""
        places = [""] if self.flat_dir_structure else [f"{name}/" for name in folders_in(folder)]
        files = [place + name for place in places for name in files_in(folder / place, _CT) if _is_ct(name)]
        return [self._case(file[: -len(_CT)]) for file in files]

    def _case(self, stem: str) -> dict[str, Any]:
        case = {kind: f"{stem}_{kind}.mha" for kind in ("ct", "t1", "t2")}
        if self.training:
            case |= {f"label_{task}": f"{stem}_labelmap_{task}.mha" for task in ("task1", "task2")}
        return case


def _is_ct(name: str) -> bool:
    return name.endswith(_CT) and "label" not in name


class ABCDataset(ABCsDataset):
    """The old name of `ABCsDataset`; using it warns."""

    replaced_by: ClassVar = "eisen.datasets.ABCsDataset"
    """What new configurations name; the builder does not offer the old one."""

    def __init__(
        self,
        data_dir: Folder,
        training: bool,
        flat_dir_structure: bool = False,
        transform: Step | None = None,
        **options: Unpack[PublicOptions],
    ) -> None:
        warnings.warn("ABCDataset is now called ABCsDataset", DeprecationWarning, stacklevel=2)
        super().__init__(data_dir, training, flat_dir_structure, transform, **options)
