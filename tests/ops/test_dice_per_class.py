"""DicePerClass against NumPy, with missing classes counted as they should."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from eisen._core.errors import ArgumentError, ShapeError, VoxelValueError
from eisen.ops.metrics import DicePerClass, per_class
from eisen.ops.targets import largest_channel

NAN = float("nan")


def reference_dice(found, wanted, n_classes):
    values = np.full((len(found), n_classes), NAN)
    for case in range(len(found)):
        for c in range(n_classes):
            a, b = found[case] == c, wanted[case] == c
            if a.any() or b.any():
                values[case, c] = 2 * (a & b).sum() / (a.sum() + b.sum())
    return values


def one_hot(label, n_classes):
    return torch.tensor(np.moveaxis(np.eye(n_classes, dtype="float32")[label], -1, 1))


@given(seed=st.integers(0, 10_000), n_classes=st.integers(2, 6), spread=st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_it_is_the_dice_coefficient_of_every_case_and_class(seed, n_classes, spread):
    rng = np.random.default_rng(seed)
    found, wanted = rng.integers(0, min(spread, n_classes), (2, 3, 4, 2, 2))
    expected = reference_dice(found, wanted, n_classes)
    logits = one_hot(found, n_classes) * 4 + torch.tensor(rng.random((3, n_classes, 4, 2, 2)))
    metric = DicePerClass(n_classes, include_background=True)
    for label in (wanted, wanted[:, None], wanted[:, None].astype("float32"), one_hot(wanted, n_classes)):
        values = metric(logits, torch.as_tensor(label))
        np.testing.assert_allclose(values, expected, rtol=1e-6)
    np.testing.assert_allclose(DicePerClass(n_classes)(logits, torch.tensor(wanted)), expected[:, 1:], rtol=1e-6)


@given(seed=st.integers(0, 10_000), n_classes=st.integers(2, 6))
@settings(max_examples=20, deadline=None)
def test_counting_class_by_class_gives_what_the_histogram_gives(seed, n_classes):
    generator = torch.Generator().manual_seed(seed)
    found, wanted = torch.randint(0, n_classes, (2, 3, 50), generator=generator)
    on_cpu, on_device = (
        count(found, wanted, n_classes) for count in (per_class._count_on_cpu, per_class._count_on_device)
    )
    for a, b in zip(on_cpu, on_device, strict=True):
        torch.testing.assert_close(a, b)


def test_absent_is_undefined_missed_is_zero_and_invented_is_zero():
    """Columns: class 1 in both, class 2 missed, class 3 invented, class 4 in neither."""
    wanted = np.array([[0, 1, 1, 2, 0]])
    found = np.array([[0, 1, 1, 0, 3]])
    values = DicePerClass(5)(one_hot(found, 5), torch.tensor(wanted))
    torch.testing.assert_close(values, torch.tensor([[1.0, 0.0, 0.0, NAN]]), equal_nan=True)


def test_a_perfect_prediction_is_one():
    label = np.random.default_rng(0).integers(0, 4, (2, 6, 6, 6))
    assert (DicePerClass(4)(one_hot(label, 4), torch.tensor(label)) == 1).all()


def test_a_single_channel_has_its_border_at_one_half():
    label = torch.tensor([[[0, 1, 1, 0]]])
    probabilities = torch.tensor([[[0.49, 0.5, 0.9, 0.1]]])
    assert DicePerClass()(probabilities, label) == 1
    assert DicePerClass(activation="sigmoid")(probabilities.logit(), label) == 1
    torch.testing.assert_close(DicePerClass()(probabilities * 0, label), torch.tensor([[0.0]]))


def test_classes_have_names():
    assert DicePerClass(3).class_names == ["1", "2"]
    assert DicePerClass(3, True).class_names == ["0", "1", "2"]
    for names in (["a", "b"], ["bg", "a", "b"], {1: "a", 2: "b"}, {"1": "a", "2": "b"}):
        assert DicePerClass(3, names=names).class_names == ["a", "b"]
    assert DicePerClass(3, names={1: "a"}).class_names == ["a", "2"]


@pytest.mark.parametrize("names", [["a"], ["a", "b", "c", "d"], "ab"])
def test_too_few_or_too_many_names_are_refused(names):
    with pytest.raises(ArgumentError, match="2 names, for the classes 1, 2"):
        DicePerClass(3, names=names)


def test_one_class_and_unknown_activations_are_refused():
    with pytest.raises(ArgumentError, match="background is a class too"):
        DicePerClass(1)
    with pytest.raises(ArgumentError, match="one of: sigmoid"):
        DicePerClass(2, activation="relu")


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match=r"expected  \(N, 2, ...\) or \(N, 1, ...\)"):
        DicePerClass(2)(torch.zeros(1, 3, 4), torch.zeros(1, 4))
    with pytest.raises(ShapeError, match="do not fit"):
        DicePerClass(3)(torch.zeros(1, 3, 4), torch.zeros(1, 5))
    with pytest.raises(VoxelValueError, match="the value 2"):
        DicePerClass()(torch.zeros(1, 1, 4), torch.full((1, 1, 4), 2))


@given(seed=st.integers(0, 10_000), levels=st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_the_largest_channel_is_argmax(seed, levels):
    values = torch.tensor(np.random.default_rng(seed).integers(0, levels, (2, 5, 4, 3)))
    for kind in (torch.float32, torch.int64, torch.bfloat16):
        expected = torch.tensor(values.numpy().argmax(1))  # the first of equals, which torch does not promise
        torch.testing.assert_close(largest_channel(values.to(kind)), expected)


def test_the_metric_keeps_no_graph():
    logits = torch.randn(1, 3, 4, requires_grad=True)
    assert not DicePerClass(3)(logits, torch.tensor([[0, 1, 2, 1]])).requires_grad


def test_nothing_waits_for_the_device():
    """On the meta device any read-back raises."""
    predictions = torch.zeros(2, 3, 8, 8, device="meta")
    for label in (torch.zeros(2, 8, 8, device="meta"), torch.zeros(2, 3, 8, 8, device="meta")):
        assert DicePerClass(3)(predictions, label).shape == (2, 2)
