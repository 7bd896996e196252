"""ResNet is the network of its paper, and torchvision's where torchvision has it."""

from __future__ import annotations

import pytest
import torch

from eisen._core.errors import ArgumentError, ShapeError
from eisen.models import ResNet

PRESETS = {
    "resnet18": ({"n_blocks": [2, 2, 2, 2]}, 11_689_512),
    "resnet34": ({"n_blocks": [3, 4, 6, 3]}, 21_797_672),
    "resnet50": ({"n_blocks": [3, 4, 6, 3], "bottleneck": True}, 25_557_032),
    "resnet101": ({"n_blocks": [3, 4, 23, 3], "bottleneck": True}, 44_549_160),
}


def n_parameters(net: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize("name", PRESETS)
def test_the_presets_have_the_published_number_of_parameters(name: str) -> None:
    params, expected = PRESETS[name]
    with torch.device("meta"):
        assert n_parameters(ResNet(3, 1000, 64, large_stem=True, **params)) == expected


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
@torch.no_grad()
def test_weights_of_torchvision_load_and_give_the_same_values(name: str) -> None:
    models = pytest.importorskip("torchvision.models")
    torch.manual_seed(0)
    other = getattr(models, name)(weights=None, num_classes=5).eval()
    net = ResNet(3, 5, 64, large_stem=True, **PRESETS[name][0]).eval()
    net.load_state_dict(other.state_dict())
    batch = torch.randn(2, 3, 47, 64)
    torch.testing.assert_close(net(batch), other(batch))


def test_the_network_for_small_pictures_is_that_of_the_paper() -> None:
    """He et al., section 4.2, with 3 resolutions of 2n layers: the n = 3 network has 20 layers and 0.27 M parameters.

    Ours has 1x1 convolutions where the paper pads the short way with zeros: 16 * 32 + 32 * 64 weights and 192 numbers
    of two normalizations more.
    """
    with torch.device("meta"):
        net = ResNet(3, 10, 16, n_blocks=[3, 3, 3])
    convolutions = [m for m in net.modules() if isinstance(m, torch.nn.Conv2d) and m.kernel_size == (3, 3)]
    assert len(convolutions) == 19
    first, last = 3 * 16 * 9 + 32, 64 * 10 + 10
    stages = sum(9 * (a * w + 5 * w * w) + 6 * 2 * w for a, w in ((16, 16), (16, 32), (32, 64)))
    assert n_parameters(net) == first + stages + last + 16 * 32 + 32 * 64 + 192 == 272_474


@torch.no_grad()
def test_volumes_get_a_number() -> None:
    net = ResNet(2, 1, 4, dimensions=3, n_blocks=[1, 1, 1], dropout=0.5)
    assert net(torch.zeros(2, 2, 9, 8, 4)).shape == (2, 1)
    assert all(weight.ndim in (1, 2, 5) for weight in net.parameters())


def test_images_that_are_too_small_are_refused() -> None:
    with pytest.raises(ShapeError, match="7 x 8 pixels"):
        ResNet()(torch.zeros(2, 1, 7, 8))
    with pytest.raises(ShapeError, match="31 x 32 pixels"):
        ResNet(large_stem=True)(torch.zeros(2, 1, 31, 32))
    with pytest.raises(ShapeError, match="batchnorm"):
        ResNet(n_filters=4).train()(torch.zeros(1, 1, 8, 8))


@pytest.mark.parametrize("n_blocks", [[], [2, 0], "22", [1, 1.5], 3])
def test_wrong_numbers_of_units_are_refused(n_blocks: object) -> None:
    with pytest.raises(ArgumentError, match="n_blocks"):
        ResNet(n_blocks=n_blocks)  # type: ignore[arg-type]
