"""Writing images that a trained generator makes."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eisen._core.atomic import atomic_write
from eisen._core.errors import ArgumentError, ConfigError, Problem, VoxelValueError
from eisen._core.types import Array
from eisen.config import Experiment
from eisen.experiments.artifacts import make_folder

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Generated", "as_pixels", "generate", "picture_grid"]

_RANGES = {"Tanh": (-1.0, 1.0), "Sigmoid": (0.0, 1.0)}
_BATCH = 16


@dataclass
class Generated:
    """What `generate` wrote.

    Args:
        folder: Where it is.
        images: One file per image, in order.
        grid: All images side by side.
        seed: The seed.
        shape: Shape of an image: channels first.
    """

    folder: Path
    images: list[Path]
    grid: Path
    seed: int
    shape: tuple[int, ...]


def generate(experiment: Experiment, model: str | Path, folder: str | Path, n: int = 16, seed: int = 0) -> Generated:
    """Write images that the trained generator of a configuration makes from random numbers.

    Pictures are written as PNG, volumes as NIfTI with voxels of 1 mm; ``grid.png`` shows all of them (of volumes, the
    slices in the middle), and ``generated.json`` says from what they were made. An image depends on the weights, the
    seed and its number only: image 3 of 4 and image 3 of 400 are the same.

    Args:
        experiment: The configuration, from `eisen.config.read_config`; its model is a `GAN`, or a generator.
        model: File of the weights, e.g. ``artifacts/models/best.pt``, or a checkpoint.
        folder: Where to; made when absent.
        n: How many images.
        seed: Another number gives other images.

    Raises:
        ArgumentError: If `n` or `seed` is out of range.
        ConfigError: If the model of the configuration does not make images from random numbers.
        MissingFileError: If there are no such weights.
        TrainingError: If the weights are those of another model.
        ArtifactError: If the folder cannot be written.
    """
    for name, value, least in (("n", n, 1), ("seed", seed, 0)):
        if not isinstance(value, int) or value < least:
            raise ArgumentError(f"generate: {name} is {value!r}", expected=f"a whole number from {least}")
    network, target = _trained(experiment, Path(model)), Path(folder)
    images = _made(network, n, seed)
    pixels = as_pixels(images, _range_of(network))
    make_folder(target)
    width = max(3, len(str(n - 1)))
    paths = [_write(target / f"generated_{i:0{width}d}", images[i], pixels[i]) for i in range(n)]
    grid = target / "grid.png"
    _write_picture(grid, picture_grid(pixels if pixels.ndim == 4 else pixels[:, :, pixels.shape[2] // 2]))
    made = Generated(target, paths, grid, seed, tuple(images.shape[1:]))
    _write_record(made, experiment, Path(model))
    return made


def as_pixels(images: Array, limits: tuple[float, float] | None = None) -> Array:
    """Return intensities as grey values from 0 to 255.

    Args:
        images: Any shape.
        limits: The intensities that become 0 and 255; None: the smallest and the largest there are.

    Example:
        >>> as_pixels(np.array([-1.0, 0.0, 1.0, 2.0]), (-1.0, 1.0))
        array([  0, 128, 255, 255], dtype=uint8)
    """
    low, high = limits or (float(images.min()), float(images.max()))
    share = (images - low) / (high - low if high > low else 1.0)
    return np.rint(np.clip(share, 0.0, 1.0) * 255).astype(np.uint8)


def picture_grid(pictures: Array, gap: int = 2) -> Array:
    """Return pictures side by side in rows, about as many rows as columns, with white lines between them.

    Args:
        pictures: (N, C, H, W), 0 to 255.
        gap: Width of the lines in pixels.

    Returns:
        (C, height, width), 0 to 255.

    Example:
        >>> picture_grid(np.zeros((5, 1, 8, 8), np.uint8)).shape
        (1, 22, 32)
    """
    n, channels, height, width = pictures.shape
    columns = math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    grid = np.full((channels, rows * (height + gap) + gap, columns * (width + gap) + gap), 255, np.uint8)
    for number, picture in enumerate(pictures):
        top, left = gap + number // columns * (height + gap), gap + number % columns * (width + gap)
        grid[:, top : top + height, left : left + width] = picture
    return grid


def _trained(experiment: Experiment, path: Path) -> nn.Module:
    """Return the generator with its weights, ready to be used."""
    from eisen.experiments.parts import build_model
    from eisen.experiments.weights import bare_module, load_into
    from eisen.utils.workflows import resolve_device

    model = build_model(experiment)
    network = bare_module(model)
    if not isinstance(getattr(network, "latent_size", None), int):
        where = "General.Models[0]"
        what = f"generate: {type(network).__name__} does not make images from random numbers"
        expected = "eisen.models.GAN, or a generator with the attribute latent_size"
        raise ConfigError([Problem(where, what, expected, experiment.path)])
    load_into(model, path)
    return network.eval().to(resolve_device(experiment.hyper.device or "auto"))


def _made(network: Any, n: int, seed: int) -> Array:
    """Return images (n, C, ...), float32."""
    import torch

    from eisen.models.generative.gan import latent_of

    device = next(network.parameters()).device
    parts = []
    for first in range(0, n, _BATCH):
        numbers = range(first, min(n, first + _BATCH))
        latent = torch.stack([latent_of(network.latent_size, seed, number) for number in numbers])
        with torch.no_grad():
            parts.append(network(latent.to(device)).float().cpu())
    images: Array = torch.cat(parts).numpy()
    if not np.isfinite(images).all():
        raise VoxelValueError(
            "the generator made values that are no numbers", to_do="train it again; its weights are lost"
        )
    return images


def _range_of(network: nn.Module) -> tuple[float, float] | None:
    """Return the intensities that the last layer of a generator can give, if it has limits."""
    generator = getattr(network, "generator", network)
    return _RANGES.get(type(getattr(generator, "outputs_activation", None)).__name__)


def _write(stem: Path, image: Array, pixels: Array) -> Path:
    """Write one image, and return where."""
    from eisen.io import write_nifti

    if image.ndim == 3:
        path = stem.with_suffix(".png")
        _write_picture(path, pixels)
        return path
    path = stem.with_suffix(".nii.gz")
    write_nifti(path, image[0] if len(image) == 1 else np.moveaxis(image, 0, -1), np.eye(4))
    return path


def _write_picture(path: Path, pixels: Array) -> None:
    """Write a picture; of several channels that are no colours, side by side."""
    from eisen.io import write_image

    write_image(path, pixels if len(pixels) in (1, 3) else np.concatenate(list(pixels), axis=1))


def _write_record(made: Generated, experiment: Experiment, model: Path) -> None:
    facts: dict[str, Any] = {
        "model": str(model),
        "config_digest": experiment.digest,
        "seed": made.seed,
        "shape": list(made.shape),
        "images": _names(made.images),
    }
    with atomic_write(made.folder / "generated.json", "w") as file:
        file.write(json.dumps(facts, indent=2, ensure_ascii=False) + "\n")


def _names(paths: Sequence[Path]) -> list[str]:
    return [path.name for path in paths]
