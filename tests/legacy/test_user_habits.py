"""What users of the original do with its objects beyond calling them, and what they are told where it has changed."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch

from eisen._core.errors import ArgumentError
from eisen.datasets import ABCsDataset, MSDDataset
from eisen.experiments.provenance import data_digest
from eisen.models import UNet, VNet
from eisen.utils import EisenDatasetWrapper, EisenModuleWrapper
from eisen.utils.workflows import GenericWorkflow


def test_a_dataset_can_be_cut_short_by_its_list(old_world: Path) -> None:
    heart = MSDDataset(old_world / "decathlon", "dataset.json", "training")
    heart.json_dataset = heart.json_dataset[:2]
    brain: Any = ABCsDataset(old_world / "abcs", training=True)
    brain.dataset = brain.dataset[1:]
    assert (len(heart), len(brain), brain[0]["ct"]) == (2, 1, "002/002_ct.mha")


def test_a_dataset_can_be_derived_from_with_other_arguments(old_world: Path) -> None:
    class Heart(MSDDataset):
        def __init__(self, data_dir: Any, fold: int, transform: Any = None) -> None:
            super().__init__(data_dir, "dataset.json", "training", transform)
            self.fold = fold

        def __getitem__(self, index: Any) -> Any:
            return {**super().__getitem__(index), "fold": self.fold}

    assert Heart(old_world / "decathlon", 3)[0]["fold"] == 3


@pytest.mark.parametrize("wrap", [EisenModuleWrapper, EisenDatasetWrapper])
def test_a_class_instead_of_an_object_is_refused(wrap: Any) -> None:
    with pytest.raises(ArgumentError, match=r"UNet is a class(.|\n)*make one: UNet\(\.\.\.\)"):
        wrap(UNet, ["image"]) if wrap is EisenDatasetWrapper else wrap(UNet, ["image"], ["logits"])


@pytest.mark.parametrize("last", [("sigmoid",), ("sigmoid", "groupnorm"), ("none", "groupnorm")])
def test_the_old_order_of_vnet_is_told_apart(last: tuple[str, ...]) -> None:
    with pytest.raises(ArgumentError, match="changed places"):
        VNet(1, 1, 16, 3, *last)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize("path", ["eisen.EISEN_TRAINING_SENDER", "eisen.models.GroupNorm3D"])
def test_the_reason_why_a_name_is_gone_is_seen_when_it_is_imported(path: str) -> None:
    package, _, name = path.rpartition(".")
    with (
        pytest.warns(DeprecationWarning, match=f"{path} is gone: use|{path} is gone: events"),
        pytest.raises(ImportError),
    ):
        exec(f"from {package} import {name}")


def test_a_workflow_says_whether_it_has_a_gpu() -> None:
    workflow = GenericWorkflow(EisenModuleWrapper(torch.nn.Linear(1, 1), ["x"], ["y"]))
    assert workflow.gpu is torch.cuda.is_available()


def test_cases_that_are_no_dicts_have_a_digest() -> None:
    assert data_digest(range(3), ".") == data_digest([0, 1, 2], ".") != data_digest(range(4), ".")


def test_the_module_of_the_first_model_parallel_wrapper_is_not_listed() -> None:
    assert "EisenAutoModelParallelModuleWrapper" not in importlib.import_module("eisen.utils").__all__
