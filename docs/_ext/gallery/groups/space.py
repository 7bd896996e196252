"""Steps that move voxels, always the same way."""

from __future__ import annotations

from gallery import scenes
from gallery.entry import Entry
from gallery.panels import Look
from gallery.shows import before_after

TITLE = "Space"
INTRODUCTION = (
    "Under each picture: size of the array and of a voxel. Letters: the side of the body (**L**\\ eft, **R**\\ "
    "ight, **A**\\ nterior, **P**\\ osterior), as the geometry record knows it after the step. Outlines: liver, "
    "spleen and kidneys. The first axis of the array goes to the right, the second one down."
)

_SPACE = Look("image", "label", caption="grid")
_BOTH = ["image", "label"]
_PET = Look("pet", caption="grid", window=(0, 5))

ENTRIES = [
    Entry("Reorient", {"fields": _BOTH, "axes": "RAS"}, scenes.mr, before_after(_SPACE)),
    Entry("Flip", {"fields": _BOTH, "axes": [0]}, scenes.mr, before_after(_SPACE)),
    Entry("Rotate90", {"fields": _BOTH, "times": 1, "axes": [0, 1]}, scenes.mr, before_after(_SPACE)),
    Entry("Crop", {"fields": _BOTH, "start": [16, 24, 0], "size": [64, 56, 20]}, scenes.mr, before_after(_SPACE)),
    Entry("CropOrPad", {"fields": _BOTH, "size": [64, 92, 20]}, scenes.small_mr, before_after(_SPACE)),
    Entry("CropCenteredSubVolumes", {"fields": _BOTH, "size": [72, 72, 16]}, scenes.mr, before_after(_SPACE)),
    Entry(
        "CropForeground",
        {"fields": _BOTH, "source": "label", "margin_mm": 10},
        scenes.mr,
        before_after(_SPACE),
        "The box around all labels, with 10 mm around it.",
    ),
    Entry("Pad", {"fields": _BOTH, "width": [16, [4, 20], 0]}, scenes.small_mr, before_after(_SPACE)),
    Entry(
        "PadToMultiple",
        {"fields": _BOTH, "multiple": 32},
        scenes.small_mr,
        before_after(_SPACE),
        "72 becomes 96, 60 becomes 64, 20 becomes 32.",
    ),
    Entry(
        "Resample",
        {"fields": _BOTH, "spacing_mm": [8, 8, 5], "anti_aliasing": True},
        scenes.mr,
        before_after(_SPACE),
        "From one voxel size to another one in millimetres; labels are never mixed.",
    ),
    Entry(
        "Resize",
        {"fields": _BOTH, "size": [32, 64, 20]},
        scenes.mr,
        before_after(_SPACE),
        "The field of view stays, the number of voxels does not.",
    ),
    Entry(
        "ResampleToReference",
        {"fields": ["pet"], "reference": "ct"},
        scenes.pet_and_ct,
        before_after(
            _PET,
            Look("pet", "label", caption="grid", window=(0, 5)),
            (Look("ct", "label", caption="grid"), "reference"),
        ),
        "The PET has large voxels and looks the other way; afterwards each of its voxels lies on one of the CT, "
        "whose labels fit.",
    ),
    Entry(
        "ToNativeGrid",
        {"fields": _BOTH, "reference": "image"},
        scenes.network_grid,
        before_after(_SPACE),
        "Before: what a network saw, after ``Reorient``, ``Rotate90``, ``Resample`` and ``CropOrPad``. After: the "
        "grid of the file. What was cropped away is 0.",
    ),
]
