"""The wrappers: inputs bound by name, outputs named, plain datasets and transforms made to speak of fields."""

from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from eisen._core.errors import ArgumentError, CorruptFileError, MissingFieldError, MissingFileError, StepError
from eisen.utils import (
    EisenDatasetWrapper,
    EisenModuleWrapper,
    EisenTransformWrapper,
    merge_two_dicts,
    read_json_from_file,
)


class Echo(torch.nn.Module):
    """Returns what it was called with."""

    def forward(self, *values: Any) -> Any:
        return values


@given(st.permutations(["a", "b", "c"]))
def test_keywords_are_bound_by_name_in_any_order(order: list[str]) -> None:
    wrapper = EisenModuleWrapper(Echo(), ["a", "b", "c"], ["x", "y", "z"])
    assert wrapper(**{name: name for name in order}) == {"x": "a", "y": "b", "z": "c"}


def test_positions_come_first_and_names_fill_the_rest() -> None:
    wrapper = EisenModuleWrapper(Echo(), ["a", "b"], ["x", "y"])
    assert wrapper(1, b=2) == {"x": 1, "y": 2}
    assert wrapper(1, 2) == {"x": 1, "y": 2}


def test_names_the_module_does_not_take_are_ignored() -> None:
    assert EisenModuleWrapper(Echo(), ["a"], ["x"])(a=1, other=2) == {"x": 1}
    assert EisenModuleWrapper(Echo(), ["a"], ["x"])(1, other=2) == {"x": 1}


def test_surplus_results_and_surplus_names_are_dropped() -> None:
    assert EisenModuleWrapper(Echo(), ["a", "b"], ["x"])(a=1, b=2) == {"x": 1}
    assert EisenModuleWrapper(Echo(), ["a"], ["x", "y"])(a=1) == {"x": 1}
    assert EisenModuleWrapper(torch.nn.Identity(), ["a"], ["x", "y"])(a=1) == {"x": 1}
    assert EisenModuleWrapper(torch.nn.Identity(), ["a"], [])(a=1) == {}


class Segmenter(torch.nn.Module):
    """Returns a dict, like torchvision's segmentation networks."""

    def forward(self, image: Any) -> Any:
        return OrderedDict(out=image, aux=-image)


def test_a_dict_is_taken_apart_by_the_names_that_are_its_keys() -> None:
    assert EisenModuleWrapper(Segmenter(), ["a"], ["aux", "out"])(a=1) == {"aux": -1, "out": 1}
    assert EisenModuleWrapper(Segmenter(), ["a"], ["out"])(a=1) == {"out": 1}
    assert EisenModuleWrapper(Segmenter(), ["a"], ["all"])(a=1) == {"all": {"out": 1, "aux": -1}}
    with pytest.raises(MissingFieldError, match="did you mean 'aux'"):
        EisenModuleWrapper(Segmenter(), ["a"], ["out", "aux2"])(a=1)


def test_a_list_inside_of_a_result_is_one_output() -> None:
    assert EisenModuleWrapper(Echo(), ["a", "b"], ["logits", "scales"])(a=1, b=[1, 2]) == {
        "logits": 1,
        "scales": [1, 2],
    }


def test_last_inputs_may_be_left_to_the_defaults_of_the_module() -> None:
    assert EisenModuleWrapper(Echo(), ["a", "b"], ["x", "y"])(a=1) == {"x": 1}


def test_an_input_missing_in_front_of_another_is_named() -> None:
    wrapper = EisenModuleWrapper(Echo(), ["a", "b"], ["x"])
    for call in ({"b": 1}, {"b": 1, "other": 2}):
        with pytest.raises(MissingFieldError, match="'a' is missing"):
            wrapper(**call)


def test_an_input_given_twice_or_too_often_is_refused() -> None:
    wrapper = EisenModuleWrapper(Echo(), ["a", "b"], ["x"])
    with pytest.raises(ArgumentError, match="'a' is given by position and by name"):
        wrapper(1, a=1, b=2)
    with pytest.raises(ArgumentError, match="3 inputs are given"):
        wrapper(1, 2, 3)


def test_the_child_is_registered_as_module() -> None:
    wrapper = EisenModuleWrapper(torch.nn.Linear(1, 1), ["a"], ["x"])
    assert set(wrapper.state_dict()) == {"module.weight", "module.bias"}


def test_names_must_be_lists() -> None:
    with pytest.raises(ArgumentError, match="input_names"):
        EisenModuleWrapper(Echo(), "a", ["x"])


def test_a_transform_is_applied_to_its_fields_only() -> None:
    data = {"a": 1, "b": 2, "c": 3}
    assert EisenTransformWrapper(lambda value: -value, ["a", "b"])(data) == {"a": -1, "b": -2, "c": 3}
    assert data == {"a": 1, "b": 2, "c": 3}


def test_a_transform_that_fails_or_names_a_wrong_field_is_explained() -> None:
    with pytest.raises(MissingFieldError, match="did you mean 'image'"):
        EisenTransformWrapper(abs, ["imag"])({"image": 1})
    with pytest.raises(StepError, match="bad operand"):
        EisenTransformWrapper(abs, ["image"])({"image": "text"})
    with pytest.raises(ArgumentError, match="cannot be called"):
        EisenTransformWrapper(3, ["image"])  # type: ignore[arg-type]


def test_a_dataset_of_tuples_becomes_one_of_fields() -> None:
    dataset = EisenDatasetWrapper([(1, 2), (3, 4)], ["image", "label"])
    assert len(dataset) == 2
    assert dataset[1] == {"image": 3, "label": 4}
    assert dataset[torch.tensor(1)] == {"image": 3, "label": 4}  # type: ignore[index]
    assert dataset.case_name(1) == "#1"


def test_a_dataset_may_have_single_values_and_a_transform() -> None:
    dataset = EisenDatasetWrapper([1, 2], ["image"], EisenTransformWrapper(lambda value: value * 10, ["image"]))
    assert dataset[0] == {"image": 10}


def test_a_dataset_error_names_the_case() -> None:
    with pytest.raises(ArgumentError, match="have 2 elements") as caught:
        EisenDatasetWrapper([(1, 2)], ["image"])[0]
    assert caught.value.card.case == "#0"
    with pytest.raises(StepError) as failed:
        EisenDatasetWrapper([("text",)], ["image"], EisenTransformWrapper(abs, ["image"]))[0]
    assert failed.value.card.case == "#0"


def test_a_dataset_of_dicts_keeps_its_names() -> None:
    items = [{"image": 1, "label": 2, "age": 61}]
    assert EisenDatasetWrapper(items)[0] == items[0]
    assert EisenDatasetWrapper(items, ["label"])[0] == {"label": 2}
    assert EisenDatasetWrapper([items], ["age"])[0] == {"age": 61}
    dataset = EisenDatasetWrapper(items, transform=EisenTransformWrapper(lambda value: value + 1, ["age"]))
    assert dataset[0]["age"] == 62
    assert items[0]["age"] == 61
    with pytest.raises(MissingFieldError, match="'imag'") as caught:
        EisenDatasetWrapper(items, ["imag"])[0]
    assert caught.value.card.case == "#0"


def test_items_without_names_need_some() -> None:
    with pytest.raises(ArgumentError, match="2 elements without names"):
        EisenDatasetWrapper([(1, 2)])[0]
    with pytest.raises(ArgumentError, match="no dataset"):
        EisenDatasetWrapper(iter([1]), ["image"])


def test_merge_lets_the_second_win() -> None:
    first = {"a": 1, "b": 1}
    assert merge_two_dicts(first, {"b": 2}) == {"a": 1, "b": 2}
    assert first == {"a": 1, "b": 1}


def test_json_is_read_or_the_reason_given(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with pytest.raises(MissingFileError):
        read_json_from_file(path)
    path.write_text(json.dumps([1]))
    assert read_json_from_file(path) == [1]
    path.write_text("[1")
    with pytest.raises(CorruptFileError):
        read_json_from_file(str(path))


def test_old_and_lazy_names_are_reachable() -> None:
    import eisen

    assert eisen.utils.ListDataset([{"a": 1}])[0] == {"a": 1}
    assert eisen.utils.EisenDatasetSplitter
    assert eisen.utils.workflows.Training.__name__ == "Training"
    assert "EisenModuleWrapper" in dir(eisen.utils)
    with pytest.raises(AttributeError):
        eisen.utils.nothing  # noqa: B018
