"""Making a new experiment the one that is edited, and finding those that are there."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eisen_cli.builder.document.document import Document
from eisen_cli.builder.server.folders import Folders

if TYPE_CHECKING:
    from eisen_cli.builder.workspace import Workspace

__all__ = ["adopt", "configurations_in"]

_DEEP, _MOST, _LARGEST = 2, 2000, 1_000_000


def adopt(workspace: Workspace, data: Mapping[str, Any], label: str, data_dir: Path | None = None) -> None:
    """Edit a new experiment from now on.

    A document that is still empty and has a name, as after ``eisen build new.json``, keeps it.

    Args:
        workspace: What the server works on.
        data: The configuration.
        label: What the step is called in the history.
        data_dir: Folder of the data, where it is known.
    """
    document = workspace.document
    is_waiting = not document.data and document.path is not None and not document.path.exists()
    if is_waiting:
        document.replace(data, label)
    else:
        workspace.open(Document(data))
    if data_dir is not None:
        workspace.data_dir = workspace.folders.resolve(data_dir)


def configurations_in(folders: Folders, n: int = 6) -> list[Path]:
    """Return the configurations in the allowed folders and just below them, the newest first.

    Args:
        folders: Where to look.
        n: How many at most.
    """
    found: dict[Path, float] = {}
    for path in _json_files(folders):
        try:
            facts = path.stat()
            if facts.st_size <= _LARGEST and path not in found and _is_configuration(path):
                found[path] = facts.st_mtime
        except OSError:
            continue
    return sorted(found, key=lambda path: (-found[path], path))[:n]


def _json_files(folders: Folders) -> Iterator[Path]:
    count = 0
    for root in folders:
        for parent, subs, names in os.walk(root):
            depth = len(Path(parent).relative_to(root).parts)
            subs[:] = [] if depth >= _DEEP else sorted(sub for sub in subs if sub[0] not in "._")
            count += len(names)
            if count > _MOST:
                return
            yield from (Path(parent, name) for name in sorted(names) if name.endswith(".json") and name[0] != ".")


def _is_configuration(path: Path) -> bool:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict) and isinstance(content.get("General"), dict) and path.name != "config.json"
