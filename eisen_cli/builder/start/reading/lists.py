"""Data sets with a list: the decathlon, nnU-Net, and lists of cases of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from eisen._core.types import is_label_field
from eisen.datasets.doctor.listed import decathlon, declared_labels, is_decathlon, listed_cases, nnunet
from eisen.datasets.doctor.names import patient_pattern
from eisen.datasets.doctor.study import Study
from eisen.datasets.listing import read_json
from eisen_cli.builder.start.reading.following import follow
from eisen_cli.builder.start.reading.looking import Look, look_at
from eisen_cli.builder.start.reading.start import Learned, Start
from eisen_cli.builder.start.source import Entry, Source, divided, entry

__all__ = ["from_decathlon", "from_list", "from_nnunet", "is_nnunet"]

_MSD = "eisen.datasets.MSDDataset"
_PARTS = {"Training": "dataset_train.json", "Validation": "dataset_val.json"}


def is_nnunet(content: Any) -> bool:
    """Tell whether the content of a JSON file is the description of a data set of nnU-Net."""
    return (
        isinstance(content, dict)
        and not is_decathlon(content)
        and bool({"channel_names", "file_ending"} & set(content))
    )


def from_decathlon(path: Path) -> Start:
    """Return what follows from the ``dataset.json`` of a decathlon task, or of data laid out like one.

    Args:
        path: The file.
    """
    content, pattern = read_json(path), patient_pattern(None)
    study = decathlon(path, pattern)
    told = content.get("modality")
    channels = [str(name) for name in told.values()] if isinstance(told, Mapping) else []
    look = look_at(study, channels[0] if channels else "")
    datasets, split = _task(path)
    n_test = len(content["test"]) if isinstance(content.get("test"), list) else 0
    if n_test:
        datasets["Prediction"] = entry(_MSD, json_file=path.name, phase="test")
    source = Source(
        datasets,
        look.format,  # type: ignore[arg-type]
        n_channels=look.n_channels,
        in_file=look.n_channels > 1,
        dimensions=look.dimensions,
        empty_labels=look.has_empty,
    )
    name = str(content.get("name") or path.parent.name)
    n_cases = sum(case.phase != "test" for case in study.cases)
    learned = [
        Learned("understood", f"The decathlon task '{name}': {n_cases} cases with labels.", "split"),
        split,
        *_channels(channels, look),
    ]
    if n_test:
        learned.append(Learned("understood", f"{n_test} cases without labels, to predict.", "prediction"))
    look = replace(look, n_cases=n_cases)
    return follow(name, path.parent, source, look, declared_labels(content), learned)


def _task(path: Path) -> tuple[dict[str, Entry], Learned]:
    """Return the data sets of Training and Validation, and how they come apart."""
    if all((path.parent / name).is_file() for name in _PARTS.values()):
        datasets = {phase: entry(_MSD, json_file=name, phase="training") for phase, name in _PARTS.items()}
        text = f"{' and '.join(_PARTS.values())} say which cases train and which validate."
        return datasets, Learned("understood", text, "split")
    whole = entry(_MSD, json_file=path.name, phase="training")
    return divided(whole), _a_fifth()


def _a_fifth() -> Learned:
    return Learned("assumed", "A fifth of the cases validates; which ones is drawn with a seed.", "split")


def _channels(names: list[str], look: Look) -> list[Learned]:
    told = ", ".join(names)
    if look.n_channels > 1:
        text = f"{look.n_channels} channels in each image{f': {told}' if len(names) == look.n_channels else ''}."
        return [Learned("understood", text, "model")]
    return [Learned("understood", f"One channel: {told}.", "model")] if names else []


def from_nnunet(folder: Path) -> Start:
    """Return what follows from a folder in the raw layout of nnU-Net.

    Args:
        folder: The folder with ``dataset.json``, ``imagesTr`` and ``labelsTr``.
    """
    content: dict[str, Any] = read_json(folder / "dataset.json")
    study = nnunet(folder, patient_pattern(None))
    named = content.get("channel_names") or content.get("modality") or {}
    channels = [str(name) for name in named.values()] if isinstance(named, Mapping) else []
    look = look_at(study, channels[0] if channels else "")
    whole = entry("eisen.datasets.NnUNetDataset", phase="training")
    datasets = divided(whole)
    n_test = sum(case.phase == "test" for case in study.cases)
    if n_test:
        datasets["Prediction"] = entry("eisen.datasets.NnUNetDataset", phase="test")
    many = len(channels) > 1
    images = tuple(f"image_{number:04d}" for number in range(len(channels))) if many else ("image",)
    source = Source(
        datasets,
        look.format,  # type: ignore[arg-type]
        images,
        n_channels=max(1, len(channels)) if not look.n_channels > 1 else look.n_channels,
        in_file=look.n_channels > 1,
        dimensions=look.dimensions,
        empty_labels=look.has_empty,
    )
    n_cases = len(study.cases) - n_test
    learned = [Learned("understood", f"A data set of nnU-Net: {n_cases} cases with labels.", "split"), _a_fifth()]
    if channels:
        learned.append(Learned("understood", f"Channels: {', '.join(channels)}.", "channels" if many else "model"))
    if n_test:
        learned.append(Learned("understood", f"{n_test} cases without labels, to predict.", "prediction"))
    return follow(folder.name, folder, source, replace(look, n_cases=n_cases), declared_labels(content), learned)


def from_list(path: Path, content: list[Any]) -> Start:
    """Return what follows from a JSON list of cases, such as ``[{"image": "a.nii.gz", "label": "b.nii.gz"}]``.

    Args:
        path: The file.
        content: What is in it.
    """
    study = Study(path, "list of cases", listed_cases(content, "", path.parent, patient_pattern(None)))
    look = look_at(study)
    fields = list(dict.fromkeys(name for case in study.cases for name in case.files))
    images = tuple(name for name in fields if not is_label_field(name))
    label = next((name for name in fields if is_label_field(name)), "")
    source = Source(
        divided(entry("eisen.datasets.JsonDataset", json_file=path.name)),
        look.format,  # type: ignore[arg-type]
        images,
        label,
        n_channels=max(len(images), look.n_channels),
        in_file=look.n_channels > 1 and len(images) == 1,
        dimensions=look.dimensions,
        empty_labels=look.has_empty,
    )
    learned = [
        Learned("understood", f"A list of {len(study.cases)} cases with {', '.join(fields)}.", "split"),
        _a_fifth(),
    ]
    return follow(path.stem, path.parent, source, look, None, learned)
