"""Two small functions that scripts written for the original use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eisen._core.errors import CorruptFileError, MissingFileError

__all__ = ["merge_two_dicts", "read_json_from_file"]


def merge_two_dicts(x: Mapping[str, Any], y: Mapping[str, Any]) -> dict[str, Any]:
    """Return a new dict with the entries of both; where both have a name, `y` wins.

    Example:
        >>> merge_two_dicts({"image": 1, "label": 2}, {"label": 3})
        {'image': 1, 'label': 3}
    """
    return {**x, **y}


def read_json_from_file(path: str | Path) -> Any:
    """Return what a JSON file holds.

    Raises:
        MissingFileError: If the file is not there (also a `FileNotFoundError`).
        CorruptFileError: If it is not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingFileError(f"there is no file {path}", file=str(path), to_do="check the path") from error
    except ValueError as error:
        raise CorruptFileError(f"{path} is not JSON: {error}", file=str(path), expected="a JSON document") from error
