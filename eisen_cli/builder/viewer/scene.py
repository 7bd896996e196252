"""What the viewer shows and how, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from eisen.experiments.reviews import Label, Review, ReviewedCase
from eisen_cli.builder.viewer.routes import volume_url
from eisen_cli.builder.viewer.windows import AUTO

__all__ = ["DIFFERENCES", "LAYOUTS", "Overlay", "Scene", "scene_of"]

LAYOUTS = {"planes": "Three planes", "all": "Planes and 3-D", "axial": "Axial", "coronal": "Coronal",
           "sagittal": "Sagittal", "render": "3-D"}  # fmt: skip
DIFFERENCES = [
    Label(1, "missed: in the reference only", "#ffd54f"),
    Label(2, "too much: in the prediction only", "#ef5350"),
    Label(3, "another label", "#ab7df6"),
]
"""Values and colours of the overlay of differences; the script of the viewer paints with the same."""


@dataclass
class Overlay:
    """A label map over the image.

    Args:
        title: What it is called.
        on: Whether it is shown.
        opacity: 0 to 1.
        outline: Whether only borders are painted.
    """

    title: str
    on: bool = True
    opacity: float = 0.6
    outline: bool = False


@dataclass
class Scene:
    """Everything that decides what is on the screen.

    Args:
        images: Address of each image by its name.
        label_maps: Address of each label map: "reference" and "prediction".
        labels: Their labels.
        overlays: How they are shown, and "difference".
        image: Which image.
        frame: Which channel of it.
        preset: Name of the window; empty for one of one's own.
        window: Black and white; None: automatic.
        layout: One of `LAYOUTS`.
        smooth: Whether the image is interpolated between voxels.
        crosshair: Whether it is shown.
        radiological: Whether the left of the patient is on the right of the screen.
        flat: Whether it is a picture.
    """

    images: dict[str, str]
    label_maps: dict[str, str] = field(default_factory=dict)
    labels: list[Label] = field(default_factory=list)
    overlays: dict[str, Overlay] = field(default_factory=dict)
    image: str = ""
    frame: int = 0
    preset: str = AUTO
    window: tuple[float, float] | None = None
    layout: str = "planes"
    smooth: bool = True
    crosshair: bool = True
    radiological: bool = True
    flat: bool = False

    def __post_init__(self) -> None:
        self.image = self.image or next(iter(self.images), "")

    def message(self) -> dict[str, Any]:
        """Return what the browser is told."""
        labels = [{"value": label.value, "name": label.name, "colour": label.colour} for label in self.labels]
        volumes: list[dict[str, Any]] = [{"key": "image", "url": self.images[self.image], "labels": None}]
        volumes += [{"key": key, "url": url, "labels": labels} for key, url in self.label_maps.items()]
        show = {key: {"on": o.on, "opacity": o.opacity, "outline": o.outline} for key, o in self.overlays.items()}
        return {
            "volumes": volumes,
            "show": show,
            "frame": self.frame,
            "window": None if self.window is None else list(self.window),
            "layout": self.layout,
            "smooth": self.smooth,
            "crosshair": self.crosshair,
            "radiological": self.radiological and not self.flat,
            "flat": self.flat,
        }

    def adopt(self, other: Scene) -> None:
        """Take over how another scene was shown, so that the next case looks like this one."""
        for key, overlay in other.overlays.items():
            if key in self.overlays:
                self.overlays[key] = overlay
        self.image = other.image if other.image in self.images else self.image
        self.layout, self.smooth, self.crosshair = other.layout, other.smooth, other.crosshair
        self.radiological = other.radiological
        if other.preset != AUTO:
            self.preset, self.window = other.preset, other.window


def scene_of(review: Review, case: ReviewedCase, *, flat: bool) -> Scene:
    """Return the scene of a case: label maps over the image, or, of a model that makes images, these beside it.

    Args:
        review: The review.
        case: Its case; it has voxels.
        flat: Whether it is a picture.
    """
    images = {name: volume_url(review.folder / file) for name, file in case.images.items()}
    others = {
        key: volume_url(review.folder / file)
        for key, file in (("reference", case.reference), ("prediction", case.prediction))
        if file
    }
    if review.kind == "image":
        return Scene({**images, **others}, flat=flat)
    overlays = {
        "reference": Overlay("Reference", outline=True, opacity=1.0),
        "prediction": Overlay("Prediction", opacity=0.45),
        "difference": Overlay("Difference", on=False, opacity=0.7),
    }
    return Scene(images, others, review.labels, overlays, flat=flat)
