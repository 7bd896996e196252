"""What a model says about itself."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from eisen._core.errors import ArgumentError
from eisen_deploy.declared import Misfit, fitting
from eisen_deploy.packaging import create_metadata


def test_the_example_of_the_documentation() -> None:
    metadata = create_metadata(
        ["input"], ["ndarray"], [[-1, 3, 244, 244]], ["logits", "prediction"], ["ndarray", "str"], [[-1, 10], [-1]]
    )
    assert metadata == {
        "inputs": [{"name": "input", "type": "ndarray", "shape": [-1, 3, 244, 244]}],
        "outputs": [
            {"name": "logits", "type": "ndarray", "shape": [-1, 10]},
            {"name": "prediction", "type": "str", "shape": [-1]},
        ],
        "model_input_list": ["input"],
        "model_output_list": ["logits", "prediction"],
        "custom": {},
    }


def test_nothing_is_shared_with_the_caller() -> None:
    names, shape, custom = ["x"], [-1, 2], {"notes": ["a"]}
    metadata = create_metadata(names, ["ndarray"], [shape], ["y"], ["ndarray"], [[-1]], custom_meta_dict=custom)
    metadata["model_input_list"].append("z")
    metadata["inputs"][0]["shape"].append(3)
    metadata["custom"]["notes"].append("b")
    assert (names, shape, custom) == (["x"], [-1, 2], {"notes": ["a"]})
    assert create_metadata(names, ["ndarray"], [shape], [], [], [])["model_input_list"] == ["x"]


def test_shapes_of_numpy_are_written_as_json() -> None:
    shape = (np.int64(-1), *np.zeros((1, 4)).shape)
    metadata = create_metadata(("x",), ("ndarray",), (shape,), (), (), (), custom_meta_dict={"mean": np.float32(0.5)})
    assert json.loads(json.dumps(metadata))["inputs"][0]["shape"] == [-1, 1, 4]


@pytest.mark.parametrize(
    "arguments",
    [
        (["x"], [], [[1]], [], [], []),
        (["x"], ["ndarray"], [], [], [], []),
        ([], [], [], ["y"], ["ndarray"], []),
        (["x", "x"], ["a", "a"], [1, 1], [], [], []),
        ("x", "n", [1], [], [], []),
        ([1], ["n"], [1], [], [], []),
        ([], [], [], [], [], [], "xy"),
    ],
)
def test_lists_that_do_not_match_are_refused(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(AssertionError):
        create_metadata(*arguments)


@pytest.mark.parametrize(
    ("value", "kind", "shape"),
    [
        (np.zeros((2, 4, 3)), "ndarray", [-1, 3, 4]),  # the product of the fixed axes agrees
        (np.zeros((3, 4)), "ndarray", [-1, 3, 4]),
        (np.zeros((1, 1), np.float32), "ndarray:int64", [1, 1]),
        ("text", "ndarray", [4]),
        ({"a": 1}, "np.ndarray", [1]),
        ([[1, 2], [3]], "nd.array", [2, 2]),
        ([object()], "ndarray", [1]),
        ([1, 2], "list", 3),
        ([1, 2], "list", [3]),
        ("ab", "list", 2),
        ("abc", "str", 2),
        (b"ab", "str", 2),
    ],
)
def test_a_value_that_is_not_as_declared_does_not_fit(value: Any, kind: str, shape: Any) -> None:
    with pytest.raises(Misfit) as caught:
        fitting(value, {"name": "x", "type": kind, "shape": shape})
    assert caught.value.expected
    assert caught.value.got


@pytest.mark.parametrize(
    ("value", "kind", "shape"),
    [
        (np.zeros((2, 3, 4)), "ndarray", [-1, 3, 4]),
        (np.zeros(()), "ndarray", []),
        (np.zeros((2, 2), np.int8), "ndarray:int64", [-1, -1]),
        ([[1, 2], [3, 4]], "ndarray", [2, 2]),
        (np.zeros(3), "ndarray", "anything"),
        ([1, 2], "list", [2]),
        ([1, 2], "list", -1),
        ("ab", "str", [-1]),
        (object(), "Image", [1, 2]),
    ],
)
def test_a_value_as_declared_fits(value: Any, kind: str, shape: Any) -> None:
    found = fitting(value, {"name": "x", "type": kind, "shape": shape})
    assert np.array_equal(found, value) if kind.startswith("nd") else found is value


def test_a_declared_type_of_elements_is_made() -> None:
    assert fitting(np.zeros(2, np.int8), {"type": "ndarray:int64", "shape": [2]}).dtype == np.int64


def test_an_unknown_type_of_elements_is_refused() -> None:
    with pytest.raises(ArgumentError):
        fitting(np.zeros(2), {"type": "ndarray:object", "shape": [2]})
