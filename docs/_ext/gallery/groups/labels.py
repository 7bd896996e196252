"""Steps on label maps."""

from __future__ import annotations

from gallery import scenes
from gallery.entry import Entry
from gallery.panels import Look
from gallery.shows import before_after, splitting

TITLE = "Labels"
INTRODUCTION = (
    "Label maps in colours, on the dimmed image. Turquoise is 1 (liver), orange 2 (spleen), pink 3 (kidneys). "
    "Cleaning is shown on a prediction with islands and holes."
)

_LABEL = Look("label", labels=True, under="image", caption="values")
_LIKELY = Look("prediction", labels=True, under="image", caption="values")
_PROBABLE = [Look("prediction", channel=i, window=(0, 1)) for i in (1, 2, 3)]
_CHANNELS = [Look("label", channel=i, window=(0, 1)) for i in range(3)]

ENTRIES = [
    Entry(
        "RemapLabels",
        {"fields": ["label"], "mapping": {1: 1, 2: 1, 3: 2}},
        scenes.mr,
        before_after(_LABEL),
        "Liver and spleen become one class, the kidneys the second one.",
    ),
    Entry(
        "LabelMapToOneHot",
        {"fields": ["label"], "classes": [1, 2, 3]},
        scenes.mr,
        splitting(_LABEL, *((look, f"channel {i}: class {i + 1}") for i, look in enumerate(_CHANNELS))),
    ),
    Entry(
        "OneHotToLabelMap",
        {"fields": ["prediction"], "classes": [0, 1, 2, 3]},
        scenes.one_hot,
        before_after(_PROBABLE[0], _LIKELY, *((look, f"channel {i + 2}") for i, look in enumerate(_PROBABLE[1:]))),
        "Four channels of probabilities, background first, become one label map. Before: channels 1 to 3.",
    ),
    Entry("KeepLargestComponent", {"fields": ["label"], "classes": [1, 2]}, scenes.predicted, before_after(_LABEL)),
    Entry(
        "RemoveSmallComponents",
        {"fields": ["label"], "min_volume": 5, "unit": "ml"},
        scenes.predicted,
        before_after(_LABEL),
    ),
    Entry("FillHoles", {"fields": ["label"]}, scenes.predicted, before_after(_LABEL)),
    Entry(
        "ConnectedComponents",
        {"fields": ["label"]},
        scenes.predicted,
        before_after(_LABEL),
        "Every part has a number of its own, 1 is the largest.",
    ),
]
