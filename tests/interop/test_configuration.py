"""Wrappers in a configuration: what they wrap is an entry of its own, checked before anything is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from eisen._core.errors import ConfigError
from eisen.config import Entry, build
from eisen.config.discover import discover
from eisen.transforms import AddChannelDimension, Compose


def entry_of(inside: dict[str, Any], **params: Any) -> Entry:
    return Entry("eisen.utils.EisenDatasetWrapper", {"dataset": inside, **params}, "Training.Datasets[0]")


def test_the_data_set_inside_gets_the_folder_and_the_one_outside_the_transform(phantom_folder: Path) -> None:
    inside = {"type": "eisen.datasets.MSDDataset", "params": {"json_file": "dataset_train.json", "phase": "training"}}
    chain = Compose([lambda data: {**data, "seen": True}])
    dataset = build(entry_of(inside), "Datasets", data_dir=str(phantom_folder), transform=chain)
    assert dataset.dataset.transform is None
    assert dataset[0]["seen"]
    assert {"image", "label"} <= set(dataset[0])


def test_a_folder_that_the_file_names_is_kept() -> None:
    datasets = pytest.importorskip("torchvision.datasets")
    inside = {"type": "torchvision.datasets.FakeData", "params": {"size": 3}}
    dataset = build(entry_of(inside, field_names=["image", "label"]), "Datasets", data_dir="/data", transform=None)
    assert isinstance(dataset.dataset, datasets.FakeData)
    assert len(dataset) == 3


@pytest.mark.parametrize(
    ("inside", "what"),
    [
        ({"type": "eisen.datasets.MSDataset", "params": {}}, "MSDDataset"),
        ({"type": "torch.optim.Adam", "params": {}}, "is not a dataset"),
        ({"type": "os.system", "params": {}}, "standard library"),
    ],
)
def test_what_is_wrong_inside_has_its_place(inside: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigError, match=what) as caught:
        build(entry_of(inside), "Datasets", data_dir="/data")
    assert caught.value.card.config == "Training.Datasets[0].params.dataset"


def test_a_transform_inside_is_made() -> None:
    inside = {"type": "eisen.transforms.AddChannelDimension", "params": {"fields": ["x"]}}
    step = build(Entry("eisen.utils.EisenTransformWrapper", {"fields": ["a"], "transform": inside}, "T"), "Transforms")
    assert isinstance(step.transform_value, AddChannelDimension)


def test_the_steps_can_be_found() -> None:
    found = discover()
    steps = {f"eisen.utils.interop.{name}" for name in ("TorchIOStep", "MONAIStep", "BatchgeneratorsStep")}
    assert steps <= set(found["Transforms"])
    assert "eisen.utils.interop.ForeignStep" not in found["Transforms"]
