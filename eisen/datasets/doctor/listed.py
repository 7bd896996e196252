"""Data sets with a ``dataset.json``: the Medical Segmentation Decathlon, and the raw layout of nnU-Net."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from eisen.datasets.doctor.findings import finding
from eisen.datasets.doctor.names import image_files, patient_of, stem_of
from eisen.datasets.doctor.study import Case, Study
from eisen.datasets.listing import first_file, read_json

__all__ = ["decathlon", "declared_labels", "is_decathlon", "listed_cases", "nnunet", "unlisted"]

_CHANNEL = re.compile(r"_(\d{4})$")


def is_decathlon(content: Any) -> bool:
    """Tell whether the content of a JSON file is the description of a decathlon task."""
    return isinstance(content, dict) and isinstance(content.get("training"), list)


def declared_labels(content: Mapping[str, Any]) -> dict[int, str] | None:
    """Return the label values of a ``dataset.json`` and their names, whichever way round they are written.

    Example:
        >>> declared_labels({"labels": {"0": "background", "1": "liver"}})
        {0: 'background', 1: 'liver'}
        >>> declared_labels({"labels": {"background": 0, "whole tumour": [1, 2], "ignore": 3}})
        {0: 'background', 1: 'whole tumour', 2: 'whole tumour', 3: 'ignore'}
    """
    entries = content.get("labels")
    if not isinstance(entries, Mapping) or not entries:
        return None
    found: dict[int, str] = {}
    for key, value in entries.items():
        if str(key).lstrip("-").isdecimal():
            found[int(key)] = str(value)
        else:
            for number in value if isinstance(value, list) else [value]:
                if str(number).lstrip("-").isdecimal():
                    found.setdefault(int(number), str(key))
    return found or None


def decathlon(path: Path, pattern: re.Pattern[str]) -> Study:
    """Return the cases that a decathlon ``dataset.json`` lists.

    Lists beside it, such as ``dataset_train.json`` and ``dataset_val.json``, tell which phase a case is in.

    Args:
        path: The JSON file.
        pattern: Finds the patient in a file name.
    """
    content, root = read_json(path), path.parent
    parts = [] if path.name != "dataset.json" else [*_parts(root)]
    cases = []
    for phase, entries in parts or [("training", content["training"])]:
        cases += listed_cases(entries, phase, root, pattern)
    listed = {entry for case in cases for entry in case.files.values()}
    if parts:
        rest = listed_cases(content["training"], "training", root, pattern)
        cases += [case for case in rest if not listed & set(case.files.values())]
    labelled = frozenset(case.phase for case in cases)
    cases += listed_cases(content.get("test", []), "test", root, pattern)
    study = Study(path, f"decathlon task ({path.name})", cases, declared_labels(content), labelled)
    if not cases:
        return study
    study.findings += [finding("file-unlisted", "no list names it", file=file) for file in unlisted(study, root)]
    return study


def _parts(root: Path) -> Iterator[tuple[str, list[Any]]]:
    """Yield the lists of training and validation beside a ``dataset.json``, if both are there."""
    names = {"training": "dataset_train.json", "validation": "dataset_val.json"}
    if all((root / name).is_file() for name in names.values()):
        for phase, name in names.items():
            content = read_json(root / name)
            if is_decathlon(content):
                yield phase, content["training"]


def listed_cases(entries: Any, phase: str, root: Path, pattern: re.Pattern[str]) -> list[Case]:
    """Return the cases of one list of a decathlon file or of `JsonDataset`."""
    cases = []
    for entry in entries if isinstance(entries, list) else []:
        fields = {"image": entry} if isinstance(entry, str) else entry
        if not isinstance(fields, dict):
            continue
        texts = {name: value for name, value in fields.items() if isinstance(value, str) and first_file({"": value})}
        files = {name: Path(os.path.normpath(root / value)) for name, value in texts.items()}
        if files:
            first = next(iter(files.values()))
            cases.append(Case(stem_of(first), phase, files, patient_of(first, root, pattern)))
    return cases


def nnunet(folder: Path, pattern: re.Pattern[str]) -> Study:
    """Return the cases of a folder in the raw layout of nnU-Net (``imagesTr/NAME_0000.nii.gz``, ``labelsTr``).

    Args:
        folder: The folder.
        pattern: Finds the patient in a file name.
    """
    description = folder / "dataset.json"
    content = read_json(description) if description.is_file() else {}
    study = Study(folder, "nnU-Net raw", [], declared_labels(content), frozenset({"training"}))
    for phase, ending in (("training", "Tr"), ("test", "Ts")):
        study.cases += _nnunet_phase(folder, phase, ending, study, pattern)
    return study


def _nnunet_phase(folder: Path, phase: str, ending: str, study: Study, pattern: re.Pattern[str]) -> Iterator[Case]:
    groups: dict[str, dict[str, Path]] = {}
    for path in image_files(folder / f"images{ending}", deep=False):
        stem = stem_of(path)
        match = _CHANNEL.search(stem)
        groups.setdefault(_CHANNEL.sub("", stem), {})[match[1] if match else "0000"] = path
    labels = {stem_of(path): path for path in image_files(folder / f"labels{ending}", deep=False)}
    several = any(len(channels) > 1 for channels in groups.values())
    for name, channels in sorted(groups.items()):
        files = {f"image_{number}" if several else "image": path for number, path in sorted(channels.items())}
        if name in labels:
            files["label"] = labels.pop(name)
        yield Case(name, phase, files, patient_of(next(iter(files.values())), folder, pattern))
    for name, path in sorted(labels.items()):
        what = f"there is no {name}_0000 in images{ending}"
        study.findings.append(finding("image-missing", what, case=name, file=path, field="label"))


def unlisted(study: Study, root: Path) -> list[Path]:
    """Return the images that lie beside listed files and are in no case."""
    listed = {path for case in study.cases for path in case.files.values()}
    folders = {path.parent for path in listed if path.parent != root}
    found = [path for folder in sorted(folders) if folder.is_dir() for path in image_files(folder, deep=False)]
    return [path for path in found if path not in listed]
