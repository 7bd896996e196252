"""The Medical Segmentation Decathlon, and every data set that is laid out like it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Unpack

from eisen._core.errors import ArgumentError, CorruptFileError, nearest
from eisen._core.types import Step
from eisen.datasets.folders import Folder
from eisen.datasets.json import JsonDataset
from eisen.datasets.listing import checked_cases
from eisen.datasets.options import SplitOptions

__all__ = ["MSDDataset", "UnknownPhaseError"]


class UnknownPhaseError(ArgumentError, KeyError):
    """A phase that a dataset.json does not have."""


class MSDDataset(JsonDataset):
    """A task of the Medical Segmentation Decathlon as people download it, or your own data laid out like one.

    The ``dataset.json`` lists `training` cases with image and label, and `test` cases with an image only. The ten
    tasks (CC BY-SA 4.0) come with ``download=True``.

    Args:
        data_dir: Folder of the task.
        json_file: Usually ``"dataset.json"``, relative to `data_dir` or absolute.
        phase: Which list of the file: ``"training"`` or ``"test"``.
        transform: What to do with a case when it is read; None: nothing.
        download: True: if `data_dir` is not there, download the task it is named after (e.g.
            ``data/Task04_Hippocampus``) and unpack it. An address of an archive instead: download that one. A transfer
            that was interrupted goes on where it stopped.
        checksum: MD5, SHA-1 or SHA-256 of the archive, in hexadecimal digits. None: known for the ten tasks, else not
            checked.
        **split: Which cases to keep.

    Raises:
        MissingFileError: If the ``dataset.json`` is not there, or cannot be downloaded.
        CorruptFileError: If it is not one, or the archive is damaged.
        UnknownPhaseError: If it has no such phase; also a KeyError.
        EmptyDatasetError: If the phase lists nothing.
        ArgumentError: If an argument of the download or of the split is wrong.

    Source: Antonelli et al., The Medical Segmentation Decathlon, Nature Communications 13, 4128 (2022).

    Example:
        >>> import tempfile
        >>> from eisen.datasets import make_phantoms
        >>> folder = make_phantoms(tempfile.mkdtemp(), n_training=4, n_validation=1, n_test=1)
        >>> cases = MSDDataset(folder, "dataset.json", "training")
        >>> len(cases), cases.case_name(0), cases.attributes["labels"]["0"]
        (5, '#0 (phantom_000.nii.gz)', 'background')
        >>> len(MSDDataset(folder, "dataset.json", "training", split="validation"))
        1
    """

    def __init__(
        self,
        data_dir: Folder,
        json_file: Folder,
        phase: str,
        transform: Step | None = None,
        *,
        download: bool | str = False,
        checksum: str | None = None,
        **split: Unpack[SplitOptions],
    ) -> None:
        self.phase = phase
        self.attributes: dict[str, Any] = {}
        if download:
            from eisen.datasets.msd_tasks import bring_task

            bring_task(Path(data_dir), str(json_file), download if isinstance(download, str) else "", checksum or "")
        super().__init__(data_dir, json_file, transform, **split)

    def cases_in(self, content: Any, path: Path) -> list[dict[str, Any]]:
        """Return the cases of the phase; a bare file name becomes a case with an image."""
        if not isinstance(content, dict):
            raise CorruptFileError(
                f"{path.name} holds {type(content).__name__}, not the description of a decathlon task",
                expected="an object with the lists 'training' and 'test'",
                to_do="for a plain list of cases use JsonDataset" if isinstance(content, list) else "correct the file",
                file=str(path),
            )
        phases = [key for key, value in content.items() if isinstance(value, list)]
        if self.phase not in phases:
            choices = ", ".join(f"'{name}'" for name in phases) or "(none: the file has no lists)"
            to_do = nearest(str(self.phase), phases) or "name one of these phases"
            raise UnknownPhaseError(
                f"{path.name} has no phase {self.phase!r}", expected=choices, to_do=to_do, file=str(path)
            )
        self.attributes = {key: value for key, value in content.items() if key != self.phase}
        entries = [{"image": entry} if isinstance(entry, str) else entry for entry in content[self.phase]]
        return checked_cases(entries, path, f"'{self.phase}'")
