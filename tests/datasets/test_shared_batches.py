"""Batches that processes read into memory which is used again: they are right, and stay right while anybody looks."""

from __future__ import annotations

import gc
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
import weakref
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from eisen._core.errors import DataError, StepError
from eisen._core.random import generator
from eisen.datasets import ListDataset, Loader, pieces, pool, shared_reader
from eisen.datasets.reading import BatchReader
from eisen.datasets.workers import Workers

pytestmark = pytest.mark.skipif(not pieces.has_pieces(), reason="the system has no such memory")


def volumes(n=24, shape=(1, 40, 40, 40), transform=None):
    cases = [{"image": np.full(shape, i, "float32"), "i": i, "name": f"{i}.nii.gz"} for i in range(n)]
    return ListDataset(cases, transform)


def processes(dataset, size=2, n=2, **options):
    return Loader(dataset, size, n_workers=n, **options)


def pool_of(loader):
    return loader._ahead._workers._pool


def files():
    """Return the open files of this process that are pieces."""
    found = []
    for file in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(file.readlink()))
        except OSError:
            continue
    return [name for name in found if "eisen batch" in name]


@pytest.fixture(autouse=True)
def nothing_left():
    gc.collect()
    before = len(files())
    yield
    gc.collect()
    assert len(files()) <= before


def assert_right(batch, image=None):
    image = batch["image"] if image is None else image
    values = image.flatten(1)
    assert values.min(1).values.equal(values.max(1).values)
    assert values[:, 0].tolist() == batch["i"].tolist()


def test_memory_is_used_again_when_nobody_holds_the_batch():
    loader = processes(volumes(60))
    list(loader)
    places = [batch["image"].data_ptr() for _ in range(2) for batch in loader]
    assert len(set(places)) <= 2 * 2 + 3
    assert all(place % 64 == 0 for place in places)
    assert 1 <= len(pool_of(loader)) <= 2 * 2 + 3


HELD = [
    lambda batch: batch["image"],
    lambda batch: batch["image"][1:],
    lambda batch: batch["image"].detach().view(-1)[-3:],
    lambda batch: batch["image"].numpy(),
    lambda batch: batch["image"].numpy()[..., 3],
    lambda batch: memoryview(batch["image"].numpy()),
    lambda batch: batch["image"].untyped_storage(),
    lambda batch: torch.from_dlpack(batch["image"]),
    lambda batch: torch.from_numpy(batch["image"].numpy()),
]


def last_of(held):
    if isinstance(held, torch.UntypedStorage):
        return torch.tensor([], dtype=torch.float32).set_(held)[-1].item()
    return float(np.asarray(held).flat[-1])


def test_what_anybody_holds_of_a_batch_never_changes():
    loader, kept = processes(volumes(48)), []
    for _ in range(2):
        for number, batch in enumerate(loader):
            kept.append((batch["i"][-1].item(), HELD[number % len(HELD)](batch)))
            del kept[: -len(HELD)]
            for value, held in kept:
                assert last_of(held) == value


def test_a_random_part_of_the_batches_may_be_kept_for_a_random_time():
    draw, kept = random.Random(0), []
    loader = processes(volumes(40), shuffle=True)
    for _ in range(4):
        for batch in loader:
            kept.append(batch)
            draw.shuffle(kept)
            del kept[: draw.randrange(3)]
            for one in kept:
                assert_right(one)


def test_the_graph_of_a_loss_holds_its_batch():
    weight, losses = torch.ones((), requires_grad=True), list[tuple[int, torch.Tensor]]()
    loader = processes(volumes(24), 1)
    list(loader)
    losses.extend((batch["i"].item(), (weight * batch["image"]).mean()) for batch in loader)
    for value, loss in losses:
        weight.grad = None
        loss.backward()
        assert weight.grad.item() == pytest.approx(value)


def test_when_all_pieces_are_held_batches_come_in_torchs_way():
    loader = processes(volumes(48))
    list(loader)
    kept = list(loader)
    ways = [batch["image"].is_shared() for batch in kept]
    assert ways.count(False) <= 2 * 2 + 3
    assert ways[-1]
    assert len(files()) == len(pool_of(loader)) == 2 * 2 + 3
    for batch in kept:
        assert_right(batch)
    del kept, batch
    list(loader)
    assert len(pool_of(loader)) == 2 * 2 + 3


def test_a_process_that_was_forked_keeps_what_it_sees():
    loader = processes(volumes(24))
    list(loader)
    context = multiprocessing.get_context("fork")
    batches = iter(loader)
    batch = next(batches)
    assert not batch["image"].is_shared()
    ask, answer = context.Event(), context.Queue()

    def look(batch):
        ask.wait(30)
        images = batch["image"].numpy()  # nothing that would wait for threads of the other process
        answer.put((images.min((1, 2, 3, 4)).tolist(), images.max((1, 2, 3, 4)).tolist(), batch["i"].numpy().tolist()))

    child = context.Process(target=look, args=(batch,), daemon=True)
    child.start()
    del batch
    for _ in batches:
        pass
    list(loader)
    ask.set()
    least, most, expected = answer.get(timeout=10)
    child.join(10)
    assert least == most == expected


def test_sizes_may_differ_from_batch_to_batch():
    sizes = np.random.default_rng(0).integers(20, 90, 30).tolist()
    cases = ListDataset([{"i": i, "image": np.zeros(1)} for i in range(30)], Sized(sizes))
    reference = list(Loader(cases, 1, shuffle=True))
    loader = processes(cases, 1, shuffle=True)
    for _ in range(2):
        loader.set_epoch(0)
        for ours, theirs in zip(loader, reference, strict=True):
            assert ours.keys() == theirs.keys()
            assert all(torch.equal(ours[key], theirs[key]) for key in ours)
            assert ours["image"].untyped_storage().nbytes() == theirs["image"].untyped_storage().nbytes()
    assert len(pool_of(loader)) <= 2 * (2 * 2 + 3)


class Sized:
    """Gives images of some sizes, and sometimes a second one."""

    def __init__(self, sizes):
        self.sizes = sizes

    def __call__(self, data):
        n = self.sizes[data["i"]]
        image = np.full((1, n, n, n), data["i"], "float32")
        return {**data, "image": image, **({"label": image.astype("uint8")} if n % 3 == 0 else {})}


def everything(data):
    """All kinds of values, large and small."""
    i, image = data["i"], data["image"]
    draws = generator().random() + np.random.rand() + random.random() + torch.rand(1).item()
    return {
        **data,
        "image": image + np.float32(draws),
        "big": torch.full((200, 200), i, dtype=torch.bfloat16),
        "strange": np.full((200, 200), i, ">f8"),
        "complex": np.full((100, 100), i, "complex64"),
        "nested": {"large": image * 2, "small": np.ones(3) * i, "list": [image[0], "text", i]},
        "none": None,
        "flag": i % 2 == 0,
        "empty": np.empty((0, 3)),
        "scalar": np.float32(i),
    }


def assert_same(one, other):
    assert type(one) is type(other)
    if torch.is_tensor(one):
        assert (one.dtype, one.shape, one.stride()) == (other.dtype, other.shape, other.stride())
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, (list, tuple)):
        for ours, theirs in zip(one, other, strict=True):
            assert_same(ours, theirs)
    else:
        assert one == other


def joined(samples):
    """A collate of another library."""
    image = torch.stack([torch.from_numpy(np.asarray(sample["image"])) for sample in samples])
    return {"image": image, "again": image, "half": image[:1], "list": [image * 2, image.mean()], "n": len(samples)}


@pytest.mark.parametrize("collate", [None, joined])
def test_batches_are_identical_with_0_workers_threads_and_processes(collate):
    found = []
    for ahead in ({}, {"n_workers": 2, "workers": "threads"}, {"n_workers": 2}):
        loader = Loader(volumes(24, transform=everything), 2, shuffle=True, seed=3, collate=collate, **ahead)
        found.append([batch for _ in range(2) for batch in loader])
    for one in found[1:]:
        for ours, theirs in zip(one, found[0], strict=True):
            assert ours.cases == theirs.cases
            assert_same(dict(ours), dict(theirs))


def test_a_collate_of_others_goes_through_pieces_and_keeps_what_is_one():
    loader = processes(volumes(24), collate=joined)
    list(loader)
    for batch in loader:
        assert batch["image"] is batch["again"]
        assert batch["list"][0][:, 0, 0, 0, 0].tolist() == [2 * n for n in batch["image"][:, 0, 0, 0, 0].tolist()]
    assert not batch["image"].is_shared()


class Keeping(ListDataset):
    """Writes into the batch, and keeps what it wrote."""

    def __init__(self, cases):
        super().__init__(cases)
        self.kept = {}

    def read_into(self, index, room):
        if index not in self.kept:
            self.kept[index] = room("image", (1, 40, 40, 40), "float32")
            self.kept[index][...] = index
        return {"image": self.kept[index], "i": index}


def test_a_data_set_that_keeps_what_it_wrote_is_not_disturbed():
    loader = processes(Keeping([{}] * 24), n=1)
    for _ in range(4):
        for batch in loader:
            assert_right(batch)
    assert pool_of(loader)._wanted() == []  # there is no use in offering more


def test_a_pass_that_was_given_up_does_not_disturb_the_next():
    loader = processes(volumes(40))
    list(loader)
    kept = []
    for n in (1, 3, 7):
        for number, batch in enumerate(loader):
            kept.append(batch)
            if number == n:
                break
        time.sleep(0.05)
    for batch in [*kept, *loader]:
        assert_right(batch)
    assert len(pool_of(loader)) <= 2 * 2 + 3


def test_two_passes_at_a_time_have_pieces_of_their_own():
    loader = processes(volumes(24))
    list(loader)
    for one, other in zip(loader, loader, strict=True):
        assert_right(one)
        assert_right(other)


def die(data):
    if data["i"] == 37 and Path(data["switch"]).exists():
        data["image"][...] = 99
        os.kill(os.getpid(), signal.SIGKILL)
    return data


def test_a_killed_worker_is_reported_and_what_is_held_stays(tmp_path):
    switch = tmp_path / "die"
    cases = volumes(40, transform=die)
    for case in cases.cases:
        case["switch"] = str(switch)
    loader = processes(cases)
    list(loader)
    switch.touch()
    kept = []
    with pytest.raises(DataError, match="killed by SIGKILL"):
        kept.extend(loader)
    switch.unlink()
    loader.set_epoch(0)
    for batch in [*kept, *loader, *loader]:
        assert_right(batch)


def fail(data):
    if data["i"] in (5, 30):
        raise ValueError("no")
    return data


def test_an_error_costs_no_pieces_and_is_raised_where_it_was():
    loader = processes(volumes(40, transform=fail))
    for _ in range(12):
        loader.start_at(5)
        with pytest.raises(StepError, match="ValueError: no") as caught:
            for batch in loader:
                assert_right(batch)
        assert "#30" in caught.value.card.case
    assert not batch["image"].is_shared()


def test_spawned_workers_use_them_as_well():
    keys = [(epoch, (2 * n, 2 * n + 1)) for epoch in range(2) for n in range(6)]
    dataset = volumes(12)
    workers = Workers(BatchReader(dataset, 0), 1, "spawn")
    ways = []
    for _ in range(2):
        for batch, (_, indices) in zip(workers.read(keys), keys, strict=True):
            assert batch.samples == list(indices)
            assert_right(batch)
            ways.append(batch["image"].is_shared())
    assert ways[0]
    assert ways.count(True) <= 4


def no_room(*_):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("where", "name", "instead"),
    [
        (pool, "has_pieces", lambda: False),
        (pieces.os, "posix_fallocate", no_room),
        (pieces.os, "memfd_create", no_room),
        (shared_reader, "mapped", no_room),
    ],
)
def test_without_such_memory_batches_come_in_torchs_way(where, name, instead, monkeypatch):
    monkeypatch.setattr(where, name, instead)
    loader = processes(volumes(24))
    for _ in range(3):
        for batch in loader:
            assert batch["image"].is_shared()
            assert_right(batch)
    assert len(pool_of(loader)) <= pool._PATIENCE
    assert pool_of(loader)._wanted() == []


def test_small_batches_need_no_shared_memory():
    loader = processes(volumes(12, (1, 8, 8, 8)))
    for _ in range(2):
        for batch in loader:
            assert not batch["image"].is_shared()
            assert_right(batch)
    assert len(pool_of(loader)) == 0


def test_another_file_is_not_taken_for_a_piece(tmp_path):
    piece = pieces.Piece(0, 10_000)
    assert pieces.mapped(piece.offer)[9_999] == 0
    other = tmp_path / "eisen batch"
    other.write_bytes(bytes(piece.size))
    wrong = [
        pieces.Offer(0, str(other), piece.offer.inode, piece.size),
        pieces.Offer(0, piece.offer.path, piece.offer.inode + 1, piece.size),
        pieces.Offer(0, piece.offer.path, piece.offer.inode, piece.size + 4096),
        pieces.Offer(0, "/proc/self/fd/99999", piece.offer.inode, piece.size),
    ]
    for offer in wrong:
        with pytest.raises(OSError, match=r".*"):
            pieces.mapped(offer)


def test_batches_are_copied_to_pinned_memory_where_a_gpu_is_in_use(monkeypatch):
    asked = []

    def pinned(shape, dtype):
        asked.append((shape, dtype))
        return torch.empty(shape, dtype=dtype)

    monkeypatch.setattr(pool, "is_pinning", lambda: True)
    monkeypatch.setattr(pool, "empty", pinned)
    loader = processes(volumes(24))
    kept = [batch for _ in range(2) for batch in loader]
    assert set(asked) == {((2, 1, 40, 40, 40), torch.float32)}
    assert len(pool_of(loader)._lent) == 0
    for batch in kept:
        assert_right(batch)


@pytest.mark.gpu
def test_batches_of_processes_arrive_at_a_gpu():
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    torch.zeros(1, device="cuda")
    loader = processes(volumes(40))
    for _ in range(2):
        batches = [(batch["i"].tolist(), batch["image"]) for batch in loader]
        assert batches[-1][1].is_pinned()
        arrived = [(numbers, image.to("cuda", non_blocking=True)) for numbers, image in batches]
        assert all(image[:, 0, 0, 0, 0].tolist() == numbers for numbers, image in arrived)


@pytest.mark.slow
def test_a_program_that_is_killed_leaves_no_processes():
    code = """
import multiprocessing, os, signal
import numpy as np
from eisen.datasets import ListDataset, Loader
loader = Loader(ListDataset([{"image": np.zeros((1, 64, 64, 64))}] * 40), 2, n_workers=2)
list(loader)
batches = iter(loader)
next(batches)
print(*[process.pid for process in multiprocessing.active_children()], flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL
    workers = [int(word) for word in done.stdout.split()]
    assert len(workers) == 2
    end = time.monotonic() + 20
    while (left := [pid for pid in workers if psutil.pid_exists(pid)]) and time.monotonic() < end:
        time.sleep(0.2)
    assert left == []


@pytest.mark.parametrize("n_batches", [600, pytest.param(10_000, marks=pytest.mark.slow)])
def test_many_batches_leave_nothing(n_batches):
    image = np.zeros((1, 300, 300), "uint8")
    loader = processes(ListDataset([{"i": i, "image": image} for i in range(n_batches // 3)]), 1)
    me, found = psutil.Process(), []
    others = set(me.children())  # such as a server that other tests use
    for _ in range(3):
        for batch in loader:
            assert batch["image"].shape == (1, 1, 300, 300)
        del batch
        gc.collect()
        found.append((len(gc.get_objects()), len(weakref.finalize._registry), me.num_fds(), me.memory_info().rss))
        workers = [child.num_fds() for child in set(me.children()) - others]
    objects, leases, open_files, resident = zip(*found, strict=True)
    assert objects[2] - objects[1] < 100
    assert leases[2] - leases[1] <= 2
    assert open_files[2] - open_files[1] <= 2
    assert resident[2] - resident[1] < 20e6
    assert max(workers) < 60


def test_the_end_of_a_loader_gives_memory_back_but_not_what_is_held():
    loader = processes(volumes(24))
    list(loader)
    for batch in loader:  # noqa: B007
        pass
    free = [os.open(piece.offer.path, os.O_RDONLY) for piece in pool_of(loader)._free]
    context = multiprocessing.get_context("fork")
    child = context.Process(target=pool_of(loader).close, daemon=True)  # what is not its own stays
    child.start()
    child.join(10)
    assert [os.fstat(file).st_size > 0 for file in free] == [True] * len(free)
    del loader
    gc.collect()
    assert [os.fstat(file).st_size for file in free] == [0] * len(free)
    assert free
    for file in free:
        os.close(file)
    assert_right(batch)
    assert len(files()) <= 1
