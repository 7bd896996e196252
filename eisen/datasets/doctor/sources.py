"""From a folder or a file to the cases in it: which layout it is, and what belongs together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eisen._core.errors import EmptyDatasetError, MissingFileError
from eisen.datasets.doctor.configured import from_config
from eisen.datasets.doctor.folders import folder_pairs, loose_files, pairs_of_folders
from eisen.datasets.doctor.listed import decathlon, is_decathlon, listed_cases, nnunet
from eisen.datasets.doctor.names import image_files, patient_pattern
from eisen.datasets.doctor.study import Case, Study
from eisen.datasets.listing import read_json

if TYPE_CHECKING:
    from eisen.io.dicom import DICOMSeries

__all__ = ["study_of"]


def study_of(source: Path, data_dir: Path | None = None, group: str | None = None) -> Study:
    """Return the cases of a folder, a configuration, or a list of cases.

    Args:
        source: A folder, a configuration, a decathlon ``dataset.json``, or a JSON list of cases.
        data_dir: Folder that the file names of a configuration or of a list are relative to; None: ``./data`` for a
            configuration, its own folder for a list.
        group: Regular expression with one group in parentheses that finds the patient in a file name.

    Raises:
        MissingFileError: If there is neither a folder nor a file of that name.
        EmptyDatasetError: If nothing is recognised.
        ConfigError: If it is a configuration that is wrong.
        ArgumentError: If `group` is no such expression.
    """
    pattern = patient_pattern(group)
    if source.is_dir():
        study = _of_folder(source, pattern)
    elif source.is_file():
        study = _of_file(source, data_dir, pattern, group)
    else:
        expected = "a folder with images, or a configuration"
        raise MissingFileError(f"{source} does not exist", expected=expected, file=str(source))
    if not study.cases and not study.findings:
        raise EmptyDatasetError(
            f"{source} holds no case that can be looked at",
            expected="NIfTI, MetaImage, NRRD, DICOM or picture files: loose, in folders of images and labels, listed",
            to_do="name the folder that holds the images; other layouts through a configuration that reads them",
            file=str(source),
        )
    study.cases = _told_apart(study.cases)
    return study


def _told_apart(cases: list[Case]) -> list[Case]:
    """Put the folder in front of the names of cases that have the same name and other files."""
    files: dict[str, set[Path]] = {}
    for case in cases:
        files.setdefault(case.name, set()).add(next(iter(case.files.values())))
    return [
        replace(case, name=f"{next(iter(case.files.values())).parent.parent.name}/{case.name}")
        if len(files[case.name]) > 1
        else case
        for case in cases
    ]


def _of_file(source: Path, data_dir: Path | None, pattern: re.Pattern[str], group: str | None) -> Study:
    content: Any = read_json(source) if source.suffix == ".json" else None
    if is_decathlon(content):
        return decathlon(source, pattern)
    if isinstance(content, list):
        cases = listed_cases(content, "", data_dir or source.parent, pattern)
        return Study(source, f"list of cases ({source.name})", cases)
    return from_config(source, data_dir or Path("data"), pattern if group else None)


def _of_folder(root: Path, pattern: re.Pattern[str]) -> Study:
    listing = root / "dataset.json"
    content = read_json(listing) if listing.is_file() else None
    if is_decathlon(content):
        return decathlon(listing, pattern)
    images = image_files(root / "imagesTr", deep=False) if (root / "imagesTr").is_dir() else []
    if images and (content or all("_0000." in path.name or "_000" in path.name for path in images)):
        return nnunet(root, pattern)
    if pairs := pairs_of_folders(root):
        return folder_pairs(root, pairs, pattern)
    files = image_files(root)
    study = Study(root, "loose files", loose_files(root, files, pattern), loose=True)
    _add_series(study)
    return study


def _add_series(study: Study) -> None:
    """Add the DICOM series of a folder as cases."""
    from eisen.io.dicom import list_dicom_series

    found = list_dicom_series(study.source)
    if not found:
        return
    study.layout = "DICOM series and loose files" if study.cases else "DICOM series"
    for series, path in _placed(found):
        name = path.relative_to(study.source).as_posix() if path.is_relative_to(study.source) else path.name
        study.series[path] = [series]
        study.cases.append(Case(name if name != "." else path.name, "", {"image": path}, series.patient_id))


def _placed(found: list[DICOMSeries]) -> Iterator[tuple[DICOMSeries, Path]]:
    """Yield each series and its path: its folder, or its first file when the folder holds another one too."""
    folders = [Path(series.files[0]).parent for series in found]
    for series, folder in zip(found, folders, strict=True):
        yield series, folder if folders.count(folder) == 1 else Path(series.files[0])
