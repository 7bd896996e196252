"""From a file to the network's input: load .nii.gz, turn to RAS+, 1 mm, z-score, 128^3 around the centre.

A sagittal int16 volume of 240 x 240 x 160 voxels, as an MPRAGE of the brain. eisen, SimpleITK by hand, MONAI (also
lazy) and TorchIO, interleaved in one process with one thread. The results are compared first: SimpleITK's must be ours;
MONAI anchors its grid on the first voxel and TorchIO rounds the crop the other way, so theirs differ by a shift of less
than a voxel, or of one.

    python benchmarks/bench_preprocessing.py [rounds]
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _one_thread import cpu_ms  # isort: skip

import monai.transforms as mt
import nibabel
import numpy as np
import SimpleITK
import torch
import torchio
from _harness import measure, quiet, show
from scipy import ndimage

from eisen.io import LoadNiftiFromFilename
from eisen.transforms import Compose, CropOrPad, NiftiToNumpy, Reorient, Resample, ZScoreNormalization

SIZE = 128
SPACING = (0.9375, 0.9375, 1.2)
GOAL = 2.0


def write_scan(path: Path) -> None:
    """Write a smooth body with noise, in air, on a sagittal grid (axes point to P, S, R)."""
    rng = np.random.default_rng(0)
    shape = (240, 240, 160)
    z, y, x = np.ogrid[tuple(slice(-1, 1, n * 1j) for n in shape)]
    body = (z**2 + y**2 + (x * 1.2) ** 2) < 0.7
    tissue = ndimage.zoom(rng.normal(size=(12, 12, 10)), np.array(shape) / (12, 12, 10), order=3)
    voxels = body * (600 + 150 * tissue) + rng.normal(size=shape) * 12
    affine = np.zeros((4, 4))
    affine[1, 0], affine[2, 1], affine[0, 2], affine[3, 3] = -SPACING[0], SPACING[1], SPACING[2], 1
    affine[:3, 3] = [-90, 110, -100]
    nibabel.Nifti1Image(voxels.astype("int16"), affine).to_filename(path)


def eisen(path: Path) -> Callable[[], Any]:
    steps = Compose(
        [
            LoadNiftiFromFilename(["image"], str(path.parent)),
            NiftiToNumpy(["image"]),
            Reorient(["image"], "RAS"),
            Resample(["image"], 1.0),
            ZScoreNormalization(["image"]),
            CropOrPad(["image"], SIZE),
        ]
    )
    return lambda: steps({"image": path.name})["image"]


def simpleitk(path: Path) -> Callable[[], Any]:
    def work() -> Any:
        image = SimpleITK.DICOMOrient(SimpleITK.ReadImage(str(path), SimpleITK.sitkInt16), "RAS")
        old, size = np.array(image.GetSpacing()), np.array(image.GetSize())
        direction = np.array(image.GetDirection()).reshape(3, 3)
        new = SimpleITK.ResampleImageFilter()
        new.SetInterpolator(SimpleITK.sitkLinear)
        new.SetOutputSpacing((1.0, 1.0, 1.0))
        new.SetSize(np.rint(size * old).astype(int).tolist())
        new.SetOutputOrigin((np.array(image.GetOrigin()) + direction @ ((1 - old) / 2)).tolist())
        new.SetOutputDirection(image.GetDirection())
        new.SetOutputPixelType(SimpleITK.sitkFloat32)
        result = new.Execute(image)  # kept alive while its memory is looked at
        array = SimpleITK.GetArrayViewFromImage(result)
        start = [(n - SIZE) // 2 for n in array.shape]
        part = array[tuple(slice(s, s + SIZE) for s in start)]
        return ((part - array.mean()) / array.std()).transpose(2, 1, 0)

    return work


def monai(path: Path, lazy: bool) -> Callable[[], Any]:
    steps = mt.Compose(
        [
            mt.LoadImaged(["image"], ensure_channel_first=True),
            mt.Orientationd(["image"], axcodes="RAS", labels=None),
            mt.Spacingd(["image"], pixdim=(1.0, 1.0, 1.0)),
            mt.NormalizeIntensityd(["image"]),
            mt.CenterSpatialCropd(["image"], SIZE),
        ],
        lazy=lazy,
    )
    return lambda: steps({"image": str(path)})["image"][0].numpy()


def torchio_chain(path: Path) -> Callable[[], Any]:
    steps = torchio.Compose(
        [torchio.ToCanonical(), torchio.Resample(1), torchio.ZNormalization(), torchio.CropOrPad(SIZE)]
    )
    return lambda: steps(torchio.ScalarImage(path)).numpy()[0]


def limit(path: Path) -> Callable[[], Any]:
    """Inflate the file and interpolate all of it once, in the order it has in memory: nothing can leave these out."""
    from eisen.io import read_nifti

    def work() -> Any:
        voxels = np.asarray(read_nifti(path).dataobj.get_unscaled()).astype(np.float32)
        volume = torch.from_numpy(voxels.transpose(2, 1, 0))[None, None]
        size = tuple(round(n * mm) for n, mm in zip((160, 240, 240), SPACING[::-1], strict=True))
        return torch.nn.functional.interpolate(volume, size=size, mode="trilinear")

    return work


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scan.nii.gz"
        write_scan(path)
        works = {
            "eisen": eisen(path),
            "SimpleITK by hand": simpleitk(path),
            "MONAI": monai(path, lazy=False),
            "MONAI lazy": monai(path, lazy=True),
            "TorchIO": torchio_chain(path),
        }
        reference = works["eisen"]()
        for name, work in works.items():
            with quiet():
                difference = np.abs(np.asarray(work()) - reference)
            print(f"{name:>18}: mean difference to eisen {difference.mean():.5f}, largest {difference.max():.3f}")
        assert np.abs(works["SimpleITK by hand"]() - reference).mean() < 0.002
        works["limit: inflate + one interpolation"] = limit(path)
        with quiet():
            results = measure({name: cpu_ms(work) for name, work in works.items()}, rounds)
    show("load, RAS, 1 mm, z-score, 128^3", results, unit="CPU ms", baseline="eisen")
    peers = min(results[name].median for name in works if name not in ("eisen", "limit: inflate + one interpolation"))
    ratio = peers / results["eisen"].median
    print(f"fastest peer / eisen = {ratio:.2f}, goal {GOAL}: {'met' if ratio >= GOAL else 'MISSED'}")
    return 0 if ratio >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
