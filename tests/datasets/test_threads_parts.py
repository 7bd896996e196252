"""The parts of the threaded loader: memory that is used again, batches put together in place, the choice."""

from __future__ import annotations

import copy
import gc
import logging
import threading
import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from eisen._core.collate import collate
from eisen._core.errors import EisenError
from eisen._core.turns import strangers
from eisen._core.types import Geometry
from eisen.datasets import ListDataset, Loader
from eisen.datasets import choosing as module
from eisen.datasets.choosing import Costs
from eisen.datasets.ring import Ring
from eisen.datasets.slots import Gathering
from eisen.transforms import AddChannelDimension, Compose, Lambda, RandomApply, RandomFlip

GRID = Geometry.of(np.eye(4), (2, 3, 1))
READ_ONLY = np.arange(6.0).reshape(2, 3)
READ_ONLY.flags.writeable = False

VALUES = [
    np.arange(6, dtype="float32").reshape(2, 3),
    np.arange(6, dtype=">f4").reshape(2, 3),
    np.arange(6, dtype="float64").reshape(2, 3),
    np.arange(6, dtype="uint16").reshape(2, 3),
    np.arange(6, dtype="float32").reshape(3, 2).T,
    np.asfortranarray(np.ones((2, 3), "int16"))[::-1],
    np.ones((2, 3), "complex64"),
    np.ones((2, 3), bool),
    READ_ONLY,
    np.float32(3) * np.ones(()),
    np.empty((0, 3), "float32"),
    np.ones((1, 3), "float32"),
    np.array(["text", "more"]),
    np.array([None, 1], dtype=object),
    np.ma.masked_array([[1.0, 2, 3]] * 2),
    torch.arange(6).reshape(2, 3),
    torch.arange(6.0).reshape(3, 2).t(),
    torch.ones(2, 3, dtype=torch.bfloat16),
    torch.ones(2, 3, requires_grad=True),
    torch.ones(2, 3).to_sparse(),
    torch.nn.Parameter(torch.ones(2, 3)),
    3,
    2.5,
    np.int16(4),
    True,
    "text",
    b"bytes",
    None,
    GRID,
    {"array": np.ones((2, 3), "float32"), "n": 1},
    [np.ones(2), 3],
    (np.ones(3), "a"),
    [],
]


def outcome(join, cases):
    """Return a batch as text and types, or the card of the error."""
    cases, names = copy.copy(cases), [f"#{number}" for number in range(len(cases))]
    try:
        return described(join(cases, names))
    except EisenError as error:
        return type(error), error.card
    except Exception as error:
        return type(error), str(error)


def described(value):
    if isinstance(value, dict):
        return [(key, described(item)) for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value), [described(item) for item in value]
    if torch.is_tensor(value):
        return value.dtype, value.layout, value.requires_grad, value.to_dense().tolist()
    return type(value), repr(value)


def gathered(cases, names):
    gathering = Gathering(len(cases), Ring(2))
    for case in cases:
        gathering.add(case)
    return gathering.batch(names)


@pytest.mark.parametrize("first", range(len(VALUES)))
def test_every_mixture_of_two_values_is_the_same_batch_or_the_same_error(first):
    for second in range(len(VALUES)):
        if {first, second} & {5, 8} and {first, second} & {18, 19, 20}:
            continue  # torch cannot stack these arrays with tensors of other kinds; what is in a slot is no trouble
        cases = [{"x": VALUES[first], "n": 1}, {"x": VALUES[second], "n": 2}]
        assert outcome(gathered, cases) == outcome(collate, cases), (VALUES[first], VALUES[second])


@given(
    some.lists(
        some.dictionaries(some.sampled_from("abc"), some.sampled_from(VALUES[:18] + VALUES[21:])),
        min_size=1,
        max_size=4,
    )
)
def test_all_mixtures_of_cases_are_the_same_batch_or_the_same_error(cases):
    assert outcome(gathered, cases) == outcome(collate, cases)


def test_what_was_given_is_not_changed_and_not_shared():
    given = [np.arange(6, dtype="float32").reshape(2, 3), np.arange(6, dtype="float64").reshape(2, 3)]
    batch = gathered([{"x": given[0], "y": given[1]}] * 2, ["a", "b"])
    batch["x"] += 1
    batch["y"] += 1
    assert given[0].tolist() == given[1].tolist() == [[0, 1, 2], [3, 4, 5]]


class Into(ListDataset):
    """Writes its images to the batch itself, wrongly for some cases."""

    thread_safe = True
    n_written = 0

    def read_into(self, index, room):
        n = self.cases[index]["n"]
        shape = {3: (1, 64, 64), 6: (64, 64)}.get(n, (1, 64, 65))
        image = room("image", shape, "float64" if n == 4 else "float32")
        image[...] = n
        Into.n_written += 1
        image = image[..., :64] if n not in (1, 2) else image[..., :64].copy()
        return {"n": n, "image": image.astype("float32") if n == 5 else image}


def test_a_data_set_may_write_to_the_batch_itself():
    Into.n_written = 0
    loader = Loader(Into([{"n": n} for n in range(6)]), 3, n_workers=2, workers="threads")
    batches = list(loader)
    assert Into.n_written == 6
    for batch in batches:
        assert batch["image"].shape == (3, 1, 64, 64)
        assert batch["image"].flatten(1).unique(dim=1).flatten().tolist() == batch["n"].tolist()
    assert [batch["image"].dtype for batch in batches] == [torch.float32, torch.float64]


def test_what_is_written_to_the_batch_is_not_copied():
    class Plain(Into):
        def read_into(self, index, room):
            image = room("image", (2, 200, 200), np.float32)
            image[...] = index
            places.append(image.ctypes.data)
            return {"image": image}

    places = []
    batches = list(Loader(Plain([{}] * 4), 2, n_workers=1, workers="threads"))
    assert [image.data_ptr() for batch in batches for image in batch["image"]] == places
    assert [image.unique().item() for batch in batches for image in batch["image"]] == [0, 1, 2, 3]


def test_pieces_of_memory_are_kept_within_bounds():
    ring = Ring(2)
    rooms = [ring.room((100, 100, 100), torch.float32) for _ in range(5)]
    assert len({room.data_ptr() for room in rooms}) == 5
    assert all(room.data_ptr() % 64 == 0 for room in rooms)
    del rooms
    assert ring.n_free == 2
    ring.room((90, 100, 100), torch.int32)
    assert ring.n_free == 2  # a little smaller fits
    room = ring.room((10, 100, 100), torch.float32)
    assert ring.n_free == 2  # much smaller does not
    assert room.untyped_storage().nbytes() == 400_000


def test_many_threads_never_share_a_piece():
    ring, wrong = Ring(3), []

    def use(number):
        for _ in range(200):
            room = ring.room((20_000,), torch.int64).fill_(number)
            time.sleep(0)
            if not bool((room == number).all()):
                wrong.append(number)

    workers = [threading.Thread(target=use, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []
    assert ring.n_free <= 3


def test_a_ring_may_be_gone_before_its_batches():
    room = Ring(2).room((100_000,), torch.float32).fill_(7)
    gc.collect()
    assert room.unique().item() == 7


def test_memory_is_pinned_where_a_gpu_is_in_use(monkeypatch):
    asked = []

    def pinned(shape, dtype, pin_memory):
        asked.append((shape, dtype, pin_memory))

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch, "empty", pinned)
    Ring(2).room((3, 4), torch.float32)
    assert asked == [((3, 4), torch.float32, True)]


@pytest.mark.gpu
def test_batches_for_a_gpu_are_pinned_and_arrive():
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    torch.zeros(1, device="cuda")
    cases = ListDataset([{"image": np.full((1, 64, 64, 64), i, "float32")} for i in range(20)])
    arrived = [
        batch["image"].to("cuda", non_blocking=True) for batch in Loader(cases, 2, n_workers=2, workers="threads")
    ]
    assert [image[:, 0, 0, 0, 0].tolist() for image in arrived] == [[i, i + 1] for i in range(0, 20, 2)]


def own(data):
    return data


def safe(data):
    return data


safe.thread_safe = True


class Mine(ListDataset):
    pass


class MineSafe(ListDataset):
    thread_safe = True


@pytest.mark.parametrize(
    ("code", "names"),
    [
        (AddChannelDimension(["image"]), []),
        (own, ["own"]),
        (safe, []),
        (RandomApply([own]), []),  # asks for each step
        (Lambda(["image"], "numpy.log1p"), ["log1p"]),
        (ListDataset([{"i": 1}], own), ["own"]),
        (ListDataset([{"i": 1}], safe), []),
        (ListDataset([{"i": 1}], Compose([own])), []),
        (Mine([{"i": 1}]), ["Mine"]),
        (MineSafe([{"i": 1}], own), []),
        (torch.utils.data.Subset(Mine([{"i": 1}]), [0]), ["Mine"]),
        ([{"i": 1}], []),
    ],
)
def test_code_of_others_is_told_apart(code, names):
    assert strangers(code) == names


def test_the_steps_of_a_chain_are_found_when_asked_for():
    chain = Compose([RandomFlip(["image"]), RandomApply([own, Lambda(["image"], own)]), safe, Compose([len])])
    assert strangers(ListDataset([{"i": 1}], chain), inside_chains=True) == ["own", "len"]


def test_costs_decide():
    dear = Costs(alone=0.003, together=0.0015, hand_over=0.030, start=0.001)
    assert dear.best(2, 2) == dear.best(8, 2) == "threads"
    python = Costs(alone=0.050, together=0.050, hand_over=0.0001, start=0.001)
    assert python.best(4, 4) == "processes"
    assert python.best(4, 1) == "threads"
    assert python.best(1, 4) == "threads"


def flipped(data):
    """Work that leaves the interpreter to others."""
    return {**data, "image": np.sort(data["image"], axis=None)}


flipped.thread_safe = True


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_the_loader_chooses_once_and_says_why(kind, caplog, monkeypatch):
    monkeypatch.setattr(Costs, "best", lambda *_: kind)
    cases = ListDataset([{"image": np.random.default_rng(i).random((1, 50, 50, 50))} for i in range(8)], flipped)
    loader = Loader(cases, 2, n_workers=2, workers="auto", shuffle=True)
    with caplog.at_level(logging.INFO):
        found = [batch for _ in range(2) for batch in loader]
    expected = Loader(cases, 2, shuffle=True)
    for ours, theirs in zip(found, [batch for _ in range(2) for batch in expected], strict=True):
        assert torch.equal(ours["image"], theirs["image"])
    said = [record.getMessage() for record in caplog.records if record.name == module.__name__]
    assert len(said) == 1
    assert said[0].startswith(f"{kind} read the data (2): a case takes ")
    assert found[0]["image"].is_shared() is (kind == "processes")


def test_handing_over_costs_what_new_memory_costs_where_none_is_used_again(monkeypatch):
    monkeypatch.setattr(module, "has_pieces", lambda: True)
    assert module._hand_over(1) == module._hand_over(1 << 30)
    monkeypatch.setattr(module, "has_pieces", lambda: False)
    assert module._hand_over(1 << 30) > 0.01
    assert module._hand_over(0) < 0.01


def test_the_gain_of_a_second_thread_is_measured():
    one_at_a_time = threading.Lock()

    def locked(data):
        with one_at_a_time:
            time.sleep(0.004)
        return data

    def free(data):
        time.sleep(0.004)
        return data

    gains = []
    for work in (locked, free):
        work.thread_safe = True
        loader = Loader(ListDataset([{"i": i} for i in range(8)], work), 2, n_workers=2)
        costs = module._measured(loader._reader, [(0, (i,)) for i in range(8)], 8, 2)
        assert costs.alone >= 0.004
        gains.append(costs.gain)
    assert gains[0] < 1.2 < gains[1]


def test_strange_code_is_left_to_processes(caplog):
    with caplog.at_level(logging.INFO):
        assert len(list(Loader(ListDataset([{"i": 1}] * 4, own), 2, n_workers=1, workers="auto"))) == 2
    assert "processes read the data (1): among threads, own would run one at a time" in caplog.text


def test_cases_that_cannot_be_read_are_left_to_the_pass(caplog):
    def fail(data):
        raise ValueError("no")

    fail.thread_safe = True
    with caplog.at_level(logging.INFO), pytest.raises(EisenError, match="ValueError: no"):
        list(Loader(ListDataset([{"i": 1}] * 4, fail), 2, n_workers=1, workers="auto"))
    assert "the first cases cannot be read" in caplog.text


def test_slow_cases_are_read_as_little_as_needed(monkeypatch):
    monkeypatch.setattr(module, "_ENOUGH_S", 0.0)
    seen = []

    def note(data):
        seen.append(data["i"])
        return data

    note.thread_safe = True
    for n in (1, 9):
        seen.clear()
        loader = Loader(ListDataset([{"i": i} for i in range(n)], note), 1, n_workers=1)
        module.choose(loader._reader, loader._keys(0), 1)
        assert sorted(seen) == ([0] * 5 if n == 1 else [0, 0, 0, 1, 1, 1])


def test_nothing_is_measured_without_workers(monkeypatch):
    monkeypatch.setattr("eisen.datasets.ahead.choose", None)
    assert len(list(Loader(ListDataset([{"i": 1}] * 4), 2, workers="auto"))) == 2
