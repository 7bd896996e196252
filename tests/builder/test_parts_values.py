"""What a field shows is read back as the same value, and what is no value says what was expected."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eisen_cli.builder.parts.fields import FieldSpec
from eisen_cli.builder.parts.kinds import shape_of
from eisen_cli.builder.parts.values import UNSET, Misread, as_text, read_text, same, suits

ATOMS = (
    st.none()
    | st.booleans()
    | st.integers(-10, 10**6)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
JSON = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
SPECS = [
    FieldSpec("x", kind, "words", item=item, shape=shape, nullable=nullable)
    for kind, items in (
        ("number", [""]),
        ("integer", [""]),
        ("text", [""]),
        ("path", [""]),
        ("list", ["integer", "number", "text"]),
        ("names", ["text"]),
        ("nested", ["json"]),
        ("json", [""]),
    )
    for item in items
    for shape in (("one", "many", "either") if kind in ("list", "names") else ("many",))
    for nullable in (False, True)
]


@settings(max_examples=300, deadline=None)
@given(spec=st.sampled_from(SPECS), value=JSON)
def test_what_a_control_can_show_is_read_back_as_it_was(spec: FieldSpec, value: Any) -> None:
    if suits(spec, value):
        assert same(read_text(spec, as_text(spec, value)), value)


@settings(deadline=None)
@given(value=JSON)
def test_json_can_show_everything(value: Any) -> None:
    assert same(read_text(FieldSpec("x", "json", ""), as_text(FieldSpec("x", "json", ""), value)), value)


def spec_of(hint: Any, **more: Any) -> FieldSpec:
    return FieldSpec("x", words="the words", hint=hint, **shape_of(hint), **more)


@pytest.mark.parametrize(
    ("hint", "text", "value"),
    [
        (float, "1e-4", 1e-4),
        (float, " 3 ", 3),
        (float, ".5", 0.5),
        (int, "-7", -7),
        (int | None, "null", None),
        (list[int], "32, 48, 32", [32, 48, 32]),
        (list[int], "32 48 32", [32, 48, 32]),
        (list[int], "[32, 48]", [32, 48]),
        (list[int], "32", [32]),
        (int | list[int], "32", 32),
        (int | list[int], "32,", [32]),
        (int | list[int], "(1, 2)", [1, 2]),
        (list[str], "DICE, HDRFDST(percentile=95, x=1)", ["DICE", "HDRFDST(percentile=95, x=1)"]),
        (list[str], '"a, b", c', ["a, b", "c"]),
        (list[list[str]], "['a', 'b'], ['c']", [["a", "b"], ["c"]]),
        (float | str | dict[str, float], "minimum", "minimum"),
        (float | str | dict[str, float], '{"image": 0}', {"image": 0}),
        (float | str | dict[str, float], "0.5", 0.5),
        (bool | str, "True", True),
        (str, "", UNSET),
    ],
)
def test_what_people_type_is_understood(hint: Any, text: str, value: Any) -> None:
    assert same(read_text(spec_of(hint), text), value)


@pytest.mark.parametrize(
    ("hint", "text", "expected"),
    [
        (float, "high", "the words"),
        (float, "0,5", "the words"),
        (float, "nan", "the words"),
        (float, "1e999", "the words"),
        (int, "1.5", "the words"),
        (int, "1e3", "the words"),
        (list[int], "a, b", "the words"),
        (tuple[float, float], "1, 2, 3", "a list of 2 numbers"),
        (list[list[int]], "[[1, 2], [", "the words"),
        (dict[str, int], "{'a': }", "the words"),
    ],
)
def test_what_is_no_value_says_what_was_expected(hint: Any, text: str, expected: str) -> None:
    with pytest.raises(Misread, match=f"^{expected}$"):
        read_text(spec_of(hint), text)


def test_a_value_of_another_kind_is_shown_as_json() -> None:
    for value in ("high", [1, 2], {"a": 1}, True, None):
        assert not suits(spec_of(float), value)
        assert (
            json.loads(as_text(FieldSpec("x", "json", ""), value) if not isinstance(value, str) else json.dumps(value))
            == value
        )
