"""Random steps that move voxels."""

from __future__ import annotations

from gallery import scenes
from gallery.entry import Entry
from gallery.panels import Look
from gallery.shows import draws

TITLE = "Random: space"
INTRODUCTION = (
    "Image and label move together, and the geometry record follows. Three cases of epoch 0 with seed 0; the same "
    "numbers give the same pictures anywhere."
)

_SPACE = Look("image", "label", caption="grid")
_VOXELS = Look("image", "label", caption="grid", in_mm=False)
_BOTH = ["image", "label"]

ENTRIES = [
    Entry("RandomFlip", {"fields": _BOTH}, scenes.mr, draws(_SPACE, (1, 5, 12))),
    Entry("RandomRotate90", {"fields": _BOTH, "p": 1.0}, scenes.mr, draws(_SPACE, (1, 2, 14))),
    Entry("RandomAffine", {"fields": _BOTH}, scenes.mr, draws(_VOXELS)),
    Entry("RandomElastic", {"fields": _BOTH, "elastic_mm": [30, 30, 4]}, scenes.mr, draws(_SPACE)),
    Entry("RandomCrop", {"fields": _BOTH, "size": [56, 48, 16]}, scenes.mr, draws(_SPACE)),
    Entry(
        "RandomCropByLabel",
        {"fields": _BOTH, "size": [56, 48, 16], "classes": [2, 3]},
        scenes.mr,
        draws(_SPACE),
        "Each patch is around a voxel of the spleen or of a kidney.",
    ),
]
