"""What file names tell: the format, the case, the patient, and which label belongs to which image."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from eisen._core.errors import ArgumentError
from eisen._core.types import is_label_field

__all__ = [
    "NIFTI",
    "PICTURES",
    "VOLUMES",
    "image_files",
    "owner_of",
    "patient_of",
    "patient_pattern",
    "stem_of",
]

NIFTI = (".nii.gz", ".nii")
VOLUMES = (*NIFTI, ".mha", ".mhd", ".nrrd", ".nhdr")
PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")

_PATIENT = re.compile(
    r"(?:^|[/_\-. ])((?:sub|subject|subj|patient|pat|pt)[-_]?[a-z]*\d+[a-z]?|TCGA-\w{2}-\w{4})(?=$|[/_\-. ])",
    re.IGNORECASE,
)
_IMAGE_ENDING = re.compile(r"[_\-. ](image|img|scan|volume|0000)$", re.IGNORECASE)


def stem_of(path: Path) -> str:
    """Return a file name without the ending of its format.

    Example:
        >>> stem_of(Path("imagesTr/la_003.nii.gz"))
        'la_003'
    """
    name = path.name
    ending = next((e for e in (*VOLUMES, *PICTURES, ".dcm") if name.lower().endswith(e)), "")
    return name[: len(name) - len(ending)] if ending else name


def image_files(folder: Path, endings: Sequence[str] = (*VOLUMES, *PICTURES), *, deep: bool = True) -> list[Path]:
    """Return the files of a folder with one of the endings, sorted; hidden files and folders are passed over.

    Args:
        folder: The folder.
        endings: In lower case.
        deep: Look into its sub-folders too.
    """
    return sorted(path for path in _walk(folder, deep) if path.name.lower().endswith(tuple(endings)))


def _walk(folder: Path, deep: bool) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if deep else []
        yield from (Path(parent, name) for name in names if not name.startswith("."))


def owner_of(label: Path, images: Iterable[Path]) -> Path | None:
    """Return the image whose name the name of a label begins with: the longest, or None.

    Example:
        >>> images = [Path("t2.nii.gz"), Path("t2_star.nii.gz"), Path("brain_image.nrrd")]
        >>> [owner_of(Path(name), images).name for name in ("t2_seg-manual.nii.gz", "brain_label.nrrd")]
        ['t2.nii.gz', 'brain_image.nrrd']
    """
    stem, best = stem_of(label), None
    for image in images:
        begin = _IMAGE_ENDING.sub("", stem_of(image))
        rest = stem[len(begin) :]
        fits = stem.startswith(begin) and (not rest or (rest[0] in "_-. " and is_label_field(rest)))
        if fits and (best is None or len(begin) > len(_IMAGE_ENDING.sub("", stem_of(best)))):
            best = image
    return best


def patient_pattern(group: str | None) -> re.Pattern[str]:
    """Return the pattern that finds the patient in a file name.

    Args:
        group: Regular expression with one pair of parentheses; None: the usual ways to write it (``sub-01``,
            ``patient_12``, ``TCGA-02-0003``).

    Raises:
        ArgumentError: If it is no such expression.
    """
    if group is None:
        return _PATIENT
    try:
        pattern = re.compile(group)
    except re.error as error:
        raise ArgumentError(f"group is {group!r}: {error}", expected="a regular expression") from error
    if pattern.groups != 1:
        raise ArgumentError(f"group is {group!r}", expected="a regular expression with one pair of parentheses")
    return pattern


def patient_of(path: Path, root: Path, pattern: re.Pattern[str]) -> str:
    """Return the patient that a file name, or a folder above it, tells; empty when none does.

    Example:
        >>> patient_of(Path("/data/sub-07/anat/t1.nii.gz"), Path("/data"), patient_pattern(None))
        'sub-07'
    """
    text = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
    for part in (path.name, text):
        match = pattern.search(part)
        if match and match[1]:
            return match[1]
    return ""
