"""TorchIO's transforms: the geometry record says where the voxels are, or that nobody knows. For TorchIO 1 and 2."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from eisen._core.errors import GeometryError, ShapeError
from eisen.transforms import Compose, CropCenteredSubVolumes, ToNativeGrid
from eisen.utils import EisenDatasetWrapper
from eisen.utils.interop import TorchIOStep

torchio = pytest.importorskip("torchio")
BOTH = ["image", "label"]
IS_FIRST = hasattr(torchio, "RandomAffine")

TOLD: dict[str, Callable[[], Any]] = {
    "resample": lambda: torchio.Resample((1.0, 2.0, 1.5)),
    "crop": lambda: torchio.Crop(cropping=(1, 2, 0, 3, 2, 1)),
    "pad": lambda: torchio.Pad(padding=(1, 2, 0, 3, 2, 1)),
    "crop or pad": lambda: torchio.CropOrPad((8, 16, 8)),
    "multiple": lambda: torchio.EnsureShapeMultiple(8),
    "canonical": lambda: torchio.ToCanonical() if IS_FIRST else torchio.Reorient(),
    "orientation": lambda: torchio.ToOrientation("LPS") if IS_FIRST else torchio.Reorient(orientation="LPS"),
    "transpose": lambda: torchio.Transpose(),
    "chain": lambda: torchio.Compose([torchio.Crop(cropping=1), torchio.Resample(2.5)]),
}

SILENT: dict[str, Callable[[], Any]] = {
    "flip": lambda: torchio.Flip(axes=(0,)),
    "affine": lambda: torchio.Affine(scales=(1.0, 1.0, 1.0), degrees=(20.0, 0.0, 0.0), translation=(2.0, 0.0, 0.0)),
    "elastic": lambda: (
        torchio.RandomElasticDeformation(5, 2.0) if IS_FIRST else torchio.ElasticDeformation(max_displacement=2.0)
    ),
}


@pytest.mark.parametrize("transform", TOLD.values(), ids=list(TOLD))
def test_positions_in_the_body_stay_true(transform: Any, located: dict[str, Any], drift: Any) -> None:
    result = TorchIOStep(BOTH, [transform()])(located)
    assert drift(result) < 1e-4
    assert result["image_meta"].invertible
    assert result["image_meta"].history == ("TorchIOStep",)
    assert result["image_meta"].native_shape == located["image_meta"].shape
    assert result["label"].shape[1:] == result["image"].shape[1:] == result["label_meta"].shape
    assert set(np.unique(result["label"])) <= {0, 2}
    assert result["label"].dtype == np.uint8


def test_turns_and_pads_are_undone_exactly(located: dict[str, Any]) -> None:
    turn = [torchio.Pad(padding=2), TOLD["orientation"](), torchio.Transpose()]
    back = ToNativeGrid(BOTH)(TorchIOStep(BOTH, turn)(located))
    for name in BOTH:
        np.testing.assert_array_equal(back[name], located[name])


@pytest.mark.parametrize("transform", SILENT.values(), ids=list(SILENT))
def test_a_movement_that_torchio_does_not_tell_cannot_be_undone(transform: Any, located: dict[str, Any]) -> None:
    result = TorchIOStep(BOTH, [transform()])(located)
    assert not np.array_equal(result["image"], located["image"])
    assert not result["image_meta"].invertible
    assert not result["label_meta"].invertible
    assert set(np.unique(result["label"])) <= {0, 2}


def test_a_picture_keeps_its_place(located: dict[str, Any]) -> None:
    slices = {name: located[name][:, :1] for name in BOTH}
    geometry = CropCenteredSubVolumes(["image"], [1, 12, 10])(located)["image_meta"]
    data = {name: value[:, 0] for name, value in slices.items()} | {"image_meta": geometry}
    data["image"] = data["image"][:1]
    result = TorchIOStep(BOTH, [torchio.CropOrPad((8, 8, 1))], spatial_dims=2)(data)
    expected = CropCenteredSubVolumes(["image"], [1, 8, 8])({"image": data["image"][None], "image_meta": geometry})
    np.testing.assert_array_equal(result["image"], expected["image"][0])
    np.testing.assert_allclose(result["image_meta"].affine, expected["image_meta"].affine)
    with pytest.raises(ShapeError, match="came back with 3 slices"):
        TorchIOStep(BOTH, [torchio.CropOrPad((8, 8, 3))], spatial_dims=2)(data)


def test_millimetres_without_geometry_are_refused() -> None:
    data = {"image": np.zeros((1, 8, 8, 8), "float32")}
    with pytest.raises(GeometryError, match="Resample needs to know where the voxels of 'image' are"):
        TorchIOStep(["image"], [torchio.Resample(2.0)])(data)
    assert TorchIOStep(["image"], [torchio.CropOrPad((4, 4, 4))])(data)["image"].shape == (1, 4, 4, 4)


def test_the_same_grid_as_the_library_gives(located: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "scan.nii"
    nibabel.save(nibabel.Nifti1Image(located["image"][0], located["image_meta"].affine), path)
    alone = torchio.Resample(2.0)(torchio.ScalarImage(path))
    data = {"image": located["image"][:1], "image_meta": located["image_meta"]}
    result = TorchIOStep(["image"], [torchio.Resample(2.0)])(data)
    np.testing.assert_allclose(result["image"], np.asarray(alone.data), atol=1e-4)
    np.testing.assert_allclose(result["image_meta"].affine, np.asarray(alone.affine), atol=1e-5)


def subjects(folder: Path, located: dict[str, Any], transform: Any = None) -> Any:
    for name in BOTH:
        nibabel.save(nibabel.Nifti1Image(located[name][0], located["image_meta"].affine), folder / f"{name}.nii")
    images = {"image": torchio.ScalarImage(folder / "image.nii"), "label": torchio.LabelMap(folder / "label.nii")}
    subject = torchio.Subject(**images, age=61)
    if IS_FIRST:
        return torchio.SubjectsDataset([subject], transform=transform)
    return [subject if transform is None else transform(subject)]


def test_subjects_become_data_points_with_geometry(located: dict[str, Any], tmp_path: Path) -> None:
    case = EisenDatasetWrapper(subjects(tmp_path, located))[0]
    assert {"image", "image_meta", "label", "label_meta", "age"} <= set(case)
    np.testing.assert_allclose(case["image"][0], located["image"][0])
    np.testing.assert_allclose(case["image_meta"].affine, located["image_meta"].affine, atol=1e-5)
    assert case["image_meta"].source.endswith("image.nii")
    assert case["image_meta"].invertible
    chosen = EisenDatasetWrapper(
        subjects(tmp_path, located), ["image"], Compose([TorchIOStep(["image"], [torchio.Crop(cropping=1)])])
    )
    assert set(chosen[0]) == {"image", "image_meta"}
    assert chosen[0]["image_meta"].shape == (12, 10, 8)


def test_what_a_dataset_did_to_its_subjects_cannot_be_undone(located: dict[str, Any], tmp_path: Path) -> None:
    case = EisenDatasetWrapper(subjects(tmp_path, located, torchio.Crop(cropping=1)))[0]
    assert case["image_meta"].history == ("Crop",)
    assert not case["image_meta"].invertible


def test_the_example_runs(located: dict[str, Any], tmp_path: Path) -> None:
    subjects(tmp_path, located)
    script = Path(__file__).parents[2] / "examples" / "torchio_transforms.py"
    command = [sys.executable, str(script), *(str(tmp_path / f) for f in ("image.nii", "label.nii", "out.png"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    assert "can be undone: False" in done.stdout.splitlines()[-1]
    assert (tmp_path / "out.png").stat().st_size > 1000


@pytest.mark.realdata
def test_on_a_real_scan_the_record_is_torchios_own(realdata: Path) -> None:
    from eisen.io import LoadNiftiFromFilename
    from eisen.transforms import AddChannelDimension, NiftiToNumpy

    folder = realdata / "msd_hippocampus"
    path = sorted((folder / "imagesTr").glob("*.nii.gz"))[0]
    label = folder / "labelsTr" / path.name
    read = Compose([LoadNiftiFromFilename(BOTH, "/"), NiftiToNumpy(BOTH), AddChannelDimension(BOTH)])
    chain = torchio.Compose([torchio.Resample(1.3), torchio.CropOrPad((24, 32, 24))])
    result = TorchIOStep(BOTH, [chain])(read({"image": str(path), "label": str(label)}))
    alone = chain(torchio.Subject(image=torchio.ScalarImage(path), label=torchio.LabelMap(label)))
    for name in BOTH:
        np.testing.assert_allclose(result[name], np.asarray(alone[name].data), atol=1)  # TorchIO keeps the file's int16
        np.testing.assert_allclose(result[f"{name}_meta"].affine, np.asarray(alone[name].affine), atol=1e-5)
