"""What single public data sets promise beyond the common suite, and bugs of the original that do not come back."""

from __future__ import annotations

import importlib
import logging
import multiprocessing
import warnings
from pathlib import Path

import numpy as np
import pytest

import eisen.datasets as datasets
from eisen._core.errors import ArgumentError, CorruptFileError, EmptyDatasetError, MissingFileError, ShapeError
from eisen.io import write_nifti

LEGACY = Path(__file__).resolve().parents[3] / "shared" / "contracts" / "legacy-paths.txt"


def h5(path, name, array):
    import h5py

    with h5py.File(path, "w") as file:
        file[name] = array


@pytest.fixture
def patches(tmp_path):
    h5(tmp_path / "x.h5", "x", np.arange(6, dtype=np.uint8).reshape(6, 1, 1, 1) + np.zeros((6, 4, 4, 3), np.uint8))
    h5(tmp_path / "y.h5", "y", np.arange(6, dtype=np.uint8).reshape(6, 1, 1, 1))
    return tmp_path


def test_every_old_name_of_the_data_sets_resolves():
    if not LEGACY.exists():
        pytest.skip("the list of old names is not on this machine")
    rows = [
        line.split("\t")
        for line in LEGACY.read_text(encoding="utf-8").splitlines()
        if line.startswith("eisen.datasets.")
    ]
    assert len(rows) > 35
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for path, *_ in rows:
            package, _, name = path.rpartition(".")
            if importlib.util.find_spec(package) is None:  # eisen.datasets.abc, .generic
                from eisen._core.legacy import RENAMED

                package, _, name = RENAMED[path].rpartition(".")
            assert getattr(importlib.import_module(package), name) is not None


def test_the_old_name_of_abcs_still_works_and_warns(tmp_path):
    (tmp_path / "7_ct.mha").touch()
    with pytest.warns(DeprecationWarning, match="ABCsDataset"):
        cases = datasets.ABCDataset(tmp_path, training=False, flat_dir_structure=True)
    assert cases[0]["t2"] == "7_t2.mha"


def test_a_p_in_the_name_of_a_folder_does_not_make_a_heart_pathological(tmp_path):
    names = {"Case_P001": True, "Case_N002": False, "PatientN3": False, "P004": True, "Pre_Case_N005": False}
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / f"{name.replace('_', ' ')}.txt").touch()
    cases = datasets.EMIDEC(tmp_path, training=True)
    assert {case["image"].partition("/")[0]: case["pathological"] for case in cases} == names


def test_a_ct_in_the_middle_of_a_name_does_not_make_a_case(tmp_path):
    for name in ("1_ct.mha", "1_t1.mha", "1_ct_old.mha", "2_labelmap_ct.mha", "distinct.mha", "._1_ct.mha"):
        (tmp_path / name).touch()
    assert len(datasets.ABCsDataset(tmp_path, training=True, flat_dir_structure=True)) == 1


def test_jpegs_count_and_a_png_in_the_middle_of_a_name_does_not(tmp_path):
    for name in ("p/a.jpg", "p/b.JPEG", "p/c.png", "p/png_index.txt", "p/Thumbs.db", "n/d.png.bak"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    cases = datasets.UCSDCovid19(tmp_path, "p", "n")
    assert [case["image"] for case in cases] == ["p/a.jpg", "p/b.JPEG", "p/c.png"]


def test_an_empty_patient_folder_is_left_out_with_a_warning(tmp_path, caplog):
    (tmp_path / "patient0001").mkdir()
    (tmp_path / "patient0002").mkdir()
    (tmp_path / "patient0002" / "a.mhd").touch()
    with caplog.at_level(logging.WARNING):
        assert len(datasets.CAMUS(tmp_path, True)) == 2
    assert "patient0001" in caplog.text


def test_camus_without_a_view_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="neither view"):
        datasets.CAMUS(tmp_path, True, False, False)


def test_an_image_without_labels_is_named(tmp_path):
    (tmp_path / "stage_2_train").mkdir()
    (tmp_path / "stage_2_train" / "ID_9.dcm").touch()
    (tmp_path / "stage_2_train.csv").write_text("ID,Label\nID_9_any,1\n")
    with pytest.raises(CorruptFileError, match=r"no row for epidural, .*subdural of ID_9\.dcm"):
        datasets.RSNAIntracranialHemorrhageDetection(tmp_path, training=True)
    (tmp_path / "stage_2_train.csv").write_text("ID\nID_9_any\n")
    with pytest.raises(CorruptFileError, match="has 1 columns"):
        datasets.RSNAIntracranialHemorrhageDetection(tmp_path, training=True)
    (tmp_path / "stage_2_train.csv").write_text("ID,Label\nID_9_all,1\n")
    with pytest.raises(CorruptFileError, match=r"line 2, column 'ID': 'ID_9_all' is not image and class"):
        datasets.RSNAIntracranialHemorrhageDetection(tmp_path, training=True)


def test_a_radiograph_without_a_row_is_named(tmp_path):
    images = tmp_path / "boneage-test-dataset" / "boneage-test-dataset"
    images.mkdir(parents=True)
    (images / "7.png").touch()
    (tmp_path / "boneage-test-dataset.csv").write_text("Case ID,Sex\n8,M\n")
    with pytest.raises(CorruptFileError, match=r"no row for 7\.png"):
        datasets.RSNABoneAgeChallenge(tmp_path, training=False)


def test_a_cell_that_is_no_number_names_line_and_column(tmp_path):
    (tmp_path / "t.csv").write_text("image_id,data_provider,isup_grade,gleason_score\na,r,1,3+3\nb,r,two,3+4\n")
    with pytest.raises(CorruptFileError, match="line 3, column 'isup_grade': 'two' is not a whole number"):
        datasets.PANDA(tmp_path, "t.csv", training=True)


def test_three_columns_are_not_the_kaggle_list(tmp_path):
    (tmp_path / "m.csv").write_text("a,b,c\n1,2,3\n")
    with pytest.raises(CorruptFileError, match="has 3 columns"):
        datasets.KaggleCovid19(tmp_path, "m.csv")


def test_masks_of_another_shape_are_refused(tmp_path):
    write_nifti(tmp_path / "a.nii.gz", np.zeros((4, 5, 3), np.int16), np.eye(4))
    write_nifti(tmp_path / "b.nii.gz", np.zeros((4, 5, 2), np.int16), np.eye(4))
    with pytest.raises(ShapeError, match=r"\(3, 4, 5\) and \(2, 4, 5\)"):
        datasets.MedSegCovid19(tmp_path, "a.nii.gz", "b.nii.gz")
    write_nifti(tmp_path / "c.nii.gz", np.zeros((4, 5), np.int16), np.eye(4))
    with pytest.raises(ShapeError, match="has the shape"):
        datasets.MedSegCovid19(tmp_path, "c.nii.gz")


def test_hdf5_files_of_different_lengths_are_refused_as_in_the_original(patches):
    h5(patches / "short.h5", "y", np.zeros((5, 1, 1, 1)))
    with pytest.raises(AssertionError, match="x holds 6, y holds 5 cases"):
        datasets.PatchCamelyon(patches, "x.h5", "short.h5")


def test_an_hdf5_file_without_its_array_names_those_it_has(patches):
    with pytest.raises(CorruptFileError, match=r"y\.h5 has no array 'x'") as caught:
        datasets.PatchCamelyon(patches, "y.h5", "y.h5")
    assert caught.value.card.expected == "'x' among 'y'"


def test_hdf5_files_without_cases_are_an_empty_data_set(patches):
    for name in "xy":
        h5(patches / f"{name}.h5", name, np.zeros((0, 1, 1, 1)))
    with pytest.raises(EmptyDatasetError, match="no cases"):
        datasets.PatchCamelyon(patches, "x.h5", "y.h5")


def labels_of(dataset):
    return [float(case["label"][0]) for case in dataset]


@pytest.mark.parametrize("method", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_hdf5_is_read_right_in_another_process_even_when_it_is_open_here(patches, method):
    cases = datasets.PatchCamelyon(patches, "x.h5", "y.h5")
    expected = labels_of(cases)  # the file is open now
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert pool.apply(labels_of, (cases,)) == expected == [0, 1, 2, 3, 4, 5]
    assert labels_of(cases) == expected


def test_the_file_is_not_open_before_the_first_read(patches):
    cases = datasets.PatchCamelyon(patches, "x.h5", "y.h5")
    assert cases.arrays["x"]._open is None
    cases[0]
    assert cases.arrays["x"]._open is not None


def test_both_text_files_of_brats_are_asked_for_in_training(tmp_path):
    (tmp_path / "s1").mkdir()
    (tmp_path / "name_mapping.csv").write_text("BraTS_2020_subject_ID\ns1\n")
    assert "name_mapping" in datasets.Brats2020(tmp_path, training=False)[0]
    with pytest.raises(MissingFileError, match=r"survival_info\.csv"):
        datasets.Brats2020(tmp_path, training=True)
