"""Which file is the prediction of which reference."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from eisen._core.errors import ArgumentError, EmptyDatasetError, MissingFileError
from eisen.evaluation.evaluators.base import CaseInput
from eisen.io.naming import KNOWN_SUFFIXES

__all__ = ["Matched", "counterparts", "match"]

_WORDS = re.compile(
    r"[._-](pred(iction)?s?|seg(mentation)?s?|labels?|masks?|ref(erence)?|gt|ground[._-]?truth|manual|output)$", re.I
)
"""What a file may be called besides its case."""

_PROBABILITIES = "_probabilities"

_PART = re.compile(r"\*\*/|\*|\?|\{case\}")


@dataclass(frozen=True)
class Matched:
    """Files by case, sorted by name.

    Args:
        pairs: Prediction and reference of each case that has both.
        without_prediction: References of cases without a prediction.
        without_reference: Predictions of cases without a reference.
        masks: Where images are compared, of each case that has such a file.
    """

    pairs: dict[str, tuple[Path, Path]]
    without_prediction: dict[str, Path] = field(default_factory=dict)
    without_reference: dict[str, Path] = field(default_factory=dict)
    masks: dict[str, Path] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether every file has its counterpart."""
        return not self.without_prediction and not self.without_reference

    def inputs(self) -> list[CaseInput]:
        """Return the cases to evaluate, sorted by name; those without a prediction too, as they were missed."""
        both: dict[str, tuple[Path | None, Path]] = {**self.pairs}
        both |= {case: (None, path) for case, path in self.without_prediction.items()}
        return [CaseInput(*both[case], case, None, self.masks.get(case)) for case in sorted(both)]

    def missing(self, n_shown: int = 10) -> list[str]:
        """Return a line for each side on which files are missing.

        Args:
            n_shown: How many names there are at most in a line.
        """
        lines = []
        for found, side in ((self.without_prediction, "prediction"), (self.without_reference, "reference")):
            names = [path.name for path in found.values()]
            more = f" and {len(names) - n_shown} more" if len(names) > n_shown else ""
            if names:
                lines.append(f"{len(names)} without a {side}: {', '.join(names[:n_shown])}{more}")
        return lines

    def demand_complete(self) -> None:
        """Refuse to go on while files are missing.

        Raises:
            MissingFileError: If there are; it names them.
        """
        if not self.is_complete:
            raise MissingFileError(
                "; ".join(self.missing()),
                expected="a prediction and a reference of every case, named after it",
                to_do="add the files, say how they are named (--prediction-pattern '{case}_x.nii.gz'), or measure what "
                "is there with --allow-missing: a case without a prediction then counts as missed",
            )


def match(
    prediction: str | os.PathLike[str],
    reference: str | os.PathLike[str],
    prediction_pattern: str = "",
    reference_pattern: str = "",
    mask: str | os.PathLike[str] | None = None,
) -> Matched:
    """Find out which file is the prediction of which reference, by their names.

    Two files are a pair. In folders, files are of one case when their names are the same without endings, or without
    endings and words such as ``_pred``, ``_seg``, ``_label``, ``_gt``.

    Args:
        prediction: A file, or a folder of files.
        reference: The same.
        prediction_pattern: How predictions are named, relative to their folder, e.g. ``{case}_pred.nii.gz`` or
            ``{case}/seg.dcm``. "": as described.
        reference_pattern: The same for references.
        mask: A file or folder of masks, named like references. None: none.

    Raises:
        MissingFileError: If a file or folder is not there.
        EmptyDatasetError: If no prediction has a reference.
        ArgumentError: If a pattern is wrong, or two files are of one case.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("a/p7_pred.nii.gz", "a/p8_pred.nii.gz", "b/p7.nii.gz"):
        ...     (folder / name).parent.mkdir(exist_ok=True)
        ...     (folder / name).touch()
        >>> found = match(folder / "a", folder / "b")
        >>> list(found.pairs), found.missing()
        (['p7'], ['1 without a reference: p8_pred.nii.gz'])
    """
    sides = [Path(prediction), Path(reference)]
    for path, name in zip(sides, ("prediction", "reference"), strict=True):
        if not path.exists():
            raise MissingFileError(f"there is no {path}", expected=f"a file or folder with the {name}", file=str(path))
    covers = None if mask is None else Path(mask)
    if sides[1].is_file():
        return _one_pair(sides[0], sides[1], covers)
    if sides[0].is_file():
        raise ArgumentError(f"{prediction} is a file and {reference} a folder", expected="two files or two folders")
    found = _named(sides[0], prediction_pattern)
    given = _named(sides[1], reference_pattern)
    found, given = _renamed(found, given, not prediction_pattern, not reference_pattern)
    cases = sorted(found.keys() & given.keys())
    if not cases:
        raise _nothing(sides[0], found, sides[1], given)
    return Matched(
        {case: (found[case], given[case]) for case in cases},
        {case: path for case, path in given.items() if case not in found},
        {case: path for case, path in found.items() if case not in given},
        {} if covers is None else _masks(covers, given),
    )


def _one_pair(prediction: Path, reference: Path, mask: Path | None) -> Matched:
    if not prediction.is_file():
        what = f"{prediction} is a folder and {reference} a file"
        raise ArgumentError(what, expected="two files or two folders")
    case = _stem(reference.name)
    return Matched({case: (prediction, reference)}, masks={} if mask is None else {case: mask})


def counterparts(folder: str | os.PathLike[str], matched: Matched) -> dict[str, Path]:
    """Return the files of a folder that are called like the cases; a file is that of the only case.

    Args:
        folder: A folder, or a file.
        matched: The cases.

    Raises:
        MissingFileError: If there is no such folder or file.
    """
    references = {case: pair[1] for case, pair in matched.pairs.items()} | matched.without_prediction
    if Path(folder).is_file() and len(references) == 1:
        return dict.fromkeys(references, Path(folder))
    return _like(Path(folder), references)


def _like(folder: Path, references: dict[str, Path]) -> dict[str, Path]:
    if not folder.is_dir():
        raise MissingFileError(f"there is no folder {folder}", expected="a folder", file=str(folder))
    named = _renamed(references, _named(folder, ""), False, True)[1]
    return {case: named[case] for case in references if case in named}


def _masks(folder: Path, references: dict[str, Path]) -> dict[str, Path]:
    masks = _like(folder, references)
    if lacking := [case for case in references if case not in masks]:
        what = f"{len(lacking)} cases have no mask in {folder}: {', '.join(lacking[:5])}"
        raise MissingFileError(what, expected="a mask for every reference, named like it", file=str(folder))
    return masks


def _named(folder: Path, pattern: str) -> dict[str, Path]:
    """Return the files of a folder by what they are called."""
    if pattern:
        return _unique(folder.glob(_PART.sub(_as_glob, pattern)), lambda path: _case_of(path, folder, pattern))
    images = (path for path in folder.iterdir() if path.name.lower().endswith(KNOWN_SUFFIXES))
    found = _unique(images, lambda path: _stem(path.name))
    maps = {f"{name}{_PROBABILITIES}" for name in found}  # which `eisen predict` writes beside label maps
    return {name: path for name, path in found.items() if name not in maps}


def _unique(paths: Iterable[Path], name_of: Callable[[Path], str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(paths):
        if path.name.startswith(".") or not path.is_file():
            continue
        name = name_of(path)
        if name in found:
            raise ArgumentError(
                f"two files are of the case {name!r}: {found[name]} and {path}",
                expected="one file per case",
                to_do="say how the files are named, with {case} in the place of the case, e.g. '{case}_pred.nii.gz'",
            )
        found[name] = path
    return found


def _renamed(
    found: dict[str, Path], given: dict[str, Path], may_found: bool, may_given: bool
) -> tuple[dict[str, Path], dict[str, Path]]:
    """Take words such as ``_pred`` off the names that have no counterpart."""
    return _bare(found, given) if may_found else found, _bare(given, found) if may_given else given


def _bare(side: dict[str, Path], other: dict[str, Path]) -> dict[str, Path]:
    exact = {name: path for name, path in side.items() if name in other}
    left = {name: path for name, path in side.items() if name not in other}
    short = _unique(left.values(), lambda path: _without_words(_stem(path.name)))
    free = {name if name not in exact else _stem(path.name): path for name, path in short.items()}
    return {**exact, **free}


def _without_words(name: str) -> str:
    while (shorter := _WORDS.sub("", name)) != name and shorter:
        name = shorter
    return name


def _stem(name: str) -> str:
    suffix = next((known for known in KNOWN_SUFFIXES if name.lower().endswith(known)), "")
    return name[: len(name) - len(suffix)] or name


def _as_glob(part: re.Match[str]) -> str:
    return "*" if part[0] == "{case}" else part[0]


def _case_of(path: Path, folder: Path, pattern: str) -> str:
    """Return what stands in the place of {case}, or of all ``*``."""
    name = path.relative_to(folder).as_posix()
    expression, end, named = "", 0, "{case}" in pattern
    for part in _PART.finditer(pattern):
        star = "[^/]*" if named else "([^/]*)"
        case = "(?P=case)" if "<case>" in expression else "(?P<case>[^/]+)"
        expression += re.escape(pattern[end : part.start()])
        expression += {"{case}": case, "**/": "(?:.*/)?", "?": "[^/]"}.get(part[0], star)
        end = part.end()
    match_ = re.fullmatch(expression + re.escape(pattern[end:]), name)
    if match_ is None or not match_.groups():
        raise ArgumentError(
            f"the pattern {pattern!r} does not say which part of {name} is the case",
            expected="{case} or * in it, e.g. '{case}_pred.nii.gz'",
        )
    return match_["case"] if named else "_".join(match_.groups())


def _nothing(a: Path, found: dict[str, Path], b: Path, given: dict[str, Path]) -> EmptyDatasetError:
    sides = [
        f"{folder} has {', '.join(path.name for path in list(files.values())[:3])}{', ...' if len(files) > 3 else ''}"
        if files
        else f"{folder} has no such image files"
        for folder, files in ((a, found), (b, given))
    ]
    return EmptyDatasetError(
        f"no prediction has the name of a reference: {'; '.join(sides)}",
        expected="files of one case with one name, e.g. p7_pred.nii.gz and p7.nii.gz",
        to_do="say how the files are named: --prediction-pattern '{case}_x.nii.gz' --reference-pattern '{case}.nii.gz'",
        file=str(a),
    )
