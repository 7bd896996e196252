"""A split that is data: frozen to a file with a digest, and refused when it was tampered with or leaks."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eisen._core.atomic import atomic_write
from eisen._core.digest import json_digest
from eisen._core.errors import ArgumentError, CorruptFileError, nearest
from eisen.experiments.splits.checks import check_splits
from eisen.experiments.splits.fold import Fold

__all__ = ["Splits"]

_FORMAT, _VERSION = "eisen-split", 1
_KEYS = ("format", "version", "kind", "seed", "group", "group_absent", "stratify", "cases", "folds", "digest")


@dataclass(frozen=True)
class Splits:
    """Which cases train, validate and test, in one or several folds.

    A split that leaks cannot be made: no case and no group is in two parts of a fold, and in cross-validation every
    case is tested exactly once.

    Args:
        kind: ``"kfold"``, ``"holdout"``, ``"nested"`` or ``"explicit"``.
        folds: The folds.
        cases: Group and class of each case: ``{"scan_1": {"group": "anna", "class": 1}}``; None where there is none.
        seed: What it was drawn with; None when nothing was drawn.
        group: What the cases of one group have in common, e.g. ``"patient"``.
        group_absent: That cases have nothing in common was said.
        stratify: What the classes are, e.g. ``"label"``.

    Raises:
        ArgumentError: If it leaks, or a fold names an unknown case.

    Example:
        >>> cases = {name: {"group": name[0], "class": None} for name in ("a1", "a2", "b1", "c1")}
        >>> splits = Splits("explicit", [Fold("0", ("a1", "a2"), ("b1",), ("c1",))], cases, group="regex:^.")
        >>> splits["0"].test, splits.digest[:12]
        (('c1',), '...')
    """

    kind: str
    folds: list[Fold]
    cases: Mapping[str, Mapping[str, Any]] = field(repr=False)
    seed: int | None = None
    group: str | None = None
    group_absent: bool = False
    stratify: str | None = None

    def __post_init__(self) -> None:
        check_splits(self)

    def __len__(self) -> int:
        return len(self.folds)

    def __iter__(self) -> Iterator[Fold]:
        return iter(self.folds)

    def __getitem__(self, name: str | int) -> Fold:
        """Return a fold by name; a number stands for the name that it is written as."""
        names = [fold.name for fold in self.folds]
        if str(name) not in names:
            some = ", ".join(names[:8]) + (" ..." if len(names) > 8 else "")
            raise ArgumentError(
                f"the split has no fold '{name}'", expected=f"one of {some}", to_do=nearest(str(name), names)
            )
        return self.folds[names.index(str(name))]

    @property
    def digest(self) -> str:
        """SHA-256 of everything in it; another order of the keys of an object does not matter."""
        return json_digest(self._content())

    def as_dict(self) -> dict[str, Any]:
        """Return the split as it stands in a file."""
        return {**self._content(), "digest": self.digest}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Freeze the split to a JSON file.

        Raises:
            ArtifactError: If it cannot be written.
        """
        with atomic_write(path, "w") as file:
            file.write(json.dumps(self.as_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Splits:
        """Read a frozen split, and check that it is whole and does not leak.

        Raises:
            MissingFileError: If there is no such file.
            CorruptFileError: If it is no split, was changed since it was frozen, or leaks.
        """
        from eisen.datasets.listing import read_json

        file = Path(path)
        document = read_json(file)
        try:
            _demand_keys(document)
            splits = cls.from_dict(document)
        except ArgumentError as error:
            card = error.card
            what = f"{file.name} is refused: {card.what}"
            raise CorruptFileError(what, expected=card.expected, to_do=card.to_do, file=str(file)) from error
        return splits

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Splits:
        """Return the split that stands in a file.

        Args:
            document: What `as_dict` returns.

        Raises:
            ArgumentError: If it leaks, or its digest is not that of its content.
        """
        splits = cls(
            document["kind"],
            [Fold.from_dict(entry) for entry in document["folds"]],
            document["cases"],
            *(document[key] for key in ("seed", "group", "group_absent", "stratify")),
        )
        digest = json_digest({key: value for key, value in document.items() if key != "digest"})
        if document["digest"] != digest:
            raise ArgumentError(
                "its content was changed after it was frozen",
                expected=f"the digest {str(document['digest'])[:12]}...; its content has {digest[:12]}...",
                to_do="take the file as it was, or make a new split: 'eisen split'",
            )
        return splits

    def _content(self) -> dict[str, Any]:
        return {
            "format": _FORMAT,
            "version": _VERSION,
            "kind": self.kind,
            "seed": self.seed,
            "group": self.group,
            "group_absent": self.group_absent,
            "stratify": self.stratify,
            "cases": {name: dict(self.cases[name]) for name in self.cases},
            "folds": [fold.as_dict() for fold in self.folds],
        }


def _demand_keys(document: Any) -> None:
    """Raise if something is no split at all, or one of a later version."""
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        raise ArgumentError(
            "it is no split", expected=f'an object with "format": "{_FORMAT}"', to_do="make one with 'eisen split'"
        )
    if document.get("version") != _VERSION:
        to_do = "make it again, or use the eisen it was made with"
        raise ArgumentError(f"it is of version {document.get('version')}", expected=f"{_VERSION}", to_do=to_do)
    missing = [key for key in _KEYS if key not in document]
    if missing or not isinstance(document["folds"], list):
        raise ArgumentError(f"it lacks {', '.join(missing) or 'a list of folds'}", expected=", ".join(_KEYS))
