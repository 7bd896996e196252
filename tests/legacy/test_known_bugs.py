"""Section 6 of the contract: what was wrong in the original is right here; items 1 to 22."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK
import torch
from torch import nn

import eisen.utils.workflows
from eisen._core.errors import ArgumentError, EmptyDatasetError, MissingExtraError
from eisen.datasets import EMIDEC, ABCsDataset, ListDataset, UCSDCovid19
from eisen.models import UNet, UNet3D, VNet
from eisen.models.segmentation.obelisk import ObeliskMIDL
from eisen.transforms import CropCenteredSubVolumes, MapValues, NumpyToNifti, RenameFields, ResampleITKVolumes
from eisen.utils import EisenDatasetSplitter, EisenDatasetWrapper, EisenModuleWrapper, ModelParallel
from eisen.utils.artifacts import SaveONNXModelHook, SaveTorchModelHook
from eisen.utils.events import EpochEnd
from eisen.utils.logging import LoggingHook, TensorboardSummaryHook
from eisen.utils.workflows import PatienceHook, Testing, Training, TrainingApexAMP, Validation


class Constant(nn.Module):
    """Returns a value whatever it is given, as a loss or metric."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value

    def forward(self, *_: Any) -> Any:
        return self.value


@pytest.fixture
def net() -> EisenModuleWrapper:
    return EisenModuleWrapper(nn.Linear(1, 1), ["x"], ["y"])


@pytest.fixture
def batches() -> list[dict[str, torch.Tensor]]:
    return [{"x": torch.ones(2, 1), "target": torch.zeros(2, 1)}] * 2


def files_in(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


# -- wrappers, datasets, workflows ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Training, Validation, Testing])
def test_01_no_metrics_and_no_losses_are_empty_lists(kind: Any, net: Any, batches: Any, caplog: Any) -> None:
    options: dict[str, Any] = {} if kind is Testing else {"losses": None}
    if kind is Training:
        options["optimizer"] = torch.optim.SGD(net.parameters(), lr=0.1)
    workflow = kind(net, batches, metrics=None, gpu=False, **options)
    workflow.run()
    assert workflow.metrics == workflow.losses == []


def test_02_a_wrapped_dataset_needs_no_transform() -> None:
    assert EisenDatasetWrapper([(1, 2)], ["a", "b"])[0] == {"a": 1, "b": 2}


def test_03_keywords_are_bound_by_their_names_and_never_twice() -> None:
    class Minus(nn.Module):
        def forward(self, a: float, b: float) -> float:
            return a - b

    wrapper = EisenModuleWrapper(Minus(), ["a", "b"], ["difference"])
    assert wrapper(b=1, a=3) == {"difference": 2}
    with pytest.raises(ArgumentError, match="by position and by name"):
        wrapper(3, 1, a=2)


def test_04_a_transform_that_writes_into_its_data_does_not_reach_the_list() -> None:
    def add_one(data: dict[str, Any]) -> dict[str, Any]:
        data["values"] += 1
        return data

    dataset = ListDataset([{"values": np.zeros(1)}], add_one)
    assert [dataset[0]["values"].item() for _ in range(3)] == [1, 1, 1]


def test_05_the_splitter_rounds_reads_late_and_has_empty_parts() -> None:
    class Unread:
        def __len__(self) -> int:
            return 10

        def __getitem__(self, index: int) -> Any:
            raise AssertionError("nothing is to be read while splitting")

    parts = EisenDatasetSplitter(0.8, 0.2)(Unread())
    assert [len(part) for part in parts] == [8, 2, 0]
    assert [len(part) for part in EisenDatasetSplitter(0.7, 0.2, 0.1)(Unread())] == [7, 2, 1]


def test_06_obelisk_has_a_forward_pass_for_batches_too() -> None:
    torch.manual_seed(0)
    with torch.no_grad():
        assert ObeliskMIDL(2, (8, 8, 8)).eval()(torch.randn(2, 1, 8, 8, 8)).shape == (2, 2, 8, 8, 8)


def test_07_a_split_network_works_without_gpu_and_keeps_its_parameters() -> None:
    net = UNet(1, 1, n_filters=16)
    split = ModelParallel(net, 1, ["cpu", "cpu"])
    x = torch.randn(2, 1, 16, 16)
    assert torch.allclose(split(x), net(x), atol=1e-5)
    assert list(split.state_dict()) == list(net.state_dict())
    assert len([*split.parameters()]) == len([*net.parameters()])


# -- transforms -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(6, 6), (6, 6, 6), (2, 6, 6, 6)])
def test_08_crops_take_tuples_and_two_dimensions(shape: tuple[int, ...]) -> None:
    size = (4,) * min(len(shape), 3)
    data = CropCenteredSubVolumes(["image"], size)({"image": np.ones(shape)})
    assert data["image"].shape[-len(size) :] == size


def test_09_mapping_channels_leaves_the_array_alone_and_does_not_truncate() -> None:
    image = np.array([[0, 5, 10], [0, 1, 2]])
    mapped = MapValues(["image"], channelwise=True)({"image": image})["image"]
    np.testing.assert_allclose(mapped, [[0, 0.5, 1]] * 2, atol=1e-4)
    assert image.tolist() == [[0, 5, 10], [0, 1, 2]]


def test_10_names_can_be_exchanged() -> None:
    assert RenameFields(["a", "b"], ["b", "a"])({"a": 1, "b": 2}) == {"a": 2, "b": 1}


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 6), (4, 5, 6, 2)])
def test_11_an_image_of_any_dimension_has_a_4_by_4_affine(shape: tuple[int, ...]) -> None:
    image = NumpyToNifti(["image"])({"image": np.ones(shape, "float32")})["image"]
    assert image.affine.shape == (4, 4)
    assert image.shape == shape


def test_12_resampling_refuses_unknown_interpolations_and_loses_no_voxel() -> None:
    with pytest.raises(ArgumentError, match="interpolation"):
        ResampleITKVolumes(["image"], [1, 1, 1], "cubik")
    image = SimpleITK.Image(10, 10, 10, SimpleITK.sitkFloat32)
    image.SetSpacing((0.99, 1.0, 1.0))
    resampled = ResampleITKVolumes(["image"], [1, 1, 1])({"image": image})["image"]
    assert resampled.GetSize()[0] == 10, "9.9 mm are 10 voxels of 1 mm, not 9"


# -- what a workflow reports ------------------------------------------------------------------------------------------


def test_13_numbers_of_every_kind_are_averaged_and_batches_stay_what_they_are(net: Any, batches: Any) -> None:
    metrics = [EisenModuleWrapper(Constant(value), ["y"], [f"m{i}"]) for i, value in enumerate((1.5, np.float32(2)))]
    workflow = Testing(net, batches, metrics)
    seen: list[Any] = []
    workflow.subscribe(lambda event: seen.append(event), EpochEnd)
    workflow.run()
    assert dict(seen[0].metrics) == {"m0": 1.5, "m1": 2.0}
    assert all(isinstance(batch["x"], torch.Tensor) for batch in batches)
    with pytest.raises(EmptyDatasetError):
        Testing(net, [], None).run()


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_14_summaries_take_any_number_of_channels_and_never_stop_a_run(channels: int, tmp_path: Path) -> None:
    model = EisenModuleWrapper(nn.Conv2d(channels, channels, 1), ["image"], ["logits"])
    batch = {"image": torch.rand(2, channels, 8, 8), "label": torch.tensor([0, 1]), "score": torch.rand(2)}
    workflow = Testing(model, [batch], None)
    pairs = [["label", "score"], ["label", "logits"], ["label", "label"]]
    hook = TensorboardSummaryHook(workflow.id, "Testing", tmp_path, comparison_pairs=pairs)
    workflow.run()
    hook.writer.close()
    assert any((tmp_path / "summaries" / "Testing").iterdir())


def test_15_two_losses_of_one_name_can_be_logged(net: Any, batches: Any, capsys: Any) -> None:
    losses = [EisenModuleWrapper(nn.MSELoss(), ["y", "target"], ["loss"]) for _ in range(2)]
    workflow = Validation(net, batches, losses, gpu=False)
    hook = LoggingHook(workflow.id, "Validation", None)
    workflow.run()
    assert len(hook.rows) == 1
    assert "loss" in capsys.readouterr().out


@pytest.mark.parametrize("kind", [SaveTorchModelHook, SaveONNXModelHook])
def test_16_a_save_hook_without_folder_is_refused_and_hears_nothing(
    kind: Any, net: Any, batches: Any, tmp_path: Path
) -> None:
    loss = EisenModuleWrapper(nn.MSELoss(), ["y", "target"], ["loss"])
    workflow = Validation(net, batches, [loss], gpu=False)
    extra = ([1, 1],) if kind is SaveONNXModelHook else ()
    with pytest.raises(ValueError, match="nowhere"):
        kind(workflow.id, "Validation", str(tmp_path / "nowhere"), *extra)
    workflow.run()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", [VNet, UNet, UNet3D])
def test_17_options_are_checked_in_the_constructor_and_softmax_is_over_channels(kind: Any) -> None:
    for option in ("outputs_activation", "normalization"):
        with pytest.raises(ArgumentError, match="nothing"):
            kind(1, 2, n_filters=16, **{option: "nothing"})
    with pytest.raises(ValueError):
        kind(1, 2, n_filters=8, normalization="groupnorm")
    net = kind(1, 2, n_filters=4, normalization="none", outputs_activation="softmax").eval()
    size = (32, 32) if kind is UNet else (32, 32, 32)
    with torch.no_grad():
        sums = net(torch.randn(1, 1, *size)).sum(dim=1)
    torch.testing.assert_close(sums, torch.ones_like(sums))


def test_18_apex_that_is_not_there_is_named(net: Any, batches: Any) -> None:
    with pytest.raises(MissingExtraError, match="Apex, which is not installed"):
        TrainingApexAMP(net, batches, [], torch.optim.SGD(net.parameters(), lr=0.1))


def test_18_mixed_precision_uses_no_deprecated_names() -> None:
    folder = Path(eisen.utils.workflows.__file__).parent
    assert not [path for path in folder.rglob("*.py") if "torch.cuda.amp" in path.read_text(encoding="utf-8")]


def test_19_patience_ends_on_a_plateau(net: Any, batches: Any) -> None:
    loss = EisenModuleWrapper(nn.MSELoss(), ["y", "target"], ["loss"])
    workflow = Validation(net, batches, [loss], gpu=False)
    hook = PatienceHook(workflow.id, patience=2)
    for _ in range(3):
        workflow.run()
    assert hook.is_stop()


# -- data sources -----------------------------------------------------------------------------------------------------


def test_20_names_are_taken_for_what_they_say(tmp_path: Path) -> None:
    for name in ("Case_P001", "Case_N002", "PATIENT_N003"):
        files_in(tmp_path / "emidec", f"{name}/Images/{name}.nii.gz", f"{name.replace('_', ' ')}.txt")
    found = {case["image"].partition("/")[0]: case["pathological"] for case in EMIDEC(tmp_path / "emidec", True)}
    assert found == {"Case_P001": True, "Case_N002": False, "PATIENT_N003": False}
    files_in(tmp_path / "abcs", "1_ct.mha", "distinct.mha", "1_t1.mha")
    assert len(ABCsDataset(tmp_path / "abcs", False, True)) == 1
    files_in(tmp_path / "ucsd", "p/a.jpg", "p/b.png", "p/png_list.txt", "n/c.png")
    assert [case["image"] for case in UCSDCovid19(tmp_path / "ucsd", "p", "n")] == ["p/a.jpg", "p/b.png", "n/c.png"]


def test_21_cases_come_in_one_order_whatever_the_disk_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{kind}/{n}.png" for n in (2, 0, 1) for kind in "pn"]
    files_in(tmp_path, *names)
    before = [case["image"] for case in UCSDCovid19(tmp_path, "p", "n")]
    listed = os.listdir
    monkeypatch.setattr(os, "listdir", lambda *a: listed(*a)[::-1])
    assert (
        [case["image"] for case in UCSDCovid19(tmp_path, "p", "n")]
        == before
        == sorted(before, key=lambda n: (n[0] == "n", n))
    )


@pytest.mark.parametrize("package", ["eisen.datasets", "eisen.io.imaging", "eisen.transforms.imaging", "eisen.utils"])
def test_22_a_star_import_brings_no_modules(package: str) -> None:
    scope: dict[str, object] = {"json": "mine"}
    exec(f"from {package} import *", scope)
    assert scope["json"] == "mine"
    assert not {"np", "torch", "os", "nib", "sitk"} & set(scope)
