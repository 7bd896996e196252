"""Streaming metrics in a workflow: one value of the whole epoch, anew in every epoch."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from eisen._core.errors import ArgumentError
from eisen._core.types import Batch
from eisen.ops.metrics import Accuracy, ConfusionMatrix, F1Score
from eisen.utils import EisenModuleWrapper
from eisen.utils.events import EpochEnd
from eisen.utils.workflows import Testing

SCORES = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
LABELS = torch.tensor([0, 1, 1, 1])
UNEVEN = [Batch({"scores": SCORES[:3], "label": LABELS[:3]}), Batch({"scores": SCORES[3:], "label": LABELS[3:]})]


def epochs_of(metric: torch.nn.Module, n: int = 2) -> list[Any]:
    model = EisenModuleWrapper(torch.nn.Identity(), ["scores"], ["predictions"])
    workflow = Testing(model, UNEVEN, [EisenModuleWrapper(metric, ["predictions", "label"], ["value"])])
    seen: list[Any] = []
    workflow.on(EpochEnd)(lambda event: seen.append((event.metrics, event.message["metrics"][0])))
    for _ in range(n):
        workflow.run()
    return seen


def test_the_epoch_has_the_value_of_all_cases_and_hooks_keep_those_of_the_batches() -> None:
    for means, arrays in epochs_of(Accuracy(2)):
        assert means == {"value": 0.5}  # the mean of the batches is 1/3
        assert arrays["value"].tolist() == pytest.approx([2 / 3, 0])


def test_classes_have_their_columns() -> None:
    (means, arrays), _ = epochs_of(F1Score(2, include_background=True, names=["healthy", "ill"]))
    assert means == pytest.approx({"value": 0.5, "value[healthy]": 0.5, "value[ill]": 0.5})
    assert set(arrays) == {"value", "value[healthy]", "value[ill]"}


def test_a_confusion_matrix_goes_to_the_hooks_and_stays_out_of_the_tables() -> None:
    (means, arrays), _ = epochs_of(ConfusionMatrix(2))
    assert means == {}
    assert arrays["value"].sum(0).tolist() == [[1, 0], [2, 1]]


def test_metrics_of_torchmetrics_stream_too() -> None:
    classification = pytest.importorskip("torchmetrics.classification")
    (first, _), (second, _) = epochs_of(classification.MulticlassAccuracy(2, average="micro"))
    assert first == second == {"value": 0.5}


def test_a_collection_of_torchmetrics_gives_the_values_it_is_asked_for() -> None:
    torchmetrics = pytest.importorskip("torchmetrics")
    kinds = torchmetrics.classification
    parts = {"accuracy": kinds.MulticlassAccuracy(2, average="micro"), "recall": kinds.MulticlassRecall(2)}
    model = EisenModuleWrapper(torch.nn.Identity(), ["scores"], ["predictions"])
    metric = EisenModuleWrapper(torchmetrics.MetricCollection(parts), ["predictions", "label"], ["recall", "accuracy"])
    workflow = Testing(model, UNEVEN, [metric])
    seen: list[Any] = []
    workflow.on(EpochEnd)(lambda event: seen.append(dict(event.metrics)))
    for _ in range(2):
        workflow.run()
    assert seen == [pytest.approx({"accuracy": 0.5, "recall": 2 / 3})] * 2


def test_a_dict_under_one_name_is_explained() -> None:
    torchmetrics = pytest.importorskip("torchmetrics")
    collection = torchmetrics.MetricCollection({"recall": torchmetrics.classification.MulticlassRecall(2)})
    model = EisenModuleWrapper(torch.nn.Identity(), ["scores"], ["predictions"])
    metric = EisenModuleWrapper(collection, ["predictions", "label"], ["value"])
    with pytest.raises(ArgumentError, match="'value' returned a dict with recall"):
        Testing(model, UNEVEN, [metric]).run()
