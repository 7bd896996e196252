"""Steps that stop a run before bad data spoils it."""

from __future__ import annotations

from gallery import scenes
from gallery.entry import Entry
from gallery.panels import Look
from gallery.shows import card

TITLE = "Checks"
INTRODUCTION = (
    "These steps change nothing. They stop a run at a case that would spoil it, and say which one it is and what to do."
)

ENTRIES = [
    Entry(
        "CheckFinite",
        {"fields": ["image"]},
        scenes.with_nan,
        card((Look("image"), "image")),
        "Red: voxels that are not a number.",
    ),
    Entry(
        "CheckLabels",
        {"fields": ["label"], "values": [1, 2, 3]},
        scenes.with_unknown_label,
        card((Look("label", labels=True, under="image", caption="values"), "label")),
    ),
    Entry(
        "CheckSameGrid",
        {"fields": ["image", "label"]},
        scenes.shifted,
        card(
            (Look("image", "label", caption="as arrays"), "image, label"),
            (Look("image", "by_header", caption="as the headers say"), "image, label"),
        ),
        "As arrays they seem to fit; by its header, the label map lies 17 mm further to the left of the patient.",
    ),
]
