"""Stores, patches and queues among threads and processes: the batches of the main thread."""

from __future__ import annotations

import random
import threading
import warnings

import numpy as np
import pytest
import torch

from eisen.datasets import ListDataset, Loader, StoreDataset
from eisen.io.dicom.opening import quiet
from eisen.patches import Anywhere, Grid, PatchDataset, PatchQueue
from eisen.storage import create_store
from eisen.transforms import Compose, RandomFlip, RandomNoise


def foreign(data):
    """Draws from the global generators, like transforms of other libraries."""
    return {**data, "image": data["image"] + np.float32(np.random.rand() + random.random() + torch.rand(1).item())}


def volumes(n=6):
    draw = np.random.default_rng(0)
    return [{"image": draw.random((2, 12, 12, 12), "float32"), "age": i} for i in range(n)]


def in_queue(transform, n_steps=None):
    return PatchQueue(volumes(), Anywhere(6), n_per_case=3, cases_at_once=3, transform=transform, n_steps=n_steps)


def from_store(folder):
    create_store(ListDataset(volumes()), folder / "store.h5")
    return StoreDataset(folder)


MADE = {
    "store": from_store,
    "store with steps": lambda folder: StoreDataset(
        folder, from_store(folder).file, transform=Compose([foreign, RandomNoise(["image"])])
    ),
    "patches of a store": lambda folder: PatchDataset(from_store(folder), Grid(6), transform=RandomNoise(["image"])),
    "patches of volumes": lambda _: PatchDataset(volumes(), Anywhere(6), n_per_case=3, transform=foreign),
    "queue": lambda _: in_queue(Compose([RandomFlip(["image"]), RandomNoise(["image"])])),
    "queue with steps for cases": lambda _: in_queue(Compose([foreign, RandomNoise(["image"]), foreign]), n_steps=2),
}


@pytest.mark.parametrize(("workers", "n"), [("threads", 4), ("processes", 2)])
@pytest.mark.parametrize("name", MADE)
def test_batches_are_those_of_the_main_thread(name, workers, n, tmp_path, caplog):
    dataset = MADE[name](tmp_path)
    alone = Loader(dataset, 3, shuffle=True, seed=2)
    reference = [batch for _ in range(2) for batch in alone]
    loader = Loader(MADE[name](tmp_path), 3, shuffle=True, seed=2, n_workers=n, workers=workers)
    found = [batch for _ in range(2) for batch in loader]
    assert [batch.cases for batch in found] == [batch.cases for batch in reference]
    for ours, theirs in zip(found, reference, strict=True):
        assert torch.equal(ours["image"], theirs["image"])
        assert torch.equal(ours["age"], theirs["age"])
    is_told = workers == "threads" and name not in ("store", "patches of a store", "queue")
    assert ("foreign" in caplog.text) is is_told


def test_pydicom_is_kept_quiet_by_several_threads_and_warnings_are_as_before_afterwards():
    def is_quiet():
        return any(rule[0] == "ignore" and rule[3] and rule[3].match("pydicom") for rule in warnings.filters)

    before, met, heard = list(warnings.filters), threading.Barrier(3), []

    def read(number):
        for _ in range(20):
            with quiet():
                met.wait(10) if number < 3 else None
                heard.extend([] if is_quiet() else [number])

    readers = [threading.Thread(target=read, args=(number,)) for number in range(5)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert heard == []
    assert list(warnings.filters) == before


def test_a_store_writes_straight_into_the_batch(tmp_path, monkeypatch):
    dataset, places = from_store(tmp_path), []
    read = type(dataset.store).read

    def noted(store, case, field, region=None, out=None):
        places.append(None if out is None else out.ctypes.data)
        return read(store, case, field, region, out)

    monkeypatch.setattr(type(dataset.store), "read", noted)
    batches = list(Loader(dataset, 3, n_workers=1, workers="threads"))
    assert [image.data_ptr() for batch in batches for image in batch["image"]] == places
    assert len(list(Loader(dataset, 3))) == 2
    assert places[6:] == [None] * 6
