"""Random steps that change intensities, for robust networks."""

from __future__ import annotations

from gallery import scenes
from gallery.entry import Entry
from gallery.panels import Look
from gallery.shows import draws

TITLE = "Random: intensity"
INTRODUCTION = (
    "These stand behind normalisation, so the image here has mean 0 and standard deviation 1. All panels have the "
    "same window. Three cases of epoch 0 with seed 0; under each, the least and the greatest intensity of the "
    "slice."
)

_IMAGE = Look("image")

ENTRIES = [
    Entry("RandomNoise", {"fields": ["image"], "std": [0.1, 0.5]}, scenes.normalised, draws(_IMAGE)),
    Entry("RandomGamma", {"fields": ["image"]}, scenes.normalised, draws(_IMAGE)),
    Entry("RandomContrast", {"fields": ["image"], "factor": [0.5, 1.75]}, scenes.normalised, draws(_IMAGE)),
    Entry(
        "RandomIntensityScaleShift", {"fields": ["image"], "scale": 0.3, "shift": 0.4}, scenes.normalised, draws(_IMAGE)
    ),
    Entry("RandomBlur", {"fields": ["image"], "sigma": [1, 6]}, scenes.normalised, draws(_IMAGE)),
    Entry("RandomLowResolution", {"fields": ["image"], "zoom": [0.2, 0.6]}, scenes.normalised, draws(_IMAGE)),
    Entry("RandomCoarseDropout", {"fields": ["image"]}, scenes.normalised, draws(_IMAGE, (1, 3, 9))),
    Entry(
        "RandomChannelDropout",
        {"fields": ["image"], "p_channel": 0.4},
        scenes.sequences,
        draws(Look("image", channel=-1, window=(0, 1000)), (1, 5, 12)),
        "Three sequences as red, green and blue; a missing one changes the colour.",
    ),
]
