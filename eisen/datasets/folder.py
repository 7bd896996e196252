"""Cases found in a folder by the names of their files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Unpack

from eisen._core.errors import ArgumentError, EmptyDatasetError, MissingFileError, nearest
from eisen._core.field_roles import Role
from eisen._core.types import Step
from eisen.datasets.base import EisenDataset
from eisen.datasets.folders import Folder, existing_folder
from eisen.datasets.options import SplitOptions
from eisen.datasets.patterns import Pattern

__all__ = ["FolderDataset"]


class FolderDataset(EisenDataset):
    """Cases found by the names of their files: one pattern per field, files of one case have the same name in it.

    With ``{"image": "images/*.nii.gz", "label": "labels/*_seg.nii.gz"}`` the files ``images/p7.nii.gz`` and
    ``labels/p7_seg.nii.gz`` are one case, `p7`. Cases are sorted by name. A file that two patterns mean belongs to the
    one that fixes more letters, so ``*.png`` and ``*_mask.png`` may lie in one folder.

    Args:
        data_dir: Folder of the data.
        patterns: Field to pattern, relative to `data_dir`. ``{case}`` stands for the name of the case; in a pattern
            without it every ``*`` is part of the name. ``**/`` is any number of folders, ``?`` one character.
        missing: What to do with a case of which a file is missing: ``"error"``; ``"skip"``: leave it out;
            ``"none"``: the field is None.
        transform: What to do with a case when it is read; None: nothing.
        **split: Which cases to keep.

    Raises:
        MissingFileError: If the folder, or a file of a case, is not there; the card names cases and files.
        EmptyDatasetError: If a pattern finds nothing.
        ArgumentError: If a pattern is wrong, or finds two files for one case.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("b.png", "b_mask.png", "a.png", "a_mask.png"):
        ...     (folder / name).touch()
        >>> FolderDataset(folder, {"image": "*.png", "label": "*_mask.png"})[0]
        {'image': 'a.png', 'label': 'a_mask.png'}
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"patterns": "makes"}

    def __init__(
        self,
        data_dir: Folder,
        patterns: Mapping[str, str],
        missing: Literal["error", "skip", "none"] = "error",
        transform: Step | None = None,
        **split: Unpack[SplitOptions],
    ) -> None:
        if missing not in ("error", "skip", "none"):
            raise ArgumentError(f"FolderDataset: missing is {missing!r}", expected="'error', 'skip' or 'none'")
        if not isinstance(patterns, Mapping) or not patterns:
            expected = 'field to pattern, e.g. {"image": "images/*.nii.gz"}'
            raise ArgumentError(f"FolderDataset: patterns is {patterns!r}", expected=expected)
        self.data_dir = data_dir
        self.patterns = dict(patterns)
        self.missing = missing
        folder = existing_folder(Path(data_dir))
        found = _files_by_field(folder, {field: Pattern(text) for field, text in patterns.items()})
        super().__init__(self._cases(folder, found), transform, **split)

    def _cases(self, folder: Path, found: dict[str, dict[str, str]]) -> list[dict[str, Any]]:
        """Return the cases, sorted by name, with what `missing` says for those that are not complete."""
        names = sorted({case for files in found.values() for case in files})
        lacking = {case: [field for field in found if case not in found[field]] for case in names}
        incomplete = {case: fields for case, fields in lacking.items() if fields}
        if incomplete and self.missing == "error":
            raise self._mismatch(folder, found, incomplete)
        kept = [case for case in names if self.missing == "none" or case not in incomplete]
        if not kept:
            raise EmptyDatasetError(
                f"no case in {folder} has all of {', '.join(found)}",
                expected="the same * in the names of all files of a case",
                to_do="correct the patterns",
                file=str(folder),
            )
        return [{field: files.get(case) for field, files in found.items()} for case in kept]

    def _mismatch(
        self, folder: Path, found: dict[str, dict[str, str]], incomplete: dict[str, list[str]]
    ) -> MissingFileError:
        """Return the error that names the first incomplete cases, and the file that should have been there."""
        lines = [
            f"'{case}' has no {field} ({Pattern(self.patterns[field]).file_of(case)})"
            for case, fields in list(incomplete.items())[:5]
            for field in fields
        ]
        more = len(incomplete) - 5
        first, fields = next(iter(incomplete.items()))
        hint = nearest(first, [case for case in found[fields[0]] if case in incomplete])
        return MissingFileError(
            "; ".join(lines) + (f"; and {more} more cases" if more > 0 else ""),
            expected=f"a file for each of {', '.join(found)} in every case",
            to_do=f"{hint + '; ' if hint else ''}add the files, correct the patterns, or say missing='skip'",
            case=first,
            file=str(folder / Pattern(self.patterns[fields[0]]).file_of(first)),
        )


def _files_by_field(folder: Path, patterns: Mapping[str, Pattern]) -> dict[str, dict[str, str]]:
    """Return field to case to file; the pattern that fixes most letters takes its files first."""
    taken: set[str] = set()
    found: dict[str, dict[str, str]] = {}
    for field in sorted(patterns, key=lambda field: -patterns[field].n_letters):
        files = {name: case for name, case in patterns[field].files_in(folder).items() if name not in taken}
        if not files:
            raise EmptyDatasetError(
                f"no file in {folder} is called {patterns[field].text}, for the field '{field}'",
                expected="at least one file for every pattern",
                to_do="check data_dir and the pattern: capital letters count, and so does the ending",
                file=str(folder),
                field=field,
            )
        found[field] = _by_case(field, files)
        taken |= files.keys()
    return {field: found[field] for field in patterns}


def _by_case(field: str, files: Mapping[str, str]) -> dict[str, str]:
    by_case: dict[str, str] = {}
    for name, case in files.items():
        if case in by_case:
            raise ArgumentError(
                f"FolderDataset: two files are the {field} of '{case}': {by_case[case]} and {name}",
                expected="one file per field and case",
                to_do="make the pattern narrower, or write * instead of {case} where the names differ",
            )
        by_case[case] = name
    return by_case
