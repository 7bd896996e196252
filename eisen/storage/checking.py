"""Whether a store is whole: arrays as they were written, no case without a field, images and labels of one shape."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from eisen._core.errors import EisenError
from eisen.storage.encoding import blosc2_plugin
from eisen.storage.intact import array_state, source_state
from eisen.storage.reading.contents import Contents, FieldContents
from eisen.storage.store import Store

if TYPE_CHECKING:
    import h5py

__all__ = ["StoreCheck", "StoreFinding", "check_store"]

Kind = Literal["missing", "damaged", "shape", "geometry", "source"]


@dataclass(frozen=True)
class StoreFinding:
    """Something that is wrong with a store.

    Args:
        kind: ``"missing"``: an array is not there; ``"damaged"``: it is not what was written; ``"shape"``: an image and
            its label differ, or an array differs from what is noted about it; ``"geometry"``: it cannot be understood;
            ``"source"``: the file it was made from is another one by now.
        case: Name of the case.
        field: Name of the field.
        text: What is wrong, in words.
    """

    kind: Kind
    case: str
    field: str
    text: str


@dataclass
class StoreCheck:
    """What the check of a store has found.

    Args:
        path: The file.
        layout: ``"eisen"`` or ``"pymia"``.
        cases: Names of the cases.
        states: By field, how many arrays are ``"intact"``, ``"damaged"``, ``"missing"``, ``"unknown"`` (without a
            digest) and ``"elsewhere"`` (in a store without pixels); and how many source files are ``"same"``,
            ``"changed"``, ``"gone"`` or not noted (``"none"``).
        findings: What is wrong, in the order of the cases.
    """

    path: str
    layout: str
    cases: list[str]
    states: dict[str, dict[str, int]] = field(default_factory=dict)
    findings: list[StoreFinding] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """True when nothing is wrong."""
        return not self.findings


def check_store(
    path: str | os.PathLike[str], *, jobs: int = 1, progress: Callable[[int, int], None] | None = None
) -> StoreCheck:
    """Read all of a store, or of a file of pymia, and say what is wrong with which field of which case.

    Args:
        path: The file.
        jobs: How many arrays are read at the same time.
        progress: Called with how many arrays are done, and how many there are.

    Returns:
        What was found; source files that are not there are no finding.

    Raises:
        MissingFileError: If there is no such file.
        CorruptFileError: If it cannot be opened: no store, truncated, or damaged in its directory.
        MissingExtraError: If it is compressed and the package for that is not installed.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from eisen.datasets import ListDataset
        >>> from eisen.storage import create_store
        >>> cases = ListDataset([{"image": np.ones((1, 4, 5, 6)), "label": np.ones((1, 4, 5, 5), "uint8")}])
        >>> found = check_store(create_store(cases, f"{tempfile.mkdtemp()}/store.h5", check_shapes=False))
        >>> [(finding.kind, finding.case, finding.field) for finding in found.findings]
        [('shape', 'case_0000', 'label')]
    """
    with Store(path) as store:
        contents = store.contents
        found = StoreCheck(str(path), contents.layout, list(contents.cases))
        arrays = [part for part in contents.fields.values() if part.kind == "array"]
        if contents.pixels and any(part.form == "blosc2" for part in arrays):
            blosc2_plugin()
        todo = [(number, part) for number in range(len(contents.cases)) for part in arrays]
        with ThreadPoolExecutor(jobs) as pool:
            work = partial(_looked_at, store)
            for done, findings in enumerate(pool.map(work, todo), start=1):
                _take_in(found, todo[done - 1][1].name, findings)
                if progress is not None:
                    progress(done, len(todo))
        for number in range(len(contents.cases)):
            found.findings += _different_shapes(store, contents, arrays, number)
    order = {name: number for number, name in enumerate(contents.cases)}
    found.findings.sort(key=lambda finding: order[finding.case])
    return found


_Looked = tuple[str, str, list[StoreFinding]]


def _looked_at(store: Store, what: tuple[int, FieldContents]) -> _Looked:
    """Return the state of an array and of its source files, and what is wrong."""
    (number, part), contents = what, store.contents
    case, findings = contents.cases[number], list[StoreFinding]()
    state, text = ("elsewhere", "") if not contents.pixels else array_state(_hdf5(store), contents, part, number)
    if text:
        kind: Kind = "shape" if state == "shape" else "missing" if state == "missing" else "damaged"
        findings.append(StoreFinding(kind, case, part.name, text))
    source, text = source_state(contents, part, number, Path(store.path).parent)
    if text:
        findings.append(StoreFinding("source", case, part.name, text))
    try:
        store.geometry(number, part.name)
    except (EisenError, ValueError, KeyError, TypeError) as error:
        findings.append(StoreFinding("geometry", case, part.name, f"its place in the body is not known: {error}"))
    return "damaged" if state == "shape" else state, source, findings


def _hdf5(store: Store) -> h5py.File:
    """Return the file as h5py sees it."""
    file = store._file
    opened: h5py.File = file.hdf5() if hasattr(file, "hdf5") else file.root()
    return opened


def _take_in(found: StoreCheck, name: str, looked: _Looked) -> None:
    state, source, findings = looked
    counts = found.states.setdefault(name, {})
    for each in (state, source):
        counts[each] = counts.get(each, 0) + 1
    found.findings += findings


def _different_shapes(
    store: Store, contents: Contents, arrays: list[FieldContents], number: int
) -> Iterator[StoreFinding]:
    """Yield labels that have the shape of no image of their case."""
    shapes: dict[str, tuple[int, ...]] = {}
    for part in arrays:
        try:
            shapes[part.name] = store.shape(number, part.name)[1:]
        except EisenError:  # it is missing, and that has been said
            continue
    images = {part.name: shapes[part.name] for part in arrays if not part.is_label and part.name in shapes}
    for part in arrays:
        own = shapes.get(part.name, ())
        others = {name: shape for name, shape in images.items() if len(shape) == len(own)}
        if part.is_label and others and own not in others.values():
            known = ", ".join(f"'{name}' {_by(shape)}" for name, shape in others.items())
            text = f"it has {_by(own)} voxels, and {known}"
            yield StoreFinding("shape", contents.cases[number], part.name, text)


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
