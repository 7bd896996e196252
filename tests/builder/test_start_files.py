"""Experiments that begin from files: what is understood, and that what comes out trains."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from eisen._core.errors import ArgumentError, ConfigError, EisenError
from eisen.config import read_config
from eisen.datasets import ListDataset, make_phantoms
from eisen.experiments import Run
from eisen.experiments.chain import build_dataset
from eisen.io import write_dicom_series, write_nifti
from eisen.storage import create_store
from eisen_cli.builder.server.folders import Folders
from eisen_cli.builder.start.reading import Start, from_files

RANDOM = np.random.default_rng(0)


def started(path: Path, root: Path | None = None) -> Start:
    return from_files([path], Folders([root or path if path.is_dir() else path.parent]))


def texts(start: Start) -> str:
    return " ".join(note.text for note in start.draft().notes if note.kind != "chosen")


def quick(start: Start, **more: Any) -> dict[str, Any]:
    """Return the configuration with one short epoch."""
    for name, value in {"epochs": 1, "batch_size": 2, "width": 8, **more}.items():
        start = start.with_choice(name, value)
    data = start.draft().data
    for each in data["General"]["Hyperparameters"]:
        if each["type"] == ".NumWorkers":
            each["params"]["value"] = 0
    for model in data["General"]["Models"]:
        if "n_blocks" in model["params"]:
            model["params"]["n_blocks"] = [1, 1]
    return data


def first_case(start: Start) -> dict[str, Any]:
    """Return the first case of Training, as the network would get it."""
    experiment = read_config(quick(start))
    parts = [build_dataset(experiment, experiment.phases[name], start.data_dir) for name in ("Training", "Validation")]
    assert all(len(part) for part in parts)
    case: dict[str, Any] = parts[0][0]
    return case


def trained(start: Start, folder: Path, **more: Any) -> dict[str, float]:
    """Train for an epoch and return what the validation gave."""
    result = Run(read_config(quick(start, **more)), start.data_dir, folder / "run").train(1)
    assert [row.phase for row in result.rows] == ["Training", "Validation"]
    return result.rows[1].metrics


def volumes(folder: Path, n: int = 5, image: str = "images/c{}.nii.gz", label: str = "labels/c{}_seg.nii.gz") -> Path:
    for number in range(n):
        mask = np.zeros((20, 18, 12), np.uint8)
        mask[4:12, 4:12, 3:9] = 1
        for name, array in ((image, mask * 100 + RANDOM.integers(0, 9, mask.shape)), (label, mask * 2)):
            path = folder / name.format(number)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_nifti(path, array.astype(np.int16), np.diag([1.0, 1.0, 2.0, 1.0]))
    return folder


def picture(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array.astype(np.uint8)).save(path)


def test_decathlon_task_tells_labels_phases_and_prediction(tmp_path: Path) -> None:
    folder = make_phantoms(tmp_path / "data", 4, 2, 1, size=20)
    start = started(folder / "dataset.json")
    data = start.draft().data
    assert start.template == "segmentation-3d"
    assert start.data_dir == folder
    labels = next(e["params"]["value"] for e in data["General"]["Hyperparameters"] if e["type"] == ".Labels")
    assert labels == {"0": "background", "1": "liver", "2": "spleen", "3": "kidneys"}
    assert data["Validation"]["Datasets"][0]["params"]["json_file"] == "dataset_val.json"
    assert data["Prediction"]["Datasets"][0]["params"]["phase"] == "test"
    size = data["Training"]["Transforms"][-1]["params"].get("size") or start.choices.size
    assert all(side % 16 == 0 for side in start.choices.size)
    assert size
    assert "6 cases with labels" in texts(start)
    assert "MR" in texts(start)
    assert first_case(start)["image"].ndim == 4


def test_every_place_a_note_names_is_there(tmp_path: Path) -> None:
    draft = started(make_phantoms(tmp_path / "data", 3, 1, 1, size=16) / "dataset.json").draft()
    assert {note.kind for note in draft.notes} == {"understood", "assumed", "chosen"}
    for note in draft.notes:
        here: Any = draft.data
        for part in note.place or ():
            here = here[part]
    assert sum(note.place is not None for note in draft.notes) > 10


def test_without_lists_a_fifth_validates(tmp_path: Path) -> None:
    folder = make_phantoms(tmp_path / "data", 4, 1, 0, size=16)
    for name in ("dataset_train.json", "dataset_val.json"):
        (folder / name).unlink()
    data = started(folder).draft().data
    assert data["Training"]["Datasets"][0]["params"]["split"] == "train"
    assert data["Validation"]["Datasets"][0]["params"]["split"] == "validation"
    assert "Prediction" not in data


def test_nnunet_with_two_channels_and_an_ignored_label(tmp_path: Path) -> None:
    folder = tmp_path / "Dataset007_Two"
    for channel in (0, 1):
        volumes(folder, 5, f"imagesTr/c{{}}_{channel:04d}.nii.gz", "labelsTr/c{}.nii.gz")
    content = {"channel_names": {"0": "T2", "1": "ADC"}, "labels": {"background": 0, "lesion": 1, "ignore": 2}}
    (folder / "dataset.json").write_text(json.dumps({**content, "file_ending": ".nii.gz"}), encoding="utf-8")
    start = started(folder)
    data = start.draft().data
    assert data["General"]["Models"][0]["params"]["input_channels"] == 2
    remap = next(t for t in data["Training"]["Transforms"] if t["type"].endswith("RemapLabels"))
    assert remap["params"]["mapping"] == {"0": 0, "1": 1, "2": 0}
    assert "T2, ADC" in texts(start)
    assert "ignore" in texts(start)
    case = first_case(start)
    assert case["image"].shape == (2, 32, 32, 16)
    assert set(np.unique(case["label"])) <= {0}


def test_folder_pairs_with_values_that_are_not_the_numbers_of_classes(tmp_path: Path) -> None:
    start = started(volumes(tmp_path / "data"))
    data = start.draft().data
    patterns = data["Training"]["Datasets"][0]["params"]["patterns"]
    assert patterns == {"image": "images/*.nii.gz", "label": "labels/*_seg.nii.gz"}
    assert start.choices is not None
    assert dict(start.choices.source.values) == {0: 0, 2: 1}
    case = first_case(start)
    assert case["image"].shape == (1, 32, 32, 16)
    assert set(np.unique(case["label"])) == {0, 1}


def test_hounsfield_units_get_the_window_of_the_labels(tmp_path: Path) -> None:
    for number in range(3):
        label = np.zeros((16, 16, 16), np.int16)
        label[4:12, 4:12, 4:12] = 1
        image = np.where(label > 0, 60, -1000) + RANDOM.integers(-20, 20, label.shape)
        for name, array in (("images", image), ("labels", label)):
            (tmp_path / name).mkdir(exist_ok=True)
            write_nifti(tmp_path / name / f"{number}.nii.gz", array.astype(np.int16), np.eye(4))
    start = started(tmp_path)
    window = next(t["params"] for t in start.draft().data["Training"]["Transforms"] if t["type"].endswith("Window"))
    assert (window["low"], window["high"]) == (40, 80)
    assert "CT" in texts(start)


def test_voxel_sizes_that_differ_are_brought_to_their_median(tmp_path: Path) -> None:
    for number, thickness in enumerate((1.0, 2.0, 5.0)):
        for name in ("images", "labels"):
            (tmp_path / name).mkdir(exist_ok=True)
            array = RANDOM.integers(0, 2, (16, 16, 16)).astype(np.int16)
            write_nifti(tmp_path / name / f"{number}.nii.gz", array, np.diag([1.0, 1.0, thickness, 1.0]))
    start = started(tmp_path)
    assert start.choices is not None
    assert start.choices.spacing_mm == (1.0, 1.0, 2.0)
    assert "factor of 5.0" in texts(start)
    assert "Resample" in json.dumps(start.draft().data["Validation"])


def test_masks_of_pictures_in_black_and_white(tmp_path: Path) -> None:
    for number in range(6):
        mask = np.zeros((40, 32), np.uint8)
        mask[8:20, 8:20] = 255
        picture(tmp_path / "images" / f"p{number}.jpg", mask // 2 + RANDOM.integers(0, 40, mask.shape))
        picture(tmp_path / "masks" / f"p{number}_mask.png", mask)
    start = started(tmp_path)
    assert start.template == "segmentation-2d"
    assert start.choices is not None
    assert dict(start.choices.source.values) == {0: 0, 255: 1}
    assert start.choices.source.shape == (40, 32)
    assert "dice" in trained(start, tmp_path)


def test_folders_called_after_classes(tmp_path: Path) -> None:
    for name, n in (("benign", 8), ("malignant", 2)):
        for number in range(n):
            picture(tmp_path / "data" / name / f"{number}.png", RANDOM.integers(0, 255, (32, 32)))
    start = started(tmp_path / "data")
    assert start.template == "classification"
    assert list(start.choices.classes) == ["benign", "malignant"]
    assert start.choices.balance
    assert "benign (8), malignant (2)" in texts(start)
    case = first_case(start)
    assert case["image"].shape == (1, 32, 32)
    assert case["label"] in (0, 1)


def test_dicom_series(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / "discs" / f"s{number}").mkdir(parents=True)
        array = RANDOM.integers(-1000, 400, (16, 16, 16)).astype("int16")
        write_dicom_series(tmp_path / "discs" / f"s{number}", array, np.diag([-1.0, -1.0, 2.0, 1.0]), modality="CT")
    start = started(tmp_path / "discs")
    data = start.draft().data
    assert data["Training"]["Readers"][0]["type"] == "eisen.io.LoadDICOMSeries"
    assert start.template == "reconstruction"
    assert "3 DICOM series, CT" in texts(start)
    read_config(data)


@pytest.mark.parametrize("words", [("benign", "malignant"), ("0", "1"), ("2", "10")])
def test_table_with_classes(tmp_path: Path, words: tuple[str, str]) -> None:
    rows = ["scan;patient;diagnosis;age"]
    for number in range(10):
        picture(tmp_path / "pictures" / f"{number}.png", RANDOM.integers(0, 255, (32, 32)))
        rows.append(f"pictures/{number}.png;p{number // 2};{words[number % 2]};{50 + number}")
    (tmp_path / "cases.csv").write_text("\n".join(rows), encoding="utf-8")
    start = started(tmp_path / "cases.csv")
    params = start.draft().data["Training"]["Datasets"][0]["params"]
    assert params["columns"] == {"scan": "image", "diagnosis": "label", "patient": "patient"}
    assert params["types"]["label"] == ("int" if words == ("0", "1") else list(words))
    assert params["group"] == "patient"
    assert first_case(start)["label"] in (0, 1)


def test_table_with_a_number_to_estimate(tmp_path: Path) -> None:
    rows = ["file,target"]
    for number in range(30):
        picture(tmp_path / f"{number}.png", RANDOM.integers(0, 255, (32, 32)))
        rows.append(f"{number}.png,{number / 7}")
    (tmp_path / "cases.csv").write_text("\n".join(rows), encoding="utf-8")
    start = started(tmp_path / "cases.csv")
    assert start.choices is not None
    assert start.choices.mode == "number"
    assert first_case(start)["label"].shape == (1,)


def test_table_with_label_maps(tmp_path: Path) -> None:
    volumes(tmp_path)
    rows = ["t1,tumour_seg", *(f"images/c{n}.nii.gz,labels/c{n}_seg.nii.gz" for n in range(5))]
    (tmp_path / "cases.csv").write_text("\n".join(rows), encoding="utf-8")
    start = started(tmp_path / "cases.csv")
    assert start.template == "segmentation-3d"
    assert "tumour_seg" in texts(start)
    assert first_case(start)["label"].max() == 1


def test_list_of_cases(tmp_path: Path) -> None:
    volumes(tmp_path)
    cases = [{"image": f"images/c{n}.nii.gz", "label": f"labels/c{n}_seg.nii.gz"} for n in range(5)]
    (tmp_path / "cases.json").write_text(json.dumps(cases), encoding="utf-8")
    start = started(tmp_path / "cases.json")
    assert start.draft().data["Training"]["Datasets"][0]["type"] == "eisen.datasets.JsonDataset"
    read_config(start.draft().data)


def test_store(tmp_path: Path) -> None:
    label = np.zeros((1, 16, 16, 16), np.uint8)
    label[:, 4:12, 4:12, 4:12] = 1
    cases = [{"image": label * 3 + RANDOM.normal(size=label.shape).astype("float32"), "label": label} for _ in range(5)]
    create_store(ListDataset(cases), tmp_path / "store.h5")
    start = started(tmp_path / "store.h5")
    assert start.template == "segmentation-3d"
    assert "5 cases" in texts(start)
    assert "Readers" not in start.draft().data["Training"]
    assert first_case(start)["image"].shape == (1, 16, 16, 16)


def test_collection_of_medmnist(tmp_path: Path) -> None:
    arrays = {}
    for part, n in (("train", 8), ("val", 4)):
        arrays[f"{part}_images"] = RANDOM.integers(0, 255, (n, 28, 28)).astype(np.uint8)
        arrays[f"{part}_labels"] = np.arange(n)[:, None] % 2
    np.savez(tmp_path / "tiny.npz", **arrays)
    start = started(tmp_path / "tiny.npz")
    assert start.choices is not None
    assert start.choices.size == (28, 28)
    assert first_case(start)["image"].shape == (1, 28, 28)


def test_pictures_alone_can_be_restored_or_drawn(tmp_path: Path) -> None:
    for number in range(5):
        picture(tmp_path / "data" / f"{number}.png", RANDOM.integers(0, 255, (48, 48)))
    start = started(tmp_path / "data")
    assert start.template == "reconstruction"
    assert set(start.others) == {"gan"}
    assert first_case(start)["clean"].shape == (1, 48, 48)
    gan = start.as_template("gan")
    assert gan.template == "gan"
    assert set(gan.others) == {"reconstruction"}
    assert "distance" in trained(gan, tmp_path / "b", size=(16, 16))


def test_configuration_and_artifacts_of_a_run(tmp_path: Path) -> None:
    data = {"General": {"Models": []}, "Training": {}, "note": "kept"}
    (tmp_path / "config.json").write_text(json.dumps(data), encoding="utf-8")
    assert started(tmp_path / "config.json").config == data
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "best.pt").write_bytes(b"weights")
    for path in (tmp_path, tmp_path / "models" / "best.pt"):
        start = from_files([path], Folders([tmp_path]))
        assert start.path == tmp_path / "config.json"
        assert "best.pt" in texts(start)


def wrong_files(folder: Path) -> dict[str, Path]:
    (folder / "empty").mkdir()
    contents = {
        "notes.txt": "hello",
        "broken.json": '{"General": ',
        "other.json": '{"a": 1}',
        "numbers.csv": "a,b\n1,2\n",
        "gone.csv": "image,label\nnowhere/1.png,0\n",
        "not.h5": "hello",
        "not.npz": "hello",
        "lonely.pt": "hello",
        "dataset.json": '{"training": [{"image": "gone.nii.gz", "label": "gone_too.nii.gz"}]}',
    }
    for name, content in contents.items():
        (folder / name).write_text(content, encoding="utf-8")
    return {name: folder / name for name in (*contents, "empty", "absent.csv")}


def test_wrong_files_get_one_clear_card(tmp_path: Path) -> None:
    for name, path in wrong_files(tmp_path).items():
        with pytest.raises(EisenError) as caught:
            from_files([path], Folders([tmp_path]))
        card = caught.value.card
        assert card.what, name
        assert card.expected or card.to_do or isinstance(caught.value, ConfigError), name
        assert "Traceback" not in str(caught.value)


def test_files_outside_are_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "cases.csv").write_text("image\na.png\n", encoding="utf-8")
    with pytest.raises(ArgumentError, match="outside"):
        from_files([tmp_path / "in" / ".." / "cases.csv"], Folders([tmp_path / "in"]))


def test_a_list_counts_more_than_the_images_beside_it(tmp_path: Path) -> None:
    folder = make_phantoms(tmp_path, 2, 1, 0, size=16)
    images = sorted((folder / "imagesTr").iterdir())
    start = from_files([*images, folder / "dataset.json"], Folders([folder]))
    assert start.draft().data["Training"]["Datasets"][0]["type"] == "eisen.datasets.MSDDataset"
    assert from_files(images[:1], Folders([folder])).title == start.title
