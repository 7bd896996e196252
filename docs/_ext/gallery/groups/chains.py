"""Steps made of steps."""

from __future__ import annotations

from gallery import scenes
from gallery.entry import Entry, Part
from gallery.panels import Look
from gallery.shows import before_after, chain, on_batch

TITLE = "Chains"
INTRODUCTION = (
    "Steps made of steps, nested as deep as you like. Four cases of epoch 0 with seed 0; under each, the steps that"
    " ran. In a configuration, the list of a section is a chain by itself."
)

_IMAGE = Look("image")
_BLUR = Part("RandomBlur", {"fields": ["image"], "sigma": [2, 5]})
_NOISE = Part("RandomNoise", {"fields": ["image"], "std": [0.2, 0.4]})
_SPIKE = Part("RandomSpike", {"fields": ["image"]})

ENTRIES = [
    Entry(
        "Compose",
        {
            "transforms": [
                Part("Resample", {"fields": ["image"], "spacing_mm": 5}),
                Part("CropOrPad", {"fields": ["image"], "size": [64, 64, 16]}),
                Part("ZScoreNormalization", {"fields": ["image"]}),
            ]
        },
        scenes.mr,
        before_after(_IMAGE, _IMAGE),
        section="Transforms",
    ),
    Entry("OneOf", {"transforms": [_BLUR, _NOISE, _SPIKE]}, scenes.normalised, chain(_IMAGE, (1, 2, 14, 18))),
    Entry("SomeOf", {"transforms": [_BLUR, _NOISE, _SPIKE], "n": [0, 2]}, scenes.normalised, chain(_IMAGE)),
    Entry("RandomApply", {"transforms": [_BLUR, _NOISE], "p": 0.5}, scenes.normalised, chain(_IMAGE, (1, 2, 3, 6))),
    Entry(
        "BatchCompose",
        {
            "transforms": [
                Part("RandomAffine", {"fields": ["image", "label"], "flip_axes": [0]}),
                Part("RandomGamma", {"fields": ["image"]}),
            ]
        },
        scenes.mr,
        on_batch(Look("image", "label", in_mm=False)),
        "A batch of four times the same image: each element has random numbers of its own.",
        section="BatchTransforms",
    ),
]
