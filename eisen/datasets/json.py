"""Cases listed in a JSON file of your own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Unpack

from eisen._core.types import Step
from eisen.datasets.base import EisenDataset, old_name_of_cases
from eisen.datasets.folders import Folder
from eisen.datasets.listing import checked_cases, listing_path, read_json
from eisen.datasets.options import SplitOptions

__all__ = ["JsonDataset"]


class JsonDataset(EisenDataset):
    """Cases listed in a JSON file: a list of objects, each with the fields of one case.

    Args:
        data_dir: Folder of the data.
        json_file: The list of cases, relative to `data_dir` or absolute.
        transform: What to do with a case when it is read; None: nothing.
        **split: Which cases to keep.

    Raises:
        MissingFileError: If the list is not there.
        CorruptFileError: If it is not a JSON list of objects.
        EmptyDatasetError: If it lists nothing.
        ArgumentError: If an argument of the split is wrong.

    Example:
        >>> import json, tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "cases.json").write_text(json.dumps([{"image": "a.nii.gz"}, {"image": "b.nii.gz"}]))
        >>> len(JsonDataset(folder, "cases.json")), len(JsonDataset(folder, "cases.json", split="validation"))
        (2, 1)
    """

    json_dataset = old_name_of_cases()

    def __init__(
        self, data_dir: Folder, json_file: Folder, transform: Step | None = None, **split: Unpack[SplitOptions]
    ) -> None:
        self.data_dir = data_dir
        self.json_file = json_file
        path = listing_path(data_dir, json_file)
        super().__init__(self.cases_in(read_json(path), path), transform, **split)

    def cases_in(self, content: Any, path: Path) -> list[dict[str, Any]]:
        """Return the cases in the content of the file."""
        return checked_cases(content, path, "the file")
