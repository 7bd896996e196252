"""Values of pymia 0.3.4 itself, wherever it is right: both masks have voxels, and neither fills the image."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from eisen.evaluation import CasePair, metric_of
from tests.evaluation.shapes import ALL_PAIRS

pytest.importorskip("pymia")

CLASSES = {
    "DICE": "DiceCoefficient",
    "JACRD": "JaccardCoefficient",
    "SNSVTY": "Sensitivity",
    "SPCFTY": "Specificity",
    "FALLOUT": "Fallout",
    "FNR": "FalseNegativeRate",
    "ACURCY": "Accuracy",
    "PRCISON": "Precision",
    "TP": "TruePositive",
    "FP": "FalsePositive",
    "TN": "TrueNegative",
    "FN": "FalseNegative",
    "FMEASR": "FMeasure",
    "FMEASR(beta=3)": "FMeasure(beta=3)",
    "GCOERR": "GlobalConsistencyError",
    "VOLSMTY": "VolumeSimilarity",
    "RNDIND": "RandIndex",
    "ADJRIND": "AdjustedRandIndex",
    "MUTINF": "MutualInformation",
    "VARINFO": "VariationOfInformation",
    "ICCORR": "InterclassCorrelation",
    "PROBDST": "ProbabilisticDistance",
    "KAPPA": "CohenKappaCoefficient",
    "AUC": "AreaUnderCurve",
    "PREDAREA": "PredictionArea",
    "REFAREA": "ReferenceArea",
    "PREDAREA(slice_number=3)": "PredictionArea(slice_number=3)",
    "PREDVOL": "PredictionVolume",
    "REFVOL": "ReferenceVolume",
}


@pytest.fixture
def theirs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Yield pymia's metrics; they need names that NumPy has not had since 1.24, and warn a lot."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, value in {"object": object, "float": float, "int": int, "bool": bool}.items():
            if name not in vars(np):
                monkeypatch.setattr(np, name, value, raising=False)
        import pymia.evaluation.metric as metrics

        yield metrics


def by_pymia(metrics: Any, spelling: str, masks: tuple[np.ndarray, np.ndarray], spacing: tuple[float, ...]) -> float:
    name, _, given = CLASSES[spelling].partition("(")
    key, _, number = given.rstrip(")").partition("=")
    metric = getattr(metrics, name)(**({key: int(number)} if key else {}))
    prediction, reference = (mask.astype(np.uint8) for mask in masks)
    metric.confusion_matrix = metrics.ConfusionMatrix(prediction, reference)
    metric.prediction, metric.reference, metric.spacing = prediction, reference, spacing
    return float(metric.calculate())


@pytest.mark.parametrize("spelling", CLASSES)
def test_values_are_those_of_pymia(theirs: Any, spelling: str) -> None:
    metric, n = metric_of(spelling), 0
    for pair in ALL_PAIRS:
        case = CasePair(pair.prediction, pair.reference, pair.spacing)
        for label in pair.labels:
            masks = pair.masks(label)
            has_slice = "slice" not in spelling or pair.prediction.shape[0] > 3
            if not has_slice or any(mask.all() or not mask.any() for mask in masks):
                continue
            found, expected = metric.measure(case.label(label)), by_pymia(theirs, spelling, masks, case.spacing)
            if spelling == "PROBDST" and not found.is_defined:
                assert expected == -1
                continue
            assert found.value == pytest.approx(expected, abs=1e-9), f"{pair} {label}"
            n += 1
    assert n > 15


def test_all_of_the_group_of_pymia_is_compared_or_measures_a_distance() -> None:
    from eisen.evaluation import metrics_of

    distances = {"HDRFDST", "AVGDIST", "MAHLNBS", "SURFOVLP", "SURFDICE"}
    group = {metric.abbreviation for metric in metrics_of("pymia")}
    assert group - distances == {spelling.partition("(")[0] for spelling in CLASSES}
