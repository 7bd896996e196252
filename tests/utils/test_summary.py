"""From batches to the numbers of an epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from eisen.utils.workflows.message import convert_output_dict_to_cpu
from eisen.utils.workflows.series import Series, nan_mean, read_back
from eisen.utils.workflows.summary import summarise


def epoch_of(*batches: Any, classes: Any = ()) -> Any:
    series = Series()
    for value in batches:
        series.add([{"dice": value}])
    return summarise(read_back(series), [classes])


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=20))
def test_the_mean_of_scalars_is_that_of_the_batches(values: list[float]) -> None:
    found = epoch_of(*map(torch.tensor, values))
    assert found.means["dice"] == pytest.approx(np.mean(values), abs=1e-3)
    assert found.arrays[0]["dice"].shape == (len(values),)


@pytest.mark.parametrize(
    "value", [2, 2.0, np.float32(2), np.array(2.0), torch.tensor(2), torch.tensor(2.0, dtype=torch.bfloat16)]
)
def test_a_value_may_be_of_any_kind(value: Any) -> None:
    assert epoch_of(value, value).means == {"dice": 2.0}


def test_doubles_stay_doubles() -> None:
    assert epoch_of(torch.tensor(0.1, dtype=torch.float64)).means["dice"] == 0.1


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 1, 3, 3)])
def test_a_value_of_any_shape_counts_with_its_mean(shape: tuple[int, ...]) -> None:
    value = torch.arange(float(np.prod(shape))).reshape(shape)
    assert epoch_of(value, value).means["dice"] == pytest.approx(float(value.mean()))


def test_batches_of_different_size_count_alike() -> None:
    assert epoch_of(torch.tensor([1.0, 3.0]), torch.tensor([5.0])).means["dice"] == 3.5


def test_values_per_class_are_averaged_over_the_cases_that_have_the_class() -> None:
    nan = float("nan")
    first, second = torch.tensor([[1.0, nan], [0.5, nan]]), torch.tensor([[0.0, 0.8]])
    found = epoch_of(first, second, classes=["anterior", "posterior"])
    assert found.means == pytest.approx({"dice": 0.65, "dice[anterior]": 0.5, "dice[posterior]": 0.8})
    assert found.mean == pytest.approx(0.65)
    assert found.arrays[0]["dice[anterior]"] == pytest.approx([0.75, 0.0])
    assert found.arrays[0]["dice"].shape == (2,)


def test_a_class_that_is_nowhere_is_nan_and_does_not_hide_the_others() -> None:
    found = epoch_of(torch.tensor([[1.0, float("nan")]]), classes=["a", "b"])
    assert found.means["dice"] == 1.0
    assert np.isnan(found.means["dice[b]"])


def test_values_that_do_not_fit_the_classes_are_plain() -> None:
    assert epoch_of(torch.tensor(0.5), classes=["a", "b"]).means == {"dice": 0.5}


def test_equal_names_are_told_apart() -> None:
    series = Series()
    series.add([{"loss": 1.0}, {"loss": 3.0}, {"loss": 5.0}])
    found = summarise(read_back(series))
    assert found.means == {"loss": 1.0, "loss (2)": 3.0, "loss (3)": 5.0}
    assert [list(row) for row in found.arrays] == [["loss"]] * 3
    assert found.mean == 3.0


def test_nothing_has_no_mean() -> None:
    assert summarise({}).mean is None
    assert summarise({}).arrays == []


def test_nan_mean_ignores_nan_only() -> None:
    assert nan_mean([1.0, np.nan, 3.0]) == 2.0
    assert np.isnan(nan_mean([np.nan]))
    assert nan_mean([np.inf, 1.0]) == np.inf


def test_conversion_gives_arrays_and_leaves_the_message_alone() -> None:
    image = torch.ones(2, dtype=torch.bfloat16, requires_grad=True)
    message = {
        "inputs": {"image": image, "name": "a"},
        "outputs": {"o": np.ones(1)},
        "losses": [{"l": 0.5}],
        "metrics": [],
    }
    converted = convert_output_dict_to_cpu(message)
    assert set(converted["inputs"]) == {"image"}
    assert converted["inputs"]["image"].dtype == np.float32
    assert converted["losses"][0]["l"] == np.array(0.5)
    assert message["inputs"]["image"] is image


def test_the_value_of_the_whole_epoch_goes_before_the_mean_of_batches():
    columns = {(0, "f1"): np.array([[1.0, 0.0], [0.0, 1.0]]), (1, "accuracy"): np.array([1.0, 0.0])}
    finals = {(0, "f1"): np.array([0.9, np.nan]), (1, "accuracy"): np.array(0.25)}
    summary = summarise(columns, [["a", "b"], []], finals)
    assert summary.means == pytest.approx({"f1": 0.9, "f1[a]": 0.9, "f1[b]": np.nan, "accuracy": 0.25}, nan_ok=True)
    assert summary.mean == pytest.approx((0.9 + 0.25) / 2)
    np.testing.assert_array_equal(summary.arrays[1]["accuracy"], [1.0, 0.0])


def test_a_table_has_no_mean_and_stays_for_hooks():
    table = np.arange(8.0).reshape(2, 2, 2)
    summary = summarise({(0, "confusion"): table}, [[]], {(0, "confusion"): table.sum(0)})
    assert summary.means == {}
    assert summary.mean is None
    np.testing.assert_array_equal(summary.arrays[0]["confusion"], table)
