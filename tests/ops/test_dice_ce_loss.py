"""DiceCELoss against NumPy, for every form of label and every setting."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from eisen._core.errors import ArgumentError, ShapeError, VoxelValueError
from eisen.ops.losses import DiceCELoss

SMOOTH = 1e-5


def case(n_classes=3, seed=0, shape=(2, 4, 3, 5)):
    rng = np.random.default_rng(seed)
    n, *grid = shape
    return rng.normal(size=(n, n_classes, *grid)), rng.integers(0, n_classes, shape)


def hot(label, n_classes):
    return np.moveaxis(np.eye(n_classes)[label], -1, 1)


def softmax(logits):
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def dice(p, reference, batch_dice=False, background=False):
    first = 0 if background or p.shape[1] == 1 else 1
    axes = (*((0,) if batch_dice else ()), *range(2, p.ndim))
    p, reference = p[:, first:], reference[:, first:]
    return ((2 * (p * reference).sum(axes) + SMOOTH) / (p.sum(axes) + reference.sum(axes) + SMOOTH)).mean()


def cross_entropy(p, label, weights=None, smoothing=0.0):
    n_classes = p.shape[1]
    weights = np.ones(n_classes) if weights is None else np.asarray(weights)
    reference = hot(label, n_classes)
    shape = (1, -1, *[1] * (p.ndim - 2))
    target = reference * (1 - smoothing) + smoothing / n_classes
    return -(target * weights.reshape(shape) * np.log(p)).sum() / weights[label].sum()


@pytest.mark.parametrize("include_background", [False, True])
@pytest.mark.parametrize("batch_dice", [False, True])
@pytest.mark.parametrize("extra", [{}, {"class_weights": [0.2, 1.0, 3.0]}, {"label_smoothing": 0.1},
                                   {"class_weights": [0.2, 1.0, 3.0], "label_smoothing": 0.1}])  # fmt: skip
def test_exclusive_classes_are_softmax_dice_plus_cross_entropy(include_background, batch_dice, extra):
    logits, label = case()
    loss = DiceCELoss(include_background, 0.7, 1.3, batch_dice, **extra)(torch.tensor(logits), torch.tensor(label))
    p = softmax(logits)
    entropy = cross_entropy(p, label, extra.get("class_weights"), extra.get("label_smoothing", 0.0))
    expected = 0.7 * (1 - dice(p, hot(label, 3), batch_dice, include_background)) + 1.3 * entropy
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


@pytest.mark.parametrize("include_background", [False, True])
def test_overlapping_regions_are_sigmoid_dice_plus_binary_cross_entropy(include_background):
    logits, _ = case()
    reference = np.random.default_rng(1).integers(0, 2, logits.shape)
    loss = DiceCELoss(include_background, activation="sigmoid")(torch.tensor(logits), torch.tensor(reference))
    p = sigmoid(logits)
    entropy = -np.where(reference, np.log(p), np.log(1 - p)).mean()
    np.testing.assert_allclose(loss, 1 - dice(p, reference, background=include_background) + entropy, rtol=1e-6)


def test_binary_weights_and_smoothing():
    logits, _ = case(2)
    reference = np.random.default_rng(1).integers(0, 2, logits.shape)
    settings = {"activation": "sigmoid", "dice_weight": 0, "class_weights": [1, 3], "label_smoothing": 0.2}
    loss = DiceCELoss(**settings)(torch.tensor(logits), torch.tensor(reference))
    p, target = sigmoid(logits), reference * 0.8 + 0.1
    entropy = -(target * np.log(p) + (1 - target) * np.log(1 - p)).mean((0, 2, 3, 4))
    np.testing.assert_allclose(loss, (entropy * [0.5, 1.5]).mean(), rtol=1e-6)


def test_a_single_channel_is_foreground():
    logits, _ = case(1)
    label = np.random.default_rng(1).integers(0, 2, (2, 4, 3, 5))
    p = sigmoid(logits)
    entropy = -np.where(label[:, None], np.log(p), np.log(1 - p)).mean()
    expected = 1 - dice(p, label[:, None]) + entropy
    for form in (label, label[:, None], label[:, None].astype("float32")):
        loss = DiceCELoss(activation="sigmoid")(torch.tensor(logits), torch.tensor(form))
        np.testing.assert_allclose(loss, expected, rtol=1e-6)


@pytest.mark.parametrize(("n_classes", "activation"), [(3, "softmax"), (1, "sigmoid"), (2, "softmax")])
def test_probabilities_give_what_logits_give(n_classes, activation):
    logits, label = case(n_classes)
    probabilities = softmax(logits) if activation == "softmax" else sigmoid(logits)
    label = torch.tensor(label)
    with_logits = DiceCELoss(activation=activation)(torch.tensor(logits), label)
    torch.testing.assert_close(DiceCELoss(activation="none")(torch.tensor(probabilities), label), with_logits)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize("dtype", [torch.int64, torch.int16, torch.uint8, torch.float32, torch.float64])
def test_label_map_with_and_without_channel_and_one_hot_are_the_same(activation, dtype):
    logits, label = case()
    loss = DiceCELoss(activation=activation, class_weights=[1, 2, 3], label_smoothing=0.1)
    forms = [label, label[:, None], hot(label, 3)]
    values = [loss(torch.tensor(logits), torch.tensor(form).to(dtype)) for form in forms]
    assert values[0] == values[1] == values[2]


@given(seed=st.integers(0, 10_000), scale=st.floats(0, 50), batch_dice=st.booleans())
@settings(max_examples=40, deadline=None)
def test_the_dice_part_stays_between_zero_and_one(seed, scale, batch_dice):
    logits, label = case(seed=seed, shape=(2, 3, 3))
    loss = DiceCELoss(ce_weight=0, batch_dice=batch_dice)(torch.tensor(scale * logits), torch.tensor(label))
    assert -1e-9 <= loss <= 1 + 1e-9


@given(seed=st.integers(0, 10_000), order=st.permutations(range(4)))
@settings(max_examples=25, deadline=None)
def test_the_order_of_the_classes_does_not_matter(seed, order):
    logits, label = case(4, seed, (2, 3, 3))
    loss = DiceCELoss(include_background=True)
    renamed = torch.tensor(np.argsort(order)[label])
    torch.testing.assert_close(
        loss(torch.tensor(logits), torch.tensor(label)), loss(torch.tensor(logits[:, order]), renamed)
    )


def test_a_class_absent_from_both_costs_nothing():
    label = torch.zeros(1, 1, 4, 4, dtype=torch.long)
    logits = torch.zeros(1, 3, 4, 4)
    logits[:, 0] = 100
    assert DiceCELoss()(logits, label) == pytest.approx(0, abs=1e-6)


def test_gradients_are_right_for_all_activations():
    logits, label = case(3, shape=(2, 2, 2))
    for activation in ("softmax", "sigmoid", "none"):
        loss = DiceCELoss(activation=activation, class_weights=[1, 2, 3])
        x = torch.tensor(softmax(logits) if activation == "none" else logits, requires_grad=True)
        assert torch.autograd.gradcheck(lambda x, loss=loss: loss(x, torch.tensor(label)), (x,))


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_sums_are_float32_under_autocast(activation):
    logits, label = (torch.tensor(x) for x in case())
    loss = DiceCELoss(activation=activation)
    half = logits.bfloat16().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(half, label)
    assert value.dtype == torch.float32
    value.backward()
    assert half.grad.isfinite().all()
    torch.testing.assert_close(value, loss(half.float(), label))


@pytest.mark.parametrize(
    ("value", "shown"), [(3, "the value 3"), (-1, "the value -1"), (255, "the value 255"), (0.5, "the value 0.5"),
                         (float("nan"), "the value nan")],
)  # fmt: skip
def test_a_label_value_that_is_no_class_is_named_with_the_range(value, shown):
    logits, label = case()
    label = label.astype(type(value))
    label[1, 2, 2, 2] = value
    for activation in ("softmax", "sigmoid"):
        with pytest.raises(VoxelValueError, match=shown) as caught:
            DiceCELoss(activation=activation)(torch.tensor(logits), torch.tensor(label))
        assert "0 to 2" in caught.value.card.expected


@pytest.mark.parametrize("shape", [(2, 4, 3, 4), (1, 4, 3, 5), (2, 2, 4, 3, 5), (2, 1, 1, 4, 3, 5)])
def test_labels_on_another_grid_are_refused(shape):
    logits, _ = case()
    with pytest.raises(ShapeError, match="do not fit"):
        DiceCELoss()(torch.tensor(logits), torch.zeros(shape))


def test_channels_that_do_not_fit_the_settings_are_refused():
    logits, label = (torch.tensor(x) for x in case(1))
    with pytest.raises(ShapeError, match="softmax of one channel"):
        DiceCELoss()(logits, label)
    logits, label = (torch.tensor(x) for x in case(3))
    with pytest.raises(ShapeError, match="2 class_weights for 3 channels"):
        DiceCELoss(class_weights=[1, 2])(logits, label)
    with pytest.raises(ShapeError, match="CrossEntropyLoss"):
        DiceCELoss()(torch.zeros(2, 3), torch.zeros(2))


@pytest.mark.parametrize(
    "arguments",
    [{"activation": "relu"}, {"dice_weight": -1}, {"ce_weight": float("nan")}, {"label_smoothing": 1.0}, {"smooth": 0}],
)
def test_bad_arguments_are_refused_by_the_constructor(arguments):
    with pytest.raises(ArgumentError, match=next(iter(arguments)).replace("activation", "one of: sigmoid")):
        DiceCELoss(**arguments)


def test_settings_are_no_part_of_a_checkpoint():
    assert DiceCELoss(class_weights=[1, 2]).state_dict() == {}


def test_a_huge_logit_stays_finite():
    logits = torch.tensor([[[1e4, -1e4], [-1e4, 1e4]]], requires_grad=True)
    for activation in ("softmax", "sigmoid"):
        loss = DiceCELoss(activation=activation)(logits, torch.tensor([[1, 0]]))
        loss.backward()
        assert loss.isfinite()
        assert logits.grad.isfinite().all()


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "none"])
def test_nothing_waits_for_the_device(activation):
    """On the meta device any read-back raises."""
    loss = DiceCELoss(activation=activation, class_weights=[1, 2, 3])
    predictions = torch.zeros(2, 3, 8, 8, device="meta")
    for label in (torch.zeros(2, 1, 8, 8, device="meta"), torch.zeros(2, 3, 8, 8, device="meta")):
        assert loss(predictions, label).shape == ()
