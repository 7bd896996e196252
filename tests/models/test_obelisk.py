"""ObeliskMIDL: it works (claim 6), and looks where it should."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates
from torch.nn import functional

from eisen._core.errors import ArgumentError, ShapeError
from eisen.models import ObeliskMIDL
from eisen.models.segmentation import obelisk


def made(*args, **kwargs):
    torch.manual_seed(0)
    return ObeliskMIDL(*args, **kwargs).eval()


def sampled_with_scipy(volume, places):
    """Return the brightness at a place, x, y, z from -1 to 1 across the volume, outside that of the border."""
    sides = np.array(volume.shape)
    voxels = ((places[..., ::-1] + 1) * sides - 1) / 2
    return map_coordinates(volume, voxels[:, None], order=1, mode="nearest").item()


@torch.no_grad()
def test_a_feature_is_the_difference_between_the_two_places_of_its_pair():
    net = made(2, [3, 4, 5])
    net.LIN1 = torch.nn.Identity()  # what goes into the first layer comes out
    volumes = torch.rand(2, 1, 6, 7, 8)
    grid = functional.affine_grid(torch.eye(3, 4)[None], [1, 1, 3, 4, 5], align_corners=False)
    features = net._compared(volumes, grid)
    assert features.shape == (2, 1024, 3, 4, 5)
    offsets = net.offset1.numpy()[0, :, 0]
    for case, pair, place in [(0, 0, (0, 0, 0)), (1, 1023, (2, 3, 4)), (1, 7, (1, 2, 3))]:
        centre, volume = grid[0][place].numpy(), volumes[case, 0].numpy()
        first, second = (sampled_with_scipy(volume, centre + offsets[pair, side]) for side in (0, 1))
        assert features[case, pair][place] == pytest.approx(first - second, abs=1e-5)


@torch.no_grad()
def test_where_nothing_differs_every_voxel_gets_the_same():
    output = made(3, [4, 4, 4])(torch.full((1, 1, 8, 8, 8), 5.0))
    torch.testing.assert_close(output, output[..., :1, :1, :1].expand_as(output))


def test_working_in_parts_changes_neither_results_nor_gradients(monkeypatch):
    volumes, results = torch.rand(2, 1, 8, 8, 8), []
    for chunk in (4096, 50):
        monkeypatch.setattr(obelisk, "_CHUNK", chunk)
        net = made(2, [6, 6, 6]).train()
        output = net(volumes)
        output.square().sum().backward()
        results.append((output.detach(), net.offset1.grad, net.LIN1.weight.grad))
    for whole, parts in zip(*results, strict=True):
        torch.testing.assert_close(whole, parts, rtol=1e-3, atol=1e-5)


@torch.no_grad()
def test_a_coarse_grid_is_interpolated_to_the_full_resolution():
    net = made(2, [9, 8, 7], grid_stride=2)
    volumes = torch.rand(1, 1, 9, 8, 7)
    assert net.grid_shape == (5, 4, 4)
    output = net(volumes)
    assert output.shape == (1, 2, 9, 8, 7)
    grid = functional.affine_grid(torch.eye(3, 4)[None], [1, 1, 5, 4, 4], align_corners=False)
    torch.testing.assert_close(net(volumes, grid), output)


def test_what_does_not_fit_is_named():
    with pytest.raises(ArgumentError, match=r"full_res is \[8, 8\]"):
        ObeliskMIDL(2, [8, 8])
    with pytest.raises(ShapeError, match="1 channel"):
        made(2, [4, 4, 4])(torch.zeros(1, 2, 8, 8, 8))
    with pytest.raises(ShapeError, match="sample_grid"):
        made(2, [4, 4, 4])(torch.zeros(2, 1, 8, 8, 8), torch.zeros(2, 4, 4, 4, 3))
