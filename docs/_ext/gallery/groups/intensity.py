"""Steps that change intensities, always the same way."""

from __future__ import annotations

from gallery import scenes
from gallery.entry import Entry
from gallery.panels import Look
from gallery.shows import before_after, pairs

TITLE = "Intensity"
INTRODUCTION = (
    "Under each picture: the least and the greatest intensity of the slice. Normalisation is shown on two patients "
    "of two scanners: before, they have nothing in common; afterwards, both are shown in the same window."
)

_CT = Look("ct", window=(-1000, 600))
_IMAGE = Look("image")
_PAIR = [Look("scan_a"), Look("scan_b")]
_TWO = ["scan_a", "scan_b"]
_RAW = (0, 3000)

ENTRIES = [
    Entry(
        "IntensityWindow",
        {"fields": ["ct"], "window": "lung"},
        scenes.ct,
        before_after(_CT, Look("ct", window=(0, 1))),
    ),
    Entry("ClipValues", {"fields": ["ct"], "low": -160, "high": 240}, scenes.ct, before_after(_CT, Look("ct"))),
    Entry("MapValues", {"fields": _TWO}, scenes.scanners, pairs(_PAIR, _RAW, (0, 1))),
    Entry("ZScoreNormalization", {"fields": _TWO}, scenes.scanners, pairs(_PAIR, _RAW, (-1.2, 2.6))),
    Entry("PercentileNormalization", {"fields": _TWO}, scenes.scanners, pairs(_PAIR, _RAW, (0, 1))),
    Entry(
        "HistogramStandardization",
        {"fields": _TWO, "landmarks": [0, 9, 16, 24, 32, 44, 53, 61, 69, 81, 100]},
        scenes.scanners,
        pairs(_PAIR, _RAW, (-60, 110)),
        "``train_landmarks`` learnt these landmarks from both images; it writes the file that ``landmarks`` names "
        "in a configuration.",
    ),
    Entry(
        "FixedMeanStdNormalization",
        {"fields": ["ct"], "mean": 40, "std": 400},
        scenes.ct,
        before_after(_CT, Look("ct", window=(-2.6, 1.4))),
        "The picture stays, the numbers do not: for CT, whose scale is the same everywhere.",
    ),
    Entry("ThresholdValues", {"fields": ["ct"], "threshold": 200}, scenes.ct, before_after(_CT, Look("ct"))),
    Entry("MaskValues", {"fields": ["image"], "mask": "label"}, scenes.mr, before_after(_IMAGE)),
    Entry("GaussianBlur", {"fields": ["image"], "sigma": 5}, scenes.mr, before_after(_IMAGE)),
    Entry(
        "Lambda",
        {"fields": ["image"], "function": "numpy.sqrt"},
        scenes.mr,
        before_after(_IMAGE, _IMAGE),
        "Any function of an array, here a square root; in Python also your own.",
    ),
]
