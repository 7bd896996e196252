"""Cases listed in a JSON file of your own."""

from __future__ import annotations

import os

from eisen._core.types import Step
from eisen.datasets.base import EisenDataset
from eisen.datasets.listing import checked_cases, listing_path, read_json
from eisen.datasets.split import choose_split

__all__ = ["JsonDataset"]


class JsonDataset(EisenDataset):
    """Cases listed in a JSON file: a list of objects, each with the fields of one case.

    Args:
        data_dir: Folder of the data.
        json_file: The list of cases, relative to `data_dir` or absolute.
        transform: What to do with a case when it is read; None: nothing.
        split: Which cases: ``"all"``, or one side of a seeded split, ``"train"`` or ``"validation"``. Which side a
            case is on depends on its first file name and `split_seed` only.
        validation_fraction: Share of the cases that is for validation, between 0 and 1.
        split_seed: Another number gives another split.
        group: Regular expression with one group in parentheses, searched in the first file name of a case; cases
            where it finds the same text (e.g. one patient) are never separated by the split. None: each on its own.

    Raises:
        MissingFileError: If the list is not there.
        CorruptFileError: If it is not a JSON list of objects.
        EmptyDatasetError: If it lists nothing.
        ArgumentError: If a split argument is wrong.

    Example:
        >>> import json, pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "cases.json").write_text(json.dumps([{"image": "a.nii.gz"}, {"image": "b.nii.gz"}]))
        >>> len(JsonDataset(folder, "cases.json")), len(JsonDataset(folder, "cases.json", split="validation"))
        (2, 1)
    """

    def __init__(
        self,
        data_dir: str | os.PathLike[str],
        json_file: str | os.PathLike[str],
        transform: Step | None = None,
        *,
        split: str = "all",
        validation_fraction: float = 0.2,
        split_seed: int = 0,
        group: str | None = None,
    ) -> None:
        path = listing_path(data_dir, json_file)
        cases = checked_cases(read_json(path), path, "the file")
        self.json_dataset = choose_split(cases, split, validation_fraction, split_seed, group)
        super().__init__(self.json_dataset, transform)
        self.data_dir = data_dir
        self.json_file = json_file
        self.split = split
