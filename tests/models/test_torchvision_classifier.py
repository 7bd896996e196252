"""TorchvisionClassifier: any number of channels, and weights trained on colours."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from eisen._core.errors import ArgumentError, CorruptFileError, MissingFileError
from eisen.models import TorchvisionClassifier

NAME = "squeezenet1_1"


@pytest.fixture(scope="module")
def colours():
    """A network for colours and 10 classes, as torchvision makes it."""
    torch.manual_seed(0)
    return TorchvisionClassifier(NAME, 3, 10).network.eval()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@torch.no_grad()
def test_weights_for_colours_see_gray_as_gray(colours, tmp_path, suffix):
    path = tmp_path / f"weights{suffix}"
    (torch.save if suffix == ".pth" else save_file)(colours.state_dict(), path)
    gray = torch.rand(2, 1, 64, 64)
    expected = colours(gray.expand(-1, 3, -1, -1))
    for n_channels in (1, 2, 3):
        net = TorchvisionClassifier(NAME, n_channels, 10, weights_file=path).eval()
        torch.testing.assert_close(net(gray.expand(-1, n_channels, -1, -1)), expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_the_last_layer_may_have_other_classes(colours, tmp_path):
    path = tmp_path / "weights.pth"
    torch.save(colours.state_dict(), path)
    net = TorchvisionClassifier(NAME, 3, 4, weights_file=path).eval()
    assert net(torch.rand(1, 3, 64, 64)).shape == (1, 4)
    torch.testing.assert_close(net.network.features.state_dict(), colours.features.state_dict())


def test_weights_that_do_not_belong_are_refused(colours, tmp_path):
    path = tmp_path / "weights.pth"
    with pytest.raises(MissingFileError, match=r"weights\.pth"):
        TorchvisionClassifier(NAME, weights_file=path)
    path.write_bytes(b"nothing")
    with pytest.raises(CorruptFileError, match="holds no weights"):
        TorchvisionClassifier(NAME, weights_file=path)
    torch.save(colours.state_dict(), path)
    with pytest.raises(CorruptFileError, match="not those of resnet18"):
        TorchvisionClassifier("resnet18", weights_file=path)


@pytest.mark.parametrize("name", ["resnet19", "inception_v3", "fcn_resnet50", None])
def test_networks_that_give_no_single_class_are_not_offered(name):
    with pytest.raises(ArgumentError, match="name is"):
        TorchvisionClassifier(name)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["densenet121", "efficientnet_b0", "mobilenet_v3_small", "vgg11", "vit_b_16", "swin_t"]
)
@torch.no_grad()
def test_every_family_takes_one_channel(name, tmp_path):
    net = TorchvisionClassifier(name, 1, 3).eval()
    assert net(torch.zeros(1, 1, 224, 224)).shape == (1, 3)
    path = tmp_path / "weights.pth"
    torch.save(net.network.state_dict(), path)
    TorchvisionClassifier(name, 1, 3, weights_file=path)


@pytest.mark.slow
def test_densenet_weights_of_old_times_load(tmp_path):
    net = TorchvisionClassifier("densenet121", 3, 5).network
    old = {key.replace("norm1.", "norm.1.").replace("conv2.", "conv.2."): v for key, v in net.state_dict().items()}
    torch.save(old, tmp_path / "old.pth")
    loaded = TorchvisionClassifier("densenet121", 3, 5, weights_file=tmp_path / "old.pth").network
    torch.testing.assert_close(loaded.state_dict(), net.state_dict())
