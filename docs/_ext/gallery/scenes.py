"""The data points of the gallery. Each call gives a new dict; a transform never changes its values."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from scipy import ndimage

from eisen._core.types import DataPoint, Geometry
from eisen.transforms import Compose, CropOrPad, Reorient, Resample, Rotate90, ZScoreNormalization
from gallery.phantoms import GRID, abdomen, chest

__all__ = [
    "ct",
    "itk",
    "mr",
    "named_sequences",
    "network_grid",
    "nifti",
    "normalised",
    "one_hot",
    "pet_and_ct",
    "photo",
    "predicted",
    "scanners",
    "sequences",
    "shifted",
    "small_mr",
    "tensors",
    "volume",
    "with_nan",
    "with_unknown_label",
]


def mr() -> DataPoint:
    """An abdomen in an MR scanner, intensities 0 to about 1000."""
    image, label, grid = abdomen()
    return {"image": image[None], "label": label[None], "image_meta": grid, "label_meta": grid}


def small_mr() -> DataPoint:
    """Its middle, where there should be room around."""
    return CropOrPad(["image", "label"], [72, 60, 20])(mr())


def normalised() -> DataPoint:
    """The abdomen with mean 0 and standard deviation 1."""
    return ZScoreNormalization(["image"])(mr())


def ct() -> DataPoint:
    """A chest in Hounsfield units."""
    image, label, grid = chest()
    return {"ct": image[None], "label": label[None], "ct_meta": grid, "label_meta": grid}


def scanners() -> DataPoint:
    """Two patients from two MR scanners, whose intensities have nothing to do with each other."""
    (first, label, grid), (second, label_b, _) = abdomen(), abdomen(12, 2600.0)
    images = {"scan_a": first[None], "scan_b": second[None] + np.float32(500)}
    masks = {"mask_a": (label > 0)[None], "mask_b": (label_b > 0)[None]}
    return {**images, **masks, **{f"{name}_meta": grid for name in images}}


def sequences() -> DataPoint:
    """Three sequences of one examination, and the same as one image of three channels."""
    image, label, grid = abdomen()
    fat = np.clip(image / 900, 0, 1)
    volumes = {"t1": image, "t2": 1000 * fat * (1.25 - fat) * 1.6, "pd": 800 * np.sqrt(fat) + 150 * (label == 2)}
    named = {name: volume.astype("float32") for name, volume in volumes.items()}
    metas = {f"{name}_meta": grid for name in [*named, "image"]}
    return {**named, "image": np.stack(list(named.values())), **metas}


_BALLS = [
    ((75, 15, 0), 17, 0),
    ((-35, 60, 0), 17, 1),
    ((-80, 30, 0), 9, 1),
    ((-5, 85, 0), 9, 2),
    ((20, -95, 0), 9, 3),
]
"""What the network got wrong: middle of a ball in mm, its radius in mm, and the class it gave."""


@cache
def _prediction() -> Any:
    label, grid = abdomen()[1].copy(), abdomen()[2]
    index = np.indices(GRID).reshape(3, -1)
    places = (grid.affine[:3, :3] @ index + grid.affine[:3, 3:]).T
    for middle, radius, value in _BALLS:
        label.reshape(-1)[np.linalg.norm(places - middle, axis=1) < radius] = value
    return label


def predicted() -> DataPoint:
    """A label map as networks give it, with islands and holes."""
    return {**mr(), "label": _prediction()[None]}


def one_hot() -> DataPoint:
    """One probability per class, as a network gives it."""
    image, label, grid = abdomen()
    maps = np.stack([ndimage.gaussian_filter((label == value).astype("float32"), (2, 2, 0.5)) for value in range(4)])
    return {"image": image[None], "prediction": maps, "image_meta": grid, "prediction_meta": grid}


def volume() -> DataPoint:
    """The abdomen without a channel axis, with words beside it."""
    image, label, grid = abdomen()
    return {"image": image, "label": label, "image_meta": grid, "label_meta": grid, "site": "Bonn"}


def nifti() -> DataPoint:
    """The abdomen as images of nibabel."""
    import nibabel

    image, label, grid = abdomen()
    return {
        "image": nibabel.Nifti1Image(image.astype("int16"), grid.affine),
        "label": nibabel.Nifti1Image(label, grid.affine),
    }


def itk() -> DataPoint:
    """The abdomen as images of SimpleITK."""
    import SimpleITK

    images, grid = {}, abdomen()[2]
    for name, values in zip(("image", "label"), abdomen()[:2], strict=True):
        images[name] = SimpleITK.GetImageFromArray(np.ascontiguousarray(values.astype("int16").T))
        images[name].SetSpacing(grid.spacing)
        images[name].SetOrigin([float(mm) for mm in grid.affine[:3, 3] * (-1, -1, 1)])
    return images


def photo() -> DataPoint:
    """A picture of Pillow in colour: a slice with the kidneys in orange."""
    from PIL import Image

    image, label, _ = abdomen()
    grey = np.clip(image[:, :, 10].T / 1000 * 255, 0, 255)
    rgb = np.stack([grey, grey * np.where(label[:, :, 10].T == 3, 0.6, 1), grey * (label[:, :, 10].T != 3)], -1)
    return {"photo": Image.fromarray(rgb.astype("uint8"))}


def network_grid() -> DataPoint:
    """The abdomen as a network had it: turned, in larger voxels, and cropped."""
    both = ["image", "label"]
    steps = Compose([Reorient(both, "RAS"), Rotate90(both), Resample(both, 5.0), CropOrPad(both, [56, 64, 20])])
    return steps(mr())


def pet_and_ct() -> DataPoint:
    """A PET of large voxels and other axes, and the CT of the same patient."""
    image, label, grid = chest()
    uptake = ndimage.gaussian_filter(1.2 * (label == 2) + 8.0 * (label == 3), (1.5, 1.5, 1)) + 0.3 * (image > -500)
    pet = {"pet": uptake[None].astype("float32"), "pet_meta": Geometry.of(grid.affine, GRID)}
    pet = Compose([Reorient(["pet"], "RAS"), Resample(["pet"], 7.0)])(pet)
    pet = CropOrPad(["pet"], [56, 44, 14])(pet)
    return {**pet, "ct": image[None], "ct_meta": grid, "label": label[None], "label_meta": grid}


def tensors() -> DataPoint:
    """The abdomen as tensors."""
    import torch

    data = mr()
    return {**data, **{name: torch.from_numpy(data[name]) for name in ("image", "label")}}


def named_sequences() -> DataPoint:
    """Three sequences of one examination, each in a field of its own."""
    data = sequences()
    return {name: data[name] for name in ("t1", "t2", "pd")}


def with_nan() -> DataPoint:
    """An abdomen with voxels that are not a number, as a division by 0 leaves them."""
    data = mr()
    image = data["image"].copy()
    image[0, 60:76, 30:44] = np.nan
    return {**data, "image": image}


def with_unknown_label() -> DataPoint:
    """A label map in which somebody has painted a 7."""
    data = mr()
    label = data["label"].copy()
    label[0, 48:58, 24:34, 8:12] = 7
    return {**data, "label": label}


def shifted() -> DataPoint:
    """A label map that by its header lies 17 mm beside its image."""
    data = mr()
    affine = data["label_meta"].affine.copy()
    affine[0, 3] -= 17
    return {**data, "label_meta": Geometry.of(affine, GRID), "by_header": np.roll(data["label"], 5, axis=1)}
