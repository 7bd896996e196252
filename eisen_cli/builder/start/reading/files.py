"""From files and folders that somebody names to the beginning of an experiment."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from eisen._core.errors import ArgumentError, CorruptFileError, EisenError, MissingFileError
from eisen.config.sections import TOP_LEVEL
from eisen.datasets.doctor.listed import is_decathlon
from eisen.datasets.doctor.names import PICTURES, VOLUMES
from eisen.datasets.listing import read_json
from eisen_cli.builder.server.folders import Folders
from eisen_cli.builder.start.reading.arrays import from_collection, from_store
from eisen_cli.builder.start.reading.folders import from_folder
from eisen_cli.builder.start.reading.lists import from_decathlon, from_list, from_nnunet, is_nnunet
from eisen_cli.builder.start.reading.start import Learned, Start
from eisen_cli.builder.start.reading.tables import from_table

__all__ = ["KINDS", "from_files"]

KINDS = "dataset.json, a folder of images, a CSV file, an HDF5 store, an .npz collection, or a configuration"
"""What an experiment can start from, in words."""

_TABLES = (".csv", ".tsv")
_STORES = (".h5", ".hdf5")
_IMAGES = (*VOLUMES, *PICTURES, ".dcm")
_ORDER = (".json", *_TABLES, *_STORES, ".npz", ".pt")


def from_files(paths: Sequence[str | Path], folders: Folders) -> Start:
    """Return the experiment that follows from files or folders; nothing is written.

    Of several files the one that tells most counts: a list before a table, a table before images.

    Args:
        paths: What somebody named.
        folders: What may be looked into.

    Raises:
        ArgumentError: If one lies outside, or is nothing that an experiment can start from.
        MissingFileError: If one is not there.
        EisenError: If it can be started from, but something is wrong with it.
    """
    found = [folders.resolve(path) for path in paths]
    if not found:
        raise ArgumentError("nothing was named to start from", expected=KINDS)
    for path in found:
        if not path.exists():
            raise MissingFileError(f"{path} is not there", expected=KINDS, file=str(path))
    path = min(found, key=_rank)
    try:
        return _from_folder(path) if path.is_dir() else _from_file(path, folders)
    except EisenError:
        raise
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise CorruptFileError(f"{path.name} cannot be understood: {error}", expected=KINDS, file=str(path)) from error


def _rank(path: Path) -> int:
    if path.is_dir():
        return len(_ORDER)
    suffix = path.suffix.lower()
    return _ORDER.index(suffix) if suffix in _ORDER else len(_ORDER) + 1


def _from_folder(folder: Path) -> Start:
    config = folder / "config.json"
    if config.is_file() and ((folder / "run.json").is_file() or (folder / "models").is_dir()):
        return _from_config(config, read_json(config))
    listing = folder / "dataset.json"
    if listing.is_file():
        return _from_json(listing)
    tables = sorted(path for path in folder.iterdir() if path.suffix.lower() in _TABLES)
    if len(tables) == 1:
        try:
            return from_table(tables[0])
        except EisenError:
            pass  # a table about something else; the folder itself may tell
    return from_folder(folder)


def _from_file(path: Path, folders: Folders) -> Start:
    suffix = path.suffix.lower()
    readers: dict[str, Callable[[Path], Start]] = {
        ".json": _from_json,
        **dict.fromkeys(_TABLES, from_table),
        **dict.fromkeys(_STORES, from_store),
        ".npz": from_collection,
        ".pt": _from_weights,
    }
    if suffix in readers:
        return readers[suffix](path)
    if path.name.lower().endswith(_IMAGES):
        parent = path.parent
        above = parent.parent
        is_part = parent.name.lower().startswith(("image", "label", "mask", "img")) and above in folders
        return _from_folder(above if is_part else parent)
    raise ArgumentError(f"{path.name} is nothing that an experiment can start from", expected=KINDS, file=str(path))


def _from_json(path: Path) -> Start:
    try:
        content: Any = read_json(path)
    except CorruptFileError:
        return _from_config(path, None)  # a configuration may have comments, which the builder understands
    if isinstance(content, dict) and {"General", "Training"} & set(content):
        return _from_config(path, content)
    if is_decathlon(content):
        return from_decathlon(path)
    if is_nnunet(content):
        return from_nnunet(path.parent)
    if isinstance(content, list) and content:
        return from_list(path, content)
    raise ArgumentError(f"{path.name} is nothing that an experiment can start from", expected=KINDS, file=str(path))


def _from_config(path: Path, content: Any) -> Start:
    from eisen_cli.builder.document.document import Document

    data = Document.open(path).data
    if content is None and not set(data) & set(TOP_LEVEL):
        raise ArgumentError(f"{path.name} is nothing that an experiment can start from", expected=KINDS, file=str(path))
    phases = [name for name in data if name in TOP_LEVEL and name != "General"]
    learned = [Learned("understood", f"A configuration with {', '.join(phases) or 'General'}.")]
    weights = path.parent / "models" / "best.pt"
    if weights.is_file():
        learned.append(Learned("understood", f"It was trained; its weights are in {weights}."))
    return Start(path.stem, None, config=json.loads(json.dumps(data)), path=path, learned=tuple(learned))


def _from_weights(path: Path) -> Start:
    for folder in path.parents[:2]:
        if (folder / "config.json").is_file():
            return _from_config(folder / "config.json", read_json(folder / "config.json"))
    expected = "weights in an artifact folder, with config.json beside or above them"
    raise ArgumentError(f"nothing tells which network {path.name} is of", expected=expected, file=str(path))
