"""Folders without a list: image and label folders side by side, loose files, DICOM trees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from eisen._core.types import is_label_field
from eisen.datasets.doctor.findings import finding
from eisen.datasets.doctor.names import image_files, owner_of, patient_of, stem_of
from eisen.datasets.doctor.study import Case, Study

__all__ = ["folder_pairs", "loose_files", "pairs_of_folders"]

_IMAGES = re.compile(r"^(?:images?|imgs?|scans?|volumes?|ct|mr)([_-]?\w*)$", re.IGNORECASE)
_LABELS = re.compile(r"^(?:labels?|masks?|seg(?:mentation)?s?|annotations?|gt|contours?)([_-]?\w*)$", re.IGNORECASE)
_PHASES = {"tr": "training", "train": "training", "ts": "test", "test": "test", "val": "validation"}

FolderPair = tuple[Path, Path | None]
"""A folder of images, and the folder of their labels if there is one."""


def pairs_of_folders(root: Path) -> list[FolderPair]:
    """Return the folders of images under a folder that have a folder of labels beside them, or beside one of them.

    ``imagesTr`` belongs to ``labelsTr``, ``image`` to ``label``, ``img_train`` to ``mask_train``.
    """
    parents = [root, *sorted(path for path in root.rglob("*") if path.is_dir() and path.name[0] != ".")]
    found: list[FolderPair] = []
    for parent in parents:
        subs = sorted(path for path in parent.iterdir() if path.is_dir() and image_files(path, deep=False))
        labels = {match[1].lower(): path for path in subs if (match := _LABELS.match(path.name))}
        images = {path: match[1].lower() for path in subs if (match := _IMAGES.match(path.name))}
        if labels and images:
            found += [(path, labels.get(ending)) for path, ending in images.items()]
    return found


def folder_pairs(root: Path, pairs: list[FolderPair], pattern: re.Pattern[str]) -> Study:
    """Return the cases of folders of images and of labels, put together by file name.

    Args:
        root: The folder.
        pairs: From `pairs_of_folders`.
        pattern: Finds the patient in a file name.
    """
    names = ", ".join(" + ".join(path.name for path in pair if path) for pair in pairs)
    study = Study(root, f"folders {names}", [])
    labelled = set()
    for images, labels in pairs:
        phase = _phase_of(images, root)
        study.cases += _paired(images, labels, phase, study, pattern)
        labelled |= {phase} if labels else set()
    study.labelled = frozenset(labelled)
    return study


def _phase_of(folder: Path, root: Path) -> str:
    """Return the phase that the name of a folder, or of one above it, tells."""
    ending = re.split(r"^(?:images?|imgs?|scans?|volumes?)[_-]?", folder.name, flags=re.IGNORECASE)[-1].lower()
    words = [ending, *(part.lower() for part in folder.relative_to(root).parts[:-1])]
    return next((_PHASES[word] for word in words if word in _PHASES), "")


def _paired(images: Path, labels: Path | None, phase: str, study: Study, pattern: re.Pattern[str]) -> Iterator[Case]:
    root, files = study.source, image_files(images, deep=False)
    owners = {path: owner_of_same_name(path, files) for path in (image_files(labels, deep=False) if labels else [])}
    by_image = {owner: label for label, owner in owners.items() if owner}
    for image in files:
        case = {"image": image} | ({"label": by_image[image]} if image in by_image else {})
        yield Case(stem_of(image), phase, case, patient_of(image, root, pattern))
    for label, owner in owners.items():
        if owner is None:
            what = f"{images.name} has no image of that name"
            study.findings.append(finding("image-missing", what, case=stem_of(label), file=label, field="label"))


def owner_of_same_name(label: Path, images: list[Path]) -> Path | None:
    """Return the image of the same name in another folder, or the one whose name the label's begins with."""
    stem = stem_of(label)
    same = next((image for image in images if stem_of(image) in (stem, f"{stem}_0000")), None)
    return same or owner_of(label, images)


def loose_files(root: Path, files: list[Path], pattern: re.Pattern[str]) -> list[Case]:
    """Return a case for each image, with the labels beside it whose names begin like its own.

    Args:
        root: The folder.
        files: Images and labels.
        pattern: Finds the patient in a file name.
    """
    images = [path for path in files if not is_label_field(stem_of(path))]
    owned: dict[Path, list[Path]] = {image: [] for image in images}
    alone: list[Path] = []
    for label in files:
        if is_label_field(stem_of(label)):
            owner = owner_of(label, (image for image in images if image.parent == label.parent))
            (owned[owner] if owner else alone).append(label)
    cases = [_loose_case(root, {"image": image} | _named(labels), pattern) for image, labels in owned.items()]
    cases += [_loose_case(root, {"label": label}, pattern) for label in alone]
    return sorted(cases, key=lambda case: case.name)


def _named(labels: list[Path]) -> dict[str, Path]:
    """Return labels of one image by field: ``label``, and with a number from the second one on."""
    return {"label" if number == 0 else f"label_{number + 1}": path for number, path in enumerate(labels)}


def _loose_case(root: Path, files: dict[str, Path], pattern: re.Pattern[str]) -> Case:
    first = next(iter(files.values()))
    name = (first.relative_to(root).parent / stem_of(first)).as_posix()
    return Case(name, "", files, patient_of(first, root, pattern))
