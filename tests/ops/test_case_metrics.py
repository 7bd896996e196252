"""Metrics with a value per case: right against other ways to compute them, and the same however cases are dealt."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from eisen._core.errors import ArgumentError, ShapeError, VoxelValueError
from eisen.ops.metrics import PSNR, SSIM, CaseMean, ForegroundRand
from eisen.ops.metrics.rand import rand_score, segments

METRICS = {"PSNR": PSNR, "SSIM": SSIM, "ForegroundRand": ForegroundRand}
each_metric = pytest.mark.parametrize("name", sorted(METRICS))
seeds = st.integers(0, 10_000)


def pair_of(name, rng, n=6, side=12):
    """Return predictions and labels that fit a metric, `n` cases."""
    if name == "ForegroundRand":
        labels = torch.tensor(rng.random((n, side, side)) < 0.3)
        noise = torch.tensor(rng.normal(0, 0.3, (n, side, side)))
        found = (labels + noise).clamp(0, 1).float()
        return torch.stack([1 - found, found], 1), labels.long()
    labels = torch.tensor(rng.random((n, 1, side, side)), dtype=torch.float32)
    return labels + 0.1 * torch.tensor(rng.normal(size=labels.shape), dtype=torch.float32), labels


@each_metric
@given(seed=seeds, cuts=st.sets(st.integers(1, 5), max_size=3))
@settings(max_examples=5, deadline=None)
def test_batches_of_any_size_give_what_one_batch_gives(name, seed, cuts):
    predictions, labels = pair_of(name, np.random.default_rng(seed))
    whole, parts = METRICS[name](), METRICS[name]()
    once = whole(predictions, labels)
    for a, b in itertools.pairwise([0, *sorted(cuts), 6]):
        parts(predictions[a:b], labels[a:b])
    torch.testing.assert_close(parts.compute(), whole.compute())
    torch.testing.assert_close(once, whole.compute())
    assert once.shape == ()


@each_metric
def test_reset_forgets_and_nothing_seen_is_undefined(name):
    metric = METRICS[name]()
    assert metric.compute().isnan()
    metric(*pair_of(name, np.random.default_rng(0)))
    assert not metric.compute().isnan()
    metric.reset()
    assert metric.compute().isnan()


@each_metric
def test_it_has_no_weights_and_survives_pickling(name):
    metric = METRICS[name]()
    metric(*pair_of(name, np.random.default_rng(0)))
    assert not metric.state_dict()
    assert torch.equal(pickle.loads(pickle.dumps(metric)).compute(), metric.compute())
    metric.to("meta")


@each_metric
def test_a_perfect_prediction_is_best(name):
    predictions, labels = pair_of(name, np.random.default_rng(3))
    perfect = torch.nn.functional.one_hot(labels, 2).movedim(-1, 1).float() if name == "ForegroundRand" else labels
    best = METRICS[name]()(perfect, labels)
    assert best == (torch.inf if name == "PSNR" else 1)
    assert METRICS[name]()(predictions, labels) < best


def test_cases_without_a_value_are_left_out():
    labels = torch.ones(2, 6, 6, dtype=torch.long)  # the second case has no objects in the reference
    labels[0, :, :3] = 0
    predictions = torch.nn.functional.one_hot(labels, 2).movedim(-1, 1).float()
    metric = ForegroundRand()
    assert metric(predictions[1:], labels[1:]).isnan()
    metric(predictions[:1], labels[:1])
    assert metric.compute() == 1


def test_a_child_says_what_a_case_is_worth():
    class LargestError(CaseMean):
        def score(self, predictions, labels):
            return (predictions - labels).abs().flatten(1).amax(1, keepdim=True)

    metric = LargestError()
    metric(torch.tensor([[1.0, 4.0]]), torch.zeros(1, 2))
    metric(torch.tensor([[2.0, 0.0]]), torch.zeros(1, 2))
    assert metric.compute() == 3


# Image quality


@given(seed=seeds, data_range=st.sampled_from([1, 255.0]), grid=st.sampled_from([(12, 13), (5, 4, 6)]))
@settings(max_examples=15, deadline=None)
def test_psnr_is_the_mean_of_the_decibels_of_each_case(seed, data_range, grid):
    rng = np.random.default_rng(seed)
    found, wanted = data_range * rng.random((2, 3, 1, *grid))
    decibels = [10 * np.log10(data_range**2 / np.mean((a - b) ** 2)) for a, b in zip(found, wanted, strict=True)]
    value = PSNR(data_range)(torch.tensor(found), torch.tensor(wanted))
    np.testing.assert_allclose(value, np.mean(decibels), rtol=1e-6)


def ssim_by_hand(a, b, data_range):
    """The formula of the paper at every pixel of the image, mirrored at its rim, one after the other."""
    a, b = np.pad(a, 5, mode="reflect"), np.pad(b, 5, mode="reflect")
    axis = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    bell = np.outer(axis, axis) / axis.sum() ** 2
    c1, c2, values = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2, []
    for i, j in itertools.product(range(a.shape[0] - 10), range(a.shape[1] - 10)):
        x, y = a[i : i + 11, j : j + 11], b[i : i + 11, j : j + 11]
        mx, my = (bell * x).sum(), (bell * y).sum()
        vx, vy, cov = (bell * x * x).sum() - mx**2, (bell * y * y).sum() - my**2, (bell * x * y).sum() - mx * my
        values.append((2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2)))
    return np.mean(values)


def test_ssim_is_that_of_the_paper():
    rng = np.random.default_rng(0)
    wanted = 200 * rng.random((2, 1, 16, 14))
    found = wanted + rng.normal(0, 30, wanted.shape)
    expected = np.mean([ssim_by_hand(a[0], b[0], 255) for a, b in zip(found, wanted, strict=True)])
    assert SSIM(255)(torch.tensor(found), torch.tensor(wanted)).item() == pytest.approx(expected, rel=1e-4)


def test_ssim_takes_volumes():
    volume = torch.rand(2, 1, 12, 13, 14, generator=torch.Generator().manual_seed(0))
    assert SSIM()(volume, volume).item() == pytest.approx(1)
    assert SSIM()(1 - volume, volume).item() < 0


@pytest.mark.parametrize("data_range", [0, -1, float("inf"), "255"])
@pytest.mark.parametrize("metric", [PSNR, SSIM])
def test_a_range_that_cannot_be_is_refused(metric, data_range):
    with pytest.raises(ArgumentError, match="data_range"):
        metric(data_range)


def test_images_that_do_not_fit_are_named():
    for metric in (PSNR(), SSIM()):
        with pytest.raises(ShapeError):
            metric(torch.zeros(1, 1, 16, 16), torch.zeros(1, 1, 16, 15))
    with pytest.raises(ShapeError, match="SSIM got images"):
        SSIM()(torch.zeros(1, 1, 10, 16), torch.zeros(1, 1, 10, 16))


# Rand


def score_by_pairs(found, wanted):
    """Count pairs one by one: both together, over the mean of those that each keeps together."""
    both = proposed = true = 0
    for i, j in itertools.product(range(len(found)), repeat=2):
        here = i == j or (found[i] == found[j] and found[i] != 0)
        there = wanted[i] == wanted[j]
        both, proposed, true = both + (here and there), proposed + here, true + there
    return 2 * both / (proposed + true)


@given(seed=seeds, n=st.integers(1, 40), n_found=st.integers(1, 6), n_wanted=st.integers(1, 6))
@settings(max_examples=80, deadline=None)
def test_the_rand_score_is_that_of_counted_pairs(seed, n, n_found, n_wanted):
    rng = np.random.default_rng(seed)
    found, wanted = rng.integers(0, n_found, n), rng.integers(1, n_wanted + 1, n)
    assert rand_score(found, wanted) == pytest.approx(score_by_pairs(found, wanted), abs=1e-12)
    assert rand_score(wanted, found + 1) == pytest.approx(rand_score(found + 1, wanted), abs=1e-12)


def parts_by_hand(inside):
    """Flood the image from each unvisited voxel, over shared edges."""
    numbers, count = np.zeros(inside.shape, int), 0
    for start in zip(*np.nonzero(inside), strict=True):
        if numbers[start]:
            continue
        count, open_ = count + 1, [start]
        while open_:
            here = open_.pop()
            if any(not 0 <= i < n for i, n in zip(here, inside.shape, strict=True)):
                continue
            if not inside[here] or numbers[here]:
                continue
            numbers[here] = count
            for axis, step in itertools.product(range(inside.ndim), (-1, 1)):
                open_.append(tuple(i + step * (a == axis) for a, i in enumerate(here)))
    return numbers


@given(seed=seeds, grid=st.sampled_from([(9, 8), (4, 5, 4)]), share=st.floats(0.2, 0.9))
@settings(max_examples=12, deadline=None)
def test_the_metric_is_that_of_parts_flooded_and_pairs_counted(seed, grid, share):
    rng = np.random.default_rng(seed)
    wall, found = rng.random((1, *grid)) < 1 - share, rng.random((1, *grid))
    metric = ForegroundRand(thresholds=[0.5, 0.8])
    value = metric(torch.tensor(np.stack([1 - found, found], 1)), torch.tensor(wall).long())
    expected = [scored_by_hand(found[0] < cut, ~wall[0]) for cut in (0.5, 0.8)]
    np.testing.assert_allclose(value, max(expected), rtol=1e-6)


def scored_by_hand(found, inside):
    if not inside.any():
        return np.nan
    grown, wanted = segments(found, grown=True), parts_by_hand(inside)
    own = parts_by_hand(found)
    places, sources = np.argwhere(np.ones_like(found)), np.argwhere(found)
    for place in places:  # each voxel joined one of the nearest parts
        if len(sources):
            away = ((sources - place) ** 2).sum(1)
            near = {own[tuple(source)] for source in sources[away == away.min()]}
            names = {own[tuple(s)] for s in sources if segments(found)[tuple(s)] == grown[tuple(place)]}
            assert names & near
    return score_by_pairs(grown[inside].tolist(), wanted[inside].tolist())


def walls(gap=0, thickness=1):
    """Two cells with a wall between them, and what a network says, with a gap in the wall."""
    labels = torch.zeros(1, 20, 21, dtype=torch.long)
    labels[:, :, 10] = 1
    found = torch.zeros(1, 20, 21)
    found[:, gap:, 10 - thickness // 2 : 11 + thickness // 2] = 1
    return torch.stack([1 - found, found], 1), labels


def test_a_gap_of_one_pixel_merges_two_cells_and_the_thickness_of_a_wall_does_not_count():
    metric = ForegroundRand()
    assert metric(*walls()) == 1
    assert metric(*walls(thickness=7)) == 1
    assert metric(*walls(gap=1)).item() == pytest.approx(2 / 3)  # half of the pairs that are together should not be


def test_one_threshold_is_chosen_for_all_cases():
    predictions, labels = walls()
    faint = predictions.clone()
    faint[:, 1] *= 0.3  # found at low thresholds only
    blurred = predictions.clone()
    blurred[:, 1, 10] = blurred[:, 1, 10].clamp(min=0.45)  # a false wall at low thresholds
    both, twice = torch.cat([faint, blurred]), torch.cat([labels, labels])
    together = ForegroundRand()(both, twice)
    assert ForegroundRand()(faint, labels) == 1
    assert ForegroundRand()(blurred, labels) == 1
    assert together < 1
    means = [ForegroundRand(thresholds=[cut])(both, twice) for cut in (0.2, 0.35, 0.5)]
    assert together == max(means)


def test_logits_and_a_single_channel_are_taken():
    predictions, labels = walls(gap=1)
    expected = ForegroundRand()(predictions, labels)
    logits = (predictions.clamp(1e-4, 1 - 1e-4)).log()
    assert ForegroundRand(activation="softmax")(logits, labels[:, None]) == expected
    assert ForegroundRand()(predictions[:, 1:], labels) == expected
    assert ForegroundRand(border=0)(predictions[:, :1], 1 - labels) < 1


def test_what_cannot_be_is_refused():
    for wrong in ({"border": 2}, {"n_classes": 1}, {"thresholds": []}, {"thresholds": [0.5, 1]}, {"activation": "max"}):
        with pytest.raises(ArgumentError):
            ForegroundRand(**wrong)
    with pytest.raises(ShapeError, match="ForegroundRand for 2 classes"):
        ForegroundRand()(torch.zeros(1, 3, 8, 8), torch.zeros(1, 8, 8))
    with pytest.raises(VoxelValueError):
        ForegroundRand()(torch.zeros(1, 2, 8, 8), torch.full((1, 8, 8), 2))
