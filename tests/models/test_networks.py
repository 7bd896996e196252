"""What goes into the networks, what comes out, and what they say to arguments and images that do not fit."""

from __future__ import annotations

import pytest
import torch

from eisen._core.errors import ArgumentError, ShapeError
from eisen.models import UNet3D, VNet
from eisen.models.segmentation import vnet

NETWORKS = [(VNet, 16), (UNet3D, 32)]


def small(kind, **arguments):
    torch.manual_seed(0)
    settings = {"input_channels": 1, "output_channels": 2, "n_filters": 4, "groups": 2} | arguments
    return kind(**settings).eval()


@pytest.mark.parametrize(("kind", "side"), NETWORKS)
@pytest.mark.parametrize("normalization", ["groupnorm", "batchnorm", "instancenorm", "none"])
@torch.no_grad()
def test_the_output_has_the_size_of_the_input(kind, side, normalization):
    net = small(kind, input_channels=3, normalization=normalization)
    images = torch.randn(1, 3, side, 2 * side, side)
    assert net(images).shape == (1, 2, side, 2 * side, side)


@pytest.mark.parametrize("filter_size", [1, 3, 5])
@torch.no_grad()
def test_vnet_takes_any_odd_filter_size(filter_size):
    for residual in (False, True):
        net = small(VNet, filter_size=filter_size, residual=residual)
        assert net(torch.randn(1, 1, 16, 16, 16)).shape == (1, 2, 16, 16, 16)


@pytest.mark.parametrize(("kind", "side"), NETWORKS)
@pytest.mark.parametrize("add", [1, -15])
def test_sides_that_do_not_fit_are_named_with_what_to_do(kind, side, add):
    with pytest.raises(ShapeError) as caught:
        small(kind)(torch.zeros(1, 1, side, side, side + add))
    card = caught.value.card
    assert f"{side} x {side} x {side + add} voxels" in card.what
    assert f"multiples of {side}" in card.expected
    assert f"PadToMultiple(fields, {side})" in card.to_do
    assert "CropCenteredSubVolumes" in card.to_do


@pytest.mark.parametrize(("kind", "side"), NETWORKS)
def test_a_missing_channel_axis_and_a_wrong_channel_count_are_named(kind, side):
    with pytest.raises(ShapeError, match="AddChannelDimension"):
        small(kind)(torch.zeros(1, side, side, side))
    with pytest.raises(ShapeError, match="input_channels"):
        small(kind)(torch.zeros(1, 3, side, side, side))
    with pytest.raises(ShapeError, match="multiples"):
        small(kind)(torch.zeros(1, 1, side, side, 0))


@pytest.mark.parametrize(("kind", "_"), NETWORKS)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"normalization": "gruopnorm"}, "did you mean 'groupnorm'"),
        ({"normalization": "groupnorm", "groups": 16}, "4 channels into 16 groups"),
        ({"outputs_activation": "relu"}, "one of: sigmoid, softmax, none"),
        ({"n_filters": 0}, "n_filters is 0"),
        ({"output_channels": 1.5}, "output_channels is 1.5"),
    ],
)
def test_bad_arguments_are_refused_by_the_constructor(kind, _, arguments, message):
    with pytest.raises(ArgumentError, match=message):
        small(kind, **arguments)


@pytest.mark.parametrize("filter_size", [2, 0, -3])
def test_vnet_refuses_filters_without_a_centre(filter_size):
    with pytest.raises(ArgumentError, match="filter_size"):
        VNet(1, 1, n_filters=4, filter_size=filter_size)


@torch.no_grad()
def test_vnet_skips_are_added():
    """With every other path silenced, the output is the first block's features seen through the last layers."""
    net = small(VNet, normalization="none")
    for name in ("five", "six", "seven", "eight"):
        up = getattr(net, f"block_{name}_up").conv[0]
        up.weight.zero_(), up.bias.zero_()
    images = torch.randn(1, 1, 16, 16, 16)
    expected = net.out_conv(net.block_nine(net.block_one(images))).sigmoid()
    torch.testing.assert_close(net(images), expected)


@torch.no_grad()
def test_a_residual_block_passes_its_input_on():
    """A block whose convolutions give nothing is the ReLU of its input: same width, one channel, projected."""
    for width in (1, 3, 8):
        block = vnet.ResidualConvBlock(2, width, 8)
        for layer in (block.conv[0], block.conv[2]):
            layer.weight.zero_(), layer.bias.zero_()
        features = torch.randn(1, width, 4, 4, 4)
        expected = block.projection(features).relu().expand(1, 8, 4, 4, 4)
        torch.testing.assert_close(block(features), expected)
    assert isinstance(vnet.ResidualConvBlock(1, 3, 8).projection, torch.nn.Conv3d)


def test_upsampling_fits_where_the_transposed_convolution_does():
    features = torch.randn(1, 8, 4, 4, 4)
    for kind in (vnet.Upsampling, vnet.UpsamplingDeconvBlock):
        block = kind(8, 4, normalization="groupnorm", groups=2)
        assert block(features).shape == (1, 4, 8, 8, 8)


def test_the_old_order_of_positional_arguments_holds():
    net = VNet(1, 4, 16, 3, "groupnorm", "softmax")
    assert isinstance(net.block_one.conv[1], torch.nn.GroupNorm)
    assert isinstance(net.outputs_activation, torch.nn.Softmax)
    other = UNet3D(1, 4, 16, "softmax", "none")
    assert isinstance(other.outputs_activation, torch.nn.Softmax)
