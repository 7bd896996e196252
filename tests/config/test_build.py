"""From entries to objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from eisen._core.errors import ArgumentError, ConfigError
from eisen.config import Entry, Experiment, build


def one(experiment: Experiment, section: str) -> Entry:
    return experiment.phases["Training"].entries(section)[0]


def test_datasets_and_readers_are_told_the_data_folder(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    experiment = read(good)
    dataset = build(one(experiment, "Datasets"), "Datasets", data_dir="scans", transform=len)
    assert (dataset.data_dir, dataset.json_file, dataset.transform) == ("scans", "cases.json", len)
    assert build(one(experiment, "Readers"), "Readers", data_dir="scans").data_dir == "scans"


def test_what_a_class_does_not_take_is_left_out(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    reader = build(Entry("toys.NoData", {"fields": ["image"]}), "Readers", data_dir="scans")
    assert reader.data_dir == "."


def test_what_the_file_says_is_not_overwritten() -> None:
    reader = build(Entry("toys.Load", {"fields": [], "data_dir": "elsewhere"}), "Readers", data_dir="scans")
    assert reader.data_dir == "elsewhere"


def test_the_phase_of_a_hook_is_not_the_phase_of_a_dataset() -> None:
    dataset = build(Entry("toys.Cases", {"json_file": "x"}), "Datasets", data_dir="scans", phase="Validation")
    assert dataset.phase == "training"


def test_hooks_get_theirs_by_position() -> None:
    hook = build(Entry("toys.Log", {"every": 5}), "Hooks", workflow_id=7, phase="Training", artifacts_dir="out")
    assert (hook.wid, hook.part, hook.folder, hook.every) == (7, "Training", "out", 5)


def test_the_artifact_folder_has_two_spellings() -> None:
    assert build(Entry("toys.Log"), "Hooks", workflow_id=7, phase="Training", artifact_dir="out").folder == "out"


@pytest.mark.parametrize("params", [{}, {"patience": 9}])
def test_hooks_that_take_the_workflow_only(params: dict[str, Any]) -> None:
    hook = build(Entry("toys.Patience", params), "Hooks", workflow_id=7, phase="Training", artifacts_dir="out")
    assert (hook.workflow_id, hook.patience) == (7, params.get("patience", 3))


def test_workflows_get_everything_around_them() -> None:
    parts = {"model": 1, "data_loader": 2, "losses": [3], "metrics": [4], "optimizer": 5, "device": "cpu"}
    workflow = build(Entry("toys.Run", {"gpu": False}), "Workflow", **parts)
    assert (workflow.model, workflow.data_loader, workflow.losses, workflow.optimizer) == (1, 2, [3], 5)
    assert workflow.gpu is False


def test_models_come_back_bare(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    (entry,) = read(good).models
    model = build(entry, "Models")
    assert isinstance(model, torch.nn.Module)
    assert (entry.input_names, entry.output_names) == (("image",), ("predictions",))
    assert entry.params == {"input_channels": 1}


def test_functions_that_make_a_network_are_models() -> None:
    assert isinstance(build(Entry("toys.resnet", {"width": 3}), "Models"), torch.nn.Linear)


def test_lists_become_tuples_and_text_keys_numbers_where_the_class_wants_them() -> None:
    params = {"fields": ["image"], "size": [1, 2, 3], "names": {"1": "left"}}
    crop = build(Entry("toys.Crop", params), "Transforms")
    assert (crop.fields, crop.size, crop.names) == (["image"], (1, 2, 3), {1: "left"})


def test_entries_made_in_python_may_hold_any_object() -> None:
    assert build(Entry("toys.Rename", {"fields": ["a"], "anything": len}), "Transforms").anything is len
    assert build(Entry("toys.Crop", {"fields": ["a"], "options": {"x": len}}), "Transforms").options == {"x": len}


def test_a_constructor_that_refuses_is_one_error_with_the_place() -> None:
    entry = Entry("toys.Loss", {"weight": -1.0}, "Training.Losses[0]", ("a", "b"), ("c",))
    with pytest.raises(ConfigError) as caught:
        build(entry, "Losses")
    (problem,) = caught.value.problems
    assert problem.where == caught.value.card.config == "Training.Losses[0]"
    assert problem.what == "Loss(weight=-1.0) failed: ValueError: weight is negative"
    assert isinstance(caught.value.__cause__, ValueError)


def test_our_own_errors_pass_with_the_place_noted() -> None:
    entry = Entry("eisen.transforms.CropCenteredSubVolumes", {"fields": "image", "size": 3}, "Training.Transforms[1]")
    with pytest.raises(ArgumentError) as caught:
        build(entry, "Transforms")
    assert caught.value.card.config == "Training.Transforms[1]"


def test_long_arguments_are_shortened() -> None:
    entry = Entry("toys.Loss", {"weight": -1.0, "dim": list(range(100))}, "x")
    with pytest.raises(ConfigError, match=r"dim=list\(\.\.\.\)"):
        build(entry, "Losses")


def test_an_unknown_role_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="is no role"):
        build(Entry("toys.Crop"), "Transform")


def test_an_unknown_class_has_the_place() -> None:
    with pytest.raises(ConfigError, match=r"Training.Transforms\[1\]: module 'toys' has no 'Corp'"):
        build(Entry("toys.Corp", {}, "Training.Transforms[1]"), "Transforms")


def test_a_scheduler_gets_its_optimizer() -> None:
    optimizer = torch.optim.SGD(torch.nn.Linear(1, 1).parameters(), lr=1.0)
    entry = Entry("torch.optim.lr_scheduler.StepLR", {"step_size": 2})
    assert build(entry, "Scheduler", optimizer=optimizer).optimizer is optimizer


def test_an_optimizer_gets_the_parameters_of_the_model(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    parameters = list(torch.nn.Linear(1, 1).parameters())
    optimizer = build(one(read(good), "Optimizer"), "Optimizer", params=parameters)
    assert optimizer.param_groups[0]["params"] == parameters
    assert optimizer.defaults["lr"] == 0.001
