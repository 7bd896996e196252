"""Data in the raw layout of nnU-Net."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Unpack

from eisen._core.errors import ArgumentError, CorruptFileError, EmptyDatasetError, MissingFileError, nearest
from eisen._core.field_roles import Role
from eisen._core.types import Step
from eisen.datasets.base import EisenDataset
from eisen.datasets.folders import Folder, existing_folder, files_in
from eisen.datasets.listing import read_json
from eisen.datasets.options import SplitOptions

__all__ = ["NnUNetDataset"]


class NnUNetDataset(EisenDataset):
    """Cases in the raw layout of nnU-Net, version 1 or 2.

    The folder looks like this::

        data_dir/                        e.g. nnUNet_raw/Dataset004_Hippocampus
          dataset.json                   channel_names (or modality), labels, file_ending
          imagesTr/<case>_0000.nii.gz    first channel; _0001 second ...
          labelsTr/<case>.nii.gz
          imagesTs/<case>_0000.nii.gz

    A case holds ``image``, or with several channels ``image_0000``, ``image_0001`` ..., and for training ``label``. The
    rest of ``dataset.json`` is in the attribute `attributes`. A ``dataset.json`` that lists the files of each case
    under ``dataset`` is followed.

    Args:
        data_dir: Folder of the data set.
        phase: ``"training"`` (imagesTr and labelsTr) or ``"test"`` (imagesTs).
        fields: What the fields of the channels shall be called, one name each, e.g. ``["t2", "adc"]``. None: see above.
        transform: What to do with a case when it is read; None: nothing.
        **split: Which cases to keep.

    Raises:
        MissingFileError: If a folder, ``dataset.json``, a channel or a label is not there.
        CorruptFileError: If ``dataset.json`` is not one.
        EmptyDatasetError: If there are no images.
        ArgumentError: If an argument is wrong.

    Source: Isensee et al., nnU-Net: a self-configuring method for deep learning-based biomedical image segmentation,
        Nature Methods 18, 203 (2021).

    Example:
        >>> import json, tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "dataset.json").write_text(json.dumps({"channel_names": {"0": "T2"}, "labels": {"organ": 1}}))
        >>> for name in ("imagesTr/p7_0000.nii.gz", "labelsTr/p7.nii.gz"):
        ...     (folder / name).parent.mkdir()
        ...     (folder / name).touch()
        >>> NnUNetDataset(folder)[0]
        {'image': 'imagesTr/p7_0000.nii.gz', 'label': 'labelsTr/p7.nii.gz'}
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"fields": "makes"}

    def __init__(
        self,
        data_dir: Folder,
        phase: Literal["training", "test"] = "training",
        fields: Sequence[str] | None = None,
        transform: Step | None = None,
        **split: Unpack[SplitOptions],
    ) -> None:
        if phase not in ("training", "test"):
            raise ArgumentError(f"NnUNetDataset: phase is {phase!r}", expected="'training' or 'test'")
        self.data_dir = data_dir
        self.phase = phase
        folder = existing_folder(Path(data_dir))
        self.attributes = _description(folder / "dataset.json")
        channels = self.attributes.get("channel_names") or self.attributes.get("modality")
        self.fields = _field_names(fields, len(channels) if isinstance(channels, Mapping) else 1)
        listed = self.attributes.get("dataset")
        cases = self._listed(listed) if isinstance(listed, dict) and phase == "training" else self._found(folder)
        super().__init__(cases, transform, **split)

    def _listed(self, listed: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the cases that the description lists."""
        path = Path(self.data_dir) / "dataset.json"
        cases = []
        for name in sorted(listed):
            images, label = listed[name].get("images", []), listed[name].get("label")
            if len(images) != len(self.fields) or label is None:
                raise CorruptFileError(
                    f"dataset.json lists {len(images)} images and {'a' if label else 'no'} label for the case '{name}'",
                    expected=f"'images' with {len(self.fields)} files, and 'label'",
                    file=str(path),
                    case=name,
                )
            cases.append(dict(zip(self.fields, images, strict=True)) | {"label": label})
        return cases

    def _found(self, folder: Path) -> list[dict[str, Any]]:
        """Return the cases that lie in the folders."""
        images, ending = ("imagesTr" if self.phase == "training" else "imagesTs"), self._ending
        channel = re.compile(rf"(.+)_(\d{{4}}){re.escape(ending)}")
        names = [match[1] for name in files_in(folder / images) if (match := channel.fullmatch(name))]
        if not names:
            raise EmptyDatasetError(
                f"there are no images in {folder / images}",
                expected=f"files called <case>_0000{ending}",
                to_do="check data_dir and file_ending in dataset.json",
                file=str(folder / images),
            )
        present = {place: set(files_in(folder / place)) for place in self._places}
        return [self._case(folder, name, images, present) for name in sorted(set(names))]

    @property
    def _ending(self) -> str:
        return str(self.attributes.get("file_ending", ".nii.gz"))

    @property
    def _places(self) -> tuple[str, ...]:
        return ("imagesTr", "labelsTr") if self.phase == "training" else ("imagesTs",)

    def _case(self, folder: Path, name: str, images: str, present: Mapping[str, set[str]]) -> dict[str, Any]:
        files = {field: (images, f"{name}_{n:04d}{self._ending}") for n, field in enumerate(self.fields)}
        if self.phase == "training":
            files["label"] = "labelsTr", f"{name}{self._ending}"
        for field, (place, file) in files.items():
            if file not in present[place]:
                raise MissingFileError(
                    f"the case '{name}' has no {place}/{file}",
                    expected=f"{len(self.fields)} channels, as dataset.json says, and a label for training",
                    to_do=nearest(file, present[place]) or "add the file, or remove the case",
                    case=name,
                    field=field,
                    file=str(folder / place / file),
                )
        return {field: f"{place}/{file}" for field, (place, file) in files.items()}


def _description(path: Path) -> dict[str, Any]:
    content = read_json(path)
    if not isinstance(content, dict):
        raise CorruptFileError(
            f"dataset.json holds {type(content).__name__}",
            expected="an object with channel_names, labels and file_ending",
            file=str(path),
        )
    return content


def _field_names(fields: Sequence[str] | None, n_channels: int) -> list[str]:
    if fields is None:
        return ["image"] if n_channels == 1 else [f"image_{n:04d}" for n in range(n_channels)]
    if isinstance(fields, str) or len(fields) != n_channels or len(set(fields)) < n_channels:
        raise ArgumentError(
            f"NnUNetDataset: fields is {fields!r}", expected=f"{n_channels} different names, one per channel"
        )
    return list(fields)
