"""Affine + elastic + flip + noise + gamma on a 128^3 image with its label map, every time (p = 1).

eisen, MONAI, TorchIO and batchgeneratorsv2, interleaved in one process with one thread. Random results cannot be
equal, so what is checked is that each contender keeps image and label together, keeps the label values, and moves a
similar part of the voxels; that eisen's composed grid is the affine grid of torch plus the spline, a test shows.

    python benchmarks/bench_augmentation.py [rounds]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from _one_thread import cpu_ms  # isort: skip

import monai.transforms as mt
import numpy as np
import torch
import torchio
from _harness import measure, quiet, show
from batchgeneratorsv2.transforms.intensity.gamma import GammaTransform
from batchgeneratorsv2.transforms.intensity.gaussian_noise import GaussianNoiseTransform
from batchgeneratorsv2.transforms.spatial.mirroring import MirrorTransform
from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from scipy import ndimage

from eisen.transforms import Compose, RandomAffine, RandomGamma, RandomNoise, functional

SIZE = 128
GOAL = 4.0
DEGREES, ZOOM, REACH, STD, GAMMA = 15, 0.1, 6, 0.05, (0.7, 1.5)

Case = tuple[Any, Any]


def case() -> Case:
    """Return an image of three nested balls of different brightness, and their label map."""
    distance = np.linalg.norm(np.indices((SIZE,) * 3) - SIZE / 2, axis=0)
    label = sum((distance < radius).astype("uint8") for radius in (45, 32, 18))
    image = ndimage.gaussian_filter(label.astype("float32"), 1) / 3
    return image[None], np.asarray(label)[None]


def eisen(image: Any, label: Any) -> Callable[[], Case]:
    steps = Compose(
        [
            RandomAffine(["image", "label"], DEGREES, ZOOM, 0, (0, 1, 2), elastic_mm=REACH),
            RandomNoise(["image"], std=(STD, STD)),
            RandomGamma(["image"], gamma=GAMMA),
        ]
    )

    def work() -> Case:
        data = steps({"image": image, "label": label})
        return data["image"], data["label"]

    return work


def monai(image: Any, label: Any) -> Callable[[], Case]:
    both, modes = ["image", "label"], ("bilinear", "nearest")
    turn = [(-np.deg2rad(DEGREES), np.deg2rad(DEGREES))] * 3
    steps = mt.Compose(
        [
            mt.Rand3DElasticd(
                both, sigma_range=(5, 8), magnitude_range=(100, 200), prob=1, rotate_range=turn,
                scale_range=[(-ZOOM, ZOOM)] * 3, mode=modes, padding_mode="zeros",
            ),
            *[mt.RandFlipd(both, prob=0.5, spatial_axis=axis) for axis in range(3)],
            mt.RandGaussianNoised(["image"], prob=1, std=STD),
            mt.RandAdjustContrastd(["image"], prob=1, gamma=GAMMA),
        ]
    )  # fmt: skip
    image, label = torch.from_numpy(image), torch.from_numpy(label)

    def work() -> Case:
        data = steps({"image": image, "label": label})
        return data["image"].numpy(), data["label"].numpy()

    return work


def torchio_chain(image: Any, label: Any) -> Callable[[], Case]:
    steps = torchio.Compose(
        [
            torchio.RandomAffine(scales=ZOOM, degrees=DEGREES),
            torchio.RandomElasticDeformation(7, REACH),
            torchio.RandomFlip((0, 1, 2), 0.5),
            torchio.RandomNoise(std=(STD, STD)),
            torchio.RandomGamma((np.log(GAMMA[0]), np.log(GAMMA[1]))),
        ]
    )
    subject = torchio.Subject(
        image=torchio.ScalarImage(tensor=torch.from_numpy(image)),
        label=torchio.LabelMap(tensor=torch.from_numpy(label)),
    )

    def work() -> Case:
        data = steps(subject)
        return data.image.numpy(), data.label.numpy()

    return work


def batchgenerators(image: Any, label: Any) -> Callable[[], Case]:
    radians = np.deg2rad(DEGREES)
    steps = ComposeTransforms(
        [
            SpatialTransform(
                (SIZE,) * 3, 0, False, p_elastic_deform=1, p_rotation=1, rotation=(-radians, radians), p_scaling=1,
                scaling=(1 - ZOOM, 1 + ZOOM), mode_seg="nearest",
            ),
            MirrorTransform((0, 1, 2)),
            GaussianNoiseTransform(noise_variance=(STD**2, STD**2)),
            GammaTransform(GAMMA, 0, False, 1, 0),
        ]
    )  # fmt: skip
    image, label = torch.from_numpy(image), torch.from_numpy(label).to(torch.int16)

    def work() -> Case:
        data = steps(image=image.clone(), segmentation=label)
        return data["image"].numpy(), data["segmentation"].numpy()

    return work


def limit(image: Any, _: Any) -> Callable[[], Any]:
    """Look the image up once at a given grid: eight random reads per voxel, which nothing can leave out."""
    grid = functional.sampling_grid((SIZE,) * 3, np.eye(3, 4) * 1.02)
    tensor = torch.from_numpy(image)[None]
    return lambda: torch.nn.functional.grid_sample(tensor, grid, align_corners=False)


def check(name: str, work: Callable[[], Case], label: Any) -> None:
    """Stop if a contender does not do what it is measured for."""
    moved, classes = (np.asarray(part) for part in work())
    values = set(np.unique(classes))
    bright = [float(moved[classes == value].mean()) for value in sorted(values)]
    print(f"{name:>18}: mean intensity per class {np.round(bright, 2)}, voxels moved {(classes != label).mean():.1%}")
    assert values == {0, 1, 2, 3}, f"{name} has made labels up: {values}"
    assert bright == sorted(bright), f"{name} does not move image and label together"


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    image, label = case()
    makers = {"eisen": eisen, "MONAI": monai, "TorchIO": torchio_chain, "batchgeneratorsv2": batchgenerators}
    works = {name: make(image, label) for name, make in makers.items()}
    for name, work in works.items():
        check(name, work, label)
    works["limit: one look-up"] = limit(image, label)
    with quiet():
        results = measure({name: cpu_ms(work) for name, work in works.items()}, rounds)
    show("affine + elastic + flip + noise + gamma, 128^3", results, unit="CPU ms", baseline="eisen")
    ratio = min(results[name].median for name in makers if name != "eisen") / results["eisen"].median
    print(f"fastest peer / eisen = {ratio:.2f}, goal {GOAL}: {'met' if ratio >= GOAL else 'MISSED'}")
    return 0 if ratio >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
