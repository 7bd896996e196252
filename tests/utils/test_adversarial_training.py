"""AdversarialTraining against a loop written by hand, and what a training has to be able to do."""

from __future__ import annotations

import copy
import logging

import pytest
import torch
from torch import nn

from eisen._core.errors import ArgumentError, MissingFieldError, NonFiniteLossError
from eisen._core.types import Batch
from eisen.models import GAN, DCGANDiscriminator, DCGANGenerator
from eisen.ops.losses import AdversarialLoss, GradientPenalty, WassersteinLoss
from eisen.ops.metrics import SlicedWasserstein
from eisen.utils import EisenModuleWrapper
from eisen.utils.workflows import EMA, AdversarialTraining, GenerativeValidation

NAMES = ("generator", "discriminator")


def gan(normalization="layernorm", dimensions=2):
    torch.manual_seed(0)
    generator = DCGANGenerator(1, 8, dimensions, 4, 4, normalization=normalization)
    return GAN(generator, DCGANDiscriminator(1, 8, dimensions, 4, normalization))


def batches(n=4, size=3, dimensions=2):
    random = torch.Generator().manual_seed(1)
    images = [torch.rand(size, 1, *[8] * dimensions, generator=random) * 2 - 1 for _ in range(n)]
    samples = [list(range(i * size, (i + 1) * size)) for i in range(n)]
    return [
        Batch({"image": image}, cases=[f"case {j}" for j in row], samples=row)
        for image, row in zip(images, samples, strict=True)
    ]


def optimizers(network):
    return {name: torch.optim.SGD(network.get_submodule(name).parameters(), lr=0.05) for name in NAMES}


def training(network, data=None, **options):
    model = EisenModuleWrapper(network, ["latent"], ["generated"])
    options = {"optimizer": optimizers(network), "device": "cpu", **options}
    return AdversarialTraining(model, batches() if data is None else data, **options)


def by_hand(network, data, loss, penalty=None, n_critic=1):
    """The algorithm of the papers, in plain PyTorch; returns the losses."""
    own, reported = optimizers(network), []
    for number, batch in enumerate(data, 1):
        real = batch["image"]
        fake = network.generator(torch.randn(len(real), network.latent_size))
        total = loss(network.discriminator(real), network.discriminator(fake.detach()))
        if penalty is not None:
            total = total + penalty(network.discriminator, real, fake.detach())
        own["discriminator"].zero_grad()
        total.backward()
        own["discriminator"].step()
        reported.append(total.item())
        if number % n_critic == 0:
            own["generator"].zero_grad()
            loss.generator(network.discriminator(fake)).backward()
            own["generator"].step()
    return reported


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize(
    ("mode", "loss", "penalty", "n_critic"),
    [
        ("gan", AdversarialLoss(), None, 1),
        ("gan", AdversarialLoss(), None, 2),
        ("lsgan", AdversarialLoss("least_squares"), None, 1),
        ("wgan-gp", WassersteinLoss(), GradientPenalty(10.0), 3),
    ],
)
def test_it_does_what_the_papers_say(mode, loss, penalty, n_critic, dimensions):
    data, network = batches(6, dimensions=dimensions), gan(dimensions=dimensions)
    reference = copy.deepcopy(network)
    workflow = training(network, data, mode=mode, n_critic=n_critic)
    seen = []
    workflow.subscribe(lambda event: seen.append(event.losses[0]["discriminator_loss"].item()), _batch_end())
    torch.manual_seed(7)
    workflow.run()
    torch.manual_seed(7)
    expected = by_hand(reference, data, loss, penalty, n_critic)
    assert seen == pytest.approx(expected, rel=1e-5)
    for (name, weight), other in zip(network.named_parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(weight, other, msg=name)


def _batch_end():
    from eisen.utils.events import BatchEnd

    return BatchEnd


def weights_of(network, name):
    return [weight.detach().clone() for weight in network.get_submodule(name).parameters()]


def changed(before, network, name):
    return any(not torch.equal(a, b) for a, b in zip(before, network.get_submodule(name).parameters(), strict=True))


def test_each_optimizer_changes_its_own_network_only():
    for frozen, moving in (NAMES, NAMES[::-1]):
        network = gan()
        own = optimizers(network)
        for group in own[frozen].param_groups:
            group["lr"] = 0.0
        before = {name: weights_of(network, name) for name in NAMES}
        training(network, optimizer=own).run()
        assert changed(before[moving], network, moving)
        assert not changed(before[frozen], network, frozen)


def test_no_gradient_of_the_generator_loss_gathers_at_the_discriminator():
    network = gan()
    workflow = training(network)
    gathered = []
    update = workflow.update

    def spy(total, name):
        update(total, name)
        if name == "generator":
            gathered.append([w.grad.clone() for w in network.discriminator.parameters()])
        else:
            spy.critic = [w.grad.clone() for w in network.discriminator.parameters()]

    workflow.update = spy
    workflow(batches(1)[0])
    for found, wanted in zip(gathered[0], spy.critic, strict=True):
        assert torch.equal(found, wanted)
    assert all(weight.requires_grad for weight in network.parameters())


def test_frozen_weights_of_the_discriminator_stay_frozen():
    network = gan()
    first = next(network.discriminator.parameters())
    first.requires_grad_(False)
    before = first.clone()
    own = optimizers(network)
    training(network, optimizer=own).run()
    assert not first.requires_grad
    assert torch.equal(first, before)


def test_turns_are_counted_over_epochs():
    network = gan()
    workflow = training(network, batches(2), n_critic=3)
    turns = []
    for _ in range(3):
        before = weights_of(network, "generator")
        workflow.run()
        turns.append(changed(before, network, "generator"))
    assert turns == [False, True, True]
    assert workflow.n_steps == 6


@pytest.mark.parametrize("options", [{}, {"average": EMA(0.9)}, {"mode": "wgan-gp", "n_critic": 3}])
def test_going_on_from_a_state_is_as_if_nothing_had_happened(options):
    def fresh():
        network = gan()
        own = {name: torch.optim.Adam(network.get_submodule(name).parameters(), 1e-2) for name in NAMES}
        return network, training(network, batches(4), optimizer=own, **copy.deepcopy(options))

    network, workflow = fresh()
    torch.manual_seed(3)
    workflow.run()
    kept = copy.deepcopy(
        (network.state_dict(), workflow.state_dict(), {n: o.state_dict() for n, o in workflow.optimizers.items()})
    )
    random = torch.get_rng_state()
    workflow.run()

    other, second = fresh()
    other.load_state_dict(kept[0])
    second.load_state_dict(kept[1])
    for name, state in kept[2].items():
        second.optimizers[name].load_state_dict(state)
    torch.set_rng_state(random)
    second.run()
    assert second.n_steps == workflow.n_steps == 8
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), other.parameters(), strict=True))


def test_losses_are_reported_by_name_and_detached():
    metric = EisenModuleWrapper(SlicedWasserstein(8), ["generated", "image"], ["distance"])
    workflow = training(gan("batchnorm"), metrics=[metric])
    outputs, losses, metrics = workflow(batches(1)[0])
    assert [list(row) for row in (*losses, *metrics)] == [["generator_loss", "discriminator_loss"], ["distance"]]
    assert outputs["generated"].shape == (3, 1, 8, 8)
    assert not any(value.requires_grad for value in (*outputs.values(), *losses[0].values()))
    workflow.run()
    assert workflow.epoch_aggregator.n_batches == 4


def test_an_own_loss_is_added_to_that_of_the_generator():
    network = gan()
    darker = EisenModuleWrapper(_Mean(), ["generated"], ["brightness"])
    workflow = training(network, batches(30), losses=[darker])
    latent = torch.randn(8, 4)
    before = network(latent).mean().item()
    workflow.run()
    assert network(latent).mean().item() < before - 0.1


class _Mean(nn.Module):
    def forward(self, images):
        return 50 * images.mean()


@pytest.mark.parametrize("mode", ["gan", "wgan-gp"])
def test_it_learns_in_half_precision_with_clipping_and_an_average(mode):
    network = gan()
    before = {name: weights_of(network, name) for name in NAMES}
    workflow = training(network, mode=mode, n_critic=1, precision="bf16", clip_norm=1.0, average="ema")
    workflow.run()
    assert all(changed(before[name], network, name) for name in NAMES)
    assert all(weight.isfinite().all() for weight in network.parameters())
    with workflow.average.applied():
        averaged = weights_of(network, "generator")
    assert changed(averaged, network, "generator")


def test_a_batch_that_is_no_number_stops_or_is_left_out():
    data = batches(3)
    data[1]["image"][0] = torch.nan
    with pytest.raises(NonFiniteLossError) as caught:
        training(gan(), data).run()
    assert "case 3" in caught.value.card.case
    network = gan()
    workflow = training(network, data, on_non_finite="skip")
    workflow.run()
    assert workflow.guard.n_skipped == 1
    assert workflow.epoch_aggregator.n_batches == 2
    assert all(weight.isfinite().all() for weight in network.parameters())


def test_without_optimizer_nothing_changes_and_the_losses_have_gradients():
    network = gan()
    workflow = training(network)
    workflow.optimizer = None
    before = copy.deepcopy(network.state_dict())
    _, losses, _ = workflow(batches(1)[0])
    sum(losses[0].values()).backward()
    assert all(weight.grad is not None for weight in network.parameters())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert workflow.n_steps == 0


def test_images_the_generator_cannot_make_are_noted_once(caplog):
    data = [{"image": 300 * torch.rand(2, 1, 8, 8)}] * 2
    with caplog.at_level(logging.WARNING):
        training(gan(), data).run()
    assert len([r for r in caplog.records if "rescale" in r.message]) == 1
    assert not any("without losses" in r.message for r in caplog.records)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": None}, "NoneType"),
        ({"optimizer": {"generator": None}}, "'generator'"),
        ({"mode": "wgan"}, "mode"),
        ({"n_critic": 0}, "n_critic"),
        ({"penalty_weight": -1.0, "mode": "wgan-gp"}, "weight"),
        ({"smoothing": 1.0}, "smoothing"),
    ],
)
def test_what_cannot_be_is_refused_at_once(options, message):
    with pytest.raises(ArgumentError, match=message):
        training(gan(), **options)


def test_batch_normalization_under_a_gradient_penalty_is_refused():
    network = GAN(DCGANGenerator(1, 16, latent_size=4, n_filters=4), DCGANDiscriminator(1, 16, n_filters=4))
    with pytest.raises(ArgumentError) as caught:
        training(network, mode="wgan-gp")
    assert "layernorm" in caught.value.card.to_do


def test_a_model_without_the_two_parts_and_a_batch_without_images_are_named():
    network = nn.Linear(2, 2)
    with pytest.raises(ArgumentError, match="generator and discriminator"):
        AdversarialTraining(EisenModuleWrapper(network, ["x"], ["y"]), [], optimizer=optimizers(gan()))
    with pytest.raises(MissingFieldError, match="image"):
        training(gan())({"picture": torch.zeros(1, 1, 8, 8)})
    model = EisenModuleWrapper(gan(), ["latent"], ["generated"])
    with pytest.raises(MissingFieldError, match="image"):
        GenerativeValidation(model, [], device="cpu")({"picture": torch.zeros(1, 1, 8, 8)})
    plain = EisenModuleWrapper(nn.Linear(2, 2), ["latent"], ["generated"])
    with pytest.raises(ArgumentError, match="random numbers"):
        GenerativeValidation(plain, [], device="cpu")(batches(1)[0])


def validated(network, data, **options):
    metric = EisenModuleWrapper(SlicedWasserstein(), ["generated", "image"], ["distance"])
    model = EisenModuleWrapper(network, ["latent"], ["generated"])
    workflow = GenerativeValidation(model, data, metrics=[metric], device="cpu", **options)
    images = []
    workflow.subscribe(lambda event: images.append(event.outputs["generated"]), _batch_end())
    workflow.run()
    return torch.cat(images), metric.module.compute().item()


def test_validation_sees_the_same_images_for_every_batch_size_and_epoch():
    network = gan("batchnorm")
    images, distance = validated(network, batches(4, 3))
    rows = [row for batch in batches(4, 3) for row in batch["image"]]
    larger = [Batch({"image": torch.stack(rows[i : i + 6])}, samples=list(range(i, i + 6))) for i in range(0, 12, 6)]
    torch.manual_seed(99)
    again, same = validated(network, larger)
    torch.testing.assert_close(images, again, rtol=1e-4, atol=1e-5)
    assert distance == pytest.approx(same, rel=1e-4)
    other, _ = validated(network, batches(4, 3), latent_seed=1)
    assert not torch.allclose(images, other)


def test_random_numbers_in_the_data_are_used():
    network = gan().eval()
    latent = torch.randn(3, 4)
    model = EisenModuleWrapper(network, ["latent"], ["generated"])
    outputs, _, _ = GenerativeValidation(model, [], device="cpu")({**batches(1)[0], "latent": latent})
    assert torch.equal(outputs["generated"], network(latent))


@pytest.mark.gpu
def test_a_gpu_learns_what_the_cpu_learns():
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    results = []
    for device in ("cpu", "cuda"):
        network = gan()
        torch.manual_seed(5)
        training(network, batches(2), device=device).run()
        results.append([weight.detach().cpu() for weight in network.parameters()])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-2, atol=1e-3)
