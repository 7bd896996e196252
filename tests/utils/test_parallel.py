"""Networks over several devices compute what they compute on one."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import nn

from eisen._core.errors import ArgumentError, ShapeError
from eisen.models import UNet3D
from eisen.utils import (
    EisenModuleWrapper,
    InputArgumentPlacementChanger,
    ModelParallel,
    PipelineExecutionStreamer,
)
from eisen.utils.partition import Unit, partition

CPU = torch.device("cpu")
DEVICES = [["cpu"], ["cpu"] * 2, ["cpu"] * 3, pytest.param(["cuda:0", "cpu"], marks=pytest.mark.gpu)]


def unet() -> UNet3D:
    torch.manual_seed(0)
    return UNet3D(1, 2, n_filters=2, normalization="none")


class Tied(nn.Module):
    """Its own weight, a weight that two parts share, two inputs, a named result."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor([2.0]))
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)
        self.second.weight = self.first.weight

    def forward(self, x: torch.Tensor, scale: float, other: torch.Tensor) -> dict[str, torch.Tensor]:
        hidden = torch.relu(self.first(x)) + other
        return {"y": self.second(hidden) * self.factor * scale, "n": hidden.sum(1)}


def compared(plain: nn.Module, devices: Sequence[Any], *inputs: Any) -> tuple[nn.Module, list[Any]]:
    """Return a split copy of a network, after both have computed forwards and backwards, and the two results."""
    split = ModelParallel(copy.deepcopy(plain), split_size=2, device_ids=devices, output_device=devices[0])
    results = [plain(*inputs), split(*(x.to(devices[0]) if isinstance(x, torch.Tensor) else x for x in inputs))]
    for result in results:
        values = result.values() if isinstance(result, dict) else [result]
        sum(value.square().mean() for value in values).backward()
    return split, results


@pytest.mark.parametrize("devices", DEVICES, ids=str)
def test_a_unet_with_skip_connections_gives_the_same_outputs_and_gradients(devices: list[str]) -> None:
    if "cuda:0" in devices and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    plain = unet()
    split, (expected, found) = compared(plain, devices, torch.randn(3, 1, 32, 32, 32))
    torch.testing.assert_close(found.to(CPU), expected, rtol=1e-4, atol=1e-5)
    for ours, theirs in zip(split.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad.to(CPU), theirs.grad, rtol=1e-3, atol=1e-5)


def test_own_weights_shared_weights_several_inputs_and_named_results_work() -> None:
    plain = Tied()
    split, (expected, found) = compared(plain, ["cpu", "cpu"], torch.randn(5, 3), 0.5, torch.randn(5, 3))
    assert all(torch.allclose(found[name], expected[name]) for name in expected)
    assert torch.allclose(split.module.first.weight.grad, plain.first.weight.grad)


def test_checkpoints_have_the_names_of_the_network_before_and_after_the_first_batch() -> None:
    plain = unet()
    split = ModelParallel(copy.deepcopy(plain), 1, ["cpu", "cpu"])
    names = list(plain.state_dict())
    assert list(split.state_dict()) == names
    split(torch.zeros(1, 1, 32, 32, 32))
    assert list(split.state_dict()) == names
    assert len(list(split.parameters())) == len(list(plain.parameters()))


def test_weights_go_from_one_to_the_other_also_inside_a_wrapper() -> None:
    plain, other = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)), nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    split = EisenModuleWrapper(ModelParallel(other, 1, ["cpu", "cpu"]), ["x"], ["y"])
    split.load_state_dict(EisenModuleWrapper(plain, ["x"], ["y"]).state_dict())
    split.module.load_state_dict(plain.state_dict())
    x = torch.randn(4, 2)
    assert torch.equal(split(x=x)["y"], plain(x))
    with pytest.raises(RuntimeError, match="Missing key"):
        split.module.load_state_dict({})


def test_devices_meet_at_a_skip_connection() -> None:
    split = ModelParallel(unet(), 1, ["cpu", "meta"], output_device="meta")
    devices = {parameter.device.type for parameter in split.parameters()}
    assert devices == {"cpu", "meta"}
    assert split(torch.zeros(2, 1, 32, 32, 32)).shape == (2, 2, 32, 32, 32)


def test_moving_a_split_network_changes_types_and_not_places() -> None:
    split = ModelParallel(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), 1, ["cpu", "meta"])
    split.to("cpu", torch.float64)
    assert [(p.device.type, p.dtype) for p in split.parameters()] == [("cpu", torch.float64)] * 2 + [
        ("meta", torch.float64)
    ] * 2


def test_without_gpus_it_computes_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    split = ModelParallel(nn.Linear(2, 1), split_size=2)
    assert split.device_ids == [CPU]
    assert split.output_device == CPU
    assert split(torch.zeros(3, 2)).shape == (3, 1)


@pytest.mark.parametrize("sizes", [[3, 1, 1, 5], [1] * 7, [9], [0, 0, 4, 0], []])
@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_parts_are_spread_in_order_and_the_largest_group_is_as_small_as_it_can_be(sizes: list[int], n: int) -> None:
    groups = partition([Unit(str(k), nn.Identity(), size) for k, size in enumerate(sizes)], n)
    assert len(groups) == n
    assert [unit.n_bytes for group in groups for unit in group] == sizes
    largest = max((sum(unit.n_bytes for unit in group) for group in groups), default=0)
    assert largest == best_split(sizes, n)


def best_split(sizes: list[int], n: int) -> int:
    """Return the smallest possible largest sum by trying everything."""
    if n == 1 or not sizes:
        return sum(sizes)
    return min(max(sum(sizes[:cut]), best_split(sizes[cut:], n - 1)) for cut in range(len(sizes) + 1))


def test_big_parts_are_cut_into_their_own() -> None:
    blocks = nn.Sequential(*[nn.Linear(8, 8) for _ in range(6)])
    split = ModelParallel(nn.ModuleDict({"blocks": blocks}), 1, ["cpu", "cpu", "cpu"])
    assert [*split.placement] == [f"blocks.{n}" for n in range(6)]


@pytest.mark.parametrize("n_stages", [1, 2, 3])
@pytest.mark.parametrize("split_size", [1, 2, 9])
def test_a_pipeline_computes_what_its_stages_compute_one_after_the_other(n_stages: int, split_size: int) -> None:
    stages = [nn.Linear(4, 4), torch.relu, nn.Linear(4, 4)][:n_stages]
    pipeline = PipelineExecutionStreamer(stages, split_size)
    x = torch.randn(5, 4)
    expected = x
    for stage in stages:
        expected = stage(expected)
    assert torch.allclose(pipeline(x), expected)
    assert len(pipeline.state_dict()) == sum(2 for stage in stages if isinstance(stage, nn.Module))


def test_inputs_are_moved_to_a_device_and_the_rest_is_left() -> None:
    changer = InputArgumentPlacementChanger("meta")
    moved, text, both = changer(nn.Identity(), (torch.zeros(2), "a", [torch.zeros(1), {"x": torch.zeros(1)}]))
    assert (moved.device.type, text) == ("meta", "a")
    assert both[0].device.type == both[1]["x"].device.type == "meta"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ModelParallel(nn.Identity(), 0, ["cpu"]), "split_size is 0"),
        (lambda: ModelParallel(nn.Identity(), 1, ["gpu"]), "'gpu' cannot be used"),
        (lambda: ModelParallel(nn.Identity(), 1, []), r"device_ids is \[\]"),
        (lambda: ModelParallel(nn.Identity(), 1, ["cpu"], output_device="cuda:99"), "'cuda:99' cannot be used"),
        (lambda: PipelineExecutionStreamer([], 1), r"operations_sequence is \[\]"),
        (lambda: PipelineExecutionStreamer([3], 1), "operations_sequence"),  # type: ignore[list-item]
        (lambda: InputArgumentPlacementChanger("nowhere"), "'nowhere' cannot be used"),
    ],
)
def test_wrong_arguments_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()


def test_an_empty_batch_cannot_go_through_a_pipeline() -> None:
    with pytest.raises(ShapeError, match="empty"):
        PipelineExecutionStreamer([nn.Identity()], 1)(torch.zeros(0, 2))
