"""A split as a file: what was frozen comes back, and nothing else."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eisen._core.errors import ArgumentError, CorruptFileError, MissingFileError
from eisen.experiments.splits import Fold, Splits, kfold, nested, repeated

CASES = [{"id": f"p{n // 2}-{n % 2}", "patient": n // 2, "label": n % 4 // 2} for n in range(16)]
SPLITS = {
    "plain": kfold(CASES, 4, no_group=True),
    "grouped": kfold(CASES, 4, group="patient", stratify="label"),
    "repeated": repeated(CASES, 2, 2, group="patient"),
    "nested": nested(CASES, 3, 2, group="patient"),
}


@pytest.mark.parametrize("kind", list(SPLITS))
def test_what_was_frozen_comes_back(kind, tmp_path):
    splits = SPLITS[kind]
    splits.save(tmp_path / "split.json")
    again = Splits.load(tmp_path / "split.json")
    assert again == splits
    assert again.digest == splits.digest
    again.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "split.json").read_bytes()


def test_the_file_is_as_documented(tmp_path):
    SPLITS["grouped"].save(tmp_path / "split.json")
    document = json.loads((tmp_path / "split.json").read_text(encoding="utf-8"))
    assert list(document) == [
        *("format", "version", "kind", "seed", "group", "group_absent", "stratify", "cases", "folds", "digest")
    ]
    assert (document["format"], document["version"], document["group"]) == ("eisen-split", 1, "patient")
    assert document["cases"]["p3-1"] == {"group": "3", "class": 1}
    assert list(document["folds"][0]) == ["name", "training", "validation", "test"]


def test_the_layout_of_the_file_does_not_matter(tmp_path):
    path = tmp_path / "split.json"
    path.write_text(json.dumps(SPLITS["plain"].as_dict(), sort_keys=True, indent=7))
    assert Splits.load(path).digest == SPLITS["plain"].digest


def places(value, path=()):
    """Yield the path of everything inside of a document."""
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield from places(item, (*path, key))


DOCUMENT = SPLITS["grouped"].as_dict()
PLACES = [path for path in places(DOCUMENT) if path]
other = st.sampled_from([None, True, False, 0, 1, 1.0, -1, "", "x", "p0-0", [], {}, [["p0-0"]], "Training"])


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PLACES), st.sampled_from(["set", "remove", "twice", "swap"]), other)
def test_any_single_change_is_refused(tmp_path_factory, place, how, value):
    document = copy.deepcopy(DOCUMENT)
    parent = document
    for key in place[:-1]:
        parent = parent[key]
    last = place[-1]
    if how == "set":
        parent[last] = value
    elif how == "remove":
        del parent[last]
    elif how == "twice" and isinstance(parent, list):
        parent.append(parent[last])
    elif how == "swap" and isinstance(parent, list):
        parent.insert(0, parent.pop(last))
    else:
        parent[f"{last}x"] = value
    path = tmp_path_factory.getbasetemp() / "changed.json"
    path.write_text(json.dumps(document))
    if json.dumps(document, sort_keys=True) == json.dumps(DOCUMENT, sort_keys=True):
        assert Splits.load(path).digest == DOCUMENT["digest"]
        return
    with pytest.raises(CorruptFileError) as caught:
        Splits.load(path)
    assert caught.value.card.file == str(path)


def forged(change):
    """Return a document that was changed and given a new digest, as somebody who means it would."""
    from eisen._core.digest import json_digest

    document = copy.deepcopy(DOCUMENT)
    change(document)
    document["digest"] = json_digest({key: value for key, value in document.items() if key != "digest"})
    return document


def move(document):
    fold = document["folds"][0]
    fold["training"].append(fold["test"].pop())


def copy_case(document):
    document["folds"][0]["training"].append(document["folds"][0]["test"][0])


def forget_group(document):
    document["group"] = None


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (move, "leaks: group '"),
        (copy_case, "leaks: case '"),
        (forget_group, "neither named nor declared absent"),
        (lambda d: d["folds"].pop(), "never in test"),
        (lambda d: d["folds"].append(d["folds"][0]), "two folds are called '0'"),
        (lambda d: d["cases"].pop("p0-0"), "which is no case"),
        (lambda d: d["cases"]["p0-0"].update(group=None), "1 cases have no group"),
        (lambda d: d.update(kind="kfolds"), "kind is 'kfolds'"),
        (lambda d: d["folds"][0].update(name=""), "a fold has no name"),
        (lambda d: d["folds"][0].update(test="p0-0"), "no list of case names"),
        (lambda d: d.update(folds={}), "lacks a list of folds"),
        (lambda d: d.update(version=2), "version 2"),
        (lambda d: d.update(format="nnunet"), "no split"),
    ],
)
def test_a_split_that_leaks_is_refused_whatever_its_digest(change, what, tmp_path):
    path = tmp_path / "split.json"
    path.write_text(json.dumps(forged(change)))
    with pytest.raises(CorruptFileError) as caught:
        Splits.load(path)
    assert what in caught.value.card.what


@pytest.mark.parametrize("text", ["", "[]", "3", "{", '{"format": "eisen-split", "version": 1}', "\udcff"])
def test_a_file_that_is_no_split_is_refused(text, tmp_path):
    path = tmp_path / "split.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(CorruptFileError):
        Splits.load(path)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(MissingFileError):
        Splits.load(tmp_path / "split.json")


def test_a_fold_is_found_by_name_or_number():
    splits = SPLITS["grouped"]
    assert splits[1] is splits["1"]
    with pytest.raises(ArgumentError, match="no fold '4'"):
        splits[4]
    with pytest.raises(ArgumentError, match="did you mean 'r0-f1'"):
        SPLITS["repeated"]["r0f1"]


def test_a_nested_split_whose_inner_folds_differ_in_test_is_refused():
    splits = SPLITS["nested"]
    first, *rest = splits.folds
    moved = Fold(first.name, (*first.training, *first.test[2:]), first.validation, first.test[:2])
    with pytest.raises(ArgumentError):
        Splits("nested", [moved, *rest], splits.cases, 0, "patient")
