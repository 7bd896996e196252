"""UNet and HighResNet: what is particular to them."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from eisen._core.errors import ArgumentError, ShapeError
from eisen.models import HighRes2DNet, HighRes3DNet, HighResNet, ResidualEncoderUNet, UNet, UNet3D, VNet
from eisen.models.segmentation import highres3Dnet as highres
from eisen.models.segmentation import unet


def test_unet_skips_come_first_and_odd_sides_are_padded_at_the_end():
    block = unet.Up(4, 2, bilinear=True, normalization="none")
    seen = []
    block.conv.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    skip, below = torch.rand(1, 2, 5, 7), 2 + torch.rand(1, 2, 2, 3)
    block(below, skip)
    assert torch.equal(seen[0][:, :2], skip)
    assert (seen[0][:, 2:, :4, :6] >= 2).all()
    assert (seen[0][:, 2:, 4:] == 0).all()
    assert (seen[0][:, 2:, :, 6:] == 0).all()


@pytest.mark.parametrize("bilinear", [False, True])
@torch.no_grad()
def test_unet_takes_any_sides_from_16_on(bilinear):
    net = UNet(1, 2, n_filters=2, groups=2, bilinear=bilinear).eval()
    for sides in [(16, 16), (33, 47), (17, 31)]:
        assert net(torch.zeros(1, 1, *sides)).shape == (1, 2, *sides)
    with pytest.raises(ShapeError, match="8 x 16 pixels") as caught:
        net(torch.zeros(1, 1, 8, 16))
    assert caught.value.card.expected == "sides of 16 or more"


def test_group_norm_says_what_to_do_with_eight_filters():
    """Claim 17: the original's 16 groups are a default, and what does not fit says so."""
    with pytest.raises(ArgumentError, match="8 channels into 16 groups"):
        UNet(1, 1, n_filters=8)
    assert UNet(1, 1, n_filters=8, groups=8).inc.double_conv[1].num_groups == 8


@pytest.mark.parametrize(("kind", "side"), [(UNet, 16), (UNet3D, 32), (VNet, 16), (ResidualEncoderUNet, 32)])
def test_a_single_voxel_cannot_be_normalized_and_the_error_says_so(kind, side):
    net = kind(1, 1, n_filters=2, normalization="instancenorm")
    n_axes = 2 if kind is UNet else 3
    for _ in ("training", "evaluation"):
        with pytest.raises(ShapeError, match="single voxel, which instancenorm"):
            net(torch.zeros(2, 1, *[side] * n_axes))
        net.eval()
    net = kind(1, 1, n_filters=2, normalization="batchnorm")
    with pytest.raises(ShapeError, match="1 image of"):
        net(torch.zeros(1, 1, *[side] * n_axes))
    assert net.eval()(torch.zeros(1, 1, *[side] * n_axes)).shape[1] == 1


@pytest.mark.parametrize("mode", highres.PADDING_MODES)
@torch.no_grad()
def test_highres_pads_as_its_mode_says(mode):
    block = highres.ConvolutionalBlock(1, 1, 2, 2, batch_norm=False, padding_mode=mode).eval()
    features = torch.rand(1, 1, 7, 6)
    conv = block.convolutional_block[3]
    expected = functional.conv2d(functional.pad(features, (2, 2, 2, 2), mode), conv.weight, conv.bias, dilation=2)
    torch.testing.assert_close(block(features), expected)


@torch.no_grad()
def test_highres_residual_blocks_put_channels_of_zeros_on_both_sides():
    block = highres.ResidualBlock(2, 4, 2, 1, dimensions=2)
    last = block.residual_block[1].convolutional_block[3]
    last.weight.zero_()
    features = torch.randn(1, 2, 5, 5)
    expected = torch.cat([torch.zeros(1, 1, 5, 5), features, torch.zeros(1, 1, 5, 5)], dim=1)
    assert torch.equal(block(features), expected)
    assert not highres.ResidualBlock(2, 4, 2, 1, residual=False, dimensions=2).residual


def test_the_receptive_field_of_highres_is_what_gradients_reach():
    settings = {"initial_out_channels_power": 0, "residual_blocks_per_dilation": 2, "batch_norm": False}
    net = HighRes2DNet(1, 1, outputs_activation="none", residual=False, **settings).eval()
    field = int(net.receptive_field)
    for parameter in net.parameters():
        parameter.data.abs_()  # nothing cancels, no ReLU is shut
    images = torch.rand(1, 1, 101, 101, requires_grad=True)
    net(images)[0, 0, 50, 50].backward()
    reached = images.grad[0, 0].abs().amax(0).nonzero()
    assert reached.max() - reached.min() + 1 == field == 3 + 2 * 4 * (1 + 2 + 4)
    assert net.get_receptive_field_world(0.5) == field / 2
    assert HighRes3DNet(1, 1).receptive_field == 87
    assert isinstance(HighRes3DNet(1, 1).num_parameters, torch.Tensor)


def test_highres_settings_that_cannot_be_are_refused():
    for settings in (
        {"dimensions": None},
        {"dimensions": 1},
        {"dimensions": 3, "batch_norm": True, "instance_norm": True},
    ):
        with pytest.raises(AssertionError):  # what scripts for the original catch
            HighResNet(1, 1, **settings)
    with pytest.raises(ArgumentError, match="padding_mode is 'mirror'"):
        HighRes3DNet(1, 1, padding_mode="mirror")
    with pytest.raises(TypeError):
        HighRes3DNet(1, 1, 4, "sigmoid", 2)
    with pytest.raises(ShapeError) as caught:
        HighRes2DNet(1, 1, 2, padding_mode="reflect").eval()(torch.zeros(1, 1, 4, 9))
    assert caught.value.card.expected == "sides of 5 or more"
