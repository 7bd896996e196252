"""VGG3D: the layers and the number of weights of the paper, with cubes for squares."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from eisen._core.errors import ArgumentError, ShapeError
from eisen.models import VGG3D

# Channels of the convolutions at each resolution, configurations A, B and D of table 1, in units of the first width.
TABLE = {
    11: [[1], [2], [4, 4], [8, 8], [8, 8]],
    13: [[1, 1], [2, 2], [4, 4], [8, 8], [8, 8]],
    16: [[1, 1], [2, 2], [4, 4, 4], [8, 8, 8], [8, 8, 8]],
}


@pytest.mark.parametrize("depth", sorted(TABLE))
@pytest.mark.parametrize("normalization", ["batchnorm", "none"])
def test_layers_and_weights_are_those_of_the_paper(depth, normalization):
    n, channels, classes, hidden = 2, 3, 5, 7
    net = VGG3D(channels, classes, n, normalization=normalization, depth=depth, n_hidden=hidden)
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Conv3d | nn.Linear)]
    assert len(layers) == depth
    found = [[c.out_channels // n for c in stage if isinstance(c, nn.Conv3d)] for stage in net.stages]
    assert found == TABLE[depth]
    widths = [channels, *(n * width for stage in TABLE[depth] for width in stage)]
    expected = sum(27 * a * b + b for a, b in itertools.pairwise(widths))
    expected += sum(2 * b for b in widths[1:]) if normalization == "batchnorm" else 0
    expected += (8 * n + 1) * hidden + (hidden + 1) * hidden + (hidden + 1) * classes
    assert sum(weight.numel() for weight in net.parameters()) == expected


def test_volumes_of_any_size_from_sixteen_are_taken():
    net = VGG3D(1, 2, 2, n_hidden=4).eval()
    for shape in ((16, 16, 16), (17, 40, 21)):
        assert net(torch.zeros(1, 1, *shape)).shape == (1, 2)
    with pytest.raises(ShapeError) as caught:
        net(torch.zeros(1, 1, 16, 15, 16))
    assert "16 or more" in caught.value.card.expected


def test_activations_keep_their_size_through_the_stack():
    torch.manual_seed(0)
    net = VGG3D(1, 2, 8, normalization="none", depth=16).eval()
    with torch.no_grad():
        features = net.stages(torch.randn(2, 1, 32, 32, 32))
    assert 0.1 < features.std() < 10


@pytest.mark.parametrize("wrong", [{"depth": 12}, {"n_hidden": 0}, {"dropout": 1.0}, {"dropout": -0.1}])
def test_what_cannot_be_is_refused_at_once(wrong):
    with pytest.raises(ArgumentError, match=next(iter(wrong))):
        VGG3D(**wrong)
