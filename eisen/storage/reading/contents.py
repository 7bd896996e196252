"""What is in a store, without the pixels: cases, fields, shapes, geometry, files, numbers and text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from eisen._core.errors import CorruptFileError
from eisen._core.types import Array, Geometry
from eisen.storage.encoding import FORMS
from eisen.storage.geometry_text import geometry_from_json

__all__ = ["KINDS", "Contents", "FieldContents", "eisen_contents", "texts"]

KINDS = ("array", "number", "text", "json")
VERSION = 1
"""The newest layout this eisen reads."""

Group: TypeAlias = Any
"""An HDF5 or Zarr group: ``group[path]``, ``path in group``, ``group.attrs``."""


@dataclass
class FieldContents:
    """What a store knows about a field in all cases.

    Args:
        name: Name of the field.
        kind: ``"array"``, ``"number"``, ``"text"`` or ``"json"``.
        entries: Names of the channels, or of the numbers.
        form: How its arrays are stored.
        is_label: It holds classes.
        dtype: Type of its values; "" where cases differ.
        shapes: Of each case, channels first; None: not known.
        geometries: Of each case, as text.
        files: Of each case, relative to the root of the files.
        digests: Of each case: SHA-256 of its array as it is stored.
        source_digests: Of each case: SHA-256 of its files.
        values: Of each case, for fields that are no arrays.
        geometry: Makes the geometry record of a case.
    """

    name: str
    kind: str = "array"
    entries: tuple[str, ...] = ()
    form: str = "raw"
    is_label: bool = False
    dtype: str = ""
    shapes: Array | None = None
    geometries: Sequence[str] = ()
    files: Sequence[str] = ()
    digests: Sequence[str] = ()
    source_digests: Sequence[str] = ()
    values: Any = None
    geometry: Callable[[int], Geometry | None] | None = None

    def geometry_at(self, case: int) -> Geometry | None:
        """Return where the array of a case is in the body, if that is known."""
        if self.geometry is not None:
            return self.geometry(case)
        return geometry_from_json(self.geometries[case]) if len(self.geometries) else None

    def files_at(self, case: int) -> list[str]:
        """Return the files of a case, relative to the root of the files; empty where that is not known."""
        if not len(self.files):
            return []
        names = json.loads(self.files[case] or "[]")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise CorruptFileError(f"the files of the field '{self.name}' are no list of names: {names!r}"[:200])
        return names


@dataclass
class Contents:
    """What is in a store, without the pixels.

    Args:
        layout: ``"eisen"`` or ``"pymia"``.
        cases: Names of the cases.
        fields: By name.
        config: The configuration it was made with, if any.
        config_digest: Its SHA-256.
        anonymous: Names and files of cases are hidden.
        pixels: Arrays are inside; else in their files.
        file_root: Folder that the names of files are relative to.
        made_by: Version of eisen.
    """

    layout: str
    cases: tuple[str, ...]
    fields: dict[str, FieldContents] = field(default_factory=dict)
    config: Any = None
    config_digest: str = ""
    anonymous: bool = False
    pixels: bool = True
    file_root: str = ""
    made_by: str = ""

    def digest(self) -> str:
        """Return a SHA-256 over names, values, shapes, geometry and the digests of all arrays."""
        total = hashlib.sha256(json.dumps([self.layout, self.cases]).encode())
        for name, part in sorted(self.fields.items()):
            shapes = None if part.shapes is None else np.asarray(part.shapes).tolist()
            values = None if part.values is None else [str(value) for value in part.values]
            facts = [name, part.kind, list(part.entries), part.form, part.dtype, shapes, values]
            total.update(json.dumps([*facts, list(part.geometries), list(part.digests)]).encode())
        return total.hexdigest()


def eisen_contents(root: Group, name: str) -> Contents:
    """Return what a file in eisen's own layout says about itself.

    Args:
        root: The file, or a Zarr group of the same layout.
        name: What the file is called in messages.

    Raises:
        CorruptFileError: If it is newer than this eisen.
        ValueError: If it is damaged; other errors are possible then too.
    """
    version = root.attrs.get("version")
    try:
        number = int(version)
    except (TypeError, ValueError):
        number = 0
    if not 1 <= number <= VERSION:
        newer = number > VERSION
        raise CorruptFileError(
            f"{name} is a store of version {version}",
            expected=f"version {VERSION}{' or older' if newer else ''}",
            to_do="pip install --upgrade eisen" if newer else "make it again with `eisen data create`",
            file=name,
        )
    return _contents(root)


def _contents(root: Group) -> Contents:
    record = json.loads(texts(root["meta/record"])[0])
    cases = tuple(texts(root["meta/cases"]))
    found = Contents(
        "eisen",
        cases,
        config=record.get("config"),
        config_digest=str(record.get("config_digest") or ""),
        anonymous=bool(root.attrs.get("anonymous", False)),
        pixels=bool(root.attrs.get("pixels", True)),
        file_root=texts(root["meta/file_root"])[0] if "meta/file_root" in root else "",
        made_by=str(root.attrs.get("eisen", "")),
    )
    for name, facts in record["fields"].items():
        found.fields[name] = _field(root, name, facts, len(cases))
    return found


def _field(root: Group, name: str, facts: Any, n_cases: int) -> FieldContents:
    part = FieldContents(
        name,
        str(facts["kind"]),
        tuple(str(entry) for entry in facts.get("entries") or ()),
        str(facts.get("form") or "raw"),
        bool(facts.get("is_label", False)),
        str(facts.get("dtype") or "").replace("str", ""),
    )
    if part.kind not in KINDS or part.form not in FORMS:
        raise ValueError(f"the field '{name}' has the kind {part.kind!r} and the form {part.form!r}")
    if part.kind == "array":
        part.shapes = np.asarray(root[f"meta/shapes/{name}"][()], np.int64)
        for attribute, group in _PER_CASE.items():
            if f"meta/{group}/{name}" in root:
                setattr(part, attribute, texts(root[f"meta/{group}/{name}"]))
    else:
        values = root[f"values/{name}"]
        part.values = values[()] if part.kind == "number" else texts(values)
    for known in (part.shapes, part.geometries, part.files, part.digests, part.source_digests, part.values):
        if known is not None and len(known) not in ((n_cases,) if known is part.shapes else (0, n_cases)):
            raise ValueError(f"the field '{name}' lists {len(known)} cases of {n_cases}")
    return part


_PER_CASE = {
    "geometries": "geometry",
    "files": "files",
    "digests": "digests",
    "source_digests": "source_digests",
}


def texts(dataset: Any) -> list[str]:
    """Return what a dataset of text holds, one or many; a Zarr group has it as JSON in bytes."""
    if dataset.dtype == np.uint8:
        return [str(text) for text in json.loads(np.asarray(dataset[()]).tobytes())]
    values = np.asarray(dataset[()], object).reshape(-1)
    return [value.decode("utf-8") if isinstance(value, bytes) else str(value) for value in values]
