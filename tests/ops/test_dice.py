"""DiceLoss and DiceMetric are the formula of the original, checked against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from eisen._core.errors import ShapeError
from eisen.ops.losses import DiceLoss
from eisen.ops.metrics import DiceMetric


def formula(p, l, dim):  # noqa: E741
    axes = None if dim is None else tuple(dim)
    return 2 * (l * p).sum(axes) / ((l**2 + p**2).sum(axes) + 1e-5)


def pair(seed=0, shape=(2, 3, 4, 5, 6)):
    rng = np.random.default_rng(seed)
    return rng.random(shape), (rng.random(shape) > 0.6).astype(float)


@pytest.mark.parametrize("dim", [None, [1, 2, 3, 4], [2, 3, 4], (0, 2, 3, 4), [4]])
@pytest.mark.parametrize("weight", [1.0, 0.25])
def test_dice_is_the_formula_of_the_contract(dim, weight):
    p, l = pair()  # noqa: E741
    loss = DiceLoss(weight, dim)(torch.tensor(p), torch.tensor(l))
    metric = DiceMetric(weight, dim)(torch.tensor(p), torch.tensor(l))
    assert loss.shape == metric.shape == ()
    np.testing.assert_allclose(loss, weight * (1 - formula(p, l, dim)).mean(), rtol=1e-12)
    np.testing.assert_allclose(metric, weight * formula((p >= 0.5).astype(float), l, dim).mean(), rtol=1e-6)


def test_a_single_axis_may_be_a_number():
    p, l = (torch.tensor(x) for x in pair())  # noqa: E741
    torch.testing.assert_close(DiceLoss(dim=1)(p, l), DiceLoss(dim=[1])(p, l))


def test_both_empty_is_loss_one_and_metric_zero():
    empty = torch.zeros(1, 1, 4, 4)
    assert DiceLoss()(empty, empty) == 1
    assert DiceMetric()(empty, empty) == 0


def test_a_perfect_prediction_is_loss_zero_and_metric_one():
    _, l = (torch.tensor(x) for x in pair())  # noqa: E741
    assert DiceLoss(dim=[2, 3, 4])(l, l) == pytest.approx(0, abs=1e-5)
    assert DiceMetric(dim=[2, 3, 4])(l, l) == pytest.approx(1, abs=1e-5)


def test_one_half_counts_as_found():
    label = torch.ones(1, 1, 3)
    assert DiceMetric()(torch.full((1, 1, 3), 0.5), label) > 0.99
    assert DiceMetric()(torch.full((1, 1, 3), 0.4999), label) == 0


@given(seed=st.integers(0, 10_000), threshold=st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_dice_stays_between_zero_and_one_and_is_symmetric(seed, threshold):
    rng = np.random.default_rng(seed)
    a, b = (torch.tensor((rng.random((2, 2, 3, 3)) > threshold).astype("float32")) for _ in range(2))
    for measure in (DiceLoss(dim=[1, 2, 3]), DiceMetric(), DiceMetric(dim=[2, 3])):
        value = measure(a, b)
        assert -1e-6 <= value <= 1 + 1e-6
        torch.testing.assert_close(value, measure(b, a))


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool, torch.float16])
def test_labels_of_any_type_count_the_same(dtype):
    p, l = (torch.tensor(x).float() for x in pair())  # noqa: E741
    torch.testing.assert_close(DiceLoss()(p, l.to(dtype)), DiceLoss()(p, l))
    torch.testing.assert_close(DiceMetric()(p, l.to(dtype)), DiceMetric()(p, l))


def test_a_large_volume_in_half_precision_does_not_overflow():
    p = torch.ones(1, 1, 70, 70, 70, dtype=torch.float16)
    assert DiceLoss()(p, p) == pytest.approx(0, abs=1e-6)
    assert DiceMetric()(p, p) == pytest.approx(1, abs=1e-6)


def test_a_single_label_channel_stands_for_all_channels_as_it_did():
    p, l = (torch.tensor(x) for x in pair())  # noqa: E741
    torch.testing.assert_close(DiceLoss()(p, l[:, :1]), DiceLoss()(p, l[:, :1].expand_as(l)))


@pytest.mark.parametrize("shape", [(2, 4, 5, 6), (2, 3, 4, 5, 5), (1, 3, 4, 5, 6), (2, 2, 4, 5, 6)])
def test_shapes_that_torch_would_silently_repeat_are_refused(shape):
    p, _ = pair()
    for measure in (DiceLoss(), DiceMetric()):
        with pytest.raises(ShapeError, match="the same shape"):
            measure(torch.tensor(p), torch.zeros(shape))


def test_gradients_are_those_of_the_formula():
    p, l = pair(shape=(1, 2, 2, 2))  # noqa: E741
    predictions = torch.tensor(p, requires_grad=True)
    for dim in (None, [2, 3]):
        assert torch.autograd.gradcheck(lambda x, dim=dim: DiceLoss(dim=dim)(x, torch.tensor(l)), (predictions,))
