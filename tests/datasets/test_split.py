from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eisen._core.errors import ArgumentError, EmptyDatasetError
from eisen.datasets.split import choose_split

names = st.lists(st.text("abcdef/0123456789", min_size=1, max_size=8), min_size=2, max_size=40, unique=True)
fractions = st.floats(0.01, 0.99)
seeds = st.integers(-5, 2**40)


def cases_of(texts):
    return [{"image": f"x{text}.nii.gz", "n": n} for n, text in enumerate(texts)]


def files(cases):
    return [case["image"] for case in cases]


@given(names, fractions, seeds)
def test_the_sides_are_a_partition_and_neither_is_empty(texts, fraction, seed):
    cases = cases_of(texts)
    try:
        train = choose_split(cases, "train", fraction, seed)
        held_out = choose_split(cases, "validation", fraction, seed)
    except EmptyDatasetError:  # a//b and a/b are one file
        return
    assert train
    assert held_out
    assert sorted([*train, *held_out], key=lambda case: case["n"]) == cases
    assert choose_split(cases, "all", fraction, seed) == cases


@given(names, fractions, seeds, st.randoms(use_true_random=False))
def test_the_order_of_the_list_does_not_matter(texts, fraction, seed, random):
    cases = cases_of(texts)
    shuffled = random.sample(cases, len(cases))
    try:
        expected = set(files(choose_split(cases, "validation", fraction, seed)))
    except EmptyDatasetError:
        return
    assert set(files(choose_split(shuffled, "validation", fraction, seed))) == expected


@given(st.lists(st.integers(0, 9), min_size=2, max_size=40), fractions, seeds)
def test_groups_are_never_separated(patients, fraction, seed):
    cases = [{"image": f"img/p{patient}_{n}.nii.gz"} for n, patient in enumerate(patients)]
    if len(set(patients)) < 2:
        with pytest.raises(EmptyDatasetError):
            choose_split(cases, "train", fraction, seed, r"^(p\d)_")
        return
    train = {name[:6] for name in files(choose_split(cases, "train", fraction, seed, r"^(p\d)_"))}
    held_out = {name[:6] for name in files(choose_split(cases, "validation", fraction, seed, r"^(p\d)_"))}
    assert train
    assert held_out
    assert not train & held_out


def test_the_fraction_is_rounded_not_truncated():
    cases = cases_of(str(n) for n in range(10))
    assert [len(choose_split(cases, "validation", f)) for f in (0.01, 0.2, 0.26, 0.8, 0.99)] == [1, 2, 3, 8, 9]


def test_the_split_is_the_same_on_every_machine():
    cases = cases_of(str(n) for n in range(10))
    assert files(choose_split(cases, "validation", 0.3, 0)) == ["x1.nii.gz", "x4.nii.gz", "x7.nii.gz"]


def test_another_seed_is_another_split():
    cases = cases_of(str(n) for n in range(30))
    assert len({tuple(files(choose_split(cases, "validation", 0.2, seed))) for seed in range(20)}) > 15


def test_the_way_a_path_is_written_does_not_matter():
    plain = [{"image": f"imagesTr/{n}.nii.gz"} for n in range(20)]
    dotted = [{"image": f"./imagesTr//{n}.nii.gz"} for n in range(20)]
    kept = choose_split(plain, "validation")
    assert [case["image"].replace("./", "").replace("//", "/") for case in choose_split(dotted, "validation")] == files(
        kept
    )


def test_cases_without_files_are_split_by_their_content():
    cases = [{"age": n} for n in range(20)]
    assert len(choose_split(cases, "validation")) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "Train"}, "split is 'Train'"),
        ({"split": "training"}, "split is 'training'"),
        ({"split": None}, "split is None"),
        ({"validation_fraction": 0}, "validation_fraction"),
        ({"validation_fraction": 1.0}, "validation_fraction"),
        ({"validation_fraction": "0.2"}, "validation_fraction"),
        ({"validation_fraction": None}, "validation_fraction"),
        ({"split_seed": "a"}, "split_seed"),
        ({"group": "p("}, "group is"),
        ({"group": "p"}, "0 pairs"),
        ({"group": "(a)(b)"}, "2 pairs"),
        ({"group": 7}, "group is 7"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ArgumentError, match=message.replace("(", r"\(")):
        choose_split(cases_of("ab"), **arguments)


def test_choices_are_named():
    with pytest.raises(ArgumentError) as caught:
        choose_split(cases_of("ab"), "trian")
    assert caught.value.card.expected == "one of 'all', 'train', 'validation'"
    assert "train" in caught.value.card.to_do


def test_a_group_that_finds_nothing_names_the_file():
    with pytest.raises(ArgumentError, match=r"finds nothing in 'xb\.nii\.gz'"):
        choose_split(cases_of("ab"), "train", group="(a)")
