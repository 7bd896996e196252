"""The networks have the parameters of the original Eisen, one by one: checkpoints of old runs load."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn

from eisen.models import UNet3D, VNet

DEPTHS = {
    "one": 1, "two": 2, "three": 3, "four": 3, "five": 3, "six": 3, "seven": 3, "eight": 2, "nine": 1,
}  # fmt: skip


def n_parameters(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize(
    ("kind", "arguments", "expected"),
    [
        (VNet, {}, 9_444_130),
        (VNet, {"input_channels": 1, "output_channels": 1}, 9_443_249),
        (VNet, {"input_channels": 1, "output_channels": 1, "normalization": "groupnorm"}, 9_448_849),
        (VNet, {"input_channels": 1, "output_channels": 1, "normalization": "batchnorm"}, 9_448_849),
        (VNet, {"input_channels": 1, "output_channels": 1, "normalization": "instancenorm"}, 9_443_249),
        (VNet, {"input_channels": 1, "output_channels": 1, "n_filters": 8}, 2_361_625),
        (UNet3D, {"input_channels": 1, "output_channels": 1}, 33_017_665),
        (UNet3D, {"input_channels": 1, "output_channels": 1, "normalization": "batchnorm"}, 33_017_665),
        (UNet3D, {"input_channels": 1, "output_channels": 1, "normalization": "none"}, 33_009_665),
    ],
)
def test_parameter_counts_are_those_of_the_original(kind, arguments, expected):
    with torch.device("meta"):
        assert n_parameters(kind(**arguments)) == expected


def test_residual_units_cost_parameters_only_for_several_input_channels():
    with torch.device("meta"):
        assert n_parameters(VNet(1, 1, residual=True)) == n_parameters(VNet(1, 1))
        assert n_parameters(VNet(16, 1, residual=True)) == n_parameters(VNet(16, 1))
        assert n_parameters(VNet(3, 1, residual=True)) == n_parameters(VNet(3, 1)) + 3 * 16 + 16


@pytest.mark.parametrize(
    ("kind", "normalization", "expected"),
    [(VNet, "none", 60), (VNet, "batchnorm", 205), (VNet, "instancenorm", 60), (UNet3D, "groupnorm", 110)],
)
def test_a_checkpoint_holds_as_many_tensors_as_the_originals(kind, normalization, expected):
    with torch.device("meta"):
        assert len(kind(1, 1, normalization=normalization).state_dict()) == expected


@pytest.mark.parametrize(("normalization", "stride"), [("none", 2), ("instancenorm", 3), ("groupnorm", 3)])
def test_vnet_keys_follow_the_old_layout(normalization, stride):
    layers = [f"block_{block}.conv.{stride * i}" for block, depth in DEPTHS.items() for i in range(depth)]
    between = [f"block_{b}_dw.conv.0" for b in ("one", "two", "three", "four")]
    between += [f"block_{b}_up.conv.0" for b in ("five", "six", "seven", "eight")]
    norms = []
    if normalization == "groupnorm":
        norms = [re.sub(r"\d+$", lambda match: str(int(match[0]) + 1), layer) for layer in layers + between]
    expected = [f"{layer}.{kind}" for layer in [*layers, *between, *norms, "out_conv"] for kind in ("weight", "bias")]
    with torch.device("meta"):
        for residual in (False, True):
            keys = VNet(1, 1, normalization=normalization, residual=residual).state_dict()
            assert sorted(keys) == sorted(expected)


def test_unet3d_keys_follow_the_old_layout():
    blocks = ["bridge", *(f"{side}_{i}" for side in ("down", "up") for i in range(1, 6))]
    layers = [f"{block}.{place}" for block in blocks for place in ("0.0", "0.1", "1", "2")]
    layers += [f"trans_{i}.{place}" for i in range(1, 6) for place in (0, 1)]
    expected = [f"{layer}.{kind}" for layer in [*layers, "out.0"] for kind in ("weight", "bias")]
    with torch.device("meta"):
        assert sorted(UNet3D(1, 1).state_dict()) == sorted(expected)


@pytest.mark.parametrize("kind", [VNet, UNet3D])
def test_gradients_reach_every_parameter(kind):
    torch.manual_seed(0)
    net = kind(1, 2, n_filters=4, normalization="groupnorm", groups=2, outputs_activation="none")
    net(torch.randn(2, 1, 32, 32, 32)).square().mean().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_the_networks_learn():
    torch.manual_seed(0)
    images = torch.randn(2, 1, 16, 16, 16)
    target = (images > 0.5).float()
    for residual in (False, True):
        net = VNet(1, 1, n_filters=4, normalization="groupnorm", groups=2, residual=residual)
        optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
        losses = []
        for _ in range(30):
            optimizer.zero_grad()
            loss = nn.functional.binary_cross_entropy(net(images), target)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses[-1] < 0.7 * losses[0]
