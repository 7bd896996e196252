"""Losses of GANs against their formulas, and the sliced Wasserstein distance against scipy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import nn

from eisen._core.errors import ArgumentError, ShapeError
from eisen.ops.losses import AdversarialLoss, GradientPenalty, WassersteinLoss
from eisen.ops.metrics import SlicedWasserstein

seeds = st.integers(0, 10_000)


def scores(seed, n=5):
    return np.random.default_rng(seed).normal(0, 3, (2, n))


def log_sigmoid(values):
    return -np.logaddexp(0, -values)


@given(seed=seeds, smoothing=st.sampled_from([0.0, 0.1, 0.3]))
@settings(max_examples=20, deadline=None)
def test_cross_entropy_is_that_of_the_paper(seed, smoothing):
    real, fake = scores(seed)
    loss = AdversarialLoss(smoothing=smoothing)
    target = 1 - smoothing
    of_real = -(target * log_sigmoid(real) + (1 - target) * log_sigmoid(-real)).mean()
    expected = of_real - log_sigmoid(-fake).mean()
    assert loss(torch.tensor(real), torch.tensor(fake)).item() == pytest.approx(expected, rel=1e-9)
    assert loss.generator(torch.tensor(fake)).item() == pytest.approx(-log_sigmoid(fake).mean(), rel=1e-9)


@given(seed=seeds)
@settings(max_examples=20, deadline=None)
def test_least_squares_and_wasserstein_are_those_of_the_papers(seed):
    real, fake = scores(seed)
    tensors = torch.tensor(real), torch.tensor(fake)
    loss = AdversarialLoss("least_squares")
    assert loss(*tensors).item() == pytest.approx((((real - 1) ** 2).mean() + (fake**2).mean()) / 2)
    assert loss.generator(tensors[1]).item() == pytest.approx(((fake - 1) ** 2).mean() / 2)
    assert WassersteinLoss()(*tensors).item() == pytest.approx(fake.mean() - real.mean())
    assert WassersteinLoss().generator(tensors[1]).item() == pytest.approx(-fake.mean())


def test_a_beaten_generator_still_gets_a_gradient():
    fake = torch.full((1,), -20.0, requires_grad=True)
    AdversarialLoss().generator(fake).backward()
    assert fake.grad.item() == pytest.approx(-1.0, abs=1e-6)


class Linear(nn.Module):
    """A critic whose slope is known: the same everywhere."""

    def __init__(self, shape):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(*shape, generator=torch.Generator().manual_seed(0)))

    def forward(self, images):
        return (images * self.weight).flatten(1).sum(1)


@pytest.mark.parametrize("shape", [(2, 7), (1, 5, 6), (2, 3, 4, 5)])
def test_the_penalty_is_that_of_a_slope_over_all_axes(shape):
    critic, images = Linear(shape), torch.randn(2, 4, *shape)
    norm = critic.weight.detach().norm()
    penalty = GradientPenalty(weight=3.0)(critic, *images)
    torch.testing.assert_close(penalty.detach(), 3 * (norm - 1) ** 2)
    penalty.backward()
    torch.testing.assert_close(critic.weight.grad, 6 * (norm - 1) * critic.weight.detach() / norm)


def test_every_image_has_a_slope_and_a_place_of_its_own():
    seen = []

    def critic(images):
        seen.append(images.detach().clone())
        return (images.flatten(1) ** 2).sum(1) / 2  # the slope is the image itself

    real, fake = torch.ones(6, 1, 4, 4), torch.zeros(6, 1, 4, 4)
    torch.manual_seed(5)
    penalty = GradientPenalty(weight=1.0)(critic, real, fake)
    shares = seen[0][:, 0, 0, 0]
    assert torch.equal(seen[0], shares.view(6, 1, 1, 1).expand_as(real)), "one place per image, not per pixel"
    assert len(set(shares.tolist())) == 6
    assert 0 <= shares.min() < shares.max() <= 1
    torch.testing.assert_close(penalty, ((4 * shares - 1) ** 2).mean())
    torch.manual_seed(5)
    assert torch.equal(GradientPenalty(weight=1.0)(critic, real, fake), penalty), "drawn from torch's generator"


def test_the_penalty_leaves_no_gradient_at_the_images_and_works_without_grad_mode():
    critic, images = Linear((1, 4, 4)), torch.randn(2, 3, 1, 4, 4, requires_grad=True)
    GradientPenalty()(critic, images[0], images[1]).backward()
    assert images.grad is None
    with torch.no_grad():
        assert GradientPenalty()(critic, images[0], images[1]) > 0


def test_a_critic_under_the_penalty_ends_with_the_slope_one():
    torch.manual_seed(0)
    critic = Linear((1, 4, 4))
    optimizer = torch.optim.Adam(critic.parameters(), lr=0.05)
    real, fake = torch.randn(2, 8, 1, 4, 4)
    for _ in range(200):
        optimizer.zero_grad()
        GradientPenalty()(critic, real, fake).backward()
        optimizer.step()
    assert critic.weight.norm().item() == pytest.approx(1.0, abs=0.01)


def test_wrong_arguments_are_refused():
    with pytest.raises(ArgumentError, match="kind") as caught:
        AdversarialLoss("least_square")
    assert "least_squares" in caught.value.card.to_do
    for make in (lambda: AdversarialLoss(smoothing=1.0), lambda: GradientPenalty(-1.0)):
        with pytest.raises(ArgumentError):
            make()
    with pytest.raises(ShapeError, match="GradientPenalty"):
        GradientPenalty()(Linear((1, 4, 4)), torch.zeros(2, 1, 4, 4), torch.zeros(3, 1, 4, 4))


@given(seed=seeds, n=st.integers(1, 9), m=st.integers(1, 9))
@settings(max_examples=25, deadline=None)
def test_along_one_direction_it_is_the_wasserstein_distance(seed, n, m):
    rng = np.random.default_rng(seed)
    ours, theirs = rng.normal(size=(n, 1, 1)), rng.normal(0.5, 2, size=(m, 1, 1))
    found = SlicedWasserstein(n_directions=1)(torch.tensor(ours), torch.tensor(theirs))
    assert found.item() == pytest.approx(stats.wasserstein_distance(ours.ravel(), theirs.ravel()), rel=1e-5, abs=1e-6)


@given(seed=seeds, cuts=st.lists(st.integers(1, 11), max_size=4))
@settings(max_examples=20, deadline=None)
def test_batches_of_any_size_give_what_one_batch_gives(seed, cuts):
    rng = np.random.default_rng(seed)
    ours, theirs = (torch.tensor(rng.normal(size=(12, 2, 3, 4))) for _ in range(2))
    whole, parts = SlicedWasserstein(16), SlicedWasserstein(16)
    expected = whole(ours, theirs)
    torch.testing.assert_close(whole.compute(), expected)
    borders = [0, *sorted(set(cuts)), 12]
    for first, last in itertools.pairwise(borders):
        parts(ours[first:last], theirs[first:last])
    torch.testing.assert_close(parts.compute(), expected, rtol=1e-6, atol=0)
    parts.reset()
    assert parts.compute().isnan()


def test_the_distance_is_symmetric_zero_for_equals_and_grows_with_the_shift():
    images = torch.randn(32, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    metric = SlicedWasserstein()
    assert metric(images, images[torch.randperm(32)]) == 0
    other = images.flip(0) * 2
    torch.testing.assert_close(metric(images, other), metric(other, images))
    shifts = [metric(images + shift, images).item() for shift in (0.1, 0.3, 0.9)]
    assert shifts == sorted(shifts)
    assert shifts[2] == pytest.approx(0.9 * np.sqrt(2 / np.pi), rel=0.15)


def test_the_distance_says_what_does_not_fit():
    with pytest.raises(ShapeError, match="SlicedWasserstein"):
        SlicedWasserstein()(torch.zeros(2, 1, 4, 4), torch.zeros(2, 1, 4, 5))
    for wrong in ({"n_directions": 0}, {"seed": -1}):
        with pytest.raises(ArgumentError, match=next(iter(wrong))):
            SlicedWasserstein(**wrong)


@pytest.mark.gpu
def test_the_penalty_and_the_distance_are_those_of_the_cpu():
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    critic, images = Linear((1, 8, 8)), torch.randn(2, 4, 1, 8, 8)
    values = []
    for device in ("cpu", "cuda"):
        torch.manual_seed(0)
        here = images.to(device)
        values.append((GradientPenalty()(critic.to(device), *here).item(), SlicedWasserstein()(*here).item()))
    assert values[0] == pytest.approx(values[1], rel=1e-4)
