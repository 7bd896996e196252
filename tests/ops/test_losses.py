"""What all losses over voxels have in common, and the formula of each against NumPy and scipy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt

import eisen.ops.losses
from eisen._core.errors import ArgumentError, ShapeError, VoxelValueError
from eisen.ops.losses import (
    BoundaryLoss,
    DeepSupervisionLoss,
    DiceCELoss,
    DicePerClassLoss,
    FocalLoss,
    GeneralizedDiceLoss,
    HausdorffLoss,
    TopKCrossEntropyLoss,
    TverskyLoss,
    VoxelLoss,
)

VOXEL_LOSSES = sorted(
    name
    for name in eisen.ops.losses.__all__
    if issubclass(getattr(eisen.ops.losses, name), VoxelLoss) and name not in ("VoxelLoss", "RegionLoss")
)
ADVERSARIAL = ("AdversarialLoss", "GradientPenalty", "WassersteinLoss")  # tests/ops/test_adversarial.py
TAKES_WEIGHTS = {"DiceCELoss", "FocalLoss", "TopKCrossEntropyLoss"}


def made(name, **params):
    return getattr(eisen.ops.losses, name)(**params)


def case(n_classes=3, seed=0, shape=(2, 4, 3, 5)):
    rng = np.random.default_rng(seed)
    n, *grid = shape
    return rng.normal(size=(n, n_classes, *grid)), rng.integers(0, n_classes, shape)


def hot(label, n_classes):
    return np.moveaxis(np.eye(n_classes)[label], -1, 1)


def softmax(logits):
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def voxels(array):
    return array.reshape(*array.shape[:2], -1)


def test_the_suite_knows_every_loss():
    assert set(eisen.ops.losses.__all__) == {
        *VOXEL_LOSSES,
        "VoxelLoss",
        "RegionLoss",
        "DiceLoss",
        "DeepSupervisionLoss",
        *ADVERSARIAL,
    }


@pytest.mark.parametrize("name", VOXEL_LOSSES)
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.float32])
def test_every_form_of_label_gives_the_same(name, activation, dtype):
    logits, label = case()
    loss = made(name, activation=activation)
    forms = [label, label[:, None], hot(label, 3)]
    values = [loss(torch.tensor(logits), torch.tensor(form).to(dtype)) for form in forms]
    assert values[0].shape == ()
    torch.testing.assert_close(values[1], values[0])
    torch.testing.assert_close(values[2], values[0])


@pytest.mark.parametrize("name", VOXEL_LOSSES)
@pytest.mark.parametrize(("n_classes", "activation"), [(3, "softmax"), (1, "sigmoid")])
def test_probabilities_give_what_logits_give(name, n_classes, activation):
    logits, label = case(n_classes)
    label = label if n_classes > 1 else np.random.default_rng(1).integers(0, 2, label.shape)
    logits, label = torch.tensor(logits), torch.tensor(label)
    probabilities = logits.softmax(1) if activation == "softmax" else logits.sigmoid()
    torch.testing.assert_close(
        made(name, activation="none")(probabilities, label), made(name, activation=activation)(logits, label)
    )


@pytest.mark.parametrize("name", VOXEL_LOSSES)
@pytest.mark.parametrize("shape", [(1, 6), (2, 5, 4), (2, 4, 3, 5)])
def test_the_gradient_leads_to_the_reference(name, shape):
    logits, label = case(shape=shape, seed=3)
    values, label = torch.tensor(logits, requires_grad=True), torch.tensor(label)
    loss, optimizer = made(name), torch.optim.Adam([values], lr=0.2)
    first = loss(values, label)
    for _ in range(120):
        optimizer.zero_grad()
        loss(values, label).backward()
        assert values.grad.isfinite().all()
        optimizer.step()
    assert loss(values, label) < first
    if name not in ("TopKCrossEntropyLoss", "BoundaryLoss"):  # these look at some voxels only
        wanted, found = label[label > 0], values.argmax(1)[label > 0]
        assert (found == wanted).float().mean() > 0.9


@pytest.mark.parametrize("name", VOXEL_LOSSES)
def test_half_precision_and_empty_labels_stay_finite(name):
    values = torch.full((1, 2, 4, 4), 30.0, dtype=torch.bfloat16, requires_grad=True)
    loss = made(name)(values, torch.zeros(1, 1, 4, 4, dtype=torch.uint8))
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.isfinite()
    assert values.grad.isfinite().all()


@pytest.mark.parametrize("name", VOXEL_LOSSES)
def test_what_does_not_fit_is_named(name):
    loss = made(name)
    with pytest.raises(ShapeError, match="do not fit predictions"):
        loss(torch.zeros(1, 2, 4, 4), torch.zeros(1, 1, 4, 5))
    with pytest.raises(ShapeError, match=f"{name} with softmax"):
        loss(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4))
    with pytest.raises(ShapeError, match=f"{name} got predictions"):
        loss(torch.zeros(1, 2), torch.zeros(1, 1))
    with pytest.raises(VoxelValueError, match="the label holds the value 2"):
        loss(torch.zeros(1, 2, 4, 4), torch.full((1, 1, 4, 4), 2))
    with pytest.raises(ArgumentError, match="sigmoid, softmax, none"):
        made(name, activation="relu")


@pytest.mark.parametrize("name", sorted(TAKES_WEIGHTS))
def test_one_weight_per_channel_is_demanded(name):
    with pytest.raises(ShapeError, match="class_weights for 2 channels"):
        made(name, class_weights=[1, 2, 3])(torch.zeros(1, 2, 4), torch.zeros(1, 1, 4))


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("FocalLoss", {"gamma": -1}, "gamma is -1"),
        ("TopKCrossEntropyLoss", {"fraction": 0}, "fraction is 0"),
        ("TopKCrossEntropyLoss", {"fraction": 1.5}, "fraction is 1.5"),
        ("TverskyLoss", {"gamma": 0.75}, "gamma is 0.75"),
        ("TverskyLoss", {"alpha": "a"}, "alpha is 'a'"),
        ("HausdorffLoss", {"alpha": 0}, "alpha is 0"),
        ("BoundaryLoss", {"spacing_mm": [1, 0]}, "spacing_mm is"),
        ("GeneralizedDiceLoss", {"smooth": 0}, "smooth is 0"),
    ],
)
def test_arguments_out_of_range_are_refused(name, params, message):
    with pytest.raises(ArgumentError, match=message):
        made(name, **params)


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("batch_dice", [False, True])
def test_tversky_index_counts_missed_and_invented_apart(background, batch_dice):
    logits, label = case()
    p, reference = (voxels(a)[:, 0 if background else 1 :] for a in (softmax(logits), hot(label, 3)))
    axes = (0, 2) if batch_dice else (2,)
    both, invented, missed = (x.sum(axes) for x in (p * reference, p * (1 - reference), (1 - p) * reference))
    index = (both + 1e-5) / (both + 0.2 * invented + 0.9 * missed + 1e-5)
    for gamma in (1, 4 / 3):
        loss = TverskyLoss(0.2, 0.9, gamma, background, batch_dice)(torch.tensor(logits), torch.tensor(label))
        np.testing.assert_allclose(loss, ((1 - index) ** (1 / gamma)).mean(), rtol=1e-6)


def test_tversky_with_equal_halves_is_dice():
    logits, label = map(torch.tensor, case())
    torch.testing.assert_close(
        TverskyLoss(0.5, 0.5, smooth=1e-12)(logits, label), DicePerClassLoss(smooth=1e-12)(logits, label)
    )


def test_dice_per_class_is_the_dice_part_of_dice_ce():
    logits, label = map(torch.tensor, case())
    for params in ({}, {"include_background": True}, {"batch_dice": True}):
        assert DicePerClassLoss(**params)(logits, label) == DiceCELoss(ce_weight=0, **params)(logits, label)


def test_generalized_dice_weighs_by_one_over_squared_volume():
    logits, label = case(shape=(2, 20, 20), seed=5)
    p, reference = voxels(softmax(logits)), voxels(hot(label, 3))
    weights = 1 / reference.sum(2) ** 2
    dice = 2 * (weights * (p * reference).sum(2)).sum(1) / (weights * (p + reference).sum(2)).sum(1)
    loss = GeneralizedDiceLoss(smooth=1e-12)(torch.tensor(logits), torch.tensor(label))
    np.testing.assert_allclose(loss, (1 - dice).mean(), rtol=1e-6)


def test_an_absent_class_weighs_as_much_as_the_rarest_in_generalized_dice():
    logits, _ = case(shape=(1, 10))
    label = np.array([[0] * 8 + [1] * 2])
    p, reference = voxels(softmax(logits)), voxels(hot(label, 3))
    weights = np.array([[1 / 64, 1 / 4, 1 / 4]])
    dice = 2 * (weights * (p * reference).sum(2)).sum() / (weights * (p + reference).sum(2)).sum()
    loss = GeneralizedDiceLoss(smooth=1e-12)(torch.tensor(logits), torch.tensor(label))
    np.testing.assert_allclose(loss, 1 - dice, rtol=1e-6)


@pytest.mark.parametrize("weights", [None, [0.2, 1.0, 3.0]])
def test_focal_loss_turns_easy_voxels_down(weights):
    logits, label = case()
    p = np.take_along_axis(softmax(logits), label[:, None], 1)[:, 0]
    w = np.ones_like(p) if weights is None else np.asarray(weights)[label]
    expected = (-((1 - p) ** 2.5) * np.log(p) * w).sum() / w.sum()
    loss = FocalLoss(2.5, class_weights=weights)(torch.tensor(logits), torch.tensor(label))
    np.testing.assert_allclose(loss, expected, rtol=1e-6)
    without = FocalLoss(2.5, include_background=False)(torch.tensor(logits), torch.tensor(label))
    np.testing.assert_allclose(without, (-((1 - p) ** 2.5) * np.log(p))[label > 0].mean(), rtol=1e-6)


@pytest.mark.parametrize("weights", [None, [0.2, 1.0, 3.0]])
@pytest.mark.parametrize("loss", [FocalLoss(0), TopKCrossEntropyLoss(1.0)], ids=["focal", "top-k"])
def test_without_focus_it_is_cross_entropy(loss, weights):
    logits, label = map(torch.tensor, case())
    loss = type(loss)(*([0] if isinstance(loss, FocalLoss) else [1.0]), class_weights=weights)
    w = None if weights is None else torch.tensor(weights, dtype=torch.float64)
    torch.testing.assert_close(loss(logits, label), torch.nn.functional.cross_entropy(logits, label, w))


def test_focal_without_background_skips_channel_zero_of_overlapping_regions():
    logits, _ = case(2)
    reference = np.random.default_rng(1).integers(0, 2, logits.shape)
    both = FocalLoss(activation="sigmoid", include_background=False)(torch.tensor(logits), torch.tensor(reference))
    one = FocalLoss(activation="sigmoid")(torch.tensor(logits[:, 1:]), torch.tensor(reference[:, 1:]))
    torch.testing.assert_close(both, one)


def test_top_k_averages_the_hardest_voxels():
    logits, label = case()
    entropy = -np.log(np.take_along_axis(softmax(logits), label[:, None], 1)).ravel()
    loss = TopKCrossEntropyLoss(0.25)(torch.tensor(logits), torch.tensor(label))
    np.testing.assert_allclose(loss, np.sort(entropy)[-30:].mean(), rtol=1e-6)


def signed_distance(mask, spacing):
    if mask.all() or not mask.any():
        return np.zeros(mask.shape)
    return distance_transform_edt(~mask, spacing) - distance_transform_edt(mask, spacing)


@pytest.mark.parametrize("spacing", [None, [1.0, 2.0, 0.5]])
def test_boundary_loss_is_probability_times_signed_distance(spacing):
    logits, label = case(shape=(2, 6, 5, 4))
    p, reference = softmax(logits), hot(label, 3).astype(bool)
    distance = np.stack([[signed_distance(mask, spacing) for mask in masks] for masks in reference])
    loss = BoundaryLoss(weight=0.5, spacing_mm=spacing)(torch.tensor(logits), torch.tensor(label))
    np.testing.assert_allclose(loss, 0.5 * (p * distance)[:, 1:].mean(), rtol=1e-5)


@pytest.mark.parametrize("alpha", [1.0, 2.0])
def test_hausdorff_loss_is_squared_error_times_distances(alpha):
    logits, label = case(shape=(2, 6, 5, 4))
    p, reference = softmax(3 * logits), hot(label, 3)
    distance = [np.abs(np.stack([[signed_distance(m, None) for m in masks] for masks in each])) ** alpha
                for each in (p >= 0.5, reference.astype(bool))]  # fmt: skip
    expected = ((p - reference) ** 2 * (distance[0] + distance[1]))[:, 1:].mean()
    loss = HausdorffLoss(alpha)(torch.tensor(3 * logits), torch.tensor(label))
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_spacing_has_one_number_per_axis():
    with pytest.raises(ShapeError, match="3 numbers in spacing_mm for 2 spatial axes"):
        BoundaryLoss(spacing_mm=[1, 1, 1])(torch.zeros(1, 2, 4, 4), torch.zeros(1, 1, 4, 4))


def test_deep_supervision_halves_the_weights_and_drops_the_coarsest():
    logits, label = case(shape=(1, 8, 8))
    outputs = [torch.tensor(logits)[..., ::step, ::step] for step in (1, 2, 4)]
    label = torch.tensor(label)[:, None]
    inner = DiceCELoss()
    # the centre of a coarse voxel that covers 0 and 1 lies between them; the nearest to its right is taken
    expected = (2 * inner(outputs[0], label) + inner(outputs[1], label[..., 1::2, 1::2])) / 3
    torch.testing.assert_close(DeepSupervisionLoss(inner)(outputs, label), expected)
    torch.testing.assert_close(DeepSupervisionLoss(inner)(outputs[0], label), inner(outputs[0], label))
    even = DeepSupervisionLoss(inner, weights=[1, 1, 1])(outputs, label)
    parts = [
        inner(outputs[0], label),
        inner(outputs[1], label[..., 1::2, 1::2]),
        inner(outputs[2], label[..., 2::4, 2::4]),
    ]
    torch.testing.assert_close(even, sum(parts) / 3)


@given(sizes=st.tuples(st.integers(1, 9), st.integers(1, 9)))
@settings(max_examples=30, deadline=None)
def test_deep_supervision_takes_labels_from_the_voxel_at_the_centre(sizes):
    fine, coarse = max(sizes), min(sizes)
    label = torch.arange(fine)[None, None] % 2
    outputs = [torch.zeros(1, 2, fine), torch.zeros(1, 2, coarse)]
    seen = []

    class Recorder(torch.nn.Module):
        def forward(self, predictions, labels):
            seen.append(labels)
            return predictions.sum()

    DeepSupervisionLoss(Recorder(), weights=[1, 1])(outputs, label)
    expected = torch.nn.functional.interpolate(label.float(), size=coarse, mode="nearest-exact")
    assert torch.equal(seen[1].float(), expected)


def test_deep_supervision_says_when_outputs_and_weights_do_not_match():
    with pytest.raises(ShapeError, match="2 weights, and the network gave 3 outputs"):
        DeepSupervisionLoss(DiceCELoss(), [1, 1])([torch.zeros(1, 2, 4)] * 3, torch.zeros(1, 1, 4))
    with pytest.raises(ArgumentError, match="not all 0"):
        DeepSupervisionLoss(DiceCELoss(), [0, 0])
    with pytest.raises(ArgumentError, match="loss is 'dice'"):
        DeepSupervisionLoss("dice")
