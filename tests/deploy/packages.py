"""Small models and packages with pickles, and a context like that of TorchServe."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from eisen.transforms import FilterFields
from eisen_deploy.packaging import EisenServingMAR, create_metadata


class Scaled(torch.nn.Module):
    """Two outputs: twice the image, and its mean per sample. Negative images make it fail."""

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        assert not torch.is_grad_enabled()
        if image.numel() and float(image.min()) == -1.0:
            raise RuntimeError("secret: /srv/models/scaled.pt")
        if image.numel() and float(image.min()) == -2.0:
            raise MemoryError
        return image * 2, image.flatten(1).mean(1)


def plain_step(data: dict[str, Any]) -> dict[str, Any]:
    return data


def scaled_metadata(**more: Any) -> dict[str, Any]:
    """Image and note in, image (the name of an input), mean and note out."""
    names, types, shapes = ["image", "mean", "note"], ["ndarray", "ndarray", "str"], [[-1, 1, -1, -1], [-1], -1]
    metadata = create_metadata(
        ["image", "note"], ["ndarray", "str"], [[-1, 1, -1, -1], -1], names, types, shapes, ["image"], ["image", "mean"]
    )
    return {**metadata, **more}


def scaled_archive(folder: Path, name: str = "scaled", **more: Any) -> Path:
    """Write the archive of `Scaled`, with steps that keep everything, so that inputs and tensors reach the end."""
    mar = EisenServingMAR(FilterFields(["image", "note"]), plain_step, scaled_metadata(**more))
    mar.pack(Scaled(), folder, name, "1.0")
    return folder / f"{name}.mar"


def unpacked(archive: Path, folder: Path) -> Path:
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
    return folder


class Context:
    """TorchServe's context, as far as handlers use it."""

    def __init__(self, folder: Path, *headers: Mapping[str, Any], gpu_id: int | None = None) -> None:
        self.system_properties = {"model_dir": str(folder), "gpu_id": gpu_id}
        self.request_processor: list[Mapping[str, Any]] | None = list(headers) or None
        self.status: dict[int, tuple[int, str]] = {}
        self.headers: dict[int, dict[str, str]] = {}

    def get_all_request_header(self, index: int) -> Mapping[str, Any]:
        assert self.request_processor is not None
        return self.request_processor[index]

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        self.status[idx] = (code, phrase)

    def set_response_header(self, idx: int, key: str, value: str) -> None:
        self.headers.setdefault(idx, {})[key] = value

    def set_response_content_type(self, idx: int, value: str) -> None:
        self.set_response_header(idx, "content-type", value)
