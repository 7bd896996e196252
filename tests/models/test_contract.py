"""What every network has in common: one entry in EXAMPLES tests a new one."""

from __future__ import annotations

import copy
import inspect
import io
import pickle
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import eisen.models
from eisen._core.errors import ArgumentError, ShapeError
from eisen.config import describe


@dataclass
class Example:
    """A small network, images that fit, and what happens with images of odd sides."""

    shape: tuple[int, ...]
    params: dict[str, Any] = field(default_factory=dict)
    odd: tuple[int, ...] = ()
    takes_odd: bool = False
    in_one_piece: bool = True
    """Whether torch.compile makes one graph of it."""

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(self.params.get("full_res", shape))


PAIRS = {"groups": 2, "normalization": "groupnorm"}
SHALLOW = {"initial_out_channels_power": 2, "dilations": 2, "residual_blocks_per_dilation": 1}

EXAMPLES = {
    "HighRes2DNet": Example((16, 12), SHALLOW, (7, 5), takes_odd=True),
    "HighRes3DNet": Example((8, 8, 6), SHALLOW, (7, 5, 3), takes_odd=True),
    "HighResNet": Example((8, 8, 6), {**SHALLOW, "dimensions": 3}, (7, 1, 3), takes_odd=True),
    "ObeliskMIDL": Example((8, 8, 6), {"full_res": [4, 6, 4]}, (9, 7, 5), takes_odd=True),
    "ResNet": Example((16, 16), {"n_filters": 4, "groups": 2}, (17, 29), takes_odd=True),
    "ResidualEncoderUNet": Example((8, 8, 12), {"n_filters": 4, "n_stages": 2, "deep_supervision": True}, (8, 7, 8)),
    "SwinUNETR": Example((64, 32), {"n_filters": 12, "dimensions": 2, "window_size": 4}, (64, 33), in_one_piece=False),
    "TorchvisionClassifier": Example((64, 64), {"name": "squeezenet1_1"}, (67, 81), takes_odd=True),
    "UNet": Example((32, 16), {"n_filters": 4, **PAIRS}, (33, 47), takes_odd=True),
    "UNet3D": Example((32, 32, 64), {"n_filters": 2, **PAIRS}, (32, 33, 32)),
    "VGG3D": Example((16, 16, 16), {"n_filters": 4, "n_hidden": 32, "groups": 2}, (17, 19, 23), takes_odd=True),
    "VNet": Example((16, 16, 32), {"n_filters": 2, **PAIRS}, (16, 16, 17)),
}
GENERATIVE = {
    "DCGANDiscriminator",
    "DCGANGenerator",
    "GAN",
}  # other inputs and outputs: tests/models/test_generative.py
CLASSIFIERS = {"ResNet", "TorchvisionClassifier", "VGG3D"}
SLOW = {"SwinUNETR"}  # importing MONAI alone takes half a minute on a busy machine
SAME = {"HighRes3DNet", "HighResNet"}  # the code of HighRes2DNet: what takes seconds is tested on that


def networks_but(slow: set[str]) -> pytest.MarkDecorator:
    names = [pytest.param(name, marks=pytest.mark.slow) if name in slow else name for name in EXAMPLES]
    return pytest.mark.parametrize("name", names)


all_networks = networks_but(SLOW)
all_kinds_of_networks = networks_but(SLOW | SAME)
networks_to_export = networks_but(SLOW | SAME | {"ResidualEncoderUNet", "UNet3D"})  # tracing them takes longest


def made(name: str, n_channels: int = 1, n_classes: int = 2, **params: Any) -> nn.Module:
    torch.manual_seed(0)
    kind, settings = getattr(eisen.models, name), {**EXAMPLES[name].params, **params}
    if name == "ObeliskMIDL":
        return kind(num_labels=n_classes, **settings).eval()
    return kind(input_channels=n_channels, output_channels=n_classes, **settings).eval()


def images(name: str, n: int = 2, shape: tuple[int, ...] = ()) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(n, 1, *(shape or EXAMPLES[name].shape), generator=generator)


def parameters_of(name: str) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(getattr(eisen.models, name)).parameters)


def test_every_network_has_an_example_and_every_example_a_network() -> None:
    assert sorted([*EXAMPLES, *GENERATIVE]) == sorted(eisen.models.__all__)


@all_networks
@torch.no_grad()
def test_every_voxel_or_image_gets_a_value_per_class(name: str) -> None:
    example = EXAMPLES[name]
    batch = images(name)
    before = batch.clone()
    probabilities = made(name, n_classes=3, outputs_activation="softmax")(batch)
    wanted = (2, 3) if name in CLASSIFIERS else (2, 3, *example.output_shape(example.shape))
    assert probabilities.shape == wanted
    torch.testing.assert_close(probabilities.sum(1), torch.ones_like(probabilities[:, 0]))
    assert torch.equal(batch, before), "the images were changed"
    logits = made(name, n_classes=3, outputs_activation="none")(batch)
    torch.testing.assert_close(logits.softmax(1), probabilities)
    torch.testing.assert_close(logits.sigmoid(), made(name, n_classes=3, outputs_activation="sigmoid")(batch))


@all_networks
def test_gradients_reach_every_parameter(name: str) -> None:
    net = made(name, outputs_activation="none").train()
    with torch.no_grad():  # where training starts with zeros, as in residual units, gradients begin one step later
        for parameter in net.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    result = net(images(name, shape=tuple(2 * side for side in EXAMPLES[name].shape)))
    results = result[1] if isinstance(result, tuple) else [result]
    sum((one * torch.randn_like(one)).sum() for one in results).backward()
    for key, parameter in net.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.abs().sum() > 0, key


@all_networks
@torch.no_grad()
def test_odd_sides_do_what_the_documentation_says(name: str) -> None:
    example, net = EXAMPLES[name], made(name)
    if example.takes_odd:
        shape = net(images(name, 1, example.odd)).shape[2:]
        assert shape == () or shape == example.output_shape(example.odd)
        return
    with pytest.raises(ShapeError, match=r"voxels|pixels") as caught:
        net(images(name, 1, example.odd))
    assert "multiples of" in caught.value.card.expected
    assert "PadToMultiple" in caught.value.card.to_do


@all_networks
@torch.no_grad()
def test_images_with_other_channels_or_axes_are_refused(name: str) -> None:
    net, batch = made(name), images(name)
    with pytest.raises(ShapeError, match="shape"):
        net(torch.cat([batch, batch], dim=1))
    with pytest.raises(ShapeError) as caught:
        net(batch[:, 0])
    assert "AddChannelDimension" in caught.value.card.to_do


@all_networks
@torch.no_grad()
def test_a_case_does_not_depend_on_the_others_of_its_batch(name: str) -> None:
    net, batch = made(name), images(name, 3)
    together = net(batch)
    torch.testing.assert_close(together, torch.cat([net(batch[:1]), net(batch[1:])]), rtol=1e-4, atol=1e-5)


@all_networks
def test_half_precision_is_finite_and_close(name: str) -> None:
    net, batch = made(name), images(name)
    with torch.no_grad():
        exact = net(batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = net(batch)
    half.float().sum().backward()
    assert torch.isfinite(half).all()
    assert all(torch.isfinite(parameter.grad).all() for parameter in net.parameters() if parameter.grad is not None)
    spread = (exact - exact.mean()).abs().mean() + 0.1
    assert (half.float() - exact).abs().mean() < 0.05 * spread


@all_networks
def test_a_checkpoint_brings_everything_back(name: str) -> None:
    net, batch = made(name).train(), images(name, shape=tuple(2 * side for side in EXAMPLES[name].shape))
    with torch.no_grad():
        net(batch)  # batch normalization remembers
    file = io.BytesIO()
    torch.save(net.state_dict(), file)
    file.seek(0)
    torch.manual_seed(99)
    params = {**EXAMPLES[name].params}
    channels = {"num_labels": 2} if name == "ObeliskMIDL" else {"input_channels": 1, "output_channels": 2}
    other = getattr(eisen.models, name)(**channels, **params)
    other.load_state_dict(torch.load(file, weights_only=True))
    with torch.no_grad():
        assert torch.equal(other.eval()(batch), net.eval()(batch))


@all_networks
@torch.no_grad()
def test_copies_are_the_same_network(name: str) -> None:
    net, batch = made(name), images(name)
    expected = net(batch)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert torch.equal(other(batch), expected)
        assert not {id(p) for p in other.parameters()} & {id(p) for p in net.parameters()}


@all_networks
@torch.no_grad()
def test_the_order_of_memory_does_not_matter(name: str) -> None:
    batch = images(name)
    layout = torch.channels_last if batch.ndim == 4 else torch.channels_last_3d
    expected = made(name)(batch)
    net = made(name).to(memory_format=layout)
    torch.testing.assert_close(net(batch.to(memory_format=layout)), expected, rtol=1e-3, atol=1e-4)


@all_kinds_of_networks
@torch.no_grad()
def test_networks_compile(name: str) -> None:
    net, batch = made(name), images(name)
    torch.compiler.reset()
    compiled = torch.compile(net, fullgraph=EXAMPLES[name].in_one_piece, backend="aot_eager")
    torch.testing.assert_close(compiled(batch), net(batch), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - SLOW))
@torch.no_grad()
def test_networks_compile_to_machine_code(name: str) -> None:
    net, batch = made(name), images(name)
    torch.compiler.reset()
    torch.testing.assert_close(torch.compile(net)(batch), net(batch), rtol=1e-3, atol=1e-4)


@networks_to_export
@torch.no_grad()
def test_exported_networks_and_onnx_files_compute_the_same_for_any_number_of_cases(name: str) -> None:
    import onnxruntime

    net, three = made(name), images(name, 3)
    expected = net(three)
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(net, (three[:2],), dynamic_shapes=({0: batch},))
    torch.testing.assert_close(program.module()(three), expected, rtol=1e-4, atol=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own, about its own future
        exported = torch.onnx.export(program, dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(exported.model_proto.SerializeToString())
    (values,) = session.run(None, {session.get_inputs()[0].name: three.numpy()})
    np.testing.assert_allclose(values, expected.numpy(), rtol=1e-3, atol=1e-4)


@all_networks
def test_arguments_that_cannot_be_are_refused_at_once(name: str) -> None:
    wrong: dict[str, Any] = {"outputs_activation": "sofmax"}
    wrong |= {"num_labels": 0} if name == "ObeliskMIDL" else {"input_channels": 0, "output_channels": 1.5}
    wrong |= {"normalization": "batch", "groups": 3, "n_filters": 0, "dimensions": 4, "padding_mode": "mirror"}
    wrong |= {"grid_stride": 0, "full_res": [4, 4], "name": "resnet19", "dilations": 0, "n_stages": 1}
    wrong |= {"initial_out_channels_power": -1, "window_size": 0, "dropout": 1.0, "depths": [2]}
    channels = {"num_labels": 2} if name == "ObeliskMIDL" else {"input_channels": 1, "output_channels": 2}
    tried = [key for key in wrong if key in parameters_of(name)]
    assert len(tried) >= 3
    for key in tried:
        params = {**channels, **EXAMPLES[name].params, key: wrong[key]}
        if key == "groups":
            params["normalization"] = "groupnorm"
        with pytest.raises(ArgumentError) as caught:
            getattr(eisen.models, name)(**params)
        assert caught.value.card.expected, key


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_documentation_is_complete(name: str) -> None:
    info = describe(f"eisen.models.{name}")
    assert all(parameter.doc for parameter in info.parameters)
    assert all(words in info.doc for words in ("Source:", "Example:", "Raises:"))
    activation = next(parameter for parameter in info.parameters if parameter.name == "outputs_activation")
    assert activation.choices == ("sigmoid", "softmax", "none")
    assert activation.default == ("none" if name in CLASSIFIERS else "sigmoid")
