"""Whatever a crash leaves of a checkpoint that was being written, one of the last two can be read."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

sys.path.append(str(Path(__file__).parent))
from crashes import Disk, Recorder

from eisen._core.errors import EisenError
from eisen.experiments.checkpoint import load_checkpoint, previous, save_checkpoint


def state(epoch):
    return {"model": {"weight": torch.full((700,), float(epoch))}, "epoch": epoch}


def found(files, folder):
    """Return the epoch of the checkpoint that a run would go on from, or why there is none."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    try:
        loaded, _ = load_checkpoint(folder / "checkpoint.pt")
    except EisenError as error:
        return str(error.card.what)
    finally:
        for path in list(folder.iterdir()):
            path.unlink()
    assert torch.equal(loaded["model"]["weight"], state(loaded["epoch"])["model"]["weight"])
    return loaded["epoch"]


def crash_everywhere(tmp_path, n_before, syncs=True):
    """Return what is found after every possible crash while the next checkpoint is written, by number of operations."""
    folder, other = tmp_path / "run", tmp_path / "found"
    folder.mkdir()
    other.mkdir()
    for epoch in range(n_before):
        save_checkpoint(folder / "checkpoint.pt", state(epoch))
    disk, recorder = Disk(folder), Recorder(folder, syncs)
    with recorder.recording():
        save_checkpoint(folder / "checkpoint.pt", state(n_before))
    operations = recorder.operations
    assert {each.kind for each in operations} >= {"create", "write", "replace"}
    prefixes = [operations[:n] for n in range(len(operations) + 1)]
    return [{found(files, other) for files in disk.crashes(prefix)} for prefix in prefixes]


def test_every_crash_leaves_the_old_or_the_new_checkpoint(tmp_path):
    results = crash_everywhere(tmp_path, 2)
    assert set().union(*results) == {1, 2}
    assert results[0] == {1}
    assert results[-1] == {2}, "what is saved stays saved"


def test_a_crash_while_the_first_checkpoint_is_written_leaves_none_or_a_whole_one(tmp_path):
    results = crash_everywhere(tmp_path, 0)
    assert {each for result in results for each in result if isinstance(each, int)} == {0}
    assert all("there is no checkpoint" in each for result in results for each in result if isinstance(each, str))
    assert results[-1] == {0}


def test_the_torture_would_notice_a_writer_that_does_not_sync(tmp_path):
    results = crash_everywhere(tmp_path, 2, syncs=False)
    assert results[-1] != {2}


@pytest.mark.parametrize("n_bytes", [0, 1, 100, -1])
def test_a_torn_checkpoint_falls_back_to_the_one_before(tmp_path, n_bytes):
    path = tmp_path / "checkpoint.pt"
    for epoch in range(3):
        save_checkpoint(path, state(epoch))
    path.write_bytes(path.read_bytes()[:n_bytes])
    loaded, source = load_checkpoint(path)
    assert (loaded["epoch"], source) == (1, previous(path))


def test_one_changed_bit_anywhere_is_noticed(tmp_path):
    path = tmp_path / "checkpoint.pt"
    for epoch in range(2):
        save_checkpoint(path, state(epoch))
    whole = path.read_bytes()
    for at in range(0, len(whole), max(1, len(whole) // 150)):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << (at % 8)
        path.write_bytes(damaged)
        assert load_checkpoint(path)[0]["epoch"] in (0, 1)
        assert load_checkpoint(path)[0]["epoch"] == 0 or not _weights_differ(path)


def _weights_differ(path):
    loaded, _ = load_checkpoint(path)
    return not torch.equal(loaded["model"]["weight"], state(1)["model"]["weight"])
