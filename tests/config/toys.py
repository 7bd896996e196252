"""Small modules for the configuration tests: one of each role, and some that must be refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch

__all__ = ["Cases", "Crop", "Load", "Log", "Loss", "Model", "NoData", "Rename", "Run", "Score"]


class Cases:
    """Cases of a list.

    Args:
        data_dir: Folder.
        json_file: File that lists the cases.
        phase: Which part of them.
        transform: What is done to each case.
    """

    def __init__(self, data_dir: str, json_file: str, phase: str = "training", transform: Any = None) -> None:
        self.data_dir, self.json_file, self.phase, self.transform = data_dir, json_file, phase, transform

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"image": index}


class Load:
    """Opens files."""

    def __init__(self, fields: list[str], data_dir: str, canonical: bool = False) -> None:
        self.fields, self.data_dir, self.canonical = fields, data_dir, canonical

    def __call__(self, data: dict[str, Any]) -> dict[str, Any]:
        return data


class NoData(Load):
    """Opens files where they lie."""

    def __init__(self, fields: list[str]) -> None:
        super().__init__(fields, ".")


class Crop:
    """Cuts out the middle. Nothing else.

    Args:
        fields: Fields to cut.
        size: Voxels per axis,
            three numbers.
        interpolation: How voxels are filled in.
        scale: Factor.
        names: Names of the labels.
        options: More settings.
        skip: Fields to leave.
        repeat: How often.
        keep: Whether to keep the border.
        prefix: Before the name.
    """

    def __init__(
        self,
        fields: Sequence[str],
        size: tuple[int, int, int] | int = 64,
        interpolation: Literal["linear", "nearest", "cubic"] = "linear",
        scale: float = 1.0,
        *,
        names: Mapping[int, str] | None = None,
        options: dict[str, str] | None = None,
        skip: list[str] | None = None,
        repeat: int = 3,
        keep: bool = True,
        prefix: str = "./",
    ) -> None:
        self.__dict__.update({k: v for k, v in locals().items() if k != "self"})

    def __call__(self, data: dict[str, Any]) -> dict[str, Any]:
        return data


class Rename:
    """Old style, without hints.

    <json>
    [
        {"name": "fields", "type": "list:string", "value": ""},
        {"name": "mode", "type": "string", "value": ["first", "second"]}
    ]
    """

    def __init__(self, fields, mode="second", anything=None):  # type: ignore[no-untyped-def]
        self.fields, self.mode, self.anything = fields, mode, anything

    def __call__(self, data):  # type: ignore[no-untyped-def]
        return data


class Model(torch.nn.Module):
    """A network.

    Args:
        input_channels: Channels in.
        output_channels: Channels out.
    """

    def __init__(self, input_channels: int, output_channels: int = 2, normalization: str = "none") -> None:
        super().__init__()
        self.layer = torch.nn.Conv3d(input_channels, output_channels, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layer(images)


class Loss(torch.nn.Module):
    """A loss."""

    def __init__(self, weight: float = 1.0, dim: list[int] | None = None) -> None:
        super().__init__()
        if weight < 0:
            raise ValueError("weight is negative")

    def forward(self, predictions: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return (predictions - labels).abs().mean()


class Score(Loss):
    """A metric."""


class Run:
    """A workflow."""

    def __init__(
        self, model: Any, data_loader: Any, losses: Any, optimizer: Any, metrics: Any = None, gpu: bool = True
    ):
        self.__dict__.update({k: v for k, v in locals().items() if k != "self"})

    def run(self) -> None:
        return None


class Log:
    """A hook with names of its own."""

    def __init__(self, wid: Any, part: str, folder: str, every: int = 1) -> None:
        self.wid, self.part, self.folder, self.every = wid, part, folder, every


class Patience:
    """A hook without phase and folder."""

    def __init__(self, workflow_id: Any, patience: int = 3) -> None:
        self.workflow_id, self.patience = workflow_id, patience


def resnet(width: int = 4) -> torch.nn.Module:
    """Return a network."""
    return torch.nn.Linear(width, width)


def number(width: int = 4) -> int:
    """Return no network."""
    return width


class Training(Run):
    """Has the name of a class that old files give data_parallel to."""


class NumpyToNifti(Crop):
    """Has the name of a class that old files give multichannel to."""

    def __init__(self, fields: list[str], affine: Any = None) -> None:
        super().__init__(fields)


class UCSDCovid19(Cases):
    """Has the name of a class whose parameters the old builder got wrong."""

    def __init__(self, data_dir: str, positive_dir: str, negative_dir: str, transform: Any = None) -> None:
        super().__init__(data_dir, positive_dir)
