"""Two helpers that scripts written for the original command line import."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = ["import_string", "json_file_to_dict"]


def import_string(dotted_path: str) -> Any:
    """Import what a dotted path names.

    Args:
        dotted_path: Module and attribute, e.g. ``"json.dumps"``.

    Returns:
        The class, function or constant.

    Raises:
        ImportError: If the path has no dot, or the module has no such attribute.
        ModuleNotFoundError: If there is no such module.

    Example:
        >>> import_string("math.pi")
        3.14159...
    """
    module, dot, name = dotted_path.rpartition(".")
    if not dot:
        raise ImportError(f"'{dotted_path}' is not a dotted path such as 'package.module.Name'")
    try:
        return getattr(import_module(module), name)
    except AttributeError as error:
        raise ImportError(f"module '{module}' has no attribute '{name}'") from error


def json_file_to_dict(json_file: str | Path) -> dict[str, Any]:
    """Read a JSON file whose top level is an object.

    Args:
        json_file: Path of the file.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    return dict(json.loads(Path(json_file).read_text(encoding="utf-8")))
