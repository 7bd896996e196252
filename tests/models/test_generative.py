"""DCGAN in two and three dimensions: counted, initialised and wired as in the papers."""

from __future__ import annotations

import copy
import io
import itertools

import pytest
import torch
from torch import nn

from eisen._core.errors import ArgumentError, ShapeError
from eisen.config import build, describe
from eisen.config.experiment import Entry
from eisen.models import GAN, DCGANDiscriminator, DCGANGenerator

PAIRS = [
    pytest.param(2, 16, id="2-D"),
    pytest.param(2, 28, id="2-D of 28"),
    pytest.param(3, 16, id="3-D"),
    pytest.param(3, [16, 24, 32], id="3-D, other axes"),
]


def pair(dimensions=2, size=16, channels=1, normalization="batchnorm"):
    torch.manual_seed(0)
    generator = DCGANGenerator(channels, size, dimensions, 8, 4, normalization=normalization)
    return generator, DCGANDiscriminator(channels, size, dimensions, 4, normalization)


def sides(dimensions, size):
    return (size,) * dimensions if isinstance(size, int) else tuple(size)


def n_parameters(network):
    return sum(weight.numel() for weight in network.parameters())


@pytest.mark.parametrize(("dimensions", "size"), PAIRS)
@pytest.mark.parametrize("normalization", ["batchnorm", "layernorm", "instancenorm", "none"])
def test_numbers_become_images_and_images_become_scores(dimensions, size, normalization):
    generator, discriminator = pair(dimensions, size, 2, normalization)
    images = generator(torch.randn(3, 8))
    assert images.shape == (3, 2, *sides(dimensions, size))
    assert images.abs().max() <= 1
    scores = discriminator(images)
    assert scores.shape == (3, 1)
    scores.sum().backward()
    for network in (generator, discriminator):
        assert all(w.grad is not None and w.grad.isfinite().all() for w in network.parameters())


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize(("size", "start", "levels"), [(16, 4, 2), (28, 7, 2), (64, 4, 4)])
def test_the_number_of_weights_is_that_of_the_paper(dimensions, size, start, levels):
    latent, n, channels = 5, 3, 2
    generator = DCGANGenerator(channels, size, dimensions, latent, n)
    discriminator = DCGANDiscriminator(channels, size, dimensions, n)
    kernel, widths = 4**dimensions, [n * 2**level for level in range(levels)]
    inner = sum(a * b * kernel for a, b in itertools.pairwise(widths))
    normed = sum(2 * width for width in widths)
    ends = n * channels * kernel
    assert n_parameters(generator) == latent * widths[-1] * start**dimensions + inner + normed + ends + channels
    scored = widths[-1] * start**dimensions + 1
    assert n_parameters(discriminator) == ends + n + inner + normed - 2 * n + scored


def test_the_generator_of_the_paper_has_its_shapes():
    generator = DCGANGenerator(3, 64, latent_size=100, n_filters=128)
    seen = []
    for layer in generator.layers:
        if isinstance(layer, nn.ConvTranspose2d):
            layer.register_forward_hook(lambda _, __, output: seen.append(tuple(output.shape[1:])))
    generator(torch.randn(1, 100).repeat(2, 1))
    assert seen == [(1024, 4, 4), (512, 8, 8), (256, 16, 16), (128, 32, 32), (3, 64, 64)]


def test_first_weights_are_those_of_the_paper():
    for network in pair(2, 64):
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and layer.weight.numel() > 500:
                assert abs(layer.weight.mean()) < 0.004
                assert abs(layer.weight.std() - 0.02) < 0.003
            if isinstance(layer, nn.BatchNorm2d):
                assert abs(layer.weight.mean() - 1) < 0.05
                assert (layer.bias == 0).all()


def test_there_is_no_normalization_at_the_two_ends():
    generator, discriminator = pair(2, 32)
    names = [type(layer).__name__ for layer in generator.layers]
    assert names == [*["ConvTranspose2d", "BatchNorm2d", "ReLU"] * 3, "ConvTranspose2d"]
    names = [type(layer).__name__ for layer in discriminator.layers]
    assert names == ["Conv2d", "LeakyReLU", *["Conv2d", "BatchNorm2d", "LeakyReLU"] * 2, "Conv2d"]


@pytest.mark.parametrize("normalization", ["layernorm", "instancenorm", "none"])
def test_a_critic_without_batch_normalization_sees_every_image_by_itself(normalization):
    critic = pair(normalization=normalization)[1].train()
    images = torch.randn(4, 1, 16, 16)
    torch.testing.assert_close(critic(images)[:1], critic(images[:1]), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("activation", "low", "high"), [("tanh", -1, 1), ("sigmoid", 0, 1), ("none", -9, 9)])
def test_the_last_layer_gives_the_range(activation, low, high):
    torch.manual_seed(0)
    generator = DCGANGenerator(1, 8, latent_size=4, n_filters=4, outputs_activation=activation)
    with torch.no_grad():
        generator.layers[-1].weight.mul_(100)
    images = generator(5 * torch.randn(16, 4))
    assert low <= images.min() < low + 0.1 * (high - low) or activation == "none"
    assert (images.max() > 1.5) == (activation == "none")


def test_a_gan_is_a_generator_that_keeps_its_discriminator():
    gan = GAN(*pair()).eval()
    latent = torch.randn(2, 8)
    assert torch.equal(gan(latent), gan.generator(latent))
    assert {name.partition(".")[0] for name in gan.state_dict()} == {"generator", "discriminator"}
    file = io.BytesIO()
    torch.save(gan.state_dict(), file)
    file.seek(0)
    other = GAN(*copy.deepcopy(pair(normalization="batchnorm"))).eval()
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(other(latent), gan(latent))


def test_generated_images_depend_on_seed_and_number_only():
    gan = GAN(*pair()).eval()
    torch.manual_seed(1)
    images = gan.generate(6, seed=3)
    torch.manual_seed(2)
    torch.testing.assert_close(gan.generate(2, seed=3, first=4), images[4:], rtol=1e-5, atol=1e-6)
    assert not torch.allclose(gan.generate(6, seed=4), images)
    assert not torch.allclose(images[0], images[1])


def test_a_configuration_holds_the_two_inside_of_one_model():
    def inner(kind, **params):
        return {"type": f"eisen.models.{kind}", "params": {"image_size": 16, "n_filters": 4, **params}}

    networks = {"generator": inner("DCGANGenerator", latent_size=6), "discriminator": inner("DCGANDiscriminator")}
    gan = build(Entry("eisen.models.GAN", networks, "General.Models[0]"), "Models")
    assert gan.latent_size == 6
    assert isinstance(gan.discriminator, DCGANDiscriminator)


def test_the_generator_is_what_is_exported():
    gan = GAN(*pair()).eval()
    latent = torch.randn(3, 8)
    program = torch.export.export(gan, (latent[:2],), dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=64)},))
    torch.testing.assert_close(program.module()(latent), gan(latent))


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (DCGANGenerator, {"image_size": 30}),
        (DCGANGenerator, {"image_size": 4}),
        (DCGANGenerator, {"image_size": [16, 16, 16]}),
        (DCGANGenerator, {"image_size": [16, 18]}),
        (DCGANGenerator, {"dimensions": 1}),
        (DCGANGenerator, {"latent_size": 0}),
        (DCGANGenerator, {"output_channels": 0}),
        (DCGANGenerator, {"n_filters": 1.5}),
        (DCGANGenerator, {"outputs_activation": "softmax"}),
        (DCGANGenerator, {"normalization": "batch"}),
        (DCGANDiscriminator, {"image_size": 20.0}),
        (DCGANDiscriminator, {"input_channels": 0}),
        (DCGANDiscriminator, {"normalization": "groupnorm"}),
    ],
)
def test_what_cannot_be_is_refused_at_once(kind, wrong):
    with pytest.raises(ArgumentError) as caught:
        kind(**wrong)
    assert caught.value.card.expected
    assert next(iter(wrong)) in caught.value.card.what


def test_networks_that_do_not_fit_each_other_are_refused():
    generator, discriminator = pair()
    with pytest.raises(ArgumentError, match="image_size"):
        GAN(generator, DCGANDiscriminator(image_size=32, n_filters=4))
    with pytest.raises(ArgumentError, match="number of channels"):
        GAN(generator, DCGANDiscriminator(3, 16, n_filters=4))
    with pytest.raises(ArgumentError, match="random numbers"):
        GAN(nn.Linear(2, 2), discriminator)
    with pytest.raises(ArgumentError, match="discriminator is a str"):
        GAN(generator, "discriminator")


def test_inputs_of_another_shape_are_refused():
    generator, discriminator = pair()
    with pytest.raises(ShapeError, match="random numbers"):
        generator(torch.randn(2, 9))
    with pytest.raises(ShapeError, match="32 x 32"):
        discriminator(torch.zeros(1, 1, 32, 32))
    with pytest.raises(ShapeError, match="shape"):
        discriminator(torch.zeros(1, 2, 16, 16))


@pytest.mark.parametrize("name", ["DCGANDiscriminator", "DCGANGenerator", "GAN"])
def test_the_documentation_is_complete(name):
    info = describe(f"eisen.models.{name}")
    assert all(parameter.doc for parameter in info.parameters)
    assert all(words in info.doc for words in ("Source:", "Example:", "Raises:"))
