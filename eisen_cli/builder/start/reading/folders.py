"""Folders without a list: images and labels side by side, classes in folders, DICOM series."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from eisen._core.errors import ArgumentError, EisenError
from eisen.datasets import FolderDataset
from eisen.datasets.doctor.names import PICTURES, image_files
from eisen.datasets.doctor.sources import study_of
from eisen.datasets.doctor.study import Case, Study
from eisen_cli.builder.start.reading.following import follow, follow_classes
from eisen_cli.builder.start.reading.looking import look_at
from eisen_cli.builder.start.reading.start import Learned, Start
from eisen_cli.builder.start.source import Entry, Source, divided, entry

__all__ = ["class_folders", "from_classes", "from_folder", "pattern_of"]

_PHASES = {"Training": ("training", ""), "Validation": ("validation",), "Prediction": ("test",)}
_SPLITS = {"train": "Training", "training": "Training", "val": "Validation", "valid": "Validation"}
_SPLITS |= {"validation": "Validation", "test": "Testing", "testing": "Testing"}
_FOLDER = "eisen.datasets.FolderDataset"


def from_folder(folder: Path) -> Start:
    """Return what follows from a folder of images, of images and labels, of classes, or of DICOM series.

    Args:
        folder: The folder.

    Raises:
        EmptyDatasetError: If it holds no images.
        ArgumentError: If no pattern of file names finds the cases.
    """
    if classes := class_folders(folder):
        return from_classes(folder, classes)
    study = study_of(folder)
    if study.series and all(path in study.series for case in study.cases for path in case.files.values()):
        return _from_series(folder, study)
    return _from_names(folder, study)


def _from_series(folder: Path, study: Study) -> Start:
    look = look_at(study)
    many = any(len(case.files) > 0 and case.patient for case in study.cases)
    group = {"group": "patient"} if many else {}
    dataset = entry("eisen.datasets.DicomTreeDataset", unreadable="skip", **group)
    source = Source(divided(dataset), "dicom", label="", dimensions=3)
    learned = [
        Learned(
            "understood", f"{len(study.cases)} DICOM series{f', {look.modality}' if look.modality else ''}.", "split"
        ),
        Learned("assumed", "Series that are no volume, such as scouts, are left out.", "split"),
    ]
    return follow(folder.name, folder, source, look, None, learned)


def _from_names(folder: Path, study: Study) -> Start:
    look = look_at(study)
    labelled = [case for case in study.cases if case.labels()]
    cases = labelled or study.cases
    fields = ["image", "label"] if labelled else ["image"]
    datasets = _by_phase(folder, cases, fields)
    tested = [case for case in study.cases if case.phase == "test" and not case.labels()]
    if tested and labelled:
        datasets["Prediction"] = _listed(folder, tested, ["image"])
    source = Source(
        datasets,
        look.format,  # type: ignore[arg-type]
        label="label" if labelled else "",
        n_channels=look.n_channels,
        in_file=look.n_channels > 1,
        dimensions=look.dimensions,
        empty_labels=look.has_empty,
    )
    what = f"{len(labelled)} images with labels" if labelled else f"{len(cases)} images"
    learned = [Learned("understood", f"{what}, found by the names of their files.", "split")]
    if "split" in datasets["Training"]["params"]:
        learned.append(Learned("assumed", "A fifth of the cases validates; which ones is drawn with a seed.", "split"))
    left = len(study.cases) - len(labelled) - len(tested)
    if labelled and left:
        learned.append(Learned("assumed", f"{left} images without a label are left out.", "split"))
    return follow(folder.name, folder, source, look, study.labels, learned)


def _by_phase(folder: Path, cases: Sequence[Case], fields: list[str]) -> dict[str, Entry]:
    parts = {phase: [case for case in cases if case.phase in names] for phase, names in _PHASES.items()}
    if parts["Training"] and parts["Validation"]:
        return {phase: _listed(folder, parts[phase], fields) for phase in ("Training", "Validation")}
    return divided(_listed(folder, parts["Training"] or list(cases), fields))


def _listed(folder: Path, cases: Sequence[Case], fields: list[str]) -> Entry:
    """Return the data set that finds cases by the names of their files."""
    patterns = {}
    for field in fields:
        names = [(case.files[field].relative_to(folder).as_posix(), _own_name(case, fields)) for case in cases]
        patterns[field] = pattern_of(names)
    missing = {"missing": "skip"} if len(fields) > 1 else {}
    dataset = entry(_FOLDER, patterns=patterns, **missing)
    _demand_found(folder, dataset, len(cases))
    return dataset


def _own_name(case: Case, fields: list[str]) -> str:
    """Return the part of the names of its files that is the case."""
    names = [case.files[field].name for field in fields]
    begin = _common_start(names) if len(names) > 1 else names[0]
    return begin.partition(".")[0].rstrip("_-. ")


def pattern_of(names: Sequence[tuple[str, str]]) -> str:
    """Return the pattern that finds files.

    Args:
        names: File name relative to the folder, and the part of it that is the case.

    Example:
        >>> pattern_of([("labels/p7_seg.nii.gz", "p7"), ("labels/p8_seg.nii.gz", "p8")])
        'labels/*_seg.nii.gz'
    """
    endings = Counter(name.rpartition("/")[2].removeprefix(own) for name, own in names)
    folders = {name.rpartition("/")[0] for name, _ in names}
    common = next(iter(folders)) + "/" if len(folders) == 1 and folders != {""} else "" if folders == {""} else "**/"
    ending = next(iter(endings)) if len(endings) == 1 else _common_end(list(endings))
    return f"{common}*{ending}"


def _common_end(endings: Sequence[str]) -> str:
    return _common_start([ending[::-1] for ending in endings])[::-1]


def _common_start(words: Sequence[str]) -> str:
    """Return the letters that all words begin with."""
    n = 0
    while all(len(word) > n for word in words) and len({word[n] for word in words}) == 1:
        n += 1
    return words[0][:n]


def _demand_found(folder: Path, dataset: Entry, n: int) -> None:
    patterns = dataset["params"]["patterns"]
    try:
        found = len(FolderDataset(folder, patterns, missing="skip"))
    except EisenError as error:
        found, why = 0, error.card.what
    else:
        why = f"they find {found} of {n}"
    if found == 0:
        raise ArgumentError(
            f"no pattern of file names finds the {n} cases in {folder.name}: {why}",
            expected="the same name in all files of a case, e.g. images/p7.nii.gz and labels/p7_seg.nii.gz",
            to_do="rename the files, or list the cases in a CSV file and start from that",
            file=str(folder),
        )


def class_folders(folder: Path) -> dict[str, dict[str, str]]:
    """Return the phases of a folder whose sub-folders are classes, each with class to folder; {} if it is none.

    Both ``benign/1.png`` and ``train/benign/1.png`` are understood.
    """
    subs = _subfolders(folder)
    parts = {_SPLITS[sub.name.lower()]: sub for sub in subs if sub.name.lower() in _SPLITS}
    if "Training" in parts and len(parts) == len(subs):
        found = {phase: _classes(folder, sub) for phase, sub in parts.items()}
        return found if all(found.values()) and len({tuple(each) for each in found.values()}) == 1 else {}
    classes = _classes(folder, folder)
    return {"": classes} if classes else {}


def _subfolders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] not in "._")


def _classes(root: Path, folder: Path) -> dict[str, str]:
    """Return name and folder of each class, if all that lies in a folder are folders of pictures."""
    subs = _subfolders(folder)
    known = {"image", "images", "label", "labels", "mask", "masks", "imagestr", "labelstr", "imagests"}
    if len(subs) < 2 or any(sub.name.lower() in known for sub in subs) or image_files(folder, deep=False):
        return {}
    if not all(image_files(sub, PICTURES, deep=False) for sub in subs):
        return {}
    return {sub.name: sub.relative_to(root).as_posix() for sub in subs}


def from_classes(folder: Path, phases: dict[str, dict[str, str]]) -> Start:
    """Return what follows from folders of pictures that are called after their classes.

    Args:
        folder: The folder.
        phases: From `class_folders`.
    """
    datasets = {phase: _joined(folder, classes) for phase, classes in phases.items()}
    first = next(iter(phases.values()))
    counts = [len(image_files(folder / place, PICTURES, deep=False)) for place in first.values()]
    files = [path for place in first.values() for path in image_files(folder / place, PICTURES, deep=False)]
    look = look_at(Study(folder, "classes", [Case(path.stem, "", {"image": path}) for path in files]))
    is_divided = "" in datasets
    source = Source(
        divided(datasets[""]) if is_divided else datasets,
        "picture",
        n_channels=look.n_channels,
        in_file=look.n_channels > 1,
        dimensions=2,
    )
    told = ", ".join(f"{name} ({n})" for name, n in zip(first, counts, strict=True))
    learned = [Learned("understood", f"A folder of pictures per class: {told}.", "split")]
    if is_divided:
        learned.append(
            Learned("assumed", "A fifth of the pictures validates; which ones is drawn with a seed.", "split")
        )
    return follow_classes(folder.name, folder, source, look, list(first), learned, counts)


def _joined(folder: Path, classes: dict[str, str]) -> Entry:
    members = []
    for place in classes.values():
        endings = {path.suffix for path in image_files(folder / place, PICTURES, deep=False)}
        pattern = f"{place}/*{next(iter(endings))}" if len(endings) == 1 else f"{place}/*.*"
        members.append(entry(_FOLDER, patterns={"image": pattern}))
    return entry("eisen.datasets.ConcatDataset", datasets=members, source_field="label")
