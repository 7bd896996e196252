"""Networks as files: ONNX, exported programs, safetensors - right, complete, or not there at all."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from eisen._core.errors import ArgumentError, ArtifactError, MissingExtraError
from eisen.models import VNet
from eisen.utils import EisenModuleWrapper
from eisen.utils.artifacts import (
    SaveExportedProgram,
    SaveExportedProgramHook,
    SaveONNXModel,
    SaveONNXModelHook,
    SaveSafetensors,
    SaveSafetensorsHook,
    SaveTorchModelHook,
)
from eisen.utils.workflows import Training, Validation

Make = Callable[..., Training]


class Net(torch.nn.Module):
    """Batch norm and dropout: what differs between training and evaluation."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(3, 4, 3, padding=1),
            torch.nn.BatchNorm2d(4),
            torch.nn.Dropout(0.5),
            torch.nn.Conv2d(4, 2, 1),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.layers(images))


class TwoOutputs(Net):
    def forward(self, images: torch.Tensor) -> Any:
        logits = self.layers(images)
        return torch.sigmoid(logits), logits.mean((2, 3))


class Fickle(Net):
    """Gives other values in every call, as a network that was not made for evaluation may."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layers(images) + torch.rand_like(images[:, :2])


def session_of(path: Path) -> Any:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def test_onnx_is_one_checked_file_with_a_dynamic_batch(tmp_path: Path, caplog: Any) -> None:
    net = Net().train()
    with caplog.at_level(logging.INFO):
        report = SaveONNXModel(tmp_path, [1, 3, 8, 6])(EisenModuleWrapper(net, ["image"], ["p"]))
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
    assert net.training
    session = session_of(report.path)
    assert [(i.name, i.shape) for i in session.get_inputs()] == [("input", ["batch_size", 3, 8, 6])]
    assert [(o.name, o.shape[0]) for o in session.get_outputs()] == [("output", "batch_size")]
    images = torch.randn(5, 3, 8, 6)
    with torch.no_grad():
        np.testing.assert_allclose(session.run(None, {"input": images.numpy()})[0], net.eval()(images), atol=1e-5)
    facts = {entry.key: entry.value for entry in onnx.load(report.path).metadata_props}
    assert float(facts["eisen.max_difference"]) == pytest.approx(report.difference, rel=0.01)
    assert "differs from PyTorch by at most" in caplog.text
    assert report.shapes == ((1, 3, 8, 6), (3, 3, 8, 6))


@pytest.mark.parametrize("saver", [SaveONNXModel, SaveExportedProgram])
def test_spatial_axes_may_change_on_request(tmp_path: Path, saver: Any) -> None:
    report = saver(tmp_path, [1, 1, 32, 48, 32], dynamic_spatial=True)(VNet(1, 2, n_filters=1))
    assert report.shapes[-1] == (1, 1, 64, 96, 64)
    if saver is SaveONNXModel:
        assert session_of(report.path).get_inputs()[0].shape[0] == "batch_size"


@pytest.mark.parametrize("saver", [SaveONNXModel, SaveExportedProgram])
def test_several_outputs_are_checked_one_by_one(tmp_path: Path, saver: Any) -> None:
    report = saver(tmp_path, [2, 3, 8, 8])(TwoOutputs())
    assert report.difference < 1e-5
    if saver is SaveONNXModel:
        assert [output.name for output in session_of(report.path).get_outputs()] == ["output", "output_1"]


def test_an_exported_program_runs_without_the_class(tmp_path: Path) -> None:
    net = Net()
    report = SaveExportedProgram(tmp_path, [1, 3, 8, 6])(net, "net.pt2")
    images = torch.randn(4, 3, 8, 6)
    with torch.no_grad():
        torch.testing.assert_close(torch.export.load(report.path).module()(images), net.eval()(images))


@pytest.mark.parametrize("saver", [SaveONNXModel, SaveExportedProgram])
def test_a_file_that_computes_something_else_is_not_written(tmp_path: Path, saver: Any) -> None:
    with pytest.raises(ArtifactError, match="differ by up to") as caught:
        saver(tmp_path, [1, 3, 8, 8])(Fickle())
    assert "was not written" in str(caught.value)
    assert not list(tmp_path.iterdir())
    assert saver(tmp_path, [1, 3, 8, 8], verify=False)(Fickle()).difference is None


def test_a_size_that_the_exported_network_cannot_take_is_named(tmp_path: Path) -> None:
    class OnlyEight(Net):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return super().forward(images) if images.shape[2] == 8 else super().forward(images)[:, :1]

    with pytest.raises(ArtifactError, match=r"it fails for an input of 1x3x16x16|was not written|cannot be exported"):
        SaveExportedProgram(tmp_path, [1, 3, 8, 8], dynamic_spatial=True)(OnlyEight())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("saver", [SaveONNXModel, SaveExportedProgram])
def test_an_older_file_stays_when_the_export_fails(tmp_path: Path, saver: Any) -> None:
    good = saver(tmp_path, [1, 3, 8, 8])(Net(), "net")
    before = good.path.read_bytes()
    with pytest.raises(ArtifactError, match=r"Net cannot be exported .*"):
        saver(tmp_path, [1, 5, 8, 8])(Net(), "net")
    assert good.path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("saver", [SaveONNXModel, SaveExportedProgram])
@pytest.mark.parametrize("size", ["1,1,8,8", [1], [1, 0, 8], [1, 2.5]])
def test_a_size_that_is_none_is_refused(tmp_path: Path, saver: Any, size: Any) -> None:
    with pytest.raises(ArgumentError, match=f"{saver.__name__}: input_size is"):
        saver(tmp_path, size)


def test_without_the_extra_the_constructor_says_what_to_install(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxscript", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'eisen\[onnx\]'"):
        SaveONNXModel(tmp_path, [1, 1, 8, 8])


def test_safetensors_hold_every_weight_also_shared_ones(tmp_path: Path) -> None:
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    net[1].weight = net[0].weight
    SaveSafetensors(tmp_path, {"task": "hippocampus"})(net)
    other = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    other.load_state_dict(load_file(tmp_path / "model.safetensors"))
    torch.testing.assert_close(other.state_dict(), net.state_dict())
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        assert file.metadata()["task"] == "hippocampus"
    with pytest.raises(ArgumentError, match="metadata"):
        SaveSafetensors(tmp_path, {"epoch": 3})  # type: ignore[dict-item]


HOOKS = [
    (SaveTorchModelHook, {}, "models/model.pt"),
    (SaveSafetensorsHook, {}, "models/model.safetensors"),
    (SaveONNXModelHook, {"input_size": [1, 1]}, "onnx_models/model.onnx"),
    (SaveExportedProgramHook, {"input_size": [1, 1]}, "programs/model.pt2"),
]


@pytest.mark.parametrize(("hook", "params", "name"), HOOKS)
def test_every_save_hook_keeps_the_best_by_loss_or_metric_and_a_history(
    make_training: Make, tmp_path: Path, hook: Any, params: Any, name: str
) -> None:
    training = make_training()
    by_metric = tmp_path / "by_metric"
    by_metric.mkdir()
    hook(training.id, "Training", tmp_path, **params, save_history=True)
    hook(training.id, "Training", by_metric, **params, select_best_loss=False)
    training.epoch_aggregator.best_avg_metric = float("inf")  # no metric is better
    training.run()
    target = tmp_path / name
    assert target.exists()
    assert len(list(target.parent.glob(f"model_????????-??????*{target.suffix}"))) == 1
    assert not list((by_metric / name).parent.iterdir())


@pytest.mark.parametrize(("hook", "params", "name"), HOOKS)
def test_no_hook_listens_when_the_folder_is_missing(
    make_training: Make, tmp_path: Path, hook: Any, params: Any, name: str
) -> None:
    training = make_training()
    with pytest.raises(ValueError, match="does not exist"):
        hook(training.id, "Training", tmp_path / "absent", **params)
    training.run()
    assert not list(tmp_path.iterdir())


def test_a_hook_that_can_never_save_says_so_once(model: Any, batches: Any, tmp_path: Path, caplog: Any) -> None:
    validation = Validation(model, batches, [], device="cpu")
    SaveTorchModelHook(validation.id, "Validation", tmp_path)
    validation.run()
    validation.run()
    assert caplog.text.count("SaveTorchModelHook saves nothing: Validation has no losses") == 1
