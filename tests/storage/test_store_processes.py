"""A store in other processes and threads: forked, spawned, and all at once."""

import multiprocessing
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from eisen._core.errors import CorruptFileError
from eisen.datasets import ListDataset
from eisen.storage import Store, create_store
from tests.storage.store_worker import digests, work


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    draw, folder = np.random.default_rng(0), tmp_path_factory.mktemp("store")
    cases = [{name: draw.normal(size=(2, 29, 30, 31)).astype("float32") for name in "ab"} for _ in range(2)]
    return [Store(create_store(ListDataset(cases), folder / f"{form}.h5", form=form)) for form in ("raw", "blosc2")]


@pytest.fixture(scope="module", params=[0, 1], ids=["raw", "blosc2"])
def store(request, stores):
    return stores[request.param]


def test_forked_and_spawned_workers_read_the_same_bytes(stores):
    here = [digests(store) for store in stores]  # file, map and HDF5 are open when the others start
    started = []
    for method in ("fork", "fork", "spawn", "spawn"):
        context = multiprocessing.get_context(method)
        queue = context.SimpleQueue()
        process = context.Process(target=work, args=(stores, queue))
        process.start()
        started.append((process, queue))
    pids = set()
    for process, queue in started:
        pid, found = queue.get()
        process.join(30)
        assert process.exitcode == 0
        assert found == here
        pids.add(pid)
    assert len(pids | {os.getpid()}) == 5
    assert [digests(store) for store in stores] == here


def test_threads_share_a_store(store):
    here = digests(store, 1)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: digests(Store(store.path), 1) if _ % 2 else digests(store, 1), range(8)):
            assert found == here


def test_descriptors_are_given_back(store, tmp_path):
    copy = shutil.copy(store.path, tmp_path / "copy.h5")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        with Store(copy) as opened:
            digests(opened, 2)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1


def test_another_file_under_the_name_of_an_open_store_is_noticed(store, tmp_path):
    path = shutil.copy(store.path, tmp_path / "copy.h5")
    opened = Store(path)
    first = opened.read(0, "a")
    shutil.copy(store.path, tmp_path / "new.h5")
    (tmp_path / "new.h5").replace(path)
    if store.contents.fields["a"].form == "raw":
        np.testing.assert_array_equal(opened.read(0, "a"), first)  # the file that was opened is still there
    opened.close()
    with pytest.raises(CorruptFileError, match="is another file than when it was opened first"):
        opened.read(0, "a")
