from __future__ import annotations

import json
import pickle

import pytest

from eisen._core.errors import ArgumentError, CorruptFileError, EmptyDatasetError, MissingFileError
from eisen.datasets import TableDataset

ROWS = [{"scan": "b.nii.gz", "age": 61, "smoker": True}, {"scan": "a.nii.gz", "age": None, "smoker": False}]
TEXT = "scan,age,smoker\nb.nii.gz,61,yes\na.nii.gz,,No\n"
FORMATS = {
    "t.csv": TEXT,
    "semicolon.csv": TEXT.replace(",", ";"),
    "t.tsv": TEXT.replace(",", "\t"),
    "bom.csv": "\ufeff" + TEXT.replace("\n", "\r\n"),
    "blank.csv": TEXT.replace("\n", "\n\n"),
    "t.json": json.dumps(ROWS),
    "t.jsonl": "\n\n".join(map(json.dumps, ROWS)) + "\n",
    "sparse.json": json.dumps([ROWS[0], {"scan": "a.nii.gz", "smoker": "no"}]),
}
TYPES = {"age": "int", "smoker": "bool"}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_cases_in_the_order_of_the_table(tmp_path, name):
    (tmp_path / name).write_text(FORMATS[name], encoding="utf-8", newline="")
    cases = TableDataset(tmp_path, name, types=TYPES)
    assert list(cases) == ROWS
    assert list(pickle.loads(pickle.dumps(cases))) == ROWS


def table(folder, text=TEXT):
    (folder / "t.csv").write_text(text)
    return folder, "t.csv"


def test_columns_become_fields_and_others_are_left_out(tmp_path):
    assert TableDataset(*table(tmp_path), {"scan": "image"})[0] == {"image": "b.nii.gz"}


@pytest.mark.parametrize("cell", ["", "NA", "n/a", "NaN", "null", " None "])
def test_what_is_missing_is_none_left_out_or_an_error(tmp_path, cell):
    where = table(tmp_path, f"image,age\na,{cell}\nb,3\n")
    assert TableDataset(*where, types={"age": "float"})[0] == {"image": "a", "age": None}
    assert list(TableDataset(*where, missing="skip")) == [{"image": "b", "age": "3"}]
    with pytest.raises(CorruptFileError, match="line 2: column 'age' is empty"):
        TableDataset(*where, missing="error")


def test_a_missing_cell_in_a_column_nobody_asked_for_does_not_matter(tmp_path):
    assert len(TableDataset(*table(tmp_path), {"scan": "image"}, missing="error")) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,age\na,old\n", "line 2, column 'age': 'old' is not a whole number"),
        ("image,age\n\na,6.5\n", "line 3, column 'age'"),
        ("image,age\na,1\nb,2,3\n", "line 3: 3 cells, but 2 columns"),
        ("image,image\na,1\n", "names a column twice"),
        ("", "has no header"),
        ("image,Age\na,1\n", "no column 'age'"),
    ],
)
def test_a_wrong_table_names_file_line_and_column(tmp_path, text, message):
    with pytest.raises(CorruptFileError, match=message) as caught:
        TableDataset(*table(tmp_path, text), {"image": "image", "age": "age"}, {"age": "int"})
    assert "t.csv" in str(caught.value)
    assert caught.value.card.file == str(tmp_path / "t.csv")


def test_a_quotation_mark_that_never_closes_is_an_error(tmp_path):
    with pytest.raises(CorruptFileError, match=r"t\.csv is no table: field larger"):
        TableDataset(*table(tmp_path, 'image,age\n"a,1\n' + "b,2\n" * 40_000))


def test_quoted_cells_may_hold_separators_and_line_breaks(tmp_path):
    where = table(tmp_path, 'image,note\na,"one, two\nthree"\nb,x\n')
    assert [case["note"] for case in TableDataset(*where)] == ["one, two\nthree", "x"]


def test_broken_json_lines_name_the_line(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"a": 1}\n{"a": oops}\n')
    with pytest.raises(CorruptFileError, match="line 2, column 7"):
        TableDataset(tmp_path, "t.jsonl")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"missing": "drop"}, "missing is 'drop'"),
        ({"types": {"agee": "int"}}, "types names 'agee'"),
        ({"types": {"age": "integer"}}, "the type of 'age' is 'integer'"),
        ({"columns": {"scan": "x", "age": "x"}}, "two columns for one field"),
        ({"split": "test"}, "split is 'test'"),
    ],
)
def test_wrong_arguments_are_refused(tmp_path, arguments, message):
    with pytest.raises(ArgumentError, match=message):
        TableDataset(*table(tmp_path), **arguments)


def test_a_table_that_is_none_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match=r"t\.xlsx"):
        TableDataset(tmp_path, "t.xlsx")
    with pytest.raises(MissingFileError):
        TableDataset(tmp_path, "t.csv")
    with pytest.raises(EmptyDatasetError):
        TableDataset(*table(tmp_path, "image,age\n"))


def test_a_column_keeps_patients_together(tmp_path):
    rows = [f"{n}.png,p{n // 2}" for n in range(20)]
    where = table(tmp_path, "\n".join(["image,patient", *rows]))
    sides = [TableDataset(*where, split=side, group="patient") for side in ("train", "validation")]
    assert not set.intersection(*({case["patient"] for case in side} for side in sides))


@pytest.mark.realdata
def test_the_tables_of_the_real_data_load(realdata):
    assert len(TableDataset(realdata / "msd_hippocampus", "cases.csv")) == 60
    assert TableDataset(realdata / "em_membrane", "cases.csv", {"image": "image"})[19] == {"image": "image/19.png"}


def test_words_become_numbers_of_classes(tmp_path):
    (tmp_path / "cases.csv").write_text("image,finding\na.png,malignant\nb.png, benign\n", encoding="utf-8")
    words = ["benign", "malignant"]
    cases = TableDataset(tmp_path, "cases.csv", types={"finding": words})
    assert [cases[n]["finding"] for n in range(2)] == [1, 0]
    with pytest.raises(CorruptFileError, match=r"line 2.*'malignant' is not one of benign, other"):
        TableDataset(tmp_path, "cases.csv", types={"finding": ["benign", "other"]})
    for wrong in ([], ["benign", "benign"], [1, 2]):
        with pytest.raises(ArgumentError, match="the type of 'finding'"):
            TableDataset(tmp_path, "cases.csv", types={"finding": wrong})
