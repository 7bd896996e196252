"""Every network of eisen over several devices, as a user trains it; and that the devices work at the same time."""

from __future__ import annotations

import copy
import io
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

import eisen.models
from eisen.experiments.checkpoint import load_weights
from eisen.models import GAN, DCGANDiscriminator, DCGANGenerator, UNet
from eisen.utils import EisenModuleWrapper, ModelParallel, placement
from eisen.utils.partition import partition, units_of
from eisen.utils.placement import Meeting, send
from eisen.utils.workflows import EMA, Training

CPU, META = torch.device("cpu"), torch.device("meta")
GROUPS = {"groups": 2, "normalization": "groupnorm"}
SHALLOW = {"initial_out_channels_power": 2, "dilations": 2, "residual_blocks_per_dilation": 1}
SEGMENTATION = {
    "HighRes2DNet": ((16, 12), SHALLOW),
    "HighRes3DNet": ((8, 8, 6), SHALLOW),
    "HighResNet": ((8, 8, 6), SHALLOW | {"dimensions": 3}),
    "ResNet": ((16, 16), {"n_filters": 4, "groups": 2}),
    "ResidualEncoderUNet": ((8, 8, 12), {"n_filters": 4, "n_stages": 2, "deep_supervision": True}),
    "SwinUNETR": ((64, 32), {"n_filters": 12, "dimensions": 2, "window_size": 4}),
    "TorchvisionClassifier": ((64, 64), {"name": "squeezenet1_1"}),
    "UNet": ((32, 16), {"n_filters": 4, **GROUPS}),
    "UNet3D": ((32, 32, 32), {"n_filters": 2, **GROUPS}),
    "VGG3D": ((16, 16, 16), {"n_filters": 4, "n_hidden": 32, "groups": 2}),
    "VNet": ((16, 16, 32), {"n_filters": 2, **GROUPS}),
}
OTHERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "ObeliskMIDL": (lambda: eisen.models.ObeliskMIDL(num_labels=2, full_res=[4, 6, 4]), (1, 8, 8, 6)),
    "DCGANGenerator": (lambda: DCGANGenerator(1, 16, 2, 8, 4), (8,)),
    "DCGANDiscriminator": (lambda: DCGANDiscriminator(1, 16, 2, 4), (1, 16, 16)),
    "GAN": (lambda: GAN(DCGANGenerator(1, 16, 2, 8, 4), DCGANDiscriminator(1, 16, 2, 4)), (8,)),
}
NAMES = [pytest.param(name, marks=[pytest.mark.slow] if name == "SwinUNETR" else []) for name in SEGMENTATION]
needs_two_gpus = pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")


def network(name: str) -> tuple[nn.Module, torch.Tensor]:
    """Return a small network and a batch of three."""
    torch.manual_seed(0)
    if name in OTHERS:
        make, shape = OTHERS[name]
        return make().eval(), torch.randn(3, *shape)
    shape, params = SEGMENTATION[name]
    return getattr(eisen.models, name)(input_channels=1, output_channels=2, **params).eval(), torch.randn(3, 1, *shape)


def flat(result: Any) -> list[torch.Tensor]:
    return [result] if isinstance(result, torch.Tensor) else [one for part in result for one in flat(part)]


def test_all_networks_are_in_the_list() -> None:
    assert sorted([*SEGMENTATION, *OTHERS]) == sorted(eisen.models.__all__)


@pytest.mark.parametrize("name", [*NAMES, *OTHERS])
def test_every_network_gives_the_same_results_gradients_and_names(name: str) -> None:
    plain, batch = (part.double() for part in network(name))
    split = ModelParallel(copy.deepcopy(plain), split_size=2, device_ids=["cpu", "cpu"])
    assert list(split.state_dict()) == list(plain.state_dict())
    expected, found = flat(plain(batch)), flat(split(batch))
    weights = [torch.randn_like(one) for one in expected]
    for results in (expected, found):
        sum((one * weight).sum() for one, weight in zip(results, weights, strict=True)).backward()
    torch.testing.assert_close(found, expected)
    for (key, ours), theirs in zip(split.module.named_parameters(), plain.parameters(), strict=True):
        if theirs.grad is None:
            assert ours.grad is None, key
        else:
            torch.testing.assert_close(ours.grad, theirs.grad, msg=key)


@pytest.mark.parametrize("devices", [["cpu", "meta"], ["meta", "meta"]], ids=str)
@pytest.mark.parametrize("name", ["UNet", "UNet3D", "VNet", "ResidualEncoderUNet", "HighRes2DNet", "VGG3D", "GAN"])
def test_the_parts_lie_where_they_are_planned_and_values_get_there(name: str, devices: list[str]) -> None:
    plain, batch = network(name)
    shapes = [one.shape for one in flat(plain(batch))]
    split = ModelParallel(plain, 2, devices, output_device="meta")
    planned = sorted(split.placement, key=len)
    for key, tensor in split.state_dict().items():
        place = next(name for name in reversed(planned) if not name or f"{key}.".startswith(f"{name}."))
        assert tensor.device == split.placement[place], key
    assert {tensor.device.type for tensor in split.parameters()} == set(devices)
    assert [one.shape for one in flat(split(batch))] == shapes


@pytest.mark.parametrize(
    ("name", "most"), [("UNet", 1.1), ("ResidualEncoderUNet", 1.1), ("UNet3D", 1.2), ("VNet", 1.25)]
)
def test_two_devices_hold_about_as_much_each(name: str, most: float) -> None:
    filters = {"ResidualEncoderUNet": 8}.get(name, 16)
    with META:
        plain = getattr(eisen.models, name)(1, 2, n_filters=filters)
    half = sum(tensor.nbytes for tensor in plain.state_dict().values()) / 2
    held = [sum(unit.n_bytes for unit in group) for group in partition(units_of(plain, 2), 2)]
    assert sum(held) == 2 * half
    assert max(held) <= most * half


def training(model: nn.Module, **options: Any) -> Training:
    generator = torch.Generator().manual_seed(3)
    batches = [{"x": torch.randn(3, 1, 16, 16, generator=generator), "y": torch.ones(3, 1, 16, 16)} for _ in range(3)]
    loss = EisenModuleWrapper(nn.MSELoss(), ["p", "y"], ["mse"])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return Training(EisenModuleWrapper(model, ["x"], ["p"]), batches, [loss], optimizer, device="cpu", **options)


def small_unet() -> UNet:
    torch.manual_seed(0)
    return UNet(1, 1, n_filters=4, **GROUPS)


@pytest.mark.parametrize(
    "options",
    [{}, {"channels_last": True}, pytest.param({"compile": {"backend": "eager"}}, marks=pytest.mark.slow)],
    ids=str,
)
def test_a_training_with_averages_is_that_of_the_plain_network(options: dict[str, Any], tmp_path: Any) -> None:
    plain, split = small_unet(), ModelParallel(small_unet(), split_size=2, device_ids=["cpu", "cpu"])
    runs = [training(model, average=EMA(0.5), **options) for model in (plain, split)]
    for run in runs:
        run.run()
    torch.testing.assert_close(split.state_dict(), plain.state_dict(), rtol=1e-4, atol=1e-5)
    with runs[0].average.applied(), runs[1].average.applied():
        torch.testing.assert_close(split.state_dict(), plain.state_dict(), rtol=1e-4, atol=1e-5)
    if "channels_last" in options:
        kernels = [weight for weight in split.parameters() if weight.ndim == 4 and weight.shape[1] > 1]
        assert all(weight.is_contiguous(memory_format=torch.channels_last) for weight in kernels)
    torch.save(split.state_dict(), tmp_path / "weights.pt")
    other = UNet(1, 1, n_filters=4, **GROUPS)
    other.load_state_dict(load_weights(tmp_path / "weights.pt"))
    batch = torch.randn(1, 1, 16, 16)
    torch.testing.assert_close(other(batch), plain(batch), rtol=1e-4, atol=1e-5)


def test_an_optimizer_made_before_goes_on_changing_the_weights() -> None:
    plain = small_unet()
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.1)
    split = ModelParallel(plain, 2, ["cpu", "cpu"])
    before = [weight.clone() for weight in split.parameters()]
    split(torch.randn(3, 1, 16, 16)).square().mean().backward()
    optimizer.step()
    assert all(not torch.equal(old, new) for old, new in zip(before, split.parameters(), strict=True))


def test_whole_networks_can_be_saved_and_copied() -> None:
    split, batch = ModelParallel(small_unet(), 2, ["cpu", "cpu"]), torch.randn(3, 1, 16, 16)
    file = io.BytesIO()
    torch.save(split, file)
    file.seek(0)
    for other in (torch.load(file, weights_only=False), copy.deepcopy(split)):
        assert torch.equal(other(batch), split(batch))
        next(other.parameters()).data.zero_()
        assert not torch.equal(other(batch), split(batch)), "they share weights"


def test_one_line_without_a_gpu_and_inputs_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    plain = small_unet()
    split = ModelParallel(copy.deepcopy(plain), split_size=2)
    batch = torch.randn(5, 1, 16, 16)
    torch.testing.assert_close(split(batch), plain(batch))
    assert split.device_ids == [CPU]
    assert torch.equal(ModelParallel(ByName(), 2, ["cpu"])([batch], scale=2.0), 2 * batch)


class ByName(nn.Module):
    def forward(self, images: list[torch.Tensor], scale: float) -> torch.Tensor:
        assert len(images[0]) <= 2
        return images[0] * scale


class Listed(nn.Module):
    """Two lists of parts: the lists themselves are never called."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.ModuleList([nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)])
        self.second = nn.ModuleList([nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4)])
        self.factor = nn.Parameter(torch.tensor(2.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for part in (*self.first, *self.second):
            x = part(x)
        return x * self.factor


def test_parts_of_lists_fetch_their_inputs_and_keep_their_statistics() -> None:
    split = ModelParallel(Listed(), 2, ["cpu", "meta"], output_device="meta")
    first, second = split.module.first, split.module.second
    assert [part.weight.device for part in (*first, *second)] == [CPU, CPU, META, META]
    seen: list[torch.device] = []
    second[0].register_forward_hook(lambda module, args, result: seen.append(args[0].device))
    assert split(torch.randn(3, 1, 8, 8)).shape == (3, 4, 4, 4)
    assert seen == [META, META]
    assert first[1].num_batches_tracked == 2
    assert first[1].running_mean.abs().sum() > 0


def test_channels_last_is_taken_over_and_devices_are_not() -> None:
    split = ModelParallel(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)), 1, ["cpu", "meta"])
    split.to("meta", torch.float64, memory_format=torch.channels_last)
    assert [weight.device.type for weight in split.parameters()] == ["cpu", "cpu", "meta", "meta"]
    assert split.module[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert split.module[0].weight.dtype == torch.float64


@pytest.mark.parametrize(
    ("operation", "place"),
    [
        (lambda cpu, meta: torch.cat([cpu, meta]), "meta"),
        (lambda cpu, meta: torch.stack([meta, cpu]), "meta"),
        (lambda cpu, meta: cpu + meta, "meta"),
        (lambda cpu, meta: meta.add_(cpu), "meta"),
        (lambda cpu, meta: torch.where(cpu > 0, cpu, other=meta), "meta"),
        (lambda cpu, meta: meta * cpu.sum(), "meta"),
        (lambda cpu, meta: nn.functional.linear(cpu[None], weight=meta[None]), "meta"),
    ],
)
def test_operations_of_two_devices_go_on_where_the_network_goes_on(operation: Any, place: str) -> None:
    with Meeting([CPU, META]):
        assert operation(torch.ones(3), torch.ones(3, device="meta")).device.type == place


def test_what_changes_in_place_stays_where_it_is() -> None:
    here, there = torch.zeros(3, device="meta"), torch.ones(3)
    with Meeting([META, CPU]):
        same = here
        same += there
        here[:2] = there[:2]
        torch.add(there, there, out=here)
    assert same is here
    assert here.device == META


def test_a_copy_to_the_cpu_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bool]] = []
    monkeypatch.setattr(torch.Tensor, "to", lambda self, place, non_blocking: asked.append((str(place), non_blocking)))
    send(torch.zeros(1, device="meta"), CPU)
    send(torch.zeros(1), META)
    assert asked == [("cpu", False), ("meta", True)]


def test_results_are_sent_when_all_chunks_are_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    split = ModelParallel(nn.Linear(2, 2), 2, ["cpu", "cpu"])
    split.module.register_forward_hook(lambda *_: order.append("computed"))
    monkeypatch.setattr("eisen.utils.parallel.send", lambda value, device: order.append(str(device)) or value)
    split(torch.zeros(5, 2))
    assert order == ["computed"] * 3 + ["cpu"] * 3


class OnGPU:
    """What is asked of a tensor of a GPU when it is sent, written down."""

    is_leaf, requires_grad, device = False, True, torch.device("cuda:0")

    def __init__(self, order: list[str]) -> None:
        self.order = order

    def record_stream(self, stream: Any) -> None:
        self.order.append("memory is kept for the copy")

    def to(self, device: torch.device, non_blocking: bool) -> str:
        self.order.append(f"copied to {device}, non_blocking={non_blocking}")
        return "copy"


def test_copies_between_gpus_have_a_stream_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    stream = SimpleNamespace(wait_stream=lambda main: order.append(f"waits for {main}"))

    @contextmanager
    def inside(entered: Any) -> Iterator[None]:
        assert entered is stream
        order.append("in")
        yield
        order.append("out")

    monkeypatch.setattr(placement, "_stream_for_copies", lambda device: stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: f"the main stream of {device}")
    monkeypatch.setattr(torch.cuda, "stream", inside)
    assert placement._sent(OnGPU(order), torch.device("cuda:1")) == "copy"  # type: ignore[arg-type]
    copied = "copied to cuda:1, non_blocking=True"
    assert order == ["waits for the main stream of cuda:0", "memory is kept for the copy", "in", copied, "out"]
    order.clear()
    placement._sent(OnGPU(order), CPU)  # type: ignore[arg-type]
    assert order == ["copied to cpu, non_blocking=False"]


def test_accelerate_is_loaded_when_it_is_needed_only() -> None:
    code = "import sys, eisen.utils; eisen.utils.ModelParallel; assert 'accelerate' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


class Chain(nn.Sequential):
    """Layers that keep a GPU busy."""

    def __init__(self, n: int = 16, width: int = 2048) -> None:
        super().__init__(*[nn.Linear(width, width) for _ in range(n)])


class Skips(nn.Module):
    """The layers of a chain with skip connections from the first half to the second."""

    def __init__(self, n: int = 16, width: int = 2048) -> None:
        super().__init__()
        self.down = nn.ModuleList([nn.Linear(width, width) for _ in range(n // 2)])
        self.up = nn.ModuleList([nn.Linear(width, width) for _ in range(n // 2)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept = [x := layer(x) for layer in self.down]
        for layer in self.up:
            x = layer(x) + kept.pop()
        return x


@pytest.mark.gpu
@needs_two_gpus
@pytest.mark.parametrize("kind", [Chain, Skips])
@torch.no_grad()
def test_two_gpus_work_at_the_same_time(kind: type[nn.Module]) -> None:
    split, batch = ModelParallel(kind(), 8192, [0, 1]), torch.randn(8 * 8192, 2048, device=0)

    def seconds(work: Callable[[], object]) -> float:
        finished()
        start = time.perf_counter()
        work()
        finished()
        return time.perf_counter() - start

    def one_after_the_other() -> None:
        for chunk in batch.split(8192):
            split(chunk)
            finished()

    both = [(seconds(lambda: split(batch)), seconds(one_after_the_other)) for _ in range(6)][1:]
    together, apart = (min(column) for column in zip(*both, strict=True))
    assert together < 0.75 * apart  # nine steps of sixteen without any loss


def finished() -> None:
    for number in range(torch.cuda.device_count()):
        torch.cuda.synchronize(number)


@pytest.mark.gpu
@needs_two_gpus
@pytest.mark.parametrize("name", ["UNet", "UNet3D", "ResidualEncoderUNet"])
def test_two_gpus_compute_what_one_computes(name: str) -> None:
    plain, batch = network(name)
    plain, batch = plain.double().to(0), batch.double().to(0)
    split = ModelParallel(copy.deepcopy(plain), 1, [0, 1])
    for model in (plain, split):
        sum(one.square().mean() for one in flat(model(batch))).backward()
    for ours, theirs in zip(split.parameters(), plain.parameters(), strict=True):
        if theirs.grad is not None:
            torch.testing.assert_close(ours.grad.to(0), theirs.grad)
