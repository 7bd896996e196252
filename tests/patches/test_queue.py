"""The queue: every patch once, cases mixed, few of them in memory, each read once; the same with any workers."""

from __future__ import annotations

from collections import Counter, OrderedDict
from threading import Thread
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eisen._core.errors import ArgumentError, DataError
from eisen.datasets import ListDataset, Loader
from eisen.patches import Anywhere, Grid, PatchDataset, PatchQueue
from eisen.patches.cutting.keeping import LastFew
from eisen.patches.cutting.order import mixed_order


def cases(n: int = 8) -> list[dict[str, Any]]:
    return [{"image": np.full((1, 8, 8), k, "float32"), "id": f"{k}"} for k in range(n)]


class Reads:
    """Counts how often each case is read."""

    def __init__(self, n: int = 8) -> None:
        self.inside, self.reads = cases(n), Counter[int]()

    def __len__(self) -> int:
        return len(self.inside)

    def __getitem__(self, number: int) -> dict[str, Any]:
        self.reads[number] += 1
        return self.inside[number]


@settings(max_examples=60, deadline=None)
@given(
    per_case=st.lists(st.integers(1, 6), min_size=1, max_size=20),
    at_once=st.integers(1, 8),
    seed=st.integers(0, 1000),
)
def test_an_order_has_every_patch_once_and_reads_each_case_once(per_case: list[int], at_once: int, seed: int) -> None:
    order = mixed_order(np.asarray(per_case), at_once, np.random.default_rng(seed))
    assert sorted(order.tolist()) == list(range(sum(per_case)))
    kept: OrderedDict[int, None] = OrderedDict()
    n_reads = 0
    for case in np.repeat(np.arange(len(per_case)), per_case)[order].tolist():
        n_reads += case not in kept
        kept[case] = None
        kept.move_to_end(case)
        while len(kept) > at_once:
            kept.popitem(last=False)
    assert n_reads == len(per_case)


def test_cases_are_mixed() -> None:
    order = mixed_order(np.full(40, 10), 8, np.random.default_rng(0)) // 10
    neighbours = np.mean(order[1:] != order[:-1])
    assert neighbours > 0.6
    within = [len(set(order[k : k + 8].tolist())) for k in range(0, 400, 8)]
    assert np.mean(within) > 3


def test_a_queue_reads_each_case_once_in_an_epoch() -> None:
    inside = Reads()
    loader = Loader(PatchQueue(inside, Anywhere(4), n_per_case=5, cases_at_once=3), batch_size=4, shuffle=True)
    inside.reads.clear()
    seen = [number for batch in loader for number in batch["case_index"].tolist()]
    assert Counter(seen) == dict.fromkeys(range(8), 5)
    assert inside.reads == dict.fromkeys(range(8), 1)
    assert len(loader.dataset._cases._kept) <= 3


def test_grids_go_through_a_queue_too() -> None:
    inside = Reads(4)
    queue = PatchQueue(inside, Grid(4), cases_at_once=2)
    assert len(queue) == 16
    inside.reads.clear()
    order = queue.epoch_order(0, 0)
    regions = Counter((patch["case_index"], patch["patch_region"]) for patch in (queue[n] for n in order))
    assert len(regions) == 16
    assert sum(inside.reads.values()) <= 4


def test_batches_do_not_depend_on_the_number_of_workers() -> None:
    def batches(n_workers: int) -> list[Any]:
        queue = PatchQueue(ListDataset(cases()), Anywhere(3), n_per_case=3, cases_at_once=4)
        loader = Loader(queue, batch_size=4, shuffle=True, seed=2, n_workers=n_workers)
        return [(batch["id"], batch["patch_region"], batch["image"].sum().item()) for _ in range(2) for batch in loader]

    here = batches(0)
    assert here == batches(2)
    assert here[:6] != here[6:], "epochs differ"


def test_a_loader_that_does_not_shuffle_keeps_the_order() -> None:
    queue = PatchQueue(cases(3), Anywhere(3), n_per_case=2)
    loader = Loader(queue, batch_size=6)
    assert next(iter(loader))["case_index"].tolist() == [0, 0, 1, 1, 2, 2]


def test_a_data_set_says_in_which_order_a_loader_shuffles() -> None:
    class Backwards(ListDataset):
        def epoch_order(self, seed: int, epoch: int) -> list[int]:
            asked.append((seed, epoch))
            return [2, 1, 0]

    asked: list[tuple[int, int]] = []
    loader = Loader(Backwards([{"n": n} for n in range(3)]), batch_size=3, shuffle=True, seed=7)
    assert [next(iter(loader))["n"].tolist() for _ in range(2)] == [[2, 1, 0]] * 2
    assert asked == [(7, 0), (7, 1)]


@pytest.mark.parametrize("order", [[0, 1], [0, 1, 1], [1, 2, 3]])
def test_an_order_that_is_none_is_an_error(order: list[int]) -> None:
    class Wrong(ListDataset):
        def epoch_order(self, seed: int, epoch: int) -> list[int]:
            return order

    with pytest.raises(ArgumentError, match="epoch_order of Wrong"):
        next(iter(Loader(Wrong([{"n": n} for n in range(3)]), batch_size=3, shuffle=True)))


def test_patches_read_by_region_are_shuffled_freely() -> None:
    class Store(list[Any]):
        def case_sources(self, number: int) -> Any:
            from eisen.storage import ArraySource

            return {"image": ArraySource(self[number]["image"])}

        def case_rest(self, number: int) -> Any:
            return {}

    by_region = PatchDataset(Store(cases()), Anywhere(4), n_per_case=8)
    assert by_region.reads_regions
    order = by_region.epoch_order(0, 0)
    assert sorted(order.tolist()) == list(range(64))
    assert len(set((order[:16] // 8).tolist())) > 5
    assert not PatchQueue(Store(cases()), Anywhere(4)).reads_regions


def test_threads_read_a_case_once() -> None:
    kept, made = LastFew[int](2), Counter[int]()

    def make(key: int) -> int:
        made[key] += 1
        return key * 10

    def work() -> None:
        for _ in range(200):
            assert kept.get(1, make) == 10
            assert kept.get(2, make) == 20

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == {1: 1, 2: 1}


def test_a_failure_is_not_kept() -> None:
    kept = LastFew[int](2)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            kept.get(0, lambda key: 1 // key)
    assert kept.get(0, lambda key: 5) == 5


def test_a_damaged_case_is_named_from_a_worker() -> None:
    class Damaged(Reads):
        def __getitem__(self, number: int) -> dict[str, Any]:
            if number == 3:
                raise DataError("the file is damaged")
            return super().__getitem__(number)

    for n_workers in (0, 1):
        loader = Loader(PatchQueue(Damaged(), Anywhere(4)), batch_size=8, n_workers=n_workers)
        with pytest.raises(DataError, match="damaged") as caught:
            list(loader)
        assert "case 3" in caught.value.card.case
