"""The metrics of other libraries, by the names of eisen: functions of two masks and the spacing."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

Peer = Callable[[np.ndarray, np.ndarray, tuple[float, ...]], float]

PYMIA = {
    "DICE": "DiceCoefficient", "JACRD": "JaccardCoefficient", "SNSVTY": "Sensitivity", "SPCFTY": "Specificity",
    "FALLOUT": "Fallout", "FNR": "FalseNegativeRate", "ACURCY": "Accuracy", "PRCISON": "Precision",
    "TP": "TruePositive",
    "FP": "FalsePositive", "FN": "FalseNegative", "TN": "TrueNegative", "FMEASR": "FMeasure",
    "GCOERR": "GlobalConsistencyError", "VOLSMTY": "VolumeSimilarity", "RNDIND": "RandIndex",
    "ADJRIND": "AdjustedRandIndex", "MUTINF": "MutualInformation", "VARINFO": "VariationOfInformation",
    "ICCORR": "InterclassCorrelation", "PROBDST": "ProbabilisticDistance", "KAPPA": "CohenKappaCoefficient",
    "AUC": "AreaUnderCurve", "AVGDIST": "AverageDistance", "MAHLNBS": "MahalanobisDistance",
    "HDRFDST": "HausdorffDistance",
    "HDRFDST(percentile=95)": ("HausdorffDistance", {"percentile": 95}), "SURFOVLP": "SurfaceOverlap",
    "SURFDICE": "SurfaceDiceOverlap", "SURFDICE(tolerance=2)": ("SurfaceDiceOverlap", {"tolerance": 2}),
    "PREDVOL": "PredictionVolume", "REFVOL": "ReferenceVolume", "PREDAREA": "PredictionArea",
    "REFAREA": "ReferenceArea",
}  # fmt: skip


@cache
def pymia_metrics() -> Any:
    """Return pymia's metrics; it needs five names that NumPy has no longer."""
    for name, value in {"object": object, "float": float, "int": int, "bool": bool, "in1d": np.isin}.items():
        if name not in vars(np):
            setattr(np, name, value)
    import pymia.evaluation.metric as metrics

    return metrics


def of_pymia(spelling: str) -> Peer:
    """Return pymia's metric, through its evaluator."""
    given = PYMIA[spelling]
    name, parameters = given if isinstance(given, tuple) else (given, {})

    def measure(prediction: np.ndarray, reference: np.ndarray, spacing: tuple[float, ...]) -> float:
        metric = getattr(pymia_metrics(), name)(**parameters)
        import pymia.evaluation.evaluator as evaluators
        import SimpleITK

        images = [SimpleITK.GetImageFromArray(mask.astype("u1")) for mask in (prediction, reference)]
        for image in images:
            image.SetSpacing(spacing[::-1])
        evaluator = evaluators.SegmentationEvaluator([metric], {1: "x"})
        evaluator.evaluate(images[0], images[1], "case")
        return float(evaluator.results[0].value)

    return measure


def of_monai(spelling: str) -> Peer:
    """Return MONAI's metric."""
    import monai.metrics as metrics
    import torch

    def tensors(*masks: np.ndarray) -> list[torch.Tensor]:
        return [torch.from_numpy(mask[None, None].astype("f4")) for mask in masks]

    def distance(function: Callable[..., Any], **more: Any) -> Peer:
        return lambda p, r, s: float(function(*tensors(p, r), include_background=True, spacing=list(s), **more))

    def counted(name: str) -> Peer:
        def measure(p: np.ndarray, r: np.ndarray, _: Any) -> float:
            counts = metrics.get_confusion_matrix(*tensors(p, r))
            return float(metrics.compute_confusion_matrix_metric(name, counts))

        return measure

    return {
        "DICE": lambda p, r, _: float(metrics.compute_dice(*tensors(p, r))),
        "JACRD": lambda p, r, _: float(metrics.compute_iou(*tensors(p, r))),
        "HDRFDST": distance(metrics.compute_hausdorff_distance),
        "HDRFDST(convention='boundary')": distance(metrics.compute_hausdorff_distance),
        "HDRFDST(percentile=95)": distance(metrics.compute_hausdorff_distance, percentile=95),
        "HDRFDST(percentile=95, convention='boundary')": distance(metrics.compute_hausdorff_distance, percentile=95),
        "ASSD": distance(metrics.compute_average_surface_distance, symmetric=True),
        "SURFDICE": distance(metrics.compute_surface_dice, class_thresholds=[1.0], use_subvoxels=True),
        "SNSVTY": counted("sensitivity"), "SPCFTY": counted("specificity"), "PRCISON": counted("precision"),
        "ACURCY": counted("accuracy"), "MCC": counted("matthews correlation coefficient"),
        "FMEASR": counted("f1 score"),
    }[spelling]  # fmt: skip


def of_deepmind(spelling: str) -> Peer:
    """Return the metric of DeepMind's surface-distance."""
    import surface_distance as sd

    def surfaces(p: np.ndarray, r: np.ndarray, s: tuple[float, ...]) -> Any:
        return sd.compute_surface_distances(r, p, s)

    def directed(p: np.ndarray, r: np.ndarray, s: tuple[float, ...]) -> float:
        return float(sd.compute_average_surface_distance(surfaces(p, r, s))[1])

    def both(p: np.ndarray, r: np.ndarray, s: tuple[float, ...]) -> float:
        found = surfaces(p, r, s)
        names = (("distances_gt_to_pred", "surfel_areas_gt"), ("distances_pred_to_gt", "surfel_areas_pred"))
        return float(sum(np.sum(found[d] * found[a]) for d, a in names) / sum(np.sum(found[a]) for _, a in names))

    return {
        "DICE": lambda p, r, _: float(sd.compute_dice_coefficient(r, p)),
        "HDRFDST": lambda p, r, s: float(sd.compute_robust_hausdorff(surfaces(p, r, s), 100)),
        "HDRFDST(percentile=95)": lambda p, r, s: float(sd.compute_robust_hausdorff(surfaces(p, r, s), 95)),
        "SURFDICE": lambda p, r, s: float(sd.compute_surface_dice_at_tolerance(surfaces(p, r, s), 1)),
        "SURFOVLP": lambda p, r, s: float(sd.compute_surface_overlap_at_tolerance(surfaces(p, r, s), 1)[1]),
        "MSD": directed, "ASSD": both,
    }[spelling]  # fmt: skip


def of_itk(spelling: str) -> Peer:
    """Return the metric of ITK."""
    import SimpleITK

    def images(p: np.ndarray, r: np.ndarray, s: tuple[float, ...]) -> list[Any]:
        found = [SimpleITK.GetImageFromArray(mask.astype("u1")) for mask in (p, r)]
        for image in found:
            image.SetSpacing(s[::-1])
        return found

    def overlap(name: str) -> Peer:
        def measure(p: np.ndarray, r: np.ndarray, s: tuple[float, ...]) -> float:
            found = SimpleITK.LabelOverlapMeasuresImageFilter()
            found.Execute(*images(p, r, s))  # source and target: prediction and reference
            return float(getattr(found, name)(1))

        return measure

    def distance(name: str) -> Peer:
        def measure(p: np.ndarray, r: np.ndarray, s: tuple[float, ...]) -> float:
            found = SimpleITK.HausdorffDistanceImageFilter()
            found.Execute(*images(p, r, s))
            return float(getattr(found, name)())

        return measure

    return {
        "DICE": overlap("GetDiceCoefficient"), "JACRD": overlap("GetJaccardCoefficient"),
        "FNR": overlap("GetFalseNegativeError"), "HDRFDST": distance("GetHausdorffDistance"),
        "HDRFDST(convention='voxels')": distance("GetHausdorffDistance"),
        "AVGDIST": distance("GetAverageHausdorffDistance"),
    }[spelling]  # fmt: skip


def of_skimage(spelling: str) -> Peer:
    """Return the metric of scikit-image."""
    from skimage import metrics

    return {
        "HDRFDST(convention='voxels')": lambda p, r, _: float(metrics.hausdorff_distance(p, r)),
        "VARINFO": lambda p, r, _: float(sum(metrics.variation_of_information(r.astype(int), p.astype(int)))),
    }[spelling]


def of_sklearn(spelling: str) -> Peer:
    """Return the metric of scikit-learn, on flattened masks."""
    from sklearn import metrics

    functions = {
        "KAPPA": metrics.cohen_kappa_score, "ADJRIND": metrics.adjusted_rand_score, "RNDIND": metrics.rand_score,
        "MCC": metrics.matthews_corrcoef, "FMEASR": metrics.f1_score, "PRCISON": metrics.precision_score,
        "SNSVTY": metrics.recall_score, "ACURCY": metrics.accuracy_score, "AUC": metrics.balanced_accuracy_score,
        "JACRD": metrics.jaccard_score, "NMI": metrics.normalized_mutual_info_score,
        "MUTINF": lambda r, p: metrics.mutual_info_score(r, p) / np.log(2),
    }  # fmt: skip
    function = functions[spelling]
    return lambda p, r, _: float(function(r.reshape(-1), p.reshape(-1)))


def of_medpy(spelling: str) -> Peer:
    """Return the metric of MedPy."""
    from medpy.metric import binary

    return {
        "DICE": lambda p, r, _: binary.dc(p, r), "JACRD": lambda p, r, _: binary.jc(p, r),
        "PRCISON": lambda p, r, _: binary.precision(p, r), "SNSVTY": lambda p, r, _: binary.recall(p, r),
        "SPCFTY": lambda p, r, _: binary.specificity(p, r), "RVD": lambda p, r, _: binary.ravd(p, r),
        "HDRFDST": lambda p, r, s: binary.hd(p, r, s), "HDRFDST(percentile=95)": lambda p, r, s: binary.hd95(p, r, s),
        "HDRFDST(convention='boundary')": lambda p, r, s: binary.hd(p, r, s),
        "ASSD": lambda p, r, s: binary.assd(p, r, s),
    }[spelling]  # fmt: skip


def of_torchmetrics(spelling: str) -> Peer:
    """Return the metric of torchmetrics."""
    import torch
    from torchmetrics.functional import classification, segmentation

    def flat(function: Callable[..., Any]) -> Peer:
        return lambda p, r, _: float(
            function(torch.from_numpy(p.reshape(-1)).int(), torch.from_numpy(r.reshape(-1)).int())
        )

    def whole(p: np.ndarray, r: np.ndarray, s: tuple[float, ...]) -> float:
        sides = [torch.from_numpy(mask[None, None].astype("i8")) for mask in (p, r)]
        return float(segmentation.hausdorff_distance(*sides, num_classes=1, include_background=True, spacing=list(s)))

    return {
        "DICE": flat(classification.binary_f1_score), "JACRD": flat(classification.binary_jaccard_index),
        "MCC": flat(classification.binary_matthews_corrcoef), "KAPPA": flat(classification.binary_cohen_kappa),
        "SPCFTY": flat(classification.binary_specificity), "PRCISON": flat(classification.binary_precision),
        "SNSVTY": flat(classification.binary_recall), "HDRFDST(convention='boundary')": whole,
    }[spelling]  # fmt: skip


PEERS: dict[str, Callable[[str], Peer]] = {
    "pymia": of_pymia, "MONAI": of_monai, "surface-distance": of_deepmind, "ITK": of_itk, "scikit-image": of_skimage,
    "scikit-learn": of_sklearn, "MedPy": of_medpy, "torchmetrics": of_torchmetrics,
}  # fmt: skip


@contextlib.contextmanager
def silent() -> Any:
    """Keep warnings and messages of the peers away."""
    with warnings.catch_warnings(), np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
