"""Random steps that do what an MR scanner does to images."""

from __future__ import annotations

from gallery import scenes
from gallery.entry import Entry
from gallery.panels import Look
from gallery.shows import draws

TITLE = "Random: artefacts"
INTRODUCTION = (
    "What scanners and patients do to MR images. These stand before normalisation, while intensities are 0 or more."
    " All panels have the same window. Three cases of epoch 0 with seed 0; under each, the least and the greatest "
    "intensity of the slice."
)

_IMAGE = Look("image")

ENTRIES = [
    Entry("RandomBiasField", {"fields": ["image"]}, scenes.mr, draws(_IMAGE)),
    Entry("RandomRicianNoise", {"fields": ["image"], "std": [0.02, 0.1]}, scenes.mr, draws(_IMAGE)),
    Entry("RandomMotion", {"fields": ["image"]}, scenes.mr, draws(_IMAGE)),
    Entry("RandomGhosting", {"fields": ["image"]}, scenes.mr, draws(_IMAGE)),
    Entry("RandomSpike", {"fields": ["image"]}, scenes.mr, draws(_IMAGE)),
]
