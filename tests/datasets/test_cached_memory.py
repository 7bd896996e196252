"""Cases in memory: one copy for all processes, forked or spawned."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import sys

import numpy as np
import psutil
import pytest

from eisen.datasets import CachedDataset, ListDataset, Loader
from eisen.transforms import AddChannelDimension, Compose, RandomFlip

N_CASES, SIZE = 12, (128, 128, 64)
N_BYTES = N_CASES * int(np.prod(SIZE)) * 4


def volumes(n=N_CASES, size=SIZE):
    return ListDataset([{"image": np.full(size, k, "float32"), "name": f"p{k}"} for k in range(n)])


def hold_all(cached, results):
    """Hold all cases at once, every voxel looked at, and tell how much memory that took for this process alone."""
    cached[0]["image"].sum()
    process = psutil.Process()
    before = process.memory_full_info().uss
    held = [cached[n]["image"] for n in range(len(cached))]
    sums = [float(image.max()) for image in held]
    grown = process.memory_full_info().uss - before
    held[1][...] = -1
    results.put((sums, grown, cached.n_kept, float(cached[1]["image"].max())))


@pytest.mark.skipif(sys.platform != "linux", reason="private memory is measured as Linux counts it")
@pytest.mark.parametrize(("method", "n_workers"), [("fork", 2), pytest.param("spawn", 1, marks=pytest.mark.slow)])
def test_workers_share_the_memory_of_the_cases(method, n_workers):
    context = multiprocessing.get_context(method)
    cached = CachedDataset(volumes(), memory_gb=1)
    cached.fill(2)
    cached.dataset.cases.clear()  # so that nothing can come from anywhere else
    held = [cached[n]["image"] for n in range(N_CASES)]
    assert [float(image.max()) for image in held] == list(range(N_CASES))  # else shared pages that only a worker
    results = context.SimpleQueue()  # has looked at count as its own
    workers = [context.Process(target=hold_all, args=(cached, results)) for _ in range(n_workers)]
    for worker in workers:
        worker.start()
    found = [results.get() for _ in workers]
    for worker in workers:
        worker.join()
    for sums, grown, n_kept, after in found:
        assert sums == list(range(N_CASES))
        assert n_kept == N_CASES
        assert grown < 0.05 * N_BYTES
        assert after == 1, "what a worker changes reaches nobody"
    assert float(cached[1]["image"].max()) == 1


def test_a_case_read_in_a_worker_never_writes_to_the_memory_of_the_others():
    """Two forked processes keep different cases; each sees its own."""
    context = multiprocessing.get_context("fork")
    cached = CachedDataset(volumes(4, (64, 64, 32)), memory_gb=1)
    cached[0]["image"].max()
    results = context.SimpleQueue()

    def read(first):
        for number in (first, 3):
            cached[number]["image"].max()
        results.put([float(cached[n]["image"].max()) for n in (0, first, 3)])

    workers = [context.Process(target=read, args=(first,)) for first in (1, 2)]
    for worker in workers:
        worker.start()
    found = sorted(results.get() for _ in workers)
    for worker in workers:
        worker.join()
    assert found == [[0, 1, 3], [0, 2, 3]]
    assert cached.n_kept == 1


def test_copies_and_pickles_see_the_same_cases():
    inside = volumes(3, (4, 5, 6))
    cached = CachedDataset(inside, transform=Compose([AddChannelDimension(["image"])]))
    cached.fill()
    for twin in (copy.deepcopy(cached), pickle.loads(pickle.dumps(cached))):
        assert twin.n_kept == 3
        assert [float(case["image"].max()) for case in twin] == [0, 1, 2]
        assert twin[0]["image"].shape == (1, 4, 5, 6)


def test_a_pickle_of_a_process_that_has_ended_reads_anew():
    cached = CachedDataset(volumes(3, (4, 5, 6)))
    cached.fill()
    stored = pickle.dumps(cached)
    n = len(cached)
    del cached
    twin = pickle.loads(stored)
    assert twin.n_kept == 0
    assert [float(twin[k]["image"].max()) for k in range(n)] == [0, 1, 2]


def test_things_that_are_no_arrays_are_kept_too():
    class Thing:
        def __init__(self):
            self.values = [1]

    inside = ListDataset([{"thing": Thing()}])
    cached = CachedDataset(inside)
    cached[0]["thing"].values.append(2)
    assert cached.n_kept == 1
    assert cached[0]["thing"].values == [1]


def test_many_small_cases_take_no_page_each():
    cached = CachedDataset(ListDataset([{"image": np.zeros((3, 3), "uint8")} for _ in range(200)]))
    cached.fill()
    assert cached._cases._memory._end <= 200 * 64


def test_batches_are_those_without_a_cache_under_a_small_limit():
    steps = Compose([AddChannelDimension(["image"]), RandomFlip(["image"])])
    plain = Loader(ListDataset(volumes(4, (4, 5, 6)).cases, steps), 2, seed=1)
    cached = CachedDataset(volumes(4, (4, 5, 6)), transform=steps, memory_gb=1000 / 1e9)
    limited = Loader(cached, 2, seed=1)
    for _ in range(2):
        for one, other in zip(plain, limited, strict=True):
            assert (one["image"] == other["image"]).all()
    assert cached.n_kept == 1
