"""Images of libraries to arrays, arrays to tensors, and back."""

from __future__ import annotations

from gallery import scenes
from gallery.entry import Entry
from gallery.panels import Look
from gallery.shows import before_after, table

TITLE = "Read and convert"
INTRODUCTION = (
    "Readers of :doc:`eisen.io </reference/eisen.io>` give the image objects of nibabel, SimpleITK and Pillow; "
    "these steps make arrays of them, and tensors of arrays."
)

_IMAGE = Look("image", "label")
_SPACE = Look("image", "label", caption="grid")
_BOTH = ["image", "label"]

ENTRIES = [
    Entry(
        "NiftiToNumpy",
        {"fields": _BOTH},
        scenes.nifti,
        table((_SPACE, "after", "array[:, :, 10]")),
        "Axes stay those of the file. Here they point to the left and to the back, so the picture is what a "
        "radiologist is used to.",
    ),
    Entry(
        "ITKToNumpy",
        {"fields": _BOTH},
        scenes.itk,
        table((Look("image", "label", caption="grid", last_axis_first=True), "after", "array[10]")),
        "Axes come in reverse order, (z, y, x): the first one runs from slice to slice. ``Reorient`` brings arrays "
        "of all readers to the same axes.",
    ),
    Entry(
        "PilToNumpy",
        {"fields": ["photo"], "multichannel": True},
        scenes.photo,
        table((Look("photo", picture=True, caption="axes (colour, row, column)"), "after", "array")),
    ),
    Entry("NumpyToNifti", {"fields": ["image"]}, scenes.volume, table()),
    Entry("ToTensor", {"fields": _BOTH, "dtype": "float32"}, scenes.mr, table()),
    Entry("ToNumpy", {"fields": _BOTH}, scenes.tensors, table()),
    Entry("CastFields", {"fields": ["image"], "dtype": "float16"}, scenes.mr, table()),
    Entry(
        "ResampleNiftiVolumes",
        {"fields": _BOTH, "resolution": [7, 7, 5], "interpolation": {"image": "linear", "label": "nearest"}},
        scenes.nifti,
        before_after(_SPACE),
        "The result has axes that point right, front and up, whatever the axes of the file.",
    ),
    Entry(
        "ResampleITKVolumes",
        {"fields": _BOTH, "resolution": [7, 7, 5], "interpolation": {"image": "linear", "label": "nearest"}},
        scenes.itk,
        before_after(_SPACE),
    ),
]
