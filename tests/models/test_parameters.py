"""The networks have the parameters of the original Eisen, one by one: checkpoints of old runs load."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn

from eisen.models import HighRes2DNet, HighRes3DNet, ObeliskMIDL, ResidualEncoderUNet, UNet, UNet3D, VNet

DEPTHS = {
    "one": 1, "two": 2, "three": 3, "four": 3, "five": 3, "six": 3, "seven": 3, "eight": 2, "nine": 1,
}  # fmt: skip


def n_parameters(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


ONE = {"input_channels": 1, "output_channels": 1}
INSTANCE = {"batch_norm": False, "instance_norm": True}
COUNTS = [
    (VNet, {}, 9_444_130),
    (VNet, ONE, 9_443_249),
    (VNet, {**ONE, "normalization": "groupnorm"}, 9_448_849),
    (VNet, {**ONE, "normalization": "batchnorm"}, 9_448_849),
    (VNet, {**ONE, "normalization": "instancenorm"}, 9_443_249),
    (VNet, {**ONE, "n_filters": 8}, 2_361_625),
    (UNet, ONE, 14_787_777),
    (UNet, {**ONE, "input_channels": 3}, 14_788_929),
    (UNet, {**ONE, "bilinear": True}, 13_394_177),
    (UNet, {**ONE, "normalization": "none"}, 14_779_841),
    (UNet, {**ONE, "n_filters": 16}, 926_769),
    (UNet3D, ONE, 33_017_665),
    (UNet3D, {**ONE, "normalization": "batchnorm"}, 33_017_665),
    (UNet3D, {**ONE, "normalization": "none"}, 33_009_665),
    (HighRes2DNet, ONE, 268_754),
    (HighRes3DNet, ONE, 803_570),
    (HighRes3DNet, {**ONE, "output_channels": 2}, 803_636),
    (HighRes3DNet, {**ONE, "add_dropout_layer": True}, 808_866),
    (HighRes3DNet, {**ONE, **INSTANCE}, 802_288),
    (ObeliskMIDL, {"num_labels": 1, "full_res": [8, 8, 8]}, 129_665),
    (ObeliskMIDL, {"num_labels": 4, "full_res": [64, 64, 64]}, 130_436),
]


@pytest.mark.parametrize(("kind", "arguments", "expected"), COUNTS)
def test_parameter_counts_are_those_of_the_original(kind, arguments, expected):
    with torch.device("meta"):
        assert n_parameters(kind(**arguments)) == expected


THICK = {"strides": [1, [1, 2, 2], 2, 2, 2, [1, 2, 2]], "kernel_sizes": [[1, 3, 3], [1, 3, 3], 3, 3, 3, 3]}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [({}, 102_350_575), ({"dimensions": 2, "n_stages": 8}, 140_019_061), (THICK, 101_305_519)],
)
def test_the_residual_encoder_has_the_parameters_of_nnunets(arguments, expected):
    """Counted on ResidualEncoderUNet of dynamic-network-architectures 0.4.4 with the settings of nnU-Net's plans."""
    with torch.device("meta"):
        assert n_parameters(ResidualEncoderUNet(1, 3, deep_supervision=True, **arguments)) == expected


def test_residual_units_cost_parameters_only_for_several_input_channels():
    with torch.device("meta"):
        assert n_parameters(VNet(1, 1, residual=True)) == n_parameters(VNet(1, 1))
        assert n_parameters(VNet(16, 1, residual=True)) == n_parameters(VNet(16, 1))
        assert n_parameters(VNet(3, 1, residual=True)) == n_parameters(VNet(3, 1)) + 3 * 16 + 16


@pytest.mark.parametrize(
    ("kind", "arguments", "expected"),
    [
        (VNet, ONE, 60),
        (VNet, {**ONE, "normalization": "batchnorm"}, 205),
        (VNet, {**ONE, "normalization": "instancenorm"}, 60),
        (UNet, ONE, 82),
        (UNet, {**ONE, "bilinear": True}, 74),
        (UNet3D, ONE, 110),
        (HighRes2DNet, ONE, 120),
        (HighRes3DNet, ONE, 120),
        (HighRes3DNet, {**ONE, **INSTANCE}, 20),
        (ObeliskMIDL, {"num_labels": 1, "full_res": [8, 8, 8]}, 39),
    ],
)
def test_a_checkpoint_holds_as_many_tensors_as_the_originals(kind, arguments, expected):
    with torch.device("meta"):
        assert len(kind(**arguments).state_dict()) == expected


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


def layers_of(net):
    """Return the places of all layers that have weights, from the keys of the checkpoint."""
    return {key.rpartition(".")[0] for key in net.state_dict()}


@pytest.mark.parametrize(("normalization", "places"), [("groupnorm", (0, 1, 3, 4)), ("none", (0, 3))])
def test_unet_keys_follow_the_old_layout(normalization, places):
    blocks = ["inc.double_conv", *(f"down{i}.maxpool_conv.1.double_conv" for i in range(1, 5))]
    blocks += [f"up{i}.conv.double_conv" for i in range(1, 5)]
    expected = {f"{block}.{place}" for block in blocks for place in places} | {"outc.conv"}
    with torch.device("meta"):
        assert layers_of(UNet(1, 1, normalization=normalization, bilinear=True)) == expected
        assert layers_of(UNet(1, 1, normalization=normalization)) == expected | {f"up{i}.up" for i in range(1, 5)}


@pytest.mark.parametrize("padding_mode", ["constant", "replicate", "reflect"])
def test_highres_keys_follow_the_old_layout(padding_mode):
    name = "convolutional_block"
    units = [f"dilation_block.{i}.residual_block.{j}.{name}" for i in range(3) for j in range(2)]
    expected = {f"block.0.{name}.1", f"block.0.{name}.2", f"block.4.{name}.0", f"block.4.{name}.1"}
    expected |= {f"block.{i}.{unit}.{place}" for i in (1, 2, 3) for unit in units for place in (0, 3)}
    with torch.device("meta"):
        for kind in (HighRes2DNet, HighRes3DNet):
            net = kind(1, 1, padding_mode=padding_mode)
            assert layers_of(net) == expected
            assert "block.0.convolutional_block.1.bias" not in net.state_dict()


def test_obelisk_keys_follow_the_old_layout():
    with torch.device("meta"):
        net = ObeliskMIDL(2, [8, 8, 8])
    steps = [f"{kind}3{step}" for kind in ("LIN", "BN") for step in "abcd"]
    assert layers_of(net) == {"", "LIN1", "BN1", "LIN2", "BN2", "LIN4", *steps}
    assert net.offset1.shape == (1, 1024, 1, 2, 3)
    assert [key for key in net.state_dict() if key.startswith("LIN") and key.endswith("bias")] == ["LIN4.bias"]


@pytest.mark.slow
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
