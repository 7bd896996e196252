"""What is in a store, at a glance, and whether it still is what was written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eisen._core.errors import CorruptFileError
from eisen.io.paths import existing_file
from eisen.storage.encoding import blosc2_plugin
from eisen.storage.intact import array_state, source_state
from eisen.storage.reading.contents import eisen_contents
from eisen.storage.reading.opened import open_hdf5

if TYPE_CHECKING:
    import h5py

__all__ = ["FieldSummary", "StoreSummary", "summarise_store"]

_COUNT = Callable[[int, int], None]


@dataclass(frozen=True)
class FieldSummary:
    """One field of a store.

    Args:
        name: Its name.
        kind: ``"array"``, ``"number"``, ``"text"`` or ``"json"``.
        entries: Names of the channels.
        dtype: Type of the values.
        form: How arrays are stored.
        smallest: The smallest size along each axis.
        largest: The largest one.
        n_bytes: Bytes in the file.
        n_geometry: How many cases have a geometry.
    """

    name: str
    kind: str
    entries: tuple[str, ...] = ()
    dtype: str = ""
    form: str = ""
    smallest: tuple[int, ...] = ()
    largest: tuple[int, ...] = ()
    n_bytes: int = 0
    n_geometry: int = 0


@dataclass
class StoreSummary:
    """A store at a glance.

    Args:
        path: The file.
        layout: ``"eisen"`` or ``"pymia"``.
        n_bytes: Its size.
        cases: Names of the cases.
        fields: The fields.
        pixels: Whether the elements of arrays are in it.
        anonymous: Whether it was made so.
        version: Version of eisen that wrote it.
        config_digest: SHA-256 of the configuration.
        verified: How many arrays were compared with their digests; None: nobody asked.
        damaged: Arrays that are not what was written, as ``case: field``.
        changed: Source files that are not what was read any more, or not there, as ``case: field``.
    """

    path: str
    layout: str
    n_bytes: int
    cases: list[str]
    fields: list[FieldSummary]
    pixels: bool = True
    anonymous: bool = False
    version: str = ""
    config_digest: str = ""
    verified: int | None = None
    damaged: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)


def summarise_store(path: str | Path, *, verify: bool = False, progress: _COUNT | None = None) -> StoreSummary:
    """Return what is in a store, or in a file of pymia.

    Args:
        path: The file.
        verify: Also compute the digests of all arrays and source files again, and compare.
        progress: Called with how many digests were computed, and how many there are.

    Raises:
        MissingFileError: If there is no such file.
        CorruptFileError: If it is none of the two.

    Example:
        >>> import tempfile
        >>> from eisen.datasets import ListDataset
        >>> from eisen.storage import create_store
        >>> cases = ListDataset([{"image": np.ones((1, 4, 5, 6), "float32"), "age": 61}])
        >>> summary = summarise_store(create_store(cases, f"{tempfile.mkdtemp()}/store.h5"), verify=True)
        >>> summary.fields[0].largest, summary.verified, summary.damaged
        ((1, 4, 5, 6), 1, [])
    """
    path = existing_file(Path(path))
    with open_hdf5(path) as file:
        try:
            if file.attrs.get("format") == "eisen-store":
                summary = _of_eisen(file, path)
                if verify:
                    _verify(file, summary, progress)
                return summary
            if "meta/subjects" in file and "data" in file:
                return _of_pymia(file, path)
        except (KeyError, ValueError, TypeError, AttributeError, OSError) as error:
            raise CorruptFileError(
                f"{path.name} is damaged: {error}", expected="a complete store", file=str(path)
            ) from error
    raise CorruptFileError(
        f"{path.name} is an HDF5 file, but no store",
        expected="a file of `eisen data create`, or of pymia",
        to_do="arrays of other HDF5 files are read by LoadHDF5FromFilename",
        file=str(path),
    )


def _of_eisen(file: h5py.File, path: Path) -> StoreSummary:
    record = json.loads(file["meta/record"].asstr()[()])
    fields = [_eisen_field(file, name, facts) for name, facts in record["fields"].items()]
    return StoreSummary(
        str(path),
        "eisen",
        path.stat().st_size,
        _texts(file["meta/cases"]),
        fields,
        bool(file.attrs.get("pixels", True)),
        bool(file.attrs.get("anonymous", False)),
        str(file.attrs.get("eisen", "")),
        str(record.get("config_digest") or ""),
    )


def _eisen_field(file: h5py.File, name: str, facts: dict[str, Any]) -> FieldSummary:
    if facts["kind"] != "array":
        return FieldSummary(name, facts["kind"], dtype=facts.get("dtype") or "", n_bytes=_bytes(file, f"values/{name}"))
    shapes = file[f"meta/shapes/{name}"][:]
    return FieldSummary(
        name,
        "array",
        tuple(facts["entries"]),
        facts["dtype"],
        facts["form"],
        _sizes(shapes.min(axis=0)),
        _sizes(shapes.max(axis=0)),
        _bytes(file, f"data/{name}"),
        sum(bool(text) for text in _texts(file[f"meta/geometry/{name}"])),
    )


def _of_pymia(file: h5py.File, path: Path) -> StoreSummary:
    fields = []
    for name, group in file["data"].items():
        shapes = np.array([dataset.shape for dataset in group.values()])
        first = next(iter(group.values()))
        known = f"meta/names/{name}_names"
        entries = tuple(_texts(file[known])) if known in file else ()
        n_bytes = sum(dataset.id.get_storage_size() for dataset in group.values())
        low, high = _sizes(shapes.min(axis=0)), _sizes(shapes.max(axis=0))
        placed = len(file["meta/image_props/spacing"]) if "meta/image_props/spacing" in file else 0
        fields.append(FieldSummary(name, "array", entries, str(first.dtype), "raw", low, high, n_bytes, placed))
    return StoreSummary(str(path), "pymia", path.stat().st_size, _texts(file["meta/subjects"]), fields)


def _verify(file: h5py.File, summary: StoreSummary, progress: _COUNT | None) -> None:
    """Compute every digest again; reading damaged chunks may fail, and is damage too."""
    contents, folder = eisen_contents(file, summary.path), Path(summary.path).parent
    arrays = [entry for entry in summary.fields if entry.kind == "array"]
    if any(entry.form == "blosc2" for entry in arrays) and summary.pixels:
        blosc2_plugin()
    total, summary.verified = len(arrays) * len(summary.cases), 0
    for done, (name, number, case) in enumerate(_each(arrays, summary.cases), start=1):
        part = contents.fields[name]
        if summary.pixels:
            summary.verified += 1
            if array_state(file, contents, part, number)[0] not in ("intact", "unknown"):
                summary.damaged.append(f"{case}: {name}")
        if source_state(contents, part, number, folder)[0] not in ("same", "none"):
            summary.changed.append(f"{case}: {name}")
        if progress is not None:
            progress(done, total)


def _each(arrays: list[FieldSummary], cases: list[str]) -> Iterator[tuple[str, int, str]]:
    for entry in arrays:
        for number, case in enumerate(cases):
            yield entry.name, number, case


def _texts(dataset: Any) -> list[str]:
    return [str(text) for text in dataset.asstr()[:]]


def _sizes(values: Any) -> tuple[int, ...]:
    return tuple(int(n) for n in values)


def _bytes(file: h5py.File, path: str) -> int:
    """Return the bytes of a dataset, or of all datasets of a group."""
    found = file.get(path)
    if found is None:
        return 0
    datasets = found.values() if hasattr(found, "values") else [found]
    return sum(int(dataset.id.get_storage_size()) for dataset in datasets)
