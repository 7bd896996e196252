"""Verifying compressed MetaImage files, whose checksum ITK does not look at."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

from eisen._core.errors import CorruptFileError, MissingFileError
from eisen.io.inflate import INFLATE_ERRORS, inflater

__all__ = ["verify_metaimage"]

_LONGEST_HEADER = 1 << 20
_CHUNK = 1 << 20


def verify_metaimage(path: Path) -> None:
    """Make sure that the compressed voxels of a ``.mha`` or ``.mhd`` file are those that were written.

    Nothing is done for a file that is not compressed, or whose header is not understood: ITK says what is wrong then.

    Raises:
        CorruptFileError: If the voxels are truncated or fail their checksum.
        MissingFileError: If the header names a file of voxels that is not there.
    """
    with path.open("rb") as file:
        entries = _header(file)
        if entries.get("CompressedData", "").lower() != "true":
            return
        name = entries.get("ElementDataFile", "")
        if name.upper() == "LOCAL":
            _verify(file, path)
            return
    voxels = Path(os.path.normpath(path.parent / name))
    if not voxels.is_file():
        what = f"{path.name} keeps its voxels in {name}, which is not there"
        raise MissingFileError(what, to_do=f"put {name} beside {path.name}", file=str(voxels))
    with voxels.open("rb") as file:
        _verify(file, voxels)


def _header(file: IO[bytes]) -> dict[str, str]:
    """Read the text before the voxels; the file stands where they begin."""
    entries: dict[str, str] = {}
    while file.tell() < _LONGEST_HEADER and (line := file.readline(4096)):
        key, separator, value = line.decode("latin-1").partition("=")
        if not separator:
            return {}
        entries[key.strip()] = value.strip()
        if key.strip() == "ElementDataFile":
            break
    return entries


def _verify(file: IO[bytes], path: Path) -> None:
    engine = inflater()
    problem = "they end too early"
    try:
        while not engine.eof and (chunk := file.read(_CHUNK)):
            while chunk and not engine.eof:
                engine.decompress(chunk, _CHUNK)
                chunk = engine.unconsumed_tail
    except INFLATE_ERRORS as error:
        problem = str(error)
    if not engine.eof:
        raise CorruptFileError(
            f"the compressed voxels of {path.name} are damaged: {problem}",
            expected="a complete file whose checksum agrees",
            to_do="copy or download the file again, or take the case out of the dataset",
            file=str(path),
        )
