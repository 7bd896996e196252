"""Samplers: balanced, weighted, reproducible, resumable, and other random numbers for a case drawn again."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from eisen._core.errors import ArgumentError, DataError, EmptyDatasetError, MissingFieldError
from eisen._core.random import generator
from eisen.datasets import BalancedSampler, CaseSampler, ListDataset, Loader, WeightedSampler
from eisen.datasets.epoch_order import numbered_draws


def cases(labels, transform=None):
    return ListDataset([{"number": n, "label": label} for n, label in enumerate(labels)], transform)


def with_noise(case):
    return {**case, "noise": float(generator().random())}


def drawn(loader):
    return [number for batch in loader for number in batch["number"].tolist()]


def test_every_class_is_drawn_equally_often_to_within_one():
    labels = ["rare"] * 3 + ["common"] * 40 + ["usual"] * 17
    loader = Loader(cases(labels), batch_size=8, sampler=BalancedSampler(n_samples=50))
    for _ in range(5):
        counts = Counter(labels[number] for number in drawn(loader))
        assert sum(counts.values()) == 50
        assert sorted(counts.values()) == [16, 17, 17]


def test_no_case_of_a_class_comes_again_before_the_others_had_their_turn():
    labels = [0] * 7 + [1] * 30
    counts = Counter(drawn(Loader(cases(labels), sampler=BalancedSampler(n_samples=60))))
    rare, common = [counts[n] for n in range(7)], [counts[n] for n in range(7, 37)]
    assert max(rare) - min(rare) <= 1
    assert common == [1] * 30


def test_classes_of_a_label_that_only_reading_tells():
    whole = ListDataset(
        [{"n": n} for n in range(12)], lambda case: {"number": case["n"], "label": np.array([case["n"] < 2])}
    )
    numbers = drawn(Loader(whole, sampler=BalancedSampler()))
    assert sum(number < 2 for number in numbers) == 6


def test_a_field_that_is_an_image_is_refused_with_advice():
    pictures = ListDataset([{"label": np.zeros((4, 4))} for _ in range(3)])
    with pytest.raises(DataError, match=r"shape \(4, 4\)") as caught:
        list(Loader(pictures, sampler=BalancedSampler()))
    assert caught.value.card.case == "#0"


def test_a_field_that_is_not_there_is_named_with_the_nearest():
    with pytest.raises(MissingFieldError, match="'lable'") as caught:
        list(Loader(cases([0, 1]), sampler=BalancedSampler("lable")))
    assert "label" in caught.value.card.to_do


def test_cases_are_drawn_as_often_as_their_weights_say():
    loader = Loader(
        cases(["a"] * 10 + ["b"] * 10), batch_size=50, sampler=WeightedSampler({"a": 3, "b": 1}, "label", 1500)
    )
    share = np.mean([number < 10 for number in drawn(loader)])
    assert abs(share - 0.75) < 4 * np.sqrt(0.75 * 0.25 / 1500)


def test_one_weight_per_case_and_weights_in_a_field():
    by_list = Loader(cases([0, 1, 2]), sampler=WeightedSampler([0, 2.0, 0], n_samples=5))
    assert drawn(by_list) == [1] * 5
    by_field = Loader(cases([0.0, 0.0, 1.0]), sampler=WeightedSampler(field="label", n_samples=5))
    assert drawn(by_field) == [2] * 5


def test_without_replacement_every_case_comes_once():
    loader = Loader(cases([1] * 9), sampler=WeightedSampler(field="label", replacement=False))
    assert sorted(drawn(loader)) == list(range(9))


@pytest.mark.parametrize("n_workers", [0, 2])
def test_the_batches_do_not_depend_on_the_number_of_workers(n_workers):
    alone = [dict(b) for b in Loader(cases([0] * 9 + [1], with_noise), 3, sampler=BalancedSampler(), seed=5)]
    other = [
        dict(b)
        for b in Loader(cases([0] * 9 + [1], with_noise), 3, sampler=BalancedSampler(), seed=5, n_workers=n_workers)
    ]
    assert [b["number"].tolist() for b in alone] == [b["number"].tolist() for b in other]
    assert [b["noise"].tolist() for b in alone] == [b["noise"].tolist() for b in other]


def test_a_pass_that_starts_later_has_the_batches_it_would_have_had():
    def loader():
        return Loader(cases([0] * 9 + [1], with_noise), 3, sampler=BalancedSampler(), seed=5)

    whole, rest = loader(), loader()
    whole.set_epoch(3)
    rest.set_epoch(3)
    rest.start_at(2)
    expected = [b["noise"].tolist() for b in whole][2:]
    assert [b["noise"].tolist() for b in rest] == expected
    assert expected


def test_epochs_differ_and_seeds_differ():
    first, second = Loader(cases([0, 1] * 20), sampler=BalancedSampler()), None
    second = drawn(first), drawn(first)
    assert second[0] != second[1]
    assert second[0] != drawn(Loader(cases([0, 1] * 20), sampler=BalancedSampler(), seed=1))


def test_a_case_drawn_again_has_other_random_numbers_each_time():
    loader = Loader(cases([0, 1], with_noise), 20, sampler=BalancedSampler(n_samples=20))
    batch = next(iter(loader))
    assert len(set(batch["noise"].tolist())) == 20
    assert len(set(batch.samples)) == 20
    assert set(batch.cases) == {"#0", "#1"}


def test_the_first_draw_of_a_case_has_the_numbers_it_has_without_a_sampler():
    plain = {
        n: x
        for b in Loader(cases([0, 1], with_noise), 2)
        for n, x in zip(b["number"].tolist(), b["noise"].tolist(), strict=True)
    }
    batch = next(iter(Loader(cases([0, 1], with_noise), 6, sampler=BalancedSampler(n_samples=6))))
    firsts = {}
    for number, noise in zip(batch["number"].tolist(), batch["noise"].tolist(), strict=True):
        firsts.setdefault(number, noise)
    assert firsts == plain


def test_numbered_draws_tell_all_draws_apart_and_keep_their_case():
    rng = np.random.default_rng(0)
    numbers = rng.integers(0, 7, 100)
    samples = numbered_draws(numbers, 7)
    assert len(set(samples.tolist())) == 100
    assert (samples % 7 == numbers).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda: BalancedSampler(n_samples=0),
        lambda: WeightedSampler(),
        lambda: WeightedSampler({"a": 1}),
        lambda: WeightedSampler([1, 2], field="label"),
        lambda: list(Loader(cases([0, 1, 2]), sampler=WeightedSampler([1, 2]))),
        lambda: list(Loader(cases([0, 1]), sampler=WeightedSampler([-1, 2]))),
        lambda: list(Loader(cases([0, 1]), sampler=WeightedSampler([0, 0]))),
        lambda: list(Loader(cases([0, 1]), sampler=WeightedSampler([1, 0], replacement=False))),
    ],
)
def test_wrong_arguments_are_cards(make):
    with pytest.raises(ArgumentError):
        make()


def test_a_value_without_a_weight_is_named():
    with pytest.raises(DataError, match="'tumor'") as caught:
        list(Loader(cases(["tumor", "healthy"]), sampler=WeightedSampler({"tumour": 1, "healthy": 2}, "label")))
    assert "tumour" in caught.value.card.to_do


def test_a_sampler_of_ones_own_is_held_to_its_word():
    class Short(CaseSampler):
        def draw(self, dataset, rng):
            return [0]

    with pytest.raises(ArgumentError, match="drew 1 cases"):
        list(Loader(cases([0, 1]), sampler=Short()))


def test_an_empty_data_set_stays_an_error_with_a_sampler():
    with pytest.raises(EmptyDatasetError):
        Loader(ListDataset([]), sampler=BalancedSampler(n_samples=4))
