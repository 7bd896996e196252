"""From what was seen to what a practitioner would begin with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eisen_cli.builder.start.choices import Choices
from eisen_cli.builder.start.reading.looking import Look
from eisen_cli.builder.start.reading.start import Learned
from eisen_cli.builder.start.source import Source
from eisen_cli.builder.start.templates.segmentation import STRIDE

__all__ = ["class_names", "generating", "patch_size", "restoring", "scale", "segmenting", "telling", "training_length"]

_VOXELS = 96**3
_PIXELS = 512**2
_STEPS = 4000


def patch_size(shape: Sequence[int], budget: int, stride: int = STRIDE) -> tuple[int, ...]:
    """Return a size of patches: proportions of the images, multiples of the stride, and not more than a budget.

    Args:
        shape: Median shape of the images.
        budget: How many voxels a patch may have.
        stride: What the network needs.

    Example:
        >>> patch_size((35, 50, 36), 96**3), patch_size((512, 512, 120), 96**3)
        ((48, 64, 48), (160, 160, 32))
    """
    size = [-(-max(1, side) // stride) * stride for side in shape]
    ideal = (budget / _product(shape)) ** (1 / len(shape)) if _product(size) > budget else 1.0
    if ideal < 1:
        size = [
            min(full, max(stride, round(side * ideal / stride) * stride))
            for side, full in zip(shape, size, strict=False)
        ]
    while _product(size) > budget and max(size) > stride:
        size[size.index(max(size))] -= stride
    return tuple(size)


def _product(numbers: Sequence[float]) -> float:
    total = 1.0
    for number in numbers:
        total *= number
    return total


def training_length(n_cases: int, batch_size: int, per_case: int = 1) -> tuple[int, int]:
    """Return epochs and cases per step for a number of cases: some thousand steps in all.

    Example:
        >>> training_length(260, 2), training_length(3, 8)
        ((40, 2), (200, 2))
    """
    n_training = max(1, int(n_cases * 0.8))
    batch = min(batch_size, n_training)
    steps = max(1, n_training * per_case // batch)
    return int(min(200, max(10, round(_STEPS / steps, -1)))), batch


def scale(look: Look, *, fixed: bool = False) -> tuple[dict[str, Any], Learned]:
    """Return how intensities come to one scale, and why.

    Args:
        look: What was seen.
        fixed: Whether results are images, which have to keep their scale.
    """
    if look.modality == "CT":
        low, high = look.window or (-160.0, 240.0)
        low, high = round(low, -1), max(round(high, -1), round(low, -1) + 10)
        values = {"normalization": "window", "low": low, "high": high}
        why = "of the labelled tissue" if look.window else "of soft tissue"
        text = f"CT: the window from {low:g} to {high:g} HU, {why}."
        return values, Learned("understood" if look.window else "assumed", text, "normalization")
    if look.format == "picture" or fixed:
        eight_bits = look.low >= 0 and 1 < look.high <= 255
        high = 255.0 if eight_bits else float(f"{look.high:.3g}")
        low = 0.0 if look.low >= 0 else float(f"{look.low:.3g}")
        high = high if high > low else low + 1
        values = {"normalization": "range", "low": low, "high": high}
        return values, Learned("understood", f"Intensities from {low:g} to {high:g} become 0 to 1.", "normalization")
    kind = f"{look.modality}: the" if look.modality else "The"
    text = f"{kind} intensity scale is taken as arbitrary, so each image gets mean 0 and deviation 1."
    return {"normalization": "z-score"}, Learned("understood" if look.modality else "assumed", text, "normalization")


def class_names(declared: Mapping[int, str] | None, look: Look) -> tuple[list[str], dict[int, int], Learned]:
    """Return names of the classes, values in the files to classes where they differ, and how that is known.

    Args:
        declared: Label values and their names, as a list says; None if it does not.
        look: What was seen.
    """
    ignored = [value for value, name in (declared or {}).items() if name.lower() == "ignore"]
    values = sorted(set(declared or look.values) | {0})
    kept = [value for value in values if value not in ignored]
    kept = kept if len(kept) > 1 else [0, 1]
    names = [
        str((declared or {}).get(v, "background" if v == 0 else f"class {v}" if len(kept) > 2 else "foreground"))
        for v in kept
    ]
    names = [name if names.count(name) == 1 else f"{name} {kept[number]}" for number, name in enumerate(names)]
    mapping = {value: number for number, value in enumerate(kept)} | dict.fromkeys(ignored, 0)
    if all(value == number for value, number in mapping.items()):
        mapping = {}
    told = ", ".join(names[1:])
    if declared:
        also = "; what is marked 'ignore' counts as background" if ignored else ""
        return names, mapping, Learned("assumed" if ignored else "understood", f"Structures: {told}{also}.", "classes")
    seen = ", ".join(map(str, look.values))
    text = f"Labels hold {seen} in the cases that were looked at; names are not written anywhere: {told}."
    return names, mapping, Learned("assumed", text, "classes")


def segmenting(source: Source, look: Look, names: Sequence[str]) -> tuple[Choices, list[Learned]]:
    """Return what to begin a segmentation with."""
    values, why = scale(look)
    learned = [why]
    is_flat = look.dimensions == 2
    spacing, shape = _spacing(look, learned)
    size = patch_size(shape, _PIXELS if is_flat else _voxels_for(len(source.images)))
    fits = all(side >= n for side, n in zip(size, shape, strict=True))
    fit = "whole" if fits and (not is_flat or look.same_shape) else "patches"
    what = "whole images" if fit == "whole" else "patches"
    told = " x ".join(map(str, look.shape))
    unit, asked = "pixels" if is_flat else "voxels", " x ".join(map(str, size))
    text = f"Images of {told} {unit}: training looks at {what} of {asked}."
    learned.append(Learned("understood", text, "size"))
    epochs, batch = training_length(look.n_cases, 8 if is_flat else 2, 4 if fit == "patches" and not is_flat else 1)
    if look.has_empty:
        learned.append(Learned("understood", "Some labels are empty, and that is allowed.", "empty"))
    mirror = is_flat
    learned.append(_mirrored(mirror))
    more: dict[str, Any] = {
        "augmentation": "strong",
        "mirror": mirror,
        "epochs": epochs,
        "batch_size": batch,
        "width": 16,
    }
    return Choices(source, tuple(names), fit, size, spacing_mm=spacing, **values, **more), learned


def _voxels_for(n_images: int) -> int:
    """Return how many voxels a patch may have; several images need more memory."""
    return _VOXELS if n_images < 3 else 80**3


def _mirrored(mirror: bool) -> Learned:
    if mirror:
        return Learned("assumed", "Left and right do not matter in these pictures.", "augmentation")
    return Learned("assumed", "Left and right matter, so nothing is mirrored.", "augmentation")


def _spacing(look: Look, learned: list[Learned]) -> tuple[tuple[float, ...] | None, tuple[int, ...]]:
    """Return the voxel size to resample to, None where they are alike already, and the shape that images then have."""
    if not look.spacing_mm or look.spread < 1.2:
        return None, look.shape
    spacing = tuple(round(size, 2) for size in look.spacing_mm)
    told = " x ".join(f"{size:g}" for size in spacing)
    text = f"Voxel sizes differ by a factor of {look.spread:.1f}, so all cases come to {told} mm, their median."
    learned.append(Learned("understood", text, "spacing"))
    return spacing, look.shape


def telling(source: Source, look: Look, names: Sequence[str], mode: str = "classes") -> tuple[Choices, list[Learned]]:
    """Return what to begin a classification with, or the estimation of a number."""
    values, why = scale(look)
    size = _network_size(look)
    learned = [why, _resized(look, size)]
    mirror = look.dimensions == 2
    learned.append(_mirrored(mirror))
    epochs, batch = training_length(look.n_cases, 16 if look.dimensions == 2 else 4)
    width = 16 if max(size) < 64 else 32
    more: dict[str, Any] = {"mode": mode, "mirror": mirror, "epochs": epochs, "batch_size": batch, "width": width}
    return Choices(source, tuple(names), "resize", size, **values, **more), learned


def _network_size(look: Look, largest: int = 224) -> tuple[int, ...]:
    """Return the size that images are given: their own, if that is the same for all and not too large."""
    limit = largest if look.dimensions == 2 else 96
    if look.same_shape and max(look.shape) <= limit:
        return look.shape
    if look.dimensions == 2:
        return (min(limit, max(32, max(look.shape) // 32 * 32)),) * 2
    return patch_size(look.shape, 80**3)


def _resized(look: Look, size: Sequence[int]) -> Learned:
    told = " x ".join(map(str, size))
    if look.same_shape and tuple(size) == look.shape:
        return Learned(
            "understood", f"All images that were looked at have {told} pixels, and stay as they are.", "size"
        )
    return Learned(
        "assumed", f"Images are resized to {told}; the usual ones have {' x '.join(map(str, look.shape))}.", "size"
    )


def restoring(source: Source, look: Look, mode: str) -> tuple[Choices, list[Learned]]:
    """Return what to begin a reconstruction with."""
    values, why = scale(look, fixed=True)
    is_flat = look.dimensions == 2
    size = tuple(max(STRIDE, round(side / STRIDE) * STRIDE) for side in _network_size(look, 256))
    epochs, batch = training_length(look.n_cases, 8 if is_flat else 2)
    more: dict[str, Any] = {"mode": mode, "mirror": is_flat, "epochs": epochs, "batch_size": batch, "width": 16}
    return Choices(source, fit="resize", size=size, **values, **more), [why, _resized(look, size)]


def generating(source: Source, look: Look) -> Choices:
    """Return what to begin a GAN with."""
    values, _ = scale(look, fixed=True)
    side = 64 if max(look.shape) >= 48 else 32
    epochs, batch = training_length(look.n_cases, 32)
    more: dict[str, Any] = {"mode": "gan", "epochs": max(epochs, 50), "batch_size": batch, "width": 32}
    values |= {"normalization": "range"}
    return Choices(source, fit="resize", size=(side,) * look.dimensions, **values, **more)
