"""Every change of the data changes the digest, and can be named."""

from __future__ import annotations

import json
import time

import h5py
import numpy as np
import pytest
import torch
from torch.utils.data import ConcatDataset, Subset, TensorDataset

from eisen.datasets import EisenDataset, MedMNISTDataset, PatchCamelyon
from eisen.experiments.provenance import data_facts, digests
from eisen.experiments.provenance.changed_data import data_changes


def told(old, new):
    (before, names), (after, new_names) = old, new
    return list(data_changes(before, after, names, new_names))


@pytest.fixture
def folder(tmp_path):
    for i in range(3):
        (tmp_path / f"case_{i}.nii").write_bytes(bytes([i]) * 200_000)
    return tmp_path


def cases(n=3, **more):
    return [{"image": f"case_{i}.nii", "age": 50 + i, **more} for i in range(n)]


def test_a_changed_file_is_named_wherever_in_it_the_change_is(folder):
    before = data_facts(cases(), folder)
    assert told(before, data_facts(cases(), folder)) == []
    content = bytearray((folder / "case_1.nii").read_bytes())
    content[100_000] ^= 1
    (folder / "case_1.nii").write_bytes(content)
    assert told(before, data_facts(cases(), folder)) == ["1 file changed: case_1.nii"]


def test_modification_times_do_not_count(folder):
    before = data_facts(cases(), folder)
    (folder / "case_1.nii").touch()
    assert data_facts(cases(), folder) == before


def test_cases_that_came_went_or_are_listed_differently_are_named(folder):
    two, three = data_facts(cases(2), folder), data_facts(cases(3), folder)
    assert told(two, three) == ["1 case added: case_2.nii"]
    assert told(three, two) == ["1 case removed: case_2.nii"]
    older = cases()
    older[1]["age"] = 99
    assert told(three, data_facts(older, folder)) == ["1 case listed differently: case_1.nii"]


def test_another_order_is_a_change(folder):
    before, after = data_facts(cases(), folder), data_facts(cases()[::-1], folder)
    assert told(before, after) == ["the cases are listed in another order, or arrays without a name changed"]


def test_only_the_first_of_many_names_are_told(folder):
    before = data_facts([], folder)
    after = data_facts([{"id": i} for i in range(9)], folder)
    assert told(before, after) == ["9 cases added: case 0, case 1, case 2, case 3, case 4 and 4 more"]


def test_files_of_a_series_are_watched_as_list_and_as_folder(tmp_path):
    (tmp_path / "anna" / "ct").mkdir(parents=True)
    for name in ("IM1", "IM2"):
        (tmp_path / "anna" / "ct" / name).write_text(name)
    listed = [{"ct": ["anna/ct/IM1", "anna/ct/IM2"]}]
    as_folder = [{"ct": "anna/ct"}]
    before = [data_facts(found, tmp_path) for found in (listed, as_folder)]
    (tmp_path / "anna" / "ct" / "IM2").write_text("new")
    for old, found in zip(before, (listed, as_folder), strict=True):
        assert told(old, data_facts(found, tmp_path)) == ["1 file changed: anna/ct/IM2"]


def test_the_same_data_elsewhere_has_the_same_digest(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    for i in range(3):
        (other / f"case_{i}.nii").write_bytes((folder / f"case_{i}.nii").read_bytes())
    absolute = [{**case, "image": str(other / case["image"])} for case in cases()]
    assert data_facts(cases(), folder) == data_facts(absolute, other)


def test_arrays_of_a_case_count_with_their_content(tmp_path):
    image = np.zeros((4, 4))
    before = data_facts([{"image": image, "id": 1}], tmp_path)
    assert told(before, data_facts([{"image": image.copy(), "id": 1}], tmp_path)) == []
    image[2, 2] = 1
    assert told(before, data_facts([{"image": image, "id": 1}], tmp_path)) == ["1 case listed differently: case 0"]


def test_a_row_in_an_hdf5_file_behind_the_cases_is_seen(tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (6, 96, 96, 3), "uint8")

    def write():
        for name, array in (("x", images), ("y", np.ones((6, 1, 1, 1), "uint8"))):
            with h5py.File(tmp_path / f"{name}.h5", "w") as file:
                file[name] = array
        return data_facts(PatchCamelyon(tmp_path, "x.h5", "y.h5"), tmp_path)

    before = write()
    assert before[1]["cases"] == {}
    assert sorted(before[1]["files"]) == ["x.h5", "y.h5"]
    images[3, 50, 50] += 1
    assert told(before, write()) == ["1 file changed: x.h5"]


def test_an_npz_collection_and_the_arrays_of_others_are_seen(tmp_path):
    def collection(value):
        np.savez(tmp_path / "a.npz", train_images=np.full((5, 28, 28), value, "uint8"), train_labels=np.ones((5, 1)))
        return data_facts(MedMNISTDataset(tmp_path, "a.npz", "train"), tmp_path)

    assert "1 file changed: a.npz" in told(collection(1), collection(2))
    tensors = [TensorDataset(torch.full((3, 2), value)) for value in (1.0, 2.0)]
    assert data_facts(tensors[0], tmp_path)[0]["digest"] != data_facts(tensors[1], tmp_path)[0]["digest"]


def test_wrapped_datasets_are_looked_into(folder):
    whole = EisenDataset(cases())
    assert list(data_facts(Subset(whole, [2, 0]), folder)[1]["cases"]) == ["case_2.nii", "case_0.nii"]
    assert data_facts(ConcatDataset([Subset(whole, [1]), whole]), folder)[0]["n_cases"] == 4


def test_of_very_much_data_a_part_is_read_and_compared_with_the_same_part_only(folder, monkeypatch):
    whole = data_facts(cases(), folder)
    monkeypatch.setattr(digests, "_BUDGET", 300_000)
    part = data_facts(cases(), folder)
    assert (whole[0]["every"], part[0]["every"]) == (1, 2)
    assert told(whole, part) == ["the cases are listed in another order, or arrays without a name changed"]
    content = bytearray((folder / "case_1.nii").read_bytes())
    content[0] ^= 1
    (folder / "case_1.nii").write_bytes(content)
    assert told(part, data_facts(cases(), folder)) == ["1 file changed: case_1.nii"]


def test_a_file_that_cannot_be_read_does_not_stop_a_run(folder, monkeypatch):
    before = data_facts(cases(), folder)
    (folder / "case_2.nii").unlink()
    assert told(before, data_facts(cases(), folder))


def test_ten_thousand_cases_take_seconds_and_have_names_that_json_can_hold(tmp_path):
    (tmp_path / "a.nii.gz").write_bytes(bytes(100_000))
    many = [{"image": "a.nii.gz", "id": i} for i in range(10_000)]
    started = time.process_time()
    facts, names = data_facts(many, tmp_path)
    assert time.process_time() - started < 4
    assert facts["n_cases"] == len(names["cases"]) == 10_000
    assert len(json.dumps(names)) < 1_000_000
