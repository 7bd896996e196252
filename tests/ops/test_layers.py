"""Layers by name: the right one, or an error that says which names there are."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from eisen._core.errors import ArgumentError, ShapeError
from eisen.ops.layers import check_counts, check_images, conv_unit, normalization, output_activation


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("name", ["groupnorm", "batchnorm", "instancenorm"])
def test_normalization_gives_every_group_mean_zero_and_contrast_one(name, dims):
    torch.manual_seed(0)
    features = 5 + 3 * torch.randn(4, 8, *[6] * dims)
    normalized = normalization(name, 8, dims, groups=2)(features)
    assert normalized.shape == features.shape
    axes = {"groupnorm": None, "batchnorm": (0, *range(2, dims + 2)), "instancenorm": tuple(range(2, dims + 2))}[name]
    groups = normalized.reshape(4 * 2, -1) if axes is None else normalized
    means = groups.mean(1) if axes is None else groups.mean(axes)
    torch.testing.assert_close(means, torch.zeros_like(means), atol=1e-4, rtol=0)


def test_normalization_none_changes_nothing():
    features = torch.randn(1, 3, 4, 4)
    assert normalization("none", 3, 2)(features) is features


def test_an_unknown_normalization_is_named_with_the_choices():
    with pytest.raises(ArgumentError, match="did you mean 'batchnorm'") as caught:
        normalization("batch_norm", 8)
    assert caught.value.card.expected == "one of: groupnorm, batchnorm, instancenorm, none"
    with pytest.raises(ArgumentError, match="did you mean 'none'"):
        normalization(None, 8)
    with pytest.raises(ArgumentError, match="choose one"):
        normalization("xyz", 8)
    with pytest.raises(ArgumentError, match="dims is 4"):
        normalization("batchnorm", 8, 4)


@pytest.mark.parametrize("groups", [16, 3, 0, -2])
def test_groups_that_do_not_divide_the_channels_are_named_with_those_that_do(groups):
    with pytest.raises(ArgumentError, match="8 channels") as caught:
        normalization("groupnorm", 8, groups=groups)
    assert "1, 2, 4, 8" in caught.value.card.expected
    assert "n_filters" in caught.value.card.to_do


def test_output_activations():
    logits = torch.randn(2, 3, 4, 4)
    torch.testing.assert_close(output_activation("softmax")(logits), logits.softmax(1))
    torch.testing.assert_close(output_activation("sigmoid")(logits), logits.sigmoid())
    assert output_activation("none")(logits) is logits
    with pytest.raises(ArgumentError, match="did you mean 'softmax'"):
        output_activation("sofmax")


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize(("kernel_size", "stride"), [(1, 1), (3, 1), (5, 1), (2, 2), (3, 2), (4, 2), (3, 3)])
def test_conv_units_scale_the_sides_by_the_stride(dims, kernel_size, stride):
    features = torch.randn(1, 2, *[12] * dims)
    smaller = nn.Sequential(*conv_unit(2, 4, kernel_size, stride, dims=dims))(features)
    larger = nn.Sequential(*conv_unit(2, 4, kernel_size, stride, transposed=True, dims=dims))(features)
    assert smaller.shape == (1, 4, *[12 // stride] * dims)
    assert larger.shape == (1, 4, *[12 * stride] * dims)


def test_conv_units_have_no_layer_that_does_nothing():
    assert [type(layer) for layer in conv_unit(1, 2)] == [nn.Conv3d]
    unit = conv_unit(1, 2, normalization="batchnorm", activation=nn.ReLU(), dims=2)
    assert [type(layer) for layer in unit] == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU]


def test_checks_pass_what_fits():
    check_counts("Net", n_filters=1, input_channels=3)
    check_images(torch.zeros(1, 3, 8, 16), "Net", 3, multiple_of=8, dims=2)
    with pytest.raises(ShapeError, match="N, C, H, W"):
        check_images(torch.zeros(1, 1, 8, 8, 8), "Net", 1, multiple_of=8, dims=2)
    with pytest.raises(ArgumentError, match="n_filters is True"):
        check_counts("Net", n_filters=True)
