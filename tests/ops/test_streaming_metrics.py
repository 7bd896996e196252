"""Streaming metrics: right in every corner, and the same however the cases are dealt."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import eisen.ops.metrics
from eisen._core.errors import ArgumentError, ShapeError, VoxelValueError
from eisen.ops.metrics import AUROC, Accuracy, ConfusionMatrix, DiceScore, Sensitivity, StreamingMetric

RATIOS = {
    "DiceScore": lambda tp, fp, fn, tn: 2 * tp / (2 * tp + fp + fn),
    "F1Score": lambda tp, fp, fn, tn: 2 * tp / (2 * tp + fp + fn),
    "IoU": lambda tp, fp, fn, tn: tp / (tp + fp + fn),
    "Sensitivity": lambda tp, fp, fn, tn: tp / (tp + fn),
    "Specificity": lambda tp, fp, fn, tn: tn / (tn + fp),
    "PositivePredictiveValue": lambda tp, fp, fn, tn: tp / (tp + fp),
}
STREAMING = sorted([*RATIOS, "Accuracy", "ConfusionMatrix", "AUROC"])
seeds = st.integers(0, 10_000)


def made(name, *args, **params):
    return getattr(eisen.ops.metrics, name)(*args, **params)


def scores_of(found, n_classes):
    return torch.tensor(np.moveaxis(np.eye(n_classes, dtype="float32")[found], -1, 1))


def expected_ratios(name, found, wanted, n_classes):
    values = []
    for c in range(n_classes):
        a, b = found == c, wanted == c
        with np.errstate(invalid="ignore"):
            values.append(RATIOS[name](*(np.float64(x.sum()) for x in (a & b, a & ~b, ~a & b, ~a & ~b))))
    return np.array(values)


def test_the_suite_knows_every_streaming_metric():
    streams = {n for n in eisen.ops.metrics.__all__ if hasattr(getattr(eisen.ops.metrics, n), "compute")}
    elsewhere = {"MONAIMetric", "SlicedWasserstein"}  # tests/interop, tests/ops/test_adversarial.py
    elsewhere |= {"CaseMean", "ForegroundRand", "PSNR", "SSIM"}  # tests/ops/test_case_metrics.py
    assert streams == {*STREAMING, "StreamingMetric", "ClassMetric", *elsewhere}


@pytest.mark.parametrize("name", sorted(RATIOS))
@given(seed=seeds, n_classes=st.integers(2, 5), spread=st.integers(1, 5), grid=st.sampled_from([(), (7,), (3, 4)]))
@settings(max_examples=25, deadline=None)
def test_ratios_are_those_of_the_four_counts(name, seed, n_classes, spread, grid):
    rng = np.random.default_rng(seed)
    found, wanted = rng.integers(0, min(spread, n_classes), (2, 6, *grid))
    metric = made(name, n_classes, include_background=True)
    values = metric(scores_of(found, n_classes), torch.tensor(wanted))
    np.testing.assert_allclose(values, expected_ratios(name, found, wanted, n_classes), rtol=1e-6)
    assert made(name, n_classes)(scores_of(found, n_classes), torch.tensor(wanted)).shape == (n_classes - 1,)


@pytest.mark.parametrize("name", STREAMING)
@given(seed=seeds, cuts=st.sets(st.integers(1, 11), max_size=4))
@settings(max_examples=15, deadline=None)
def test_batches_of_any_size_give_what_one_batch_gives(name, seed, cuts):
    rng = np.random.default_rng(seed)
    scores, labels = torch.tensor(rng.random((12, 3, 4))).softmax(1).float(), torch.tensor(rng.integers(0, 3, (12, 4)))
    whole, parts = made(name, 3), made(name, 3)
    whole(scores, labels)
    for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), 12], strict=True):
        parts(scores[a:b], labels[a:b])
    torch.testing.assert_close(parts.compute(), whole.compute(), equal_nan=True)


@pytest.mark.parametrize("name", STREAMING)
def test_reset_forgets_and_nothing_seen_is_undefined(name):
    metric = made(name, 2)
    value = metric(torch.tensor([[0.2, 0.8], [0.9, 0.1]]), torch.tensor([1, 0]))
    assert torch.equal(metric.compute(), value)
    metric.reset()
    empty = metric.compute()
    assert not empty.any() if name == "ConfusionMatrix" else empty.isnan().all()


@pytest.mark.parametrize("name", STREAMING)
def test_every_form_of_label_is_taken(name):
    rng = np.random.default_rng(0)
    found, wanted = rng.integers(0, 3, (2, 4, 5))
    forms = [wanted, wanted[:, None], wanted.astype("float32"), np.moveaxis(np.eye(3)[wanted], -1, 1)]
    values = [made(name, 3)(scores_of(found, 3), torch.tensor(form)) for form in forms]
    for value in values[1:]:
        torch.testing.assert_close(value, values[0], equal_nan=True)


@pytest.mark.parametrize("name", STREAMING)
def test_it_has_no_weights_survives_pickling_and_moves_with_the_model(name):
    metric = made(name, 2)
    assert not metric.state_dict()
    metric(torch.tensor([[0.2, 0.8]]), torch.tensor([1]))
    torch.testing.assert_close(pickle.loads(pickle.dumps(metric)).compute(), metric.compute(), equal_nan=True)
    metric.to("meta")


@pytest.mark.parametrize("name", STREAMING)
def test_what_does_not_fit_is_named(name):
    with pytest.raises(ArgumentError, match=f"{name}: n_classes is 1"):
        made(name, 1)
    with pytest.raises(ShapeError, match=f"{name} for 3 classes got"):
        made(name, 3)(torch.zeros(2, 2), torch.zeros(2))
    with pytest.raises(VoxelValueError, match="value 3"):
        made(name, 3)(torch.zeros(2, 3), torch.tensor([3, 0]))


@pytest.mark.parametrize("name", sorted({*STREAMING} - {"AUROC"}))
def test_a_single_channel_is_cut_at_one_half_or_at_logit_zero(name):
    labels = torch.tensor([0, 1, 1, 0])
    probabilities = torch.tensor([[0.4], [0.5], [0.2], [0.9]])
    expected = made(name, 2)(scores_of(np.array([0, 1, 0, 1]), 2), labels)
    torch.testing.assert_close(made(name, 2)(probabilities, labels), expected)
    torch.testing.assert_close(made(name, 2, activation="sigmoid")(probabilities.logit(), labels), expected)


def test_overlapping_channels_are_questions_of_their_own():
    scores = torch.tensor([[0.9, 0.9], [0.1, 0.6], [0.8, 0.2]])
    wanted = torch.tensor([[1, 1], [1, 0], [1, 0]])
    metric = Sensitivity(2, include_background=True, overlapping=True, names=["tumour", "oedema"])
    torch.testing.assert_close(metric(scores, wanted), torch.tensor([2 / 3, 1.0]))
    assert metric.class_names == ["tumour", "oedema"]
    with pytest.raises(ShapeError, match="3 overlapping classes"):
        Sensitivity(3, overlapping=True)(scores, wanted)


def test_accuracy_and_confusion_matrix_have_references_in_rows():
    found, wanted = np.array([0, 1, 1, 2, 2, 2]), np.array([0, 0, 1, 1, 2, 2])
    matrix = ConfusionMatrix(3)(scores_of(found, 3), torch.tensor(wanted))
    assert matrix.tolist() == [[1, 1, 0], [0, 1, 1], [0, 0, 2]]
    assert Accuracy(3)(scores_of(found, 3), torch.tensor(wanted)) == pytest.approx(4 / 6)


def pairwise_area(scores, positive):
    """The probability that a positive scores higher than a negative, ties counting half."""
    a, b = scores[positive][:, None], scores[~positive][None]
    return ((a > b) + 0.5 * (a == b)).mean() if a.size and b.size else np.nan


@given(seed=seeds, n=st.integers(1, 30), levels=st.integers(2, 8))
@settings(max_examples=40, deadline=None)
def test_auroc_is_the_probability_of_the_right_order(seed, n, levels):
    rng = np.random.default_rng(seed)
    scores, labels = rng.integers(0, levels, (n, 3)) / levels, rng.integers(0, 3, n)
    values = AUROC(3, include_background=True)(torch.tensor(scores), torch.tensor(labels))
    expected = [pairwise_area(scores[:, c], labels == c) for c in range(3)]
    np.testing.assert_allclose(values, expected, atol=1e-6)


def test_auroc_with_thresholds_is_close_and_needs_two():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 2000)
    scores = torch.tensor(np.clip(labels * 0.2 + rng.random(2000) * 0.8, 0, 1)).float()[:, None]
    exact, cut = AUROC()(scores, torch.tensor(labels)), AUROC(thresholds=100)(scores, torch.tensor(labels))
    torch.testing.assert_close(exact, cut, atol=5e-3, rtol=0)
    torch.testing.assert_close(AUROC(activation="sigmoid")(scores.logit(), torch.tensor(labels)), exact)
    with pytest.raises(ArgumentError, match="thresholds is 1"):
        AUROC(thresholds=1)


def test_counts_add_up_beyond_what_floats_can_hold():
    metric = DiceScore(2)
    metric.total = torch.tensor([[0, 0, 0, 0], [2**53, 0, 0, 0]])
    metric(torch.tensor([[0.0, 1.0]]), torch.tensor([1]))
    assert int(metric.total[1, 0]) == 2**53 + 1


RANKS = """
import sys, torch, torch.distributed as dist
from eisen.ops import metrics as ours
rank, world, store = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=world)
generator = torch.Generator().manual_seed(0)
scores, labels = torch.rand(7, 3, generator=generator).softmax(1), torch.randint(0, 3, (7,), generator=generator)
metrics = [getattr(ours, name)(3) for name in sys.argv[4:]]
for metric in metrics:
    metric(scores[rank::world], labels[rank::world])
print([[round(v, 6) for v in metric.compute().reshape(-1).tolist()] for metric in metrics])
dist.destroy_process_group()
"""


@pytest.mark.parametrize("names", [["F1Score", "Accuracy"], pytest.param(["AUROC"], marks=pytest.mark.slow)])
def test_two_processes_give_what_one_gives(tmp_path, names):
    def run(world):
        store = tmp_path / str(world)
        commands = [[sys.executable, "-c", RANKS, str(rank), str(world), str(store), *names] for rank in range(world)]
        started = [subprocess.Popen(c, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for c in commands]
        return [p.communicate(timeout=200)[0] for p in started]

    alone = run(1)
    assert alone[0].startswith("[[")
    assert run(2) == alone * 2


def test_a_metric_of_ones_own_says_what_to_count():
    class Positives(StreamingMetric):
        def __init__(self):
            super().__init__((1,))

        def count(self, predictions, labels):
            return (predictions > 0.5).sum().view(1)

        def value(self, counts):
            return counts[0].float()

    metric = Positives()
    for _ in range(2):
        metric(torch.tensor([[0.9], [0.8], [0.1]]), torch.zeros(3))
    assert metric.compute() == 4
