"""Loading pickles of a package, which is running its code: only if its metadata says so, and on the Python it names."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eisen._core.errors import ConfigError, CorruptFileError, EisenError, MissingFileError, Problem
from eisen._core.optional import require

if TYPE_CHECKING:
    import torch

__all__ = ["PYTHON", "TRUST", "check_metadata", "is_declaration", "json_file_to_dict", "python_version", "unpickled"]

TRUST, PYTHON = "trust_pickle", "python"


def python_version() -> str:
    """Return the version of Python that pickles depend on.

    Example:
        >>> python_version().count(".")
        1
    """
    return ".".join(platform.python_version_tuple()[:2])


def json_file_to_dict(json_file: str | Path) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Args:
        json_file: The file.

    Raises:
        FileNotFoundError: If it is not there.
        CorruptFileError: If it is no JSON object.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "metadata.json"
        >>> _ = file.write_text('{"inputs": []}', encoding="utf-8")
        >>> json_file_to_dict(file)
        {'inputs': []}
    """
    path = Path(json_file)
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingFileError(f"there is no file {path.name}", file=str(path)) from error
    except ValueError as error:
        raise CorruptFileError(f"{path.name} is no JSON: {error}", file=str(path)) from error
    if not isinstance(value, dict):
        raise CorruptFileError(f"{path.name} is no JSON object", file=str(path), expected="{...}")
    return value


def check_metadata(metadata: Mapping[str, Any], file: str) -> None:
    """Ask the metadata of a package whether its pickles may be loaded here.

    Args:
        metadata: What ``metadata.json`` says.
        file: Its name, for the message.

    Raises:
        ConfigError: If it does not allow it, names another Python (pickles hold its bytecode, and another one crashes
            on it), or does not declare inputs and outputs.

    Example:
        >>> check_metadata({"trust_pickle": True, "inputs": [], "outputs": []}, "metadata.json")
    """
    problems = [*_problems_of_trust(metadata), *_problems_of_fields(metadata)]
    if problems:
        raise ConfigError([Problem(where, what, to_do, file) for where, what, to_do in problems])


def _problems_of_trust(metadata: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    here = python_version()
    made_with = metadata.get(PYTHON, here)
    problems = []
    if metadata.get(TRUST) is not True:
        words = "pickles run code when they are loaded; if you trust whoever made the package, set it to true"
        problems.append((TRUST, "the package does not allow to load its pickles", words))
    if made_with != here:
        words = f"serve it with Python {made_with}, or pack it again with Python {here}"
        problems.append((PYTHON, f"its pickles were made by Python {made_with}, and this is {here}", words))
    return problems


def _problems_of_fields(metadata: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    return [
        (side, f"the package does not declare its {side}", "a list of {name, type, shape}, see create_metadata")
        for side in ("inputs", "outputs")
        if not is_declaration(metadata.get(side))
    ]


def is_declaration(value: Any) -> bool:
    """Tell whether a part of the metadata declares fields: a list of dicts with names.

    Example:
        >>> is_declaration([{"name": "image", "type": "ndarray", "shape": [-1]}]), is_declaration(None)
        (True, False)
    """
    return isinstance(value, list) and all(isinstance(f, dict) and isinstance(f.get("name"), str) for f in value)


def unpickled(path: Path, device: torch.device | None = None) -> Any:
    """Load a pickle. This runs code of the archive; ask `check_metadata` first.

    Args:
        path: The file.
        device: Where tensors shall be, if it is what `torch.save` wrote; None: it is a plain pickle.

    Raises:
        MissingFileError: If it is not there.
        CorruptFileError: If it cannot be loaded.

    Example:
        >>> import dill, tempfile
        >>> file = Path(tempfile.mkdtemp()) / "step.pkl"
        >>> _ = file.write_bytes(dill.dumps({"size": 3}))
        >>> unpickled(file)
        {'size': 3}
    """
    import torch

    dill = require("dill", "deploy", "a package with pickles")
    try:
        if device is not None:
            return torch.load(path, map_location=device, weights_only=False, pickle_module=dill)
        with path.open("rb") as file:
            return dill.load(file)
    except FileNotFoundError as error:
        raise MissingFileError(f"there is no {path.name} in the package", file=str(path)) from error
    except EisenError:
        raise
    except Exception as error:
        raise CorruptFileError(
            f"{path.name} cannot be loaded: {type(error).__name__}: {error}",
            expected="a pickle whose classes are installed here",
            to_do="install what the package needs on this machine, or put it into additional_files",
            file=str(path),
        ) from error
