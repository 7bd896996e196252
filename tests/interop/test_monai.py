"""MONAI: dictionary transforms as steps, its data sets, networks, losses and metrics in a configuration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch

from eisen._core.errors import ArgumentError, GeometryError, MissingFieldError, StepError, VoxelValueError
from eisen.config import read_config
from eisen.experiments import Run
from eisen.ops.metrics import MONAIMetric
from eisen.transforms import Compose, ToNativeGrid
from eisen.utils import EisenDatasetWrapper
from eisen.utils.interop import MONAIStep

pytestmark = pytest.mark.filterwarnings("ignore:NvImgCodec:UserWarning")
monai = pytest.importorskip("monai")
mt = pytest.importorskip("monai.transforms")
BOTH = ["image", "label"]
NEAREST = {"mode": ("bilinear", "nearest")}

TOLD: dict[str, Callable[[], Any]] = {
    "flip": lambda: mt.Flipd(BOTH, 0),
    "rotate90": lambda: mt.Rotate90d(BOTH, 1),
    "orientation": lambda: mt.Orientationd(BOTH, "LPS", labels=(("L", "R"), ("P", "A"), ("I", "S"))),
    "spacing": lambda: mt.Spacingd(BOTH, (1, 2, 1.5), **NEAREST),
    "affine": lambda: mt.RandAffined(
        BOTH, prob=1, rotate_range=0.2, translate_range=1, scale_range=0.1, padding_mode="border", **NEAREST
    ),
    "crop": lambda: mt.RandSpatialCropd(BOTH, (8, 6, 8), random_size=False),
    "balanced crop": lambda: mt.RandCropByPosNegLabeld(BOTH, "label", (4, 4, 4), num_samples=1),
    "pad": lambda: mt.SpatialPadd(BOTH, (16, 16, 16)),
    "chain": lambda: mt.Compose([mt.RandFlipd(BOTH, 0.5, 1), mt.CenterSpatialCropd(BOTH, (8, 8, 8))]),
    "lazy chain": lambda: mt.Compose([mt.RandFlipd(BOTH, 0.5, 1), mt.Spacingd(BOTH, (2, 2, 2), **NEAREST)], lazy=True),
}


@pytest.mark.parametrize("transform", TOLD.values(), ids=list(TOLD))
def test_positions_in_the_body_stay_true(transform: Any, located: dict[str, Any], drift: Any) -> None:
    result = MONAIStep(BOTH, [transform()])(located)
    assert drift(result) < 1e-4
    assert result["image_meta"].invertible
    assert result["image_meta"].native_shape == located["image_meta"].shape
    assert result["label"].shape[1:] == result["image"].shape[1:] == result["label_meta"].shape
    assert (type(result["label"]), result["label"].dtype) == (np.ndarray, np.uint8)
    assert set(np.unique(result["label"])) <= {0, 2}


def test_flips_turns_and_crops_are_undone_exactly(located: dict[str, Any]) -> None:
    turn = [mt.Flipd(BOTH, 0), mt.Rotate90d(BOTH, 1), mt.SpatialPadd(BOTH, (16, 16, 16))]
    back = ToNativeGrid(BOTH)(MONAIStep(BOTH, turn)(located))
    for name in BOTH:
        np.testing.assert_array_equal(back[name], located[name])


def test_an_elastic_movement_cannot_be_undone(located: dict[str, Any]) -> None:
    bend = mt.Rand3DElasticd(BOTH, prob=1, sigma_range=(5, 7), magnitude_range=(50, 60), **NEAREST)
    assert not MONAIStep(BOTH, [mt.Compose([bend])])(located)["image_meta"].invertible


def test_a_picture_follows_in_the_last_two_axes(located: dict[str, Any]) -> None:
    geometry = located["image_meta"].moved(located["image_meta"].affine, (1, 12, 10), "Crop")
    data = {"image": located["image"][:1, 0], "image_meta": geometry}
    result = MONAIStep(["image"], [mt.Flipd(["image"], 0)], spatial_dims=2)(data)
    np.testing.assert_array_equal(result["image"], data["image"][:, ::-1])
    np.testing.assert_allclose(result["image_meta"].affine @ [0, 11, 3, 1], geometry.affine @ [0, 0, 3, 1])


def test_labels_that_were_interpolated_are_refused(located: dict[str, Any]) -> None:
    wrong = MONAIStep(BOTH, [mt.Spacingd(BOTH, (0.7, 1, 1), mode="bilinear")])
    with pytest.raises(VoxelValueError, match="'label' came back with values between its labels"):
        wrong(located)
    with pytest.raises(VoxelValueError):
        wrong({**located, "label": located["label"].astype("float32")})


def test_millimetres_without_geometry_are_refused() -> None:
    with pytest.raises(GeometryError, match="Spacingd needs to know"):
        MONAIStep(["image"], [mt.Compose([mt.Spacingd(["image"], (1, 1, 1))])])({"image": np.zeros((1, 4, 4, 4))})


def test_what_a_step_makes_and_takes_away_is_taken_over(located: dict[str, Any]) -> None:
    chain = [mt.CopyItemsd(["image"], names=["copy"]), mt.DeleteItemsd(["label"]), mt.FgBgToIndicesd("copy")]
    result = MONAIStep(BOTH, chain)(located)
    assert type(result["copy"]) is torch.Tensor
    assert "label" not in result
    assert "label_meta" not in result
    assert result["id"] == "a"
    assert result["image_meta"] is located["image_meta"]
    np.testing.assert_allclose(result["copy_meta"].affine, located["image_meta"].affine)


def test_array_transforms_and_several_samples_are_explained(located: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match="Flip works on one array"):
        MONAIStep(BOTH, [mt.Flip(0)])
    many = mt.RandCropByPosNegLabeld(BOTH, "label", (4, 4, 4), num_samples=2)
    with pytest.raises(StepError, match="returned 2 data points"):
        MONAIStep(BOTH, [many])(located)


def saved(folder: Path, located: dict[str, Any]) -> list[dict[str, Any]]:
    for name in BOTH:
        nibabel.save(nibabel.Nifti1Image(located[name][0], located["image_meta"].affine), folder / f"{name}.nii")
    return [{**{name: str(folder / f"{name}.nii") for name in BOTH}, "age": 61}]


@pytest.mark.parametrize("kind", ["Dataset", "CacheDataset"])
def test_datasets_become_data_points_with_the_grid_of_the_file(
    kind: str, located: dict[str, Any], tmp_path: Path
) -> None:
    chain = mt.Compose([mt.LoadImaged(BOTH), mt.EnsureChannelFirstd(BOTH), mt.Spacingd(BOTH, (1, 1, 1), **NEAREST)])
    options = {"progress": False, "num_workers": 0} if kind == "CacheDataset" else {}
    dataset = getattr(monai.data, kind)(saved(tmp_path, located), chain, **options)
    case = EisenDatasetWrapper(dataset)[0]
    assert type(case["image"]) is torch.Tensor
    assert case["age"] == 61
    geometry = case["image_meta"]
    np.testing.assert_allclose(geometry.spacing, (1, 1, 1), rtol=1e-3)
    assert geometry.shape == tuple(case["image"].shape[1:])
    assert geometry.native_shape == (14, 12, 10)
    np.testing.assert_allclose(geometry.native_affine, located["image_meta"].affine, atol=1e-5)
    assert geometry.history
    assert geometry.source.endswith("image.nii")
    assert set(EisenDatasetWrapper(dataset, ["label"])[0]) == {"label", "label_meta"}
    with pytest.raises(MissingFieldError, match="did you mean 'label'") as caught:
        EisenDatasetWrapper(dataset, ["labl"])[0]
    assert caught.value.card.case == "#0"


def test_a_tensor_of_nowhere_gets_no_geometry() -> None:
    values = monai.data.MetaTensor(torch.zeros(1, 4, 4, 4))
    assert set(EisenDatasetWrapper([{"image": values}])[0]) == {"image"}


def test_metrics_have_one_value_of_the_whole_epoch() -> None:
    labels = torch.randint(0, 3, (4, 1, 8, 8, 8), generator=torch.Generator().manual_seed(1))
    logits = torch.randn(4, 3, 8, 8, 8, generator=torch.Generator().manual_seed(2))
    metric = MONAIMetric("DiceMetric", 3, {"include_background": False, "reduction": "mean_batch"})
    for cases in (slice(0, 3), slice(3, 4)):
        assert metric(logits[cases], labels[cases]).ndim == 0
    found, wanted = logits.argmax(1), labels[:, 0]
    dice = [
        [
            2 * ((f == c) & (w == c)).sum() / ((f == c).sum() + (w == c).sum())
            for f, w in zip(found, wanted, strict=True)
        ]
        for c in (1, 2)
    ]
    torch.testing.assert_close(metric.compute(), torch.tensor(dice).mean(1))
    metric.reset()
    metric(logits[:1], labels[:1])
    torch.testing.assert_close(metric.compute(), torch.tensor(dice)[:, 0])


def test_metrics_that_do_not_exist_are_explained() -> None:
    with pytest.raises(ArgumentError, match="did you mean 'HausdorffDistanceMetric'"):
        MONAIMetric("HausdorfDistanceMetric", 3)
    with pytest.raises(ArgumentError, match="does not take"):
        MONAIMetric("DiceMetric", 3, {"percentile": 95})
    with pytest.raises(ArgumentError, match="n_classes is 1"):
        MONAIMetric("DiceMetric", 1)
    with pytest.raises(ArgumentError, match="no metric that adds up"):
        MONAIMetric(abs, 3)


def test_the_example_trains_and_predicts(phantom_folder: Path, tmp_path: Path) -> None:
    config = Path(__file__).parents[2] / "examples" / "monai_unet.json"
    run = Run(read_config(config, ["General.NumWorkers=0", "General.Threads=1"]), phantom_folder, tmp_path)
    rows = run.train(epochs=1).rows
    assert [row.phase for row in rows] == ["Training", "Validation"]
    assert 0 <= rows[1].metrics["dice"] <= 1
    run.predict()
    assert len(list((tmp_path / "predictions").glob("*.nii.gz"))) == 1


@pytest.mark.realdata
def test_on_a_real_scan_the_record_is_monais_own(realdata: Path) -> None:
    from eisen.io import LoadNiftiFromFilename
    from eisen.transforms import AddChannelDimension, NiftiToNumpy

    folder = realdata / "msd_hippocampus"
    path = sorted((folder / "imagesTr").glob("*.nii.gz"))[0]
    files = {"image": str(path), "label": str(folder / "labelsTr" / path.name)}
    chain = [
        mt.Orientationd(BOTH, "LPS", labels=(("L", "R"), ("P", "A"), ("I", "S"))),
        mt.Spacingd(BOTH, (1.5, 1.5, 1.5), **NEAREST),
        mt.CenterSpatialCropd(BOTH, (20, 24, 20)),
    ]
    read = Compose([LoadNiftiFromFilename(BOTH, "/"), NiftiToNumpy(BOTH), AddChannelDimension(BOTH)])
    result = MONAIStep(BOTH, chain)(read(files))
    alone = mt.Compose([mt.LoadImaged(BOTH), mt.EnsureChannelFirstd(BOTH), *chain])(files)
    for name in BOTH:
        np.testing.assert_allclose(result[name], np.asarray(alone[name]), atol=1e-2)
        np.testing.assert_allclose(result[f"{name}_meta"].affine, np.asarray(alone[name].affine), atol=1e-4)
