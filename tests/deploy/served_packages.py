"""Packages that real servers serve: workers there have none of the modules of these tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from eisen_deploy.packaging.archive import write_archive
from eisen_deploy.packaging.contents import HANDLER_TEXT, SERVER_CONFIG_TEXT, manifest_of
from eisen_deploy.packaging.layout import HANDLER, SERVER_CONFIG, read_package
from tests.deploy.safe_packages import WINDOW, config_of, safe_folder

DEADLY = 666.0
"""A number in the first voxel that ends the process of a package made with ``deadly=True``."""


def pickled_package(folder: Path, name: str = "small", *, deadly: bool = False, brief: bool = False) -> Path:
    """Make a package as the documentation does: pickles of a convolution and of transforms around it.

    It takes ``image`` [batch, 1, z, y, x] and ``id`` (text), and returns ``logits``, ``label`` and ``id``; a brief one
    returns the label alone.
    """
    import torch
    from torch import nn

    from eisen_deploy.packaging import EisenServingMAR, create_metadata

    inputs = ["image", "id"], ["ndarray", "str"], [[-1, 1, -1, -1, -1], -1]
    outputs = ["logits", "label", "id"], ["ndarray", "ndarray", "str"], [[-1, 2, -1, -1, -1], [-1, -1, -1, -1], -1]
    if brief:
        outputs = ["label"], ["ndarray"], [[-1, -1, -1, -1]]
    metadata = create_metadata(*inputs, *outputs, ["image"], ["logits"], {"made_for": "tests"})
    torch.manual_seed(0)
    model = nn.Conv3d(1, 2, 3, padding=1)
    EisenServingMAR(_before(deadly), _after(), metadata).pack(model, folder, name, "1.0")
    return folder / f"{name}.mar"


def _before(deadly: bool) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return a transform that travels by value."""
    number = DEADLY if deadly else float("nan")

    def scaled(data: dict[str, Any]) -> dict[str, Any]:
        import os

        if data["image"].size and data["image"].flat[0] == number:
            os._exit(1)
        return {**data, "image": data["image"] / 2}

    scaled.__module__ = "__main__"
    return scaled


def _after() -> Callable[[dict[str, Any]], dict[str, Any]]:
    def decided(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "label": data["logits"].argmax(1).astype("uint8"), "secret": "not declared"}

    decided.__module__ = "__main__"
    return decided


def safe_archive(folder: Path, **more: Any) -> Path:
    """Write a safe package by hand, with a sliding window: see `tests.deploy.safe_packages.safe_folder`."""
    made = safe_folder(folder / "tiny", config_of(hyper=[WINDOW]), outputs=["labels"], **more)
    members: dict[str, bytes | Path] = {
        path.relative_to(made).as_posix(): path for path in sorted(made.rglob("*")) if path.is_file()
    }
    members |= {HANDLER: HANDLER_TEXT.encode(), SERVER_CONFIG: SERVER_CONFIG_TEXT.encode()}
    write_archive(folder / "tiny.mar", members, manifest=manifest_of(read_package(made)))
    return folder / "tiny.mar"
