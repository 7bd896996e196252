"""What is opened and saved is what was there, and an edit changes only the lines it must."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eisen._core.errors import ConfigError
from eisen.config.source import parse_source
from eisen_cli.builder.document.document import Document
from eisen_cli.builder.document.layout import Layout
from eisen_cli.builder.document.tree import same
from eisen_cli.builder.document.writing import WIDTH, written

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.json"))
OLD = [ROOT / "tests/legacy/cli_example.json", ROOT / "tests/legacy/configs/covid_volumes.json"]

STRANGE = """\
{
    "$schema": "https://example.org/eisen.schema.json",
    "_comment": "kept, \\u00fcber alles",
    "Split": {"file": "folds.json", "fold": 0},
    "Notes":{"by" : "me",   "huge": 123456789012345678901234567890},
    "Training": {
        "Optimizer": [ {"type": "torch.optim.Adam", "params": {"lr": 1e-4, "eps": 1.0E-8, "betas": [0.90, 0.999]}} ],
        "Datasets": [{
            "type": "eisen.datasets.JsonDataset", "_why": "by hand",
            "params": {"json_file": "a.json"}
        }],


        "Losses": [
            {
                "type": "torch.nn.CrossEntropyLoss",
                "params": {"input_names": ["logits", "label"], "output_names": ["ce"], "weight": [1.0, 2.50,
                                                                                             3]}
            }
        ]
    },
    "General": {"Models": [], "Hyperparameters": [{"type": ".BatchSize", "params": {"value": 2}}]}
}"""


def opened(folder: Path, text: str | bytes) -> Document:
    path = folder / "experiment.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Document.open(path)


def changed_lines(document: Document) -> list[str]:
    return [line for line in document.diff().splitlines()[2:] if line[0] in "+-"]


@pytest.mark.parametrize("path", [*EXAMPLES, *OLD], ids=lambda path: path.stem)
def test_an_unchanged_file_is_saved_as_it_was_byte_for_byte(path: Path, tmp_path: Path) -> None:
    document = opened(tmp_path, path.read_bytes())
    assert document.is_saved
    assert document.repairs == []
    document.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("path", [path for path in EXAMPLES if ".split" not in path.name], ids=lambda path: path.stem)
def test_written_anew_the_examples_look_as_they_do(path: Path) -> None:
    data = json.loads(path.read_text(encoding="utf-8"))
    text = written(data, Layout())
    assert same(json.loads(text), data)
    assert max(map(len, text.splitlines())) <= WIDTH
    theirs = path.read_text(encoding="utf-8").splitlines()
    assert len(set(text.splitlines()) & set(theirs)) >= 0.6 * len(set(theirs))


@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_unknown_keys_spellings_blanks_and_line_ends_stay(tmp_path: Path, end: str, newline: str, mark: bytes) -> None:
    content = mark + (STRANGE + end).replace("\n", newline).encode()
    document = opened(tmp_path, content)
    assert document.is_saved
    document.save()
    assert document.path is not None
    assert document.path.read_bytes() == content
    document.set(("Training", "Optimizer", 0, "params", "betas", 1), 0.99)
    document.save()
    assert document.path.read_bytes() == content.replace(b"0.999", b"0.99")


def test_setting_a_number_changes_one_line_and_no_other_spelling(tmp_path: Path) -> None:
    document = opened(tmp_path, STRANGE)
    document.set(("Training", "Optimizer", 0, "params", "betas", 0), 0.8)
    assert document.text() == STRANGE.replace("0.90, 0.999", "0.8, 0.999")


def test_an_added_module_is_one_more_line_with_the_margin_of_its_neighbours(tmp_path: Path) -> None:
    document = opened(tmp_path, STRANGE)
    document.add(("Training", "Losses"), {"type": "torch.nn.MSELoss", "params": {}}, 0)
    lines = changed_lines(document)
    assert lines == ['+            {"type": "torch.nn.MSELoss", "params": {}},']


def test_a_moved_module_keeps_its_spelling_and_takes_the_margin_of_its_place(tmp_path: Path) -> None:
    document = opened(tmp_path, STRANGE)
    document.move(("Training", "Losses", 0), ("Validation", "Losses"), 0)
    text = document.text()
    assert '"weight": [1.0, 2.50,\n' in text
    assert '            {\n                "type": "torch.nn.CrossEntropyLoss"' in text
    assert '"Losses": []' in text
    document.undo()
    assert document.text() == STRANGE


def test_swapping_two_modules_moves_their_lines(tmp_path: Path) -> None:
    path = ROOT / "examples/phantom.json"
    document = opened(tmp_path, path.read_bytes())
    section = ("Training", "Transforms")
    document.move((*section, 0), section, 1)
    lines = changed_lines(document)
    assert len(lines) == 2
    assert lines[0][1:] == lines[1][1:]


def test_removing_the_last_module_of_a_list_removes_its_lines_and_one_comma(tmp_path: Path) -> None:
    path = ROOT / "examples/classify_shapes_2d.json"
    document = opened(tmp_path, path.read_bytes())
    document.remove(("Training", "Transforms", 2))
    lines = changed_lines(document)
    assert [line[0] for line in lines].count("+") == 1
    assert len(lines) == 6


def test_a_line_that_grows_too_long_is_broken_as_in_the_examples(tmp_path: Path) -> None:
    path = ROOT / "examples/classify_shapes_2d.json"
    document = opened(tmp_path, path.read_bytes())
    document.set(("Training", "Transforms", 0, "params", "a_rather_long_name"), "of a parameter")
    assert changed_lines(document)[1:] == [
        "+      {",
        '+        "type": "eisen.transforms.FixedMeanStdNormalization",',
        '+        "params": {"fields": ["image"], "mean": 128, "std": 64, "a_rather_long_name": "of a parameter"}',
        "+      },",
    ]


def test_a_file_in_one_line_stays_in_one_line(tmp_path: Path) -> None:
    data = json.loads((ROOT / "examples/phantom.json").read_text(encoding="utf-8"))
    text = json.dumps(data, separators=(",", ":"))
    document = opened(tmp_path, text)
    document.set(("Training", "Transforms", 0, "params", "fields", 0), "scan")
    assert "\n" not in document.text()
    assert same(json.loads(document.text()), document.data)


def test_what_was_spelled_before_saving_is_spelled_so_after_undo(tmp_path: Path) -> None:
    document = opened(tmp_path, STRANGE)
    document.remove(("Training", "Optimizer", 0))
    document.save()
    document.undo()
    assert '"lr": 1e-4, "eps": 1.0E-8' in document.text()


SLIPS = """\
{
  // by hand
  "Training": {
    "Optimizer": [
      {'type': "torch.optim.Adam", "params": {"lr": 1e-4, "amsgrad": True,}},  # fast
    ],
    "Losses": [] "Datasets": []
  }
}
"""


def test_slips_are_repaired_and_listed_and_the_rest_stays_as_it_was(tmp_path: Path) -> None:
    document = opened(tmp_path, SLIPS)
    assert not document.is_saved
    assert document.repairs == [
        "line 2: JSON has no comments",
        "line 5: text stands in single quotes",
        "line 5: True is Python",
        "line 5: a comma too many before '}'",
        "line 5: JSON has no comments",
        "line 5: a comma too many before ']'",
        "line 7: a comma is missing",
    ]
    assert document.text() == (
        '{\n  "Training": {\n    "Optimizer": [\n'
        '      {"type": "torch.optim.Adam", "params": {"lr": 1e-4, "amsgrad": true}}\n'
        '    ],\n    "Losses": [], "Datasets": []\n  }\n}\n'
    )


def test_a_name_that_is_there_twice_counts_once(tmp_path: Path) -> None:
    document = opened(tmp_path, '{"Notes": {"a": 1, "b": [1, 2], "a": {"b": [1.0]}}, "b": 3}')
    assert "line 1: 'a' is there twice" in document.repairs
    assert json.loads(document.text()) == {"Notes": {"a": {"b": [1.0]}, "b": [1, 2]}, "b": 3}
    assert not parse_source(document.text()).problems


@pytest.mark.parametrize("text", ["", "[1, 2]", '{"a": ', "\xff\xfe", '{"a": "b'])
def test_what_cannot_be_understood_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as error:
        opened(tmp_path, text.encode("latin-1"))
    assert error.value.problems[0].line == 1


def test_files_of_the_old_builder_open_repaired() -> None:
    document = Document.open(ROOT / "tests/legacy/builder_export.json")
    assert not document.is_saved
    assert document.hyper("General") == {"NumWorkers": 4, "Seed": 42}
    assert "n_filters" not in document.value(("General", "Models", 0, "params"))
    assert document.value(("Validation", "Transforms", 5, "params", "data_types")) == {"image": "float32"}
    assert any("untouched drop-down" in line for line in document.repairs)
    assert not any("is now" in line or "is read as ." in line for line in document.repairs), "old names are kept"
    assert same(json.loads(document.text()), document.data)


def test_sections_under_an_old_name_are_shown_under_the_present_one(tmp_path: Path) -> None:
    document = opened(tmp_path, '{"Training": {"batch_transforms": [], "Losses": []}}')
    assert list(document.data["Training"]) == ["BatchTransforms", "Losses"]
    assert document.repairs == ["Training.batch_transforms: is now called BatchTransforms"]


blanks = st.text(" \n\t", max_size=3)
numbers = st.sampled_from(["1e-4", "1.0", "1", "-0", "-0.0", "0.10", "1E+5", "98765432109876543210", "2.50", "1e400"])
words = st.text(st.characters(codec="utf-8"), max_size=5).map(lambda text: json.dumps(text, ensure_ascii=len(text) > 3))
leaves = st.one_of(numbers, words, st.sampled_from(["true", "false", "null"]))


@st.composite
def containers(draw: Any, inner: Any) -> str:
    items = draw(st.lists(inner, max_size=4))
    is_object = draw(st.booleans())
    names = draw(st.lists(words, min_size=len(items), max_size=len(items), unique_by=json.loads)) if is_object else ()
    parts = [f"{name}{draw(blanks)}:{draw(blanks)}{item}" for name, item in zip(names, items, strict=False)]
    gap = draw(blanks)
    body = f"{gap},{draw(blanks)}".join(parts if is_object else items)
    opening, closing = "{}" if is_object else "[]"
    return f"{opening}{gap}{body}{draw(blanks)}{closing}"


texts = st.recursive(leaves, containers, max_leaves=12)
documents = st.dictionaries(words, texts, max_size=4).map(
    lambda parts: "{" + ",\n  ".join(f"{name}: {value}" for name, value in parts.items()) + "}"
)


@settings(max_examples=60, deadline=None)
@given(documents, blanks)
def test_any_json_is_written_as_it_was(text: str, blank: str) -> None:
    text = blank + text + blank
    assert written(json.loads(text), Layout.of(text)) == text


@settings(max_examples=60, deadline=None)
@given(documents, documents)
def test_any_other_json_is_written_truly_whatever_the_layout(text: str, other: str) -> None:
    data = json.loads(other)
    again = written(data, Layout.of(text))
    assert same(json.loads(again), data)
    assert parse_source(again).problems == []


def test_repairs_may_wait_until_the_classes_are_loaded_and_can_be_undone() -> None:
    path = ROOT / "tests/legacy/builder_export.json"
    at_once, later = Document.open(path), Document.open(path, repairs=False)
    assert later.is_saved
    assert later.data == json.loads(path.read_text(encoding="utf-8"))
    assert later.repair() == at_once.repairs == later.repairs
    assert same(later.data, at_once.data)
    assert not later.is_saved
    assert later.repair() == []
    assert later.undo() == "repair the old file"
    assert later.is_saved
