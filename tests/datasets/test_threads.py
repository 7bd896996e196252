"""Threads that read ahead give the batches of the main thread, and leave nothing behind."""

from __future__ import annotations

import gc
import random
import threading
import time

import numpy as np
import pytest
import torch

from eisen._core.random import generator
from eisen.datasets import CachedDataset, ListDataset, Loader, MSDDataset
from eisen.io import LoadNiftiFromFilename
from eisen.transforms import (
    AddChannelDimension,
    Compose,
    CropCenteredSubVolumes,
    NiftiToNumpy,
    OneOf,
    RandomAffine,
    RandomBlur,
    RandomFlip,
    RandomNoise,
)


def threads(dataset, size=2, n=2, **options):
    return Loader(dataset, size, n_workers=n, workers="threads", **options)


def data_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("eisen data")]


@pytest.fixture(autouse=True)
def nothing_left():
    yield
    assert data_threads() == []


def assert_identical(ours, theirs):
    assert [batch.cases for batch in ours] == [batch.cases for batch in theirs]
    assert [batch.samples for batch in ours] == [batch.samples for batch in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert_same(dict(one), dict(other))


def assert_same(one, other):
    assert type(one) is type(other)
    if torch.is_tensor(one):
        assert (one.dtype, one.is_contiguous()) == (other.dtype, other.is_contiguous())
        assert one.untyped_storage().nbytes() == other.untyped_storage().nbytes()
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for field in one:
            assert_same(one[field], other[field])
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        for ours, theirs in zip(one, other, strict=True):
            assert_same(ours, theirs)
    else:
        assert repr(one) == repr(other)


def phantoms(folder, wrap=lambda dataset, chain: dataset):
    fields = ["image", "label"]
    read = [LoadNiftiFromFilename(fields, folder), NiftiToNumpy(fields), CropCenteredSubVolumes(fields, [16, 16, 16])]
    augment = [
        AddChannelDimension(fields),
        RandomAffine(fields, rotation_degrees=20, elastic_mm=3),
        OneOf([RandomNoise(["image"]), Compose([RandomBlur(["image"]), RandomFlip(fields)])]),
    ]
    return wrap(MSDDataset(folder, "dataset.json", "training", transform=Compose(read + augment)), augment)


def cached(dataset, augment):
    chain, dataset.transform = dataset.transform, None
    return CachedDataset(dataset, transform=chain)


@pytest.mark.parametrize("wrap", [lambda dataset, chain: dataset, cached], ids=["plain", "cached"])
def test_files_and_transforms_of_our_own_are_identical_with_any_number_of_threads(phantom_folder, wrap, caplog):
    alone = Loader(phantoms(phantom_folder), 1, shuffle=True)
    reference = [batch for _ in range(2) for batch in alone]
    for n in (1, 4):
        loader = threads(phantoms(phantom_folder, wrap), 1, n, shuffle=True)
        assert_identical([batch for _ in range(2) for batch in loader], reference)
    assert "one thread at a time" not in caplog.text


class OfAnotherLibrary:
    """Draws from every global generator there is, more for some cases than for others."""

    def __init__(self):
        self.n_inside = self.most_inside = 0

    def __call__(self, data):
        self.n_inside += 1
        self.most_inside = max(self.most_inside, self.n_inside)
        time.sleep(0.001)
        noise = sum(np.random.rand() + random.random() for _ in range(1 + data["i"] % 3)) + torch.rand(1).item()
        self.n_inside -= 1
        return {**data, "noise": data.get("noise", 0) + noise + generator().random()}


def mixed(n=12):
    """A chain in which eisen's random steps and those of another library take turns."""
    foreign = OfAnotherLibrary()
    steps = [foreign, RandomNoise(["image"]), Compose([foreign, RandomFlip(["image"])]), foreign]
    cases = [{"image": np.full((1, 4, 4, 4), i, "float32"), "i": i} for i in range(n)]
    return ListDataset(cases, Compose(steps)), foreign


def test_steps_that_use_the_global_generators_see_the_numbers_of_their_sample():
    reference = list(Loader(mixed()[0], 2, shuffle=True, seed=4))
    for n in (1, 3):
        dataset, foreign = mixed()
        assert_identical(list(threads(dataset, n=n, shuffle=True, seed=4)), reference)
        assert foreign.most_inside == 1
    assert_identical(list(Loader(mixed()[0], 2, shuffle=True, seed=4, n_workers=2)), reference)


def test_the_model_may_draw_while_threads_read_ahead():
    def trained(loader):
        torch.manual_seed(1), np.random.seed(1), random.seed(1)
        drawn = []
        for batch in loader:
            for _ in range(20):
                drawn.append((torch.rand(1).item(), np.random.rand(), random.random(), batch["noise"].tolist()))
                time.sleep(0.0005)
        return drawn

    expected = trained(Loader(mixed(8)[0], 2))
    assert trained(threads(mixed(8)[0], n=3)) == expected


def test_a_data_set_of_unknown_code_is_read_by_one_thread_at_a_time(caplog):
    class Strange:
        inside = most = 0

        def __len__(self):
            return 8

        def __getitem__(self, index):
            Strange.inside += 1
            Strange.most = max(Strange.most, Strange.inside)
            time.sleep(0.002)
            Strange.inside -= 1
            return {"noise": np.random.rand(), "x": torch.rand(3)}

    reference = list(Loader(Strange(), 2))
    Strange.most = 0
    loader = threads(Strange(), n=4)
    assert_identical(list(loader), reference)
    loader.set_epoch(0)
    assert_identical(list(loader), reference)
    assert Strange.most == 1
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1
    assert said[0].startswith("Strange may use the global random numbers")


def test_code_that_says_so_runs_in_several_threads_at_once(caplog):
    meeting = threading.Barrier(2)

    def meet(data):
        if data["i"] >= 2:  # the first batch is read alone: libraries are loaded meanwhile
            meeting.wait(10)
        return data

    meet.thread_safe = True
    numbers = [batch["i"].item() for batch in threads(ListDataset([{"i": i} for i in range(10)], meet), 1)]
    assert numbers == list(range(10))
    assert caplog.text == ""


def test_the_first_case_of_all_is_read_by_one_thread_alone():
    inside = []

    def look(data):
        inside.append(data["i"])
        time.sleep(0.05 if data["i"] == 0 else 0)
        if data["i"] == 0:
            assert inside == [0]
        return data

    look.thread_safe = True
    assert len(list(threads(ListDataset([{"i": i} for i in range(8)], look), 2, 4))) == 4


def volumes(n=12, shape=(1, 40, 40, 40)):
    return ListDataset([{"image": np.full(shape, i, "float32"), "i": i} for i in range(n)])


def holders(batch):
    """All ways of keeping a batch that I know of."""
    image = batch["image"]
    weight = torch.ones((), requires_grad=True)
    return [
        lambda: batch,
        lambda: image,
        lambda: image[1:],
        lambda: image.detach().view(-1)[5:6],
        lambda: image.numpy(),
        lambda: image.numpy()[..., 3],
        lambda: np.asarray(image[0]),
        lambda: memoryview(image.numpy()),
        lambda: image.untyped_storage(),
        lambda: torch.from_dlpack(image),
        lambda: torch.from_numpy(image.numpy()),
        lambda: image.view(torch.int32),
        lambda: (weight * image).sum(),  # the graph needs the image
        lambda: lambda: image,
        lambda: iter(image),
    ]


OF_THE_FIRST_CASE = (3, 6, 14)


def what_is_held(held):
    if callable(held) and not torch.is_tensor(held):
        held = held()
    if isinstance(held, dict):
        held = held["image"]
    if torch.is_tensor(held) and held.requires_grad:
        return held.grad_fn.next_functions[0][0]._saved_other.flatten()[-1].item()
    if isinstance(held, torch.UntypedStorage):
        return torch.tensor([], dtype=torch.float32).set_(held)[-1].item()
    if torch.is_tensor(held):
        return held.view(torch.float32).flatten()[-1].item()
    if isinstance(held, (np.ndarray, memoryview)):
        return float(np.asarray(held).flat[-1])
    return next(held).flatten()[-1].item()


@pytest.mark.parametrize("kind", range(15))
def test_what_anybody_holds_of_a_batch_never_changes(kind):
    kept = []
    for batch in threads(volumes(20), n=2):
        place = 0 if kind in OF_THE_FIRST_CASE else -1
        kept.append((batch["i"][place].item(), holders(batch)[kind]()))
        del batch
    gc.collect()
    for value, held in kept:
        assert what_is_held(held) == value


def test_a_random_part_of_the_batches_may_be_kept_for_a_random_time():
    draw, kept = random.Random(0), []
    loader = threads(volumes(40), n=3, shuffle=True)
    for _ in range(3):
        for batch in loader:
            kept.append(
                (batch["i"].clone(), batch["image"][draw.randrange(2)] if draw.random() < 0.5 else batch["image"])
            )
            draw.shuffle(kept)
            del kept[: draw.randrange(3)]
            for numbers, image in kept:
                values = image.reshape(-1, 40**3)
                assert values.min(1).values.equal(values.max(1).values)
                assert set(values[:, 0].tolist()) <= set(numbers.tolist())


def test_memory_is_used_again_when_nobody_holds_the_batch():
    loader = threads(volumes(60), n=2)
    places = [batch["image"].data_ptr() for batch in loader] + [batch["image"].data_ptr() for batch in loader]
    assert len(set(places)) <= 6
    assert all(place % 64 == 0 for place in places)


def test_a_list_of_batches_gives_its_memory_back():
    loader = threads(volumes(60), n=2)
    batches = list(loader)
    assert len({batch["image"].data_ptr() for batch in batches}) == 30
    del batches
    gc.collect()
    assert loader._ahead._threads._ring.n_free <= 6


def test_reading_ahead_is_bounded():
    seen = []

    def note(data):
        seen.append(data["i"])
        return data

    note.thread_safe = True
    batches = iter(threads(ListDataset([{"i": i} for i in range(100)], note), 1, 2))
    for number in range(3):
        next(batches)
        time.sleep(0.1)
        assert len(seen) <= number + 6
    assert len(seen) >= 5
    batches.close()


def test_threads_compute_with_one_thread_and_leave_those_of_the_others_alone():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    seen = []

    def look(data):
        seen.append(torch.get_num_threads())
        return data

    look.thread_safe = True
    later = []
    try:
        for _ in threads(ListDataset([{"i": i} for i in range(8)], look), 2):
            asking = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
            asking.start()
            asking.join()
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert set(seen) == {1}
    assert set(later) == {2}


def test_two_passes_in_two_threads():
    dataset, _ = mixed(8)
    reference = list(Loader(dataset, 2))
    loader, found = threads(dataset), {}

    def read(name):
        found[name] = list(loader)

    loader.set_epoch(0)
    one, other = threading.Thread(target=read, args=("one",)), threading.Thread(target=read, args=("other",))
    one.start(), other.start()
    one.join(), other.join()
    numbers = [[batch["i"].tolist() for batch in batches] for batches in found.values()]
    assert numbers == [[batch["i"].tolist() for batch in reference]] * 2


def test_a_pass_may_go_on_in_another_thread():
    batches = []
    first = threading.Thread(target=lambda: (batches.append(iter(threads(volumes(20)))), next(batches[0])))
    first.start()
    first.join()
    time.sleep(0.7)
    assert len(list(batches[0])) == 9


def test_parts_of_a_pass_and_ranks_are_those_of_one_process():
    for rank in range(2):
        for by in ("cases", "batches"):
            loaders = [Loader(mixed(7)[0], 2, shuffle=True), threads(mixed(7)[0], shuffle=True)]
            for loader in loaders:
                loader.divide(rank, 2, by, even=True)
                loader.start_at(1)
            ours, theirs = (list(loader) for loader in reversed(loaders))
            assert_identical(ours, theirs)
            assert [batch.share for batch in ours] == [batch.share for batch in theirs]
