"""What every split promises: parts that partition, groups that stay whole, classes that are spread, no chance left."""

from __future__ import annotations

import random
import warnings
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eisen._core.errors import ArgumentError, EisenError, MissingFieldError
from eisen.datasets import ListDataset
from eisen.experiments.splits import explicit, holdout, kfold, nested, repeated

SOME = settings(max_examples=30, deadline=None)


@st.composite
def listings(draw):
    """Cases of patients with one to four scans each, of up to three classes; patients may have scans of several."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=6, max_size=18))
    cases = [{"image": f"p{p}_s{s}.nii.gz", "patient": f"p{p}"} for p, size in enumerate(sizes) for s in range(size)]
    labels = draw(st.lists(st.integers(0, 2), min_size=len(cases), max_size=len(cases)))
    return [{**case, "label": label} for case, label in zip(cases, labels, strict=True)]


keys = st.sampled_from([{"no_group": True}, {"group": "patient"}, {"group": r"regex:^(p\d+)_"}])
strata = st.sampled_from([None, "label"])


def made(maker, cases, *numbers, **options):
    """Make a split, or return None where classes are so rare that it is refused; rare classes are only said."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            return maker(cases, *numbers, **options)
        except ArgumentError as error:
            if options.get("stratify") and "classes, none of which" in error.card.what:
                return None
            raise


def demand_whole(splits, cases):
    """Every fold partitions the cases, and no group is in two of its parts."""
    names = {case["image"].removesuffix(".nii.gz"): case["patient"] for case in cases}
    for fold in splits:
        assert sorted([*fold.training, *fold.validation, *fold.test]) == sorted(names)
        if splits.group is not None:
            homes = [{names[name] for name in part} for _, part in fold.parts()]
            assert sum(map(len, homes)) == len(set.union(*homes))


@SOME
@given(listings(), keys, strata, st.integers(2, 5), st.integers(1, 3), st.booleans(), st.integers(0, 9))
def test_folds_partition_and_test_each_case_once(cases, key, stratify, n_folds, repeats, validates, seed):
    options = {**key, "stratify": stratify, "seed": seed, "repeats": repeats, "validation": 0.2 * validates}
    splits = made(kfold, cases, n_folds, **options)
    if splits is None:
        return
    demand_whole(splits, cases)
    assert len(splits) == n_folds * repeats
    for repeat in range(repeats):
        folds = splits.folds[repeat * n_folds : (repeat + 1) * n_folds]
        tested = Counter(name for fold in folds for name in fold.test)
        assert set(tested.values()) == {1}
        assert len(tested) == len(cases)
        assert all(fold.test for fold in folds)
        assert all(bool(fold.validation) is validates for fold in folds)


@SOME
@given(listings(), keys, strata, st.randoms(use_true_random=False))
def test_the_order_of_the_list_does_not_matter(cases, key, stratify, rng):
    shuffled = rng.sample(cases, len(cases))
    one, other = (made(kfold, order, 3, **key, stratify=stratify, seed=5) for order in (cases, shuffled))
    assert one == other
    assert one is None or one.digest == other.digest


@SOME
@given(listings(), keys, strata, st.integers(2, 4), st.integers(2, 3))
def test_inner_folds_never_see_the_outer_test(cases, key, stratify, n_outer, n_inner):
    splits = made(nested, cases, n_outer, n_inner, **key, stratify=stratify)
    if splits is None:
        return
    demand_whole(splits, cases)
    for outer in range(n_outer):
        folds = [splits[f"{outer}/{inner}"] for inner in range(n_inner)]
        assert len({fold.test for fold in folds}) == 1
        validated = [name for fold in folds for name in fold.validation]
        assert sorted([*validated, *folds[0].test]) == sorted(splits.cases)


@SOME
@given(listings(), keys, strata, st.floats(0, 0.9), st.floats(0, 0.9), st.integers(0, 9))
def test_one_division_partitions(cases, key, stratify, test, validation, seed):
    demand = {**key, "stratify": stratify, "seed": seed}
    try:
        splits = holdout(cases, test=test, validation=validation, **demand)
    except ArgumentError as error:
        if "one group cannot be divided" in error.card.what:  # all but one group were for the test
            return
        raise
    demand_whole(splits, cases)
    assert bool(splits["0"].test) is (test > 0)
    assert bool(splits["0"].validation) is (validation > 0)


@SOME
@given(st.lists(st.integers(5, 40), min_size=1, max_size=4), st.integers(2, 5), st.integers(0, 9))
def test_every_part_has_its_share_of_each_class_within_one(counts, n_folds, seed):
    classes = {f"c{label}_{n:02d}": label for label, count in enumerate(counts) for n in range(count)}
    splits = kfold(list(classes), n_folds, no_group=True, stratify=classes, seed=seed)
    for fold in splits:
        for label, count in enumerate(counts):
            tested = sum(classes[name] == label for name in fold.test)
            validated = sum(classes[name] == label for name in fold.validation)
            assert abs(tested - count / n_folds) < 1
            assert abs(validated - (count - tested) * len(fold.validation) / (len(classes) - len(fold.test))) <= 1


def test_classes_are_spread_over_whole_groups():
    cases = [{"id": f"{p}-{s}", "patient": p, "label": p % 3 == 0} for p in range(60) for s in range(1 + p % 4)]
    for fold in kfold(cases, 5, group="patient", stratify="label"):
        shares = [sum(int(name.split("-")[0]) % 3 == 0 for name in part) / len(part) for _, part in fold.parts()]
        assert max(shares) - min(shares) < 0.12


def test_groups_of_different_size_make_folds_of_equal_size():
    cases = [{"id": f"{p}-{s}", "patient": p} for p in range(30) for s in range(1 + p % 5)]
    sizes = [len(fold.test) for fold in kfold(cases, 5, group="patient")]
    assert max(sizes) - min(sizes) <= 1


def test_another_seed_is_another_split_and_repeats_differ():
    names = [f"case_{n}" for n in range(20)]
    first, second = (kfold(names, 4, no_group=True, seed=seed) for seed in (0, 1))
    assert first["0"].test != second["0"].test
    again = repeated(names, 4, 3, no_group=True)
    assert len({again[f"r{r}-f0"].test for r in range(3)}) == 3
    assert again["r0-f0"].test == first["0"].test


def test_without_shuffling_folds_are_in_the_order_of_names():
    splits = kfold([f"{n}" for n in range(6)], 3, no_group=True, shuffle=False, validation=0)
    assert [fold.test for fold in splits] == [("0", "1"), ("2", "3"), ("4", "5")]
    with pytest.raises(ArgumentError, match="without shuffling are all the same"):
        kfold(["a", "b"], 2, no_group=True, shuffle=False, repeats=2)


@pytest.mark.parametrize("group", ["patient", r"regex:^(\w)\d", {"a1": 1, "a2": 1, "b1": 2, "b2": 2}])
def test_groups_come_from_a_field_a_pattern_or_a_mapping(group):
    cases = [{"image": f"{p}{s}.nii.gz", "patient": p} for p in "ab" for s in (1, 2)]
    tests = {fold.test for fold in kfold(cases, 2, group=group, validation=0)}
    assert tests == {("a1", "a2"), ("b1", "b2")}


def test_groups_come_from_a_function_of_what_is_listed():
    cases = ListDataset([{"image": f"s{n}.nii.gz", "born": 1950 + n // 2} for n in range(4)])
    splits = kfold(cases, 2, group=lambda case: case["born"], validation=0)
    assert {fold.test for fold in splits} == {("s0", "s1"), ("s2", "s3")}
    assert splits.group == "function <lambda>"


def test_a_pattern_may_match_the_folder_of_a_case():
    cases = [{"image": f"{p}/scan_{s}.nii.gz"} for s, p in enumerate(["anna", "anna", "ben", "ben"])]
    splits = kfold(cases, 2, group="regex:^(anna|ben)/", validation=0)
    assert {fold.test for fold in splits} == {("scan_0", "scan_1"), ("scan_2", "scan_3")}


def test_a_number_and_its_text_are_one_group():
    cases = [{"id": "a", "p": 7}, {"id": "b", "p": " 7 "}, {"id": "c", "p": 7.0}, {"id": "d", "p": "8"}]
    assert {fold.test for fold in kfold(cases, 2, group="p", validation=0)} == {("a", "b", "c"), ("d",)}


def test_the_class_is_read_once_where_it_is_not_listed():
    reads = Counter()

    def graded(case):
        reads[case["id"]] += 1
        return {**case, "grade": [case["id"] % 2]}

    cases = ListDataset([{"id": n} for n in range(8)], graded)
    with pytest.raises(MissingFieldError, match="--read"):
        kfold(cases, 4, no_group=True, stratify="grade")
    assert not reads
    splits = kfold(cases, 4, no_group=True, stratify="grade", read_samples=True)
    assert set(reads.values()) == {1}
    assert all({splits.cases[name]["class"] for name in fold.test} == {0, 1} for fold in splits)


def test_rare_classes_are_said_and_classes_of_one_case_each_are_refused():
    cases = [{"id": n, "label": int(n < 2), "age": 40 + n} for n in range(20)]
    with pytest.warns(UserWarning, match=r"fewer cases than the 5 folds: '1' \(2\)"):
        kfold(cases, 5, no_group=True, stratify="label")
    with pytest.raises(ArgumentError, match="20 cases are of 20 classes"):
        kfold(cases, 5, no_group=True, stratify="age")


PATIENTS = [{"id": n, "patient": n // 3, "odd": None if n == 4 else n} for n in range(9)]


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({}, "not said which cases belong together"),
        ({"group": "patient", "no_group": True}, "and no_group is True"),
        ({"group": "patiend"}, "no case has 'patiend'"),
        ({"group": "odd"}, "1 of 9 cases have no 'odd', e.g. '4'"),
        ({"group": "regex:^(x"}, "unterminated"),
        ({"group": "regex:^[0-7]"}, "1 of 9 cases do not match"),
        ({"group": 3}, "group is 3"),
        ({"group": "patient", "n_folds": 4}, "3 groups cannot be divided into 4 folds"),
        ({"group": "patient", "n_folds": 3, "validation": 0.5, "repeats": 0}, "repeats is 0"),
        ({"no_group": True, "n_folds": 1}, "folds is 1"),
        ({"no_group": True, "n_folds": 10}, "9 cases cannot be divided into 10 folds"),
        ({"no_group": True, "validation": 1.0}, "validation is 1.0"),
        ({"no_group": True, "validation": float("nan")}, "validation is nan"),
        ({"no_group": True, "seed": -1}, "seed is -1"),
        ({"no_group": True, "stratify": "odd"}, "1 of 9 cases have no 'odd'"),
        ({"group": {"0": 1}}, "8 of 9 cases have no 'mapping'"),
        ({"group": "regex:^."} | {"n_folds": 9, "validation": 0.1}, ""),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_card(options, what):
    if not what:
        assert len(kfold(PATIENTS, **options)) == 9
        return
    with pytest.raises(EisenError) as caught:
        kfold(PATIENTS, **options)
    assert what in caught.value.card.what
    assert caught.value.card.expected


def test_two_groups_leave_none_for_validation():
    cases = [{"id": n, "patient": n // 3} for n in range(6)]
    with pytest.raises(ArgumentError, match="one group cannot be divided"):
        kfold(cases, 2, group="patient")
    assert len(kfold(cases, 2, group="patient", validation=0)) == 2


def test_folds_of_ones_own_are_checked():
    parts = {"official": {"training": ["a1", "b1"], "test": ["c1"]}}
    assert explicit(parts, group="regex:^.")["official"].test == ("c1",)
    for training, what in (
        (["a1", "c2"], "group 'c' is in training"),
        (["c1"], "leaks: case 'c1'"),
        ([], "no training"),
    ):
        with pytest.raises(ArgumentError, match=what):
            explicit([{"training": training, "test": ["c1"]}], group="regex:^.")
    with pytest.raises(ArgumentError, match="names 'c1', which is no case"):
        explicit(parts, ["a1", "b1", "c2"], no_group=True)
    with pytest.raises(ArgumentError, match="has a part 'train'"):
        explicit([{"train": ["a"]}], no_group=True)


def test_ten_thousand_cases_take_seconds():
    cases = [{"id": n, "patient": n // 4, "label": random.Random(n).randrange(3)} for n in range(10_000)]
    splits = kfold(cases, 5, group="patient", stratify="label", validation=0.1)
    assert all(1990 <= len(fold.test) <= 2010 for fold in splits)
