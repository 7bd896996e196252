"""Cases kept on disk: equal to those read anew, invalid when something has changed, whole whatever happens."""

from __future__ import annotations

import errno
import logging
import multiprocessing
import os
import shutil
import sys
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import torch

from eisen._core.errors import ArgumentError, ArtifactError, EisenError
from eisen.datasets import CachedDataset, ConcatDataset, JsonDataset, ListDataset, Loader, SubsetDataset
from eisen.io import LoadNiftiFromFilename, write_nifti
from eisen.storage import cache_root
from eisen.transforms import (
    AddChannelDimension,
    Compose,
    CropCenteredSubVolumes,
    Lambda,
    NiftiToNumpy,
    RandomCrop,
    RandomFlip,
    RandomNoise,
    ZScoreNormalization,
)


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in "abcd":
        write_nifti(folder / f"{name}.nii.gz", rng.normal(size=(8, 9, 7)).astype("float32"), np.diag([1.0, 1, 2, 1]))
        write_nifti(
            folder / f"{name}_label.nii.gz", (rng.random((8, 9, 7)) > 0.5).astype("uint8"), np.diag([1.0, 1, 2, 1])
        )
    return folder


def listing(names="abcd"):
    return ListDataset([{"image": f"{name}.nii.gz", "label": f"{name}_label.nii.gz", "age": 61} for name in names])


def chain(folder, size=6, steps=()):
    fields = ["image", "label"]
    return Compose(
        [
            LoadNiftiFromFilename(fields, str(folder)),
            NiftiToNumpy(fields),
            ZScoreNormalization(["image"]),
            AddChannelDimension(fields),
            CropCenteredSubVolumes(fields, [size, size, size]),
            RandomFlip(fields),
            RandomCrop(fields, [4, 4, 4]),
            RandomNoise(["image"]),
            *steps,
        ]
    )


class Watch:
    """Counts how often a file is decoded."""

    def __init__(self, monkeypatch):
        import eisen.io.nifti as nifti

        self.n, original = 0, nifti.read_nifti

        def counted(path):
            self.n += 1
            return original(path)

        monkeypatch.setattr(nifti, "read_nifti", counted)

    def of(self, work):
        before = self.n
        work()
        return self.n - before


@pytest.fixture
def decoded(monkeypatch):
    return Watch(monkeypatch)


def read_all(dataset):
    return list(Loader(dataset, 2, seed=3))


def assert_same(first, second):
    for one, other in zip(first, second, strict=True):
        assert list(one) == list(other)
        for field, value in one.items():
            if isinstance(value, torch.Tensor):
                assert value.dtype == other[field].dtype
                assert torch.equal(value, other[field]), field
            else:
                assert repr(value) == repr(other[field]), field


@pytest.mark.parametrize("n_workers", [0, 2])
def test_batches_are_those_without_a_cache_bit_for_bit(data, tmp_path, n_workers):
    plain = ListDataset(listing().cases, chain(data))
    for _ in range(2):
        cached = CachedDataset(listing(), transform=chain(data), folder=tmp_path / "cache")
        one, other = Loader(plain, 2, seed=3), Loader(cached, 2, seed=3, n_workers=n_workers)
        for _ in range(2):
            assert_same(list(one), list(other))
    assert cached.n_steps == 5
    assert cached.n_kept == 4


def test_a_later_run_decodes_nothing(data, tmp_path, decoded):
    def run():
        read_all(CachedDataset(listing(), transform=chain(data), folder=tmp_path / "cache"))

    assert decoded.of(run) == 8
    assert decoded.of(run) == 0


def test_changes_in_place_never_reach_the_disk(data, tmp_path):
    def spoil(case):
        case["image"] += 100
        return case

    cached = CachedDataset(listing(), 5, transform=chain(data, steps=[spoil]), folder=tmp_path)
    first = cached[1]["image"].copy()
    plain = CachedDataset(listing(), 5, transform=Compose(chain(data).transforms[:5]), folder=tmp_path)
    kept = plain[1]["image"].copy()
    plain[1]["image"][...] = -1
    assert (plain[1]["image"] == kept).all()
    assert first.shape == (1, 4, 4, 4)


def test_a_changed_parameter_is_named(data, tmp_path, caplog, decoded):
    read_all(CachedDataset(listing(), transform=chain(data), folder=tmp_path))
    with caplog.at_level(logging.WARNING):
        other = CachedDataset(listing(), transform=chain(data, 7), folder=tmp_path)
        assert decoded.of(lambda: read_all(other)) == 8
    assert "step 5 (CropCenteredSubVolumes): size was [6, 6, 6], is [7, 7, 7]" in caplog.text
    back = CachedDataset(listing(), transform=chain(data), folder=tmp_path)
    assert decoded.of(lambda: read_all(back)) == 0, "going back to the old size finds the old cases"


def test_a_changed_file_is_named_and_only_its_case_computed_again(data, tmp_path, caplog, decoded):
    read_all(CachedDataset(listing(), transform=chain(data), folder=tmp_path))
    write_nifti(data / "b.nii.gz", np.ones((8, 9, 7), "float32"), np.diag([1.0, 1, 2, 1]))
    cached = CachedDataset(listing(), 5, transform=chain(data), folder=tmp_path)
    with caplog.at_level(logging.WARNING):
        assert decoded.of(lambda: read_all(cached)) == 2
    assert "#1 (b.nii.gz) is computed again" in caplog.text
    assert f"{data}/b.nii.gz has changed" in caplog.text
    assert caplog.text.count("computed again") == 1


def test_a_touched_or_copied_file_is_still_the_same(data, tmp_path, decoded, monkeypatch):
    read_all(CachedDataset(listing(), transform=chain(data), folder=tmp_path))
    shutil.copy(data / "a.nii.gz", data / "new.nii.gz")
    (data / "new.nii.gz").replace(data / "a.nii.gz")
    os.utime(data / "b_label.nii.gz", (1, 1))
    again = CachedDataset(listing(), transform=chain(data), folder=tmp_path)
    assert decoded.of(lambda: read_all(again)) == 0
    import eisen.storage.cache.sources as sources

    monkeypatch.setattr(sources, "_digest", lambda *_: pytest.fail("it is known by now that the content is the same"))
    read_all(CachedDataset(listing(), transform=chain(data), folder=tmp_path))


def test_content_that_changed_behind_unchanged_times_is_found_on_request(data, tmp_path, decoded):
    read_all(CachedDataset(listing(), transform=chain(data), folder=tmp_path))
    file = data / "a_label.nii.gz"
    before, content = file.stat(), bytearray(file.read_bytes())
    content[4] ^= 1  # the time in the header of gzip
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    for verify, n in ((False, 0), (True, 2)):
        cached = CachedDataset(listing(), transform=chain(data), folder=tmp_path, verify=verify)
        assert decoded.of(lambda: read_all(cached)) == n  # noqa: B023


@pytest.mark.parametrize("harm", ["truncate", "header", "empty"])
def test_a_damaged_cache_is_computed_again_and_said(data, tmp_path, caplog, harm, decoded):
    plain = read_all(ListDataset(listing().cases, chain(data)))
    read_all(CachedDataset(listing(), transform=chain(data), folder=tmp_path))
    file = next(tmp_path.rglob("*.case"))
    content = file.read_bytes()
    file.write_bytes({"truncate": content[:-100], "header": content[:80] + b"xx" + content[82:], "empty": b""}[harm])
    cached = CachedDataset(listing(), transform=chain(data), folder=tmp_path)
    with caplog.at_level(logging.WARNING):
        assert_same(plain, read_all(cached))
    assert caplog.text.count("is computed again") == 1


def test_folds_share_what_is_cached(data, tmp_path, decoded):
    def cached(inside):
        return CachedDataset(inside, transform=chain(data), folder=tmp_path)

    read_all(cached(listing()))
    for inside in (
        SubsetDataset(listing(), ["d", "a"]),
        torch.utils.data.Subset(listing(), [2, 0]),
        listing("ca"),
        ListDataset(listing().cases, split="train"),
    ):
        dataset = cached(inside)
        assert decoded.of(lambda: read_all(dataset)) == 0  # noqa: B023


def test_the_listed_values_of_a_case_count(data, tmp_path):
    read_all(CachedDataset(listing(), transform=chain(data), folder=tmp_path))
    older = listing()
    older.cases[0]["age"] = 62
    assert CachedDataset(older, transform=chain(data), folder=tmp_path)[0]["age"] == 62
    assert CachedDataset(listing(), transform=chain(data), folder=tmp_path)[0]["age"] == 61


def test_cases_of_joined_data_sets_are_kept_apart(tmp_path):
    parts = [ListDataset([{"x": 1}], lambda case, k=k: {"x": case["x"] + k}) for k in (10, 20)]
    cached = CachedDataset(ConcatDataset(parts), folder=tmp_path)
    for _ in range(2):
        assert [case["x"] for case in cached] == [11, 21]


def test_arrays_in_memory_are_told_apart_by_their_content(tmp_path):
    for value in (1, 2):
        inside = ListDataset([{"image": np.full((2, 2), value)}])
        assert CachedDataset(inside, folder=tmp_path)[0]["image"].max() == value


class Foreign(torch.utils.data.Dataset):
    def __init__(self, arrays):
        self.arrays = arrays

    def __len__(self):
        return len(self.arrays)

    def __getitem__(self, index):
        return {"image": self.arrays[index]}


def test_a_data_set_of_another_library_counts_with_all_it_holds(tmp_path):
    for value in (1, 2):
        cached = CachedDataset(Foreign([np.full(3, value), np.full(3, 7)]), folder=tmp_path)
        assert [int(case["image"].max()) for case in cached] == [value, 7]


def slowly(monkeypatch, pause):
    """Let the decoding of files call a function first."""
    import eisen.io.nifti as nifti

    original = nifti.read_nifti

    def slow(path):
        pause()
        return original(path)

    monkeypatch.setattr(nifti, "read_nifti", slow)


def test_a_killed_filling_goes_on_where_it_was(data, tmp_path, monkeypatch):
    forked = multiprocessing.get_context("fork")
    files, third = [], forked.Event()

    def pause():
        files.append(1)
        if len(files) == 6:
            third.set()
            time.sleep(60)

    def fill():
        slowly(monkeypatch, pause)
        CachedDataset(listing(), transform=chain(data), folder=tmp_path / "cache").fill()

    child = forked.Process(target=fill)
    child.start()
    assert third.wait(30)
    child.kill()
    child.join()
    cached = CachedDataset(listing(), transform=chain(data), folder=tmp_path / "cache")
    assert cached.n_kept == 2
    assert list((tmp_path / "cache").rglob("*.lock")), "the killed process had its turn"
    cached.fill(n_threads=2)
    assert cached.n_kept == 4
    assert not list((tmp_path / "cache").rglob("*.lock"))
    assert_same(read_all(ListDataset(listing().cases, chain(data))), read_all(cached))


def test_a_file_half_written_by_a_killed_process_is_removed(data, tmp_path):
    cached = CachedDataset(listing(), transform=chain(data), folder=tmp_path)
    place = cached._cases.folder.file(cached._cases.origin.key(0))
    place.parent.mkdir()
    part = place.with_name(f".{place.name}.999999999.abcd.part")
    part.write_bytes(b"half")
    cached.fill()
    assert not part.exists()


def test_two_processes_share_the_work(data, tmp_path, monkeypatch):
    forked = multiprocessing.get_context("fork")
    start, results = forked.Barrier(2), forked.SimpleQueue()

    def fill():
        files = []
        slowly(monkeypatch, lambda: (files.append(1), time.sleep(0.1)))
        cached = CachedDataset(listing(), transform=chain(data), folder=tmp_path / "cache")
        start.wait(30)
        cached.fill()
        results.put((len(files), cached.n_kept, [float(cached._first_part(n)["image"].sum()) for n in range(4)]))

    children = [forked.Process(target=fill) for _ in range(2)]
    for child in children:
        child.start()
    (n, kept, sums), (m, *other) = results.get(), results.get()
    for child in children:
        child.join()
    assert n + m == 8, "every file is decoded once"
    assert min(n, m) >= 2
    assert [kept, sums] == other
    assert kept == 4


def test_a_disk_without_room_is_refused_before_anything_is_written(data, tmp_path, monkeypatch):
    import eisen.storage.cache.folder as module

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage(10_000, 5_000, 5_000))
    cached = CachedDataset(listing(), transform=chain(data), folder=tmp_path)
    for work in (cached.fill, lambda: cached[0]):
        with pytest.raises(ArtifactError, match="4 cases need about") as caught:
            work()
        assert "eisen cache clean" in caught.value.card.to_do
    assert not list(tmp_path.rglob("*.case"))


def _file_instead_of_the_root(cached, root, monkeypatch):
    root.write_text("a thesis")


def _file_instead_of_the_recipe(cached, root, monkeypatch):
    root.mkdir()
    (root / cached._cases.origin.recipe.digest).write_text("not ours")


def _file_instead_of_a_part(cached, root, monkeypatch):
    root.mkdir()
    folder = root / cached._cases.origin.recipe.digest
    folder.mkdir()
    (folder / cached._cases.origin.key(0)[:2]).write_text("not ours")


def _refused(call, number):
    """Return a stand-in for a call that the system refuses."""

    def refuse(self, *args, **kwargs):
        raise OSError(number, os.strerror(number), str(self))

    return refuse


def _read_only(cached, root, monkeypatch):
    monkeypatch.setattr(Path, "mkdir", _refused(Path.mkdir, errno.EROFS))


def _full(cached, root, monkeypatch):
    import eisen._core.atomic as module

    monkeypatch.setattr(module._RawFile, "write", _refused(module._RawFile.write, errno.ENOSPC))


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (_file_instead_of_the_root, "part of the path is a file, not a folder ("),
        (_file_instead_of_the_recipe, "a file of that name is in the way ("),
        (_file_instead_of_a_part, "is in the way ("),
        (_read_only, "the file system is read-only"),
        (_full, "the disk is full"),
    ],
)
@pytest.mark.parametrize("how", ["item", "fill", "loader"])
def test_a_folder_that_cannot_be_written_is_one_card_that_names_it(data, tmp_path, monkeypatch, harm, reason, how):
    root = tmp_path / "cache"
    cached = CachedDataset(listing(), transform=chain(data), folder=root)
    harm(cached, root, monkeypatch)
    work = {"item": lambda: cached[0], "fill": lambda: cached.fill(2), "loader": lambda: list(Loader(cached))}[how]
    with pytest.raises(ArtifactError) as caught:
        work()
    card = caught.value.card
    assert card.what.startswith(f"the cache in {root} cannot be written: ")
    assert reason in card.what
    assert card.file == str(root)
    assert "EISEN_CACHE" in card.to_do
    assert not list(tmp_path.rglob("*.part"))
    if root.is_file():
        assert root.read_text(encoding="utf-8") == "a thesis"


def test_a_cache_that_is_complete_may_be_read_only(data, tmp_path, monkeypatch):
    CachedDataset(listing(), transform=chain(data), folder=tmp_path / "cache").fill()
    again = CachedDataset(listing(), transform=chain(data), folder=tmp_path / "cache")
    _full(again, tmp_path, monkeypatch)
    for call in ("touch", "unlink"):
        monkeypatch.setattr(Path, call, _refused(call, errno.EROFS))
    assert again.n_kept == 4
    assert again[0]["image"].shape == CachedDataset(listing(), transform=chain(data))[0]["image"].shape


def test_what_it_needs_and_how_long_it_takes_is_said(data, tmp_path, caplog, monkeypatch):
    import eisen.datasets.cached_progress as module

    monkeypatch.setattr(module, "_EVERY_SECONDS", 0.0)
    told = []
    with caplog.at_level(logging.INFO):
        cached = CachedDataset(listing(), transform=chain(data), folder=tmp_path)
        cached.fill(progress=lambda *facts: told.append(facts))
    assert "4 cases need about" in caplog.text
    assert "are free" in caplog.text
    assert "1 of 4 cases are read, about" in caplog.text
    assert [facts[:2] for facts in told] == [(n, 4) for n in (1, 2, 3, 4)]
    assert told[-1][2] == 0


def test_a_bad_case_is_told_when_it_is_asked_for(data, tmp_path):
    (data / "c.nii.gz").write_bytes(b"no scan")
    cached = CachedDataset(listing(), transform=chain(data), folder=tmp_path)
    cached.fill()
    assert cached.n_kept == 3
    with pytest.raises(EisenError) as caught:
        cached[2]
    assert caught.value.card.case == "#2 (c.nii.gz)"


def test_what_cannot_be_kept_on_disk_is_refused_with_its_field(tmp_path):
    cached = CachedDataset(ListDataset([{"image": 1}], lambda _: {"thing": object()}), folder=tmp_path)
    for work in (cached.fill, lambda: cached[0]):
        with pytest.raises(ArgumentError, match=r"'thing' holds builtins\.object"):
            work()


def test_random_steps_inside_are_refused(tmp_path):
    inside = ListDataset([{"image": np.zeros((1, 2, 2, 2))}], Compose([RandomFlip(["image"])]))
    with pytest.raises(ArgumentError, match="draws random numbers"):
        CachedDataset(inside, folder=tmp_path)


def test_wrong_arguments(tmp_path):
    with pytest.raises(ArgumentError, match="memory_gb is 2 and folder"):
        CachedDataset(listing(), memory_gb=2, folder=tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtifactError, match="cannot be written"):
        CachedDataset(listing(), folder=tmp_path / "file")[0]


def test_where_the_cache_is(tmp_path, monkeypatch):
    monkeypatch.setenv("EISEN_CACHE", str(tmp_path / "here"))
    assert cache_root(True) == tmp_path / "here"
    assert cache_root("there") == Path.cwd() / "there"
    monkeypatch.delenv("EISEN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if sys.platform == "linux":
        assert cache_root() == tmp_path / "eisen"


def test_a_relative_folder_of_data_is_not_mixed_up_with_another(tmp_path, monkeypatch):
    for k, place in enumerate(("one", "two")):
        (tmp_path / place / "data").mkdir(parents=True)
        write_nifti(tmp_path / place / "data" / "a.nii.gz", np.full((4, 4, 4), k, "float32"), np.eye(4))
    steps = Compose([LoadNiftiFromFilename(["image"], "data"), NiftiToNumpy(["image"])])
    for _ in range(2):
        for k, place in enumerate(("one", "two")):
            monkeypatch.chdir(tmp_path / place)
            cached = CachedDataset(ListDataset([{"image": "a.nii.gz"}]), transform=steps, folder=tmp_path / "cache")
            assert cached[0]["image"].max() == k


def test_it_can_be_cleaned_while_it_is_used(data, tmp_path):
    cached = CachedDataset(listing(), transform=chain(data), folder=tmp_path / "cache")
    held = cached._first_part(0)["image"]
    before = held.copy()
    shutil.rmtree(tmp_path / "cache")
    assert (held == before).all()
    assert_same(read_all(ListDataset(listing().cases, chain(data))), read_all(cached))


def test_a_step_of_somebody_else_may_be_kept_when_asked_for(tmp_path, caplog):
    def made(factor):
        steps = Compose([Lambda(["x"], lambda value: value * factor), RandomFlip(["image"])])
        return CachedDataset(
            ListDataset([{"x": 2, "image": np.zeros((1, 2, 2, 2))}]), 1, transform=steps, folder=tmp_path
        )

    assert made(3)[0]["x"] == 6
    with caplog.at_level(logging.WARNING):
        assert made(4)[0]["x"] == 8
    assert "closure.factor was 3, is 4" in caplog.text


def test_it_works_from_a_list_in_a_file(data, tmp_path):
    (data / "cases.json").write_text('[{"image": "a.nii.gz", "label": "a_label.nii.gz"}]')
    cached = CachedDataset(JsonDataset(data, "cases.json"), transform=chain(data), folder=tmp_path)
    assert cached[0]["image"].shape == (1, 4, 4, 4)


def test_filling_takes_its_turn_but_no_time_when_all_is_there(data, tmp_path, decoded):
    CachedDataset(listing(), transform=chain(data), folder=tmp_path).fill(2)
    start = time.perf_counter()
    again = CachedDataset(listing(), transform=chain(data), folder=tmp_path)
    assert decoded.of(again.fill) == 0
    assert time.perf_counter() - start < 1
