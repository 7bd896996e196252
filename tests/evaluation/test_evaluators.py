"""Evaluators: what they take, what they compare first, and that many cases give what single ones give."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK

from eisen._core.errors import ArgumentError, EisenError, GeometryError, MissingFileError, ShapeError, VoxelValueError
from eisen.evaluation import (
    ClassificationEvaluator,
    EmptyPolicy,
    ImageEvaluator,
    Measured,
    SegmentationEvaluator,
    SegmentationMetric,
)
from eisen.evaluation.evaluators import CaseInput
from eisen.evaluation.grids import on_one_grid
from eisen.evaluation.labels import labels_of
from eisen.io import write_nifti

from .shapes import ball, box, empty

SHAPE = (12, 10, 8)
AFFINE = np.diag([1.0, 2.0, 3.0, 1.0])


class Spacing(SegmentationMetric):
    """The spacing along an axis: shows what metrics are given."""

    abbreviation, better, unit = "SPACING", "neither", "mm"

    def __init__(self, axis: int = 0) -> None:
        self.axis = axis

    def formula(self, pair):
        return Measured(pair.spacing[self.axis])


class Broken(SegmentationMetric):
    """Raises for one label."""

    abbreviation, better = "BROKEN", "higher"

    def formula(self, pair):
        return Measured(1 / (len(pair.values) - 1))


def maps() -> tuple[np.ndarray, np.ndarray]:
    reference = ball(SHAPE, (6, 5, 4), 3) + box(SHAPE, (9, 0, 0), (12, 3, 3)) * 2
    return np.roll(reference, 1, axis=0), reference


def nifti(values: np.ndarray, affine: np.ndarray = AFFINE) -> nibabel.Nifti1Image:
    return nibabel.Nifti1Image(values, affine)


def itk(values: np.ndarray) -> SimpleITK.Image:
    """The image of an array (x, y, z) in the place of `AFFINE`."""
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(values.T))
    image.SetSpacing((1.0, 2.0, 3.0))
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    return image


def dice_of(prediction, reference, **how) -> list[float]:
    evaluator = SegmentationEvaluator(["DICE"], {1: "ball", 2: "box"})
    return [r.value for r in evaluator.evaluate(prediction, reference, "case", **how)]


def files(folder: Path, values: np.ndarray, name: str) -> list[Path]:
    paths = [folder / f"{name}.nii.gz", folder / f"{name}.mha", folder / f"{name}.nrrd"]
    write_nifti(paths[0], values, AFFINE)
    for path in paths[1:]:
        SimpleITK.WriteImage(itk(values), str(path))
    return paths


def test_every_kind_of_input_gives_the_same_values(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    prediction, reference = maps()
    expected = [
        2 * np.sum((prediction == v) & (reference == v)) / np.sum((prediction == v) + 0 + (reference == v))
        for v in (1, 2)
    ]
    assert dice_of(prediction, reference) == pytest.approx(expected)
    assert dice_of(torch.tensor(prediction)[None], torch.tensor(reference)) == pytest.approx(expected)
    assert dice_of(torch.tensor(prediction).bfloat16(), reference.astype(np.float64)) == pytest.approx(expected)
    images = [nifti(prediction), itk(prediction), *files(tmp_path, prediction, "prediction")]
    references = [nifti(reference), itk(reference), *map(str, files(tmp_path, reference, "reference"))]
    for a in images:
        for b in references:
            assert dice_of(a, b) == pytest.approx(expected), (a, b)


def test_dicom_segmentations_are_put_on_the_grid_of_the_other_image(tmp_path: Path) -> None:
    pytest.importorskip("highdicom")
    from eisen.io import write_dicom_seg, write_dicom_series

    prediction, reference = maps()
    series = write_dicom_series(tmp_path / "ct", np.zeros(SHAPE, np.int16), AFFINE)
    seg = tmp_path / "seg.dcm"
    write_dicom_seg(seg, prediction, AFFINE, series, {1: "ball", 2: "box"})
    write_nifti(tmp_path / "reference.nii.gz", reference, AFFINE)
    assert dice_of(seg, tmp_path / "reference.nii.gz") == dice_of(prediction, reference)
    assert dice_of(tmp_path / "reference.nii.gz", seg) == dice_of(reference, prediction)


def test_spacing_is_that_of_the_image_in_the_order_of_the_array(tmp_path: Path) -> None:
    prediction, reference = maps()
    metrics = [Spacing(0), Spacing(1), Spacing(2)]

    def spacing(a, b, **how):
        found = SegmentationEvaluator(metrics, {1: "ball"}).evaluate(a, b, "case", **how)
        assert [r.value for r in found] == list(found.facts["case"].spacing_mm or (1, 1, 1))
        return tuple(r.value for r in found)

    assert spacing(nifti(prediction), nifti(reference)) == (1, 2, 3)
    assert spacing(itk(prediction), itk(reference)) == (3, 2, 1)
    assert spacing(itk(prediction), nifti(reference)) == (1, 2, 3)
    assert spacing(prediction, nifti(reference)) == (1, 2, 3)
    assert spacing(prediction.T, itk(reference)) == (3, 2, 1)
    assert spacing(prediction, reference, spacing_mm=(3, 1, 2)) == (3, 1, 2)
    assert spacing(prediction, reference) == (1, 1, 1)


def test_a_length_without_known_spacing_says_so() -> None:
    prediction, reference = maps()
    found = SegmentationEvaluator([Spacing(), "DICE"], {1: "ball"}).evaluate(prediction, reference, "case")
    assert [r.reason for r in found] == ["the spacing is not known: voxels of 1 mm", ""]


def test_a_spacing_that_the_image_contradicts_is_refused() -> None:
    _, reference = maps()
    with pytest.raises(ArgumentError, match="apart"):
        dice_of(nifti(reference), nifti(reference), spacing_mm=(1, 1, 1))
    with pytest.raises(ArgumentError, match="spacing_mm"):
        dice_of(reference, reference, spacing_mm=(1, 1))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a @ np.diag([1, 1, 1.1, 1]), "spacing"),
        (lambda a: a + np.array([[0, 0, 0, 5.0]] + [[0] * 4] * 3), "first voxel"),
        (lambda a: np.diag([-1.0, 1, 1, 1]) @ a, "directions"),
    ],
)
def test_images_in_other_places_are_refused_with_what_differs(tmp_path: Path, change, words: str) -> None:
    _, reference = maps()
    write_nifti(tmp_path / "moved.nii.gz", reference, change(AFFINE))
    write_nifti(tmp_path / "reference.nii.gz", reference, AFFINE)
    with pytest.raises(GeometryError) as caught:
        dice_of(tmp_path / "moved.nii.gz", tmp_path / "reference.nii.gz")
    card = caught.value.card
    assert words in card.what
    assert "moved.nii.gz" in card.what
    assert "reference.nii.gz" in card.what
    assert "resample" in card.to_do
    assert card.case == "case"


def test_rounding_of_headers_is_no_difference() -> None:
    prediction, reference = maps()
    assert dice_of(nifti(prediction), nifti(reference, AFFINE + 1e-4)) == dice_of(prediction, reference)


def test_other_shapes_are_refused_even_where_they_could_be_broadcast() -> None:
    with pytest.raises(ShapeError) as caught:
        dice_of(np.zeros((4, 1, 5)), np.zeros((4, 3, 5)))
    assert caught.value.card.shapes == "prediction (4, 5), reference (4, 3, 5)"
    with pytest.raises(ShapeError, match="not on one grid"):
        dice_of(np.zeros((4, 4)), np.zeros((4, 3)))


def test_probability_maps_are_told_from_label_maps() -> None:
    with pytest.raises(ShapeError) as caught:
        dice_of(np.zeros((3, 4, 5)), np.zeros((4, 5), int))
    assert "argmax(axis=0)" in caught.value.card.to_do
    with pytest.raises(ShapeError, match="3 channels"):
        dice_of(np.zeros((4, 5, 6, 3)), np.zeros((4, 5, 6), int))
    with pytest.raises(VoxelValueError):
        dice_of(np.full((4, 5), 0.4), np.zeros((4, 5), int))


def test_axes_of_one_voxel_are_left_out_with_their_spacing() -> None:
    one = on_one_grid(np.zeros((1, 4, 5)), np.zeros((1, 4, 5)), (9, 2, 3))
    assert (one.prediction.shape, one.spacing) == ((4, 5), (2, 3))
    slice_ = nifti(np.zeros((4, 5, 1), np.uint8))
    assert on_one_grid(slice_, slice_).spacing == (1, 2)
    channel = nifti(np.zeros((4, 1, 6, 1), np.uint8))
    assert on_one_grid(channel, channel).spacing == (1, 3)
    picture = SimpleITK.GetImageFromArray(np.zeros((4, 5), np.uint8))
    picture.SetSpacing((0.5, 2.0))
    assert on_one_grid(picture, np.zeros((4, 5))).spacing == (2.0, 0.5)


def test_labels_are_values_names_or_several_values() -> None:
    expected = {(1,): "anterior", (3, 4): "merged"}
    assert labels_of({1: "anterior", (3, 4): "merged"}) == expected
    assert labels_of({"1": "anterior", "3+4": "merged"}) == expected
    assert labels_of("1=anterior, 3+4=merged") == expected
    assert labels_of([2, 5]) == {(2,): "2", (5,): "5"}
    for wrong in ({}, {1: "a", 2: "a"}, {"x": "a"}, {1.5: "a"}, "1=a,1=b"):
        with pytest.raises(ArgumentError):
            labels_of(wrong)


def test_without_labels_every_value_that_occurs_counts() -> None:
    evaluator = SegmentationEvaluator("DICE")
    evaluator.evaluate(np.array([[0, 7, 7]]), np.array([[0, 7, 3]]), "case")
    assert {r.label: (round(r.value, 2), r.presence) for r in evaluator.results} == {
        "3": (0.0, "missed"),
        "7": (0.67, "both"),
    }


def test_no_prediction_is_a_prediction_of_nothing() -> None:
    _, reference = maps()
    evaluator = SegmentationEvaluator(["DICE", "PRCISON"], {1: "ball"}, EmptyPolicy(prediction="worst"))
    dice, precision = evaluator.evaluate(None, reference, "case").records
    assert (dice.value, dice.presence, precision.value) == (0, "missed", 0)
    assert dice.reason == "there is no prediction"
    assert precision.reason.endswith("charged")


def test_a_metric_that_fails_costs_its_own_value_only() -> None:
    evaluator = SegmentationEvaluator([Broken(), "DICE"], {1: "one", (1, 2): "two"})
    found = evaluator.evaluate(*maps(), "case")
    one, dice, two, _ = found.records
    assert math.isnan(one.value)
    assert one.reason == "the metric failed: ZeroDivisionError: division by zero"
    assert 0 < dice.value < 1
    assert two.value == 1


def test_a_case_counts_once() -> None:
    evaluator = SegmentationEvaluator(["DICE"], {1: "ball"})
    evaluator.evaluate(*maps(), "case")
    with pytest.raises(ArgumentError, match="before"):
        evaluator.evaluate(*maps(), "case")
    evaluator.clear()
    assert len(evaluator.evaluate(*maps(), "case")) == len(evaluator.results) == 1


def test_wrong_arguments_are_cards() -> None:
    with pytest.raises(ArgumentError):
        SegmentationEvaluator([])
    with pytest.raises(ArgumentError, match="no metric"):
        SegmentationEvaluator(["NONSENSE"])
    with pytest.raises(ArgumentError, match="prediction is object"):
        dice_of(object(), np.zeros((2, 2), int))
    with pytest.raises(MissingFileError) as caught:
        dice_of("nowhere.nii.gz", np.zeros((2, 2), int))
    assert caught.value.card.case == "case"
    with pytest.raises(ArgumentError):
        SegmentationEvaluator(["DICE"]).evaluate_many([np.zeros((2, 2))])


def cases(n: int = 7) -> list[tuple]:
    random = np.random.default_rng(3)
    return [(random.integers(0, 3, (6, 6, 6)), random.integers(0, 3, (6, 6, 6)), f"case {i}") for i in range(n)]


@pytest.mark.parametrize("n_workers", [1, 2])
def test_many_cases_give_what_single_ones_give_in_their_order(n_workers: int) -> None:
    evaluator, single = SegmentationEvaluator(["DICE", "TP"], [1, 2]), SegmentationEvaluator(["DICE", "TP"], [1, 2])
    seen: list[str] = []
    found = evaluator.evaluate_many(cases(), n_workers, on_case=seen.append)
    for prediction, reference, name in cases():
        single.evaluate(prediction, reference, name)
    assert found.records == evaluator.results.records == single.results.records
    assert seen == found.cases == [f"case {i}" for i in range(7)]
    assert found.facts == single.results.facts


@pytest.mark.parametrize("n_workers", [1, 2])
def test_a_bad_case_is_named_or_kept(n_workers: int) -> None:
    given = cases()
    given[3] = (given[3][0][1:], *given[3][1:])
    with pytest.raises(ShapeError) as caught:
        SegmentationEvaluator(["DICE"], [1]).evaluate_many(given, n_workers)
    assert caught.value.card.case == "case 3"
    kept = SegmentationEvaluator(["DICE"], [1]).evaluate_many(given, n_workers, errors="keep")
    assert list(kept.failures) == ["case 3"]
    assert "not on one grid" in kept.failures["case 3"]
    assert len(kept) == 6


def test_evaluating_files_never_loads_torch(tmp_path: Path) -> None:
    _, reference = maps()
    write_nifti(tmp_path / "a.nii.gz", reference, AFFINE)
    code = (
        "import sys; from eisen.evaluation import SegmentationEvaluator as S;"
        f"s = S(['DICE'], [1]); s.evaluate({str(tmp_path / 'a.nii.gz')!r}, {str(tmp_path / 'a.nii.gz')!r}, 'a');"
        "assert s.results.records[0].value == 1; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.strip() == "False"


def test_images_are_compared_in_their_mask() -> None:
    prediction, reference = np.full((4, 5, 6), 3.0), np.ones((4, 5, 6))
    prediction[0] = 100
    mask = np.ones((4, 5, 6))
    mask[0] = 0
    evaluator = ImageEvaluator(["MAE", "MSE"])
    found = evaluator.evaluate(nifti(prediction), nifti(reference), "case", mask=mask)
    assert [r.value for r in found] == [2, 4]
    many = ImageEvaluator(["MAE"]).evaluate_many([CaseInput(prediction, reference, "case", mask=mask)])
    assert [r.value for r in many] == [2]
    with pytest.raises(ShapeError):
        evaluator.evaluate(prediction, reference, "other", mask=mask[1:])
    with pytest.raises(EisenError):
        ImageEvaluator(["DICE"])


def test_an_image_that_is_not_there_has_no_value() -> None:
    found = ImageEvaluator(["MAE"]).evaluate(None, np.ones((4, 5)), "case").records[0]
    assert math.isnan(found.value)
    assert found.presence == "missed"
    assert found.reason == "there is no prediction"


def test_classifiers_are_measured_case_by_case_or_as_sets() -> None:
    scores = np.array([[0.8, 0.2], [0.3, 0.7], [0.6, 0.4], [0.1, 0.9]])
    classes = np.array([0, 1, 1, 1])
    one_by_one, as_set = ClassificationEvaluator(["ACC"]), ClassificationEvaluator(["ACC"])
    for i, (score, class_) in enumerate(zip(scores, classes, strict=True)):
        one_by_one.evaluate(score, class_, f"case {i}")
    as_set.evaluate(scores, classes, "fold 0")
    assert [r.value for r in one_by_one.results] == [r.value for r in as_set.results] == [0.75]
    assert (one_by_one.results.cases, as_set.results.cases) == (["all cases"], ["fold 0"])
    with pytest.raises(ArgumentError, match="before"):
        one_by_one.evaluate(scores[0], 0, "case 0")
    with pytest.raises(ShapeError):
        one_by_one.evaluate(np.array([0.1, 0.2, 0.7]), 0, "case 9")
    one_by_one.clear()
    assert not one_by_one.results.records


def test_classes_have_names_and_decisions_do_without_scores() -> None:
    evaluator = ClassificationEvaluator(["ACC", "SENS"], classes=["benign", "malignant"], decisions=True)
    found = evaluator.evaluate(np.array([0, 1, 1, 1]), np.array([0, 1, 1, 0]), "set")
    assert found.values("malignant", "SENS").tolist() == [1.0]
    assert found.values("benign", "SENS").tolist() == [0.5]
    many = ClassificationEvaluator(["ACC"]).evaluate_many([(0.9, 1, "a"), (0.2, 1, "b")], n_workers=2)
    assert many.values("", "ACC").tolist() == [0.5]


def test_empty_maps_agree() -> None:
    found = SegmentationEvaluator(["DICE"], {1: "ball"}).evaluate(empty(SHAPE), empty(SHAPE), "case").records[0]
    assert (found.value, found.presence, found.reason) == (1, "absent", "both masks are empty")
