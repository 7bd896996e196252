"""Type hints as far as JSON can tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Optional, Protocol, TypeVar, Union

import numpy as np
import numpy.typing as npt
import pytest
import torch
from jsonschema import Draft202012Validator

from eisen.config.hints import (
    Misfit,
    allows_none,
    check,
    choices_of,
    convert,
    in_words,
    is_expressible,
    json_schema,
    plain,
)

T = TypeVar("T")


class Thing(Protocol):
    """Anything."""


@pytest.mark.parametrize(
    ("hint", "reduced"),
    [
        (int, int),
        (Annotated[int, "positive"], int),
        (None, type(None)),
        (Sequence[int], list[int]),
        (Iterable[str], list[str]),
        (set[str], list[str]),
        (list, list[Any]),
        (tuple, list[Any]),
        (tuple[int, ...], list[int]),
        (tuple[int, str], tuple[int, str]),
        (Mapping[str, int], dict[str, int]),
        (Mapping[int, str], dict[int, str]),
        (dict, dict[str, Any]),
        (Path, str),
        (str | Path, str),
        (float | torch.Tensor, float),
        (Optional[torch.Tensor], Any),  # noqa: UP045
        (Union[int, Any], Any),  # noqa: UP007
        (Literal["a", "b"], Literal["a", "b"]),
        (torch.Tensor, Any),
        (np.ndarray, Any),
        (npt.ArrayLike, Any),
        (npt.DTypeLike, Any),
        (Callable[[int], int], Any),
        (Thing, Any),
        (T, Any),
        (object, Any),
        (Any, Any),
    ],
)
def test_hints_are_reduced_to_what_json_can_tell(hint: Any, reduced: Any) -> None:
    assert plain(hint) == reduced


@pytest.mark.parametrize(
    ("hint", "value", "fits"),
    [
        (int, 3, True),
        (int, 3.0, False),
        (int, True, False),
        (int, "3", False),
        (float, 3, True),
        (float, False, False),
        (bool, False, True),
        (bool, 0, False),
        (str, "a", True),
        (str, 1, False),
        (str | None, None, True),
        (list[int], [1, 2], True),
        (list[int], [1, "a"], False),
        (list[str], "abc", False),
        (list[list[str]], [["a"], []], True),
        (tuple[float, float], [0.9, 1], True),
        (tuple[float, float], [0.9], False),
        (int | list[int], [1], True),
        (Literal["a", "b"], "b", True),
        (Literal["a", "b"], "c", False),
        (Literal[1, 2], 2, True),
        (dict[str, int], {"a": 1}, True),
        (dict[str, int], {"a": "b"}, False),
        (dict[int, str], {"1": "b"}, True),
        (dict[int, str], {"a": "b"}, False),
        (Any, {"a": [None]}, True),
    ],
)
def test_values_fit_or_not_and_the_schema_agrees(hint: Any, value: Any, fits: bool) -> None:
    if fits:
        check(hint, value)
    else:
        with pytest.raises(Misfit):
            check(hint, value)
    schema = Draft202012Validator(json_schema(hint))
    assert schema.is_valid(value) == (fits or value == 3.0)  # to JSON Schema 3.0 is a whole number


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (int | None, "a whole number or null"),
        (list[list[str]], "a list of lists of texts"),
        (tuple[float, float], "a list of 2 numbers"),
        (tuple[int, str], "a list of 2: a whole number, text"),
        (dict[str, int], "an object with whole numbers"),
        (Literal["a", 2], 'one of "a", 2'),
        (list[bool], "a list of true or false values"),
    ],
)
def test_hints_in_words(hint: Any, words: str) -> None:
    assert in_words(hint) == words


def test_the_element_at_fault_is_known() -> None:
    with pytest.raises(Misfit) as caught:
        check(list[list[int]], [[1], [2, "x"]])
    assert caught.value.inside == (1, 1)


def test_null_is_a_value_only_where_it_says_so() -> None:
    assert [allows_none(hint) for hint in (int | None, type(None), int, Any)] == [True, True, False, False]


def test_choices_come_from_literals() -> None:
    assert choices_of(Literal["a", "b"] | None) == ["a", "b"]
    assert choices_of(str) == []


def test_values_are_kept_unless_the_hint_wants_another_kind() -> None:
    assert type(convert(float, 3)) is int
    assert convert(tuple[int, int], [1, 2]) == (1, 2)
    assert convert(dict[int, str], {"1": "a"}) == {1: "a"}


@pytest.mark.parametrize(
    ("hint", "possible"),
    [(list[torch.Tensor], False), (Callable[[], int], False), (torch.Tensor | float, True), (Any, True)],
)
def test_what_a_file_can_hold(hint: Any, possible: bool) -> None:
    assert is_expressible(hint) is possible
