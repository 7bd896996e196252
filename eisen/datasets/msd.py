"""The Medical Segmentation Decathlon, and every data set that is laid out like it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from eisen._core.errors import ArgumentError, CorruptFileError, nearest
from eisen._core.types import Step
from eisen.datasets.base import EisenDataset
from eisen.datasets.listing import checked_cases, listing_path, read_json
from eisen.datasets.split import choose_split

__all__ = ["MSDDataset", "UnknownPhaseError"]


class UnknownPhaseError(ArgumentError, KeyError):
    """A phase that a dataset.json does not have."""


class MSDDataset(EisenDataset):
    """A task of the Medical Segmentation Decathlon as people download it, or your own data laid out like one.

    The ``dataset.json`` lists `training` cases with image and label, and `test` cases with an image only.

    Args:
        data_dir: Folder of the task.
        json_file: Usually ``"dataset.json"``, relative to `data_dir` or absolute.
        phase: Which list of the file: ``"training"`` or ``"test"``.
        transform: What to do with a case when it is read; None: nothing.
        split: Which cases of that list: ``"all"``, or one side of a seeded split, ``"train"`` or ``"validation"``.
            Which side a case is on depends on its first file name and `split_seed` only.
        validation_fraction: Share of the cases that is for validation, between 0 and 1.
        split_seed: Another number gives another split.
        group: Regular expression with one group in parentheses, searched in the first file name of a case; cases
            where it finds the same text (e.g. one patient) are never separated by the split. None: each on its own.

    Raises:
        MissingFileError: If the ``dataset.json`` is not there.
        CorruptFileError: If it is not one.
        UnknownPhaseError: If it has no such phase; also a KeyError.
        EmptyDatasetError: If the phase lists nothing.
        ArgumentError: If a split argument is wrong.

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
        data_dir: str | os.PathLike[str],
        json_file: str | os.PathLike[str],
        phase: str,
        transform: Step | None = None,
        *,
        split: str = "all",
        validation_fraction: float = 0.2,
        split_seed: int = 0,
        group: str | None = None,
    ) -> None:
        path = listing_path(data_dir, json_file)
        content = read_json(path)
        cases = _cases_of(content, phase, path)
        self.json_dataset = choose_split(cases, split, validation_fraction, split_seed, group)
        super().__init__(self.json_dataset, transform)
        self.attributes: dict[str, Any] = {key: value for key, value in content.items() if key != phase}
        self.data_dir = data_dir
        self.json_file = json_file
        self.phase = phase
        self.split = split


def _cases_of(content: Any, phase: str, path: Path) -> list[dict[str, Any]]:
    """Return the cases of a phase; a bare file name becomes a case with an image."""
    if not isinstance(content, dict):
        raise CorruptFileError(
            f"{path.name} holds {type(content).__name__}, not the description of a decathlon task",
            expected="an object with the lists 'training' and 'test'",
            to_do="for a plain list of cases use JsonDataset" if isinstance(content, list) else "correct the file",
            file=str(path),
        )
    phases = [key for key, value in content.items() if isinstance(value, list)]
    if phase not in phases:
        choices = ", ".join(f"'{name}'" for name in phases) or "(none: the file has no lists)"
        to_do = nearest(str(phase), phases) or "name one of these phases"
        raise UnknownPhaseError(f"{path.name} has no phase {phase!r}", expected=choices, to_do=to_do, file=str(path))
    entries = [{"image": entry} if isinstance(entry, str) else entry for entry in content[phase]]
    return checked_cases(entries, path, f"'{phase}'")
