"""Reading JSON: every value knows its place, and one slip does not hide the next."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eisen._core.errors import ConfigError, Problem
from eisen.config.places import parse, text_of
from eisen.config.source import Source, _Reader, read_source

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def read(text: str) -> Source:
    return _Reader(Source(None, "file.json", text)).read()


@given(JSON, st.sampled_from([None, 0, 3]))
def test_valid_json_reads_as_pythons_own_reader_reads_it(data: Any, indent: int | None) -> None:
    source = read(json.dumps(data, indent=indent))
    assert source.data == data
    assert source.problems == []


@given(JSON)
def test_every_value_stands_where_its_place_says(data: Any) -> None:
    text = json.dumps(data, indent=1)
    source = read(text)
    for place, offset in source.values.items():
        value = data
        for part in place:
            value = value[part]
        assert json.JSONDecoder().raw_decode(text, offset)[0] == value


@given(st.lists(st.from_regex(r"[A-Za-z_]\w*", fullmatch=True) | st.integers(0, 99), min_size=1))
def test_a_place_survives_its_text(parts: list[str | int]) -> None:
    place = ("General", *parts)
    assert parse(text_of(place)) == place


@pytest.mark.parametrize("text", ["", "a[", "a[x]", "a]b", "[1]x y]"])
def test_texts_that_are_no_place(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    ("text", "data", "what", "line", "column"),
    [
        ('{"a": [1, 2,\n ]}', {"a": [1, 2]}, "a comma too many", 1, 12),
        ('{"a": 1,\n "b": 2,\n}', {"a": 1, "b": 2}, "a comma too many", 2, 8),
        ("{'a': 1}", {"a": 1}, "single quotes", 1, 2),
        ("{\"a\": 'x'}", {"a": "x"}, "single quotes", 1, 7),
        ('{\n // why\n "a": 1}', {"a": 1}, "no comments", 2, 2),
        ('{\n # why\n "a": 1}', {"a": 1}, "no comments", 2, 2),
        ('{/* why\n not */ "a": 1}', {"a": 1}, "no comments", 1, 2),
        ('{"a": 1,\n "a": 2}', {"a": 2}, "'a' is there twice", 2, 2),
        ('{"a": None}', {"a": None}, "None is Python", 1, 7),
        ('{"a": True}', {"a": True}, "True is Python", 1, 7),
        ('{"a": NaN}', {"a": "NaN"}, "NaN is no value", 1, 7),
        ('{"a": Infinity}', {"a": "Infinity"}, "Infinity is no value", 1, 7),
        ('{"a": yes}', {"a": "yes"}, "yes is no value", 1, 7),
        ('{"a": 01}', {"a": "01"}, "01 is no value", 1, 7),
        ('{"a": 1\n "b": 2}', {"a": 1, "b": 2}, "a comma is missing", 1, 8),
        ('{"a": "C:\\data"}', {"a": "C:\\data"}, "a backslash stands alone", 1, 7),
        ('{"a": 1} {}', {"a": 1}, "goes on behind its last bracket", 1, 10),
    ],
)
def test_common_slips_are_reported_and_read_over(text: str, data: Any, what: str, line: int, column: int) -> None:
    source = read(text)
    assert source.data == data
    (problem,) = source.problems
    assert what in problem.what
    assert problem.expected
    assert (problem.file, problem.line, problem.column) == ("file.json", line, column)


@pytest.mark.parametrize(
    ("text", "what", "line", "column"),
    [
        ("", "the end of the file", 1, 1),
        ('{"a": 1', "the end of the file", 1, 8),
        ('{"a" 1}', "'1' does not belong here", 1, 6),
        ('{"a":\n}', "'}' does not belong here", 2, 1),
        ("{a: 1}", "'a' does not belong here", 1, 2),
        ('["a\n"]', "this text is never closed", 1, 2),
        ("[1}", "'}' does not belong here", 1, 3),
        ("[" * 100, "'[' does not belong here", 1, 66),
    ],
)
def test_a_file_that_breaks_off_says_where(tmp_path: Path, text: str, what: str, line: int, column: int) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_source(path)
    (problem,) = caught.value.problems
    assert what in problem.what
    assert (problem.line, problem.column) == (line, column)


def test_slips_before_the_break_are_reported_too(problems: Callable[[Any], list[Problem]]) -> None:
    assert [problem.line for problem in problems("{'General': {},\n'Training': ")] == [1, 2, 2]


def test_slips_and_wrong_content_are_reported_in_one_run(problems: Callable[[Any], list[Problem]]) -> None:
    found = problems('{"General": {}, // all of it\n "Trainign": {},}')
    assert [problem.what for problem in found] == [
        "JSON has no comments",
        "unknown part 'Trainign' of a configuration",
        "a comma too many before '}'",
    ]


def test_a_byte_order_mark_is_fine(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": "\xc3\xa4"}')
    assert read_source(path).data == {"a": "ä"}


def test_other_encodings_are_named(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(b'{"a": "\xe4"}')
    with pytest.raises(ConfigError, match=r"not UTF-8 text \(byte 7\)"):
        read_source(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_source(tmp_path / "absent.json")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Is a directory"):
        read_source(tmp_path)
