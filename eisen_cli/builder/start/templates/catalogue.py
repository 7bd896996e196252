"""All templates, and what they begin with when there are no files yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from eisen._core.errors import ArgumentError, nearest
from eisen_cli.builder.start.choices import Choices
from eisen_cli.builder.start.draft import Draft
from eisen_cli.builder.start.source import Entry, Source, divided, entry
from eisen_cli.builder.start.templates.classification import classification
from eisen_cli.builder.start.templates.gan import gan
from eisen_cli.builder.start.templates.reconstruction import reconstruction
from eisen_cli.builder.start.templates.segmentation import segmentation

__all__ = ["TEMPLATES", "Template", "template"]


@dataclass(frozen=True)
class Template:
    """A kind of experiment.

    Args:
        name: Its name, e.g. ``"segmentation-3d"``.
        title: What it is called on the page.
        words: One sentence about it.
        make: Makes the configuration from what was chosen.
        choices: What can be chosen.
        sources: Where cases can come from, by what that is called; the first is the default.
        defaults: What is chosen for each of them.
        modes: Values of the choice `mode` to words.
        fits: Values of the choice `fit`.
        scales: Values of the choice `normalization`.
    """

    name: str
    title: str
    words: str
    make: Callable[[Choices], Draft]
    choices: tuple[str, ...]
    sources: Mapping[str, Choices]
    modes: Mapping[str, str]
    fits: tuple[str, ...] = ()
    scales: tuple[str, ...] = ("z-score", "window", "range")

    def default(self) -> Choices:
        """Return what is chosen when nobody chooses."""
        return next(iter(self.sources.values()))


FILES, DRAWN = "my files", "shapes that eisen draws, to try it out"


def _folder(left: str, right: str = "", ending: str = "png") -> dict[str, Entry]:
    patterns = {"image": f"{left}/*.{ending}"} | ({"label": f"{right}/*.{ending}"} if right else {})
    return divided(entry("eisen.datasets.FolderDataset", patterns=patterns))


def _shapes(size: tuple[int, ...], n_cases: int, label: str, kinds: tuple[str, ...]) -> Source:
    drawn = {
        phase: entry(
            "eisen.datasets.RandomShapesDataset",
            n_cases=n,
            size=list(size),
            kinds=list(kinds),
            seed=seed,
            **({"noise": 0.1} if label else {}),
        )
        for seed, (phase, n) in enumerate(
            {"Training": n_cases, "Validation": n_cases // 4, "Testing": n_cases // 4}.items()
        )
    }
    empty: dict[int, int] = {}
    return Source(drawn, "arrays", label=label, values=empty, shape=size, dimensions=len(size))


def _segmentation_3d() -> Template:
    task = divided(entry("eisen.datasets.MSDDataset", json_file="dataset.json", phase="training"))
    task["Prediction"] = entry("eisen.datasets.MSDDataset", json_file="dataset.json", phase="test")
    pairs = _folder("images", "labels", "nii.gz")
    files = Choices(
        Source(task), fit="patches", size=(96, 96, 96), spacing_mm=None, augmentation="strong", epochs=100, batch_size=2
    )
    drawn = Choices(
        _shapes((32, 32, 32), 64, "mask", ("ball", "cube")),
        classes=("background", "shape"),
        size=(32, 32, 32),
        width=8,
        epochs=5,
        batch_size=4,
    )
    return Template(
        "segmentation-3d",
        "Segmentation of volumes",
        "Outline organs, lesions or cells in CT, MR or microscopy volumes.",
        segmentation,
        (
            "classes",
            "fit",
            "size",
            "normalization",
            "low",
            "high",
            "spacing_mm",
            "augmentation",
            "mirror",
            "width",
            "epochs",
            "batch_size",
        ),
        {
            "a task of the decathlon (dataset.json)": files,
            "folders of images and labels": replace(files, source=Source(pairs)),
            DRAWN: drawn,
        },
        {},
        ("patches", "whole"),
    )


def _segmentation_2d() -> Template:
    files = Choices(
        Source(_folder("images", "masks"), "picture", dimensions=2),
        fit="patches",
        size=(256, 256),
        augmentation="strong",
        mirror=True,
        epochs=100,
        batch_size=8,
    )
    drawn = Choices(
        _shapes((64, 64), 256, "mask", ("disc", "square")),
        classes=("background", "shape"),
        size=(64, 64),
        width=8,
        epochs=5,
        batch_size=16,
        mirror=True,
    )
    return Template(
        "segmentation-2d",
        "Segmentation of pictures",
        "Outline structures in radiographs, ultrasound, photographs or slides.",
        segmentation,
        (
            "classes",
            "fit",
            "size",
            "normalization",
            "low",
            "high",
            "augmentation",
            "mirror",
            "width",
            "epochs",
            "batch_size",
        ),
        {"folders of images and masks": files, DRAWN: drawn},
        {},
        ("patches", "resize", "whole"),
    )


def _classification() -> Template:
    table = entry(
        "eisen.datasets.TableDataset",
        table_file="cases.csv",
        columns={"image": "image", "label": "label"},
        types={"label": "int"},
    )
    files = Choices(
        Source(divided(table), "picture", dimensions=2),
        classes=("healthy", "ill"),
        fit="resize",
        size=(224, 224),
        mirror=True,
        width=32,
        mode="classes",
        epochs=50,
        batch_size=16,
    )
    drawn = Choices(
        _shapes((32, 32), 512, "kind", ("disc", "square", "diamond")),
        classes=("disc", "square", "diamond"),
        fit="resize",
        size=(32, 32),
        mirror=True,
        mode="classes",
        epochs=5,
        batch_size=16,
    )
    collection = {
        phase: entry("eisen.datasets.MedMNISTDataset", npz_file="collection.npz", phase=part)
        for phase, part in (("Training", "train"), ("Validation", "val"), ("Testing", "test"))
    }
    small = replace(files, source=Source(collection, "arrays", shape=(28, 28), dimensions=2), size=(28, 28), width=16)
    return Template(
        "classification",
        "Classification",
        "Tell diseases, views or grades apart, or estimate a number such as an age.",
        classification,
        (
            "mode",
            "classes",
            "size",
            "normalization",
            "low",
            "high",
            "augmentation",
            "mirror",
            "balance",
            "width",
            "epochs",
            "batch_size",
        ),
        {"a table of files and labels (cases.csv)": files, "a MedMNIST collection (.npz)": small, DRAWN: drawn},
        {"classes": "a class for each image", "number": "a number for each image"},
    )


def _gan() -> Template:
    files = Choices(
        Source(_folder("images"), "picture", label="", dimensions=2),
        fit="resize",
        size=(64, 64),
        normalization="range",
        width=32,
        mode="gan",
        epochs=100,
        batch_size=32,
    )
    source = _shapes((32, 32), 1024, "", ("disc",))
    drawn = replace(files, source=source, size=(32, 32), high=1.0, width=16, epochs=20)
    return Template(
        "gan",
        "Generation (GAN)",
        "Draw new images that look like those it was shown.",
        gan,
        ("mode", "size", "low", "high", "width", "epochs", "batch_size"),
        {"a folder of pictures": files, DRAWN: drawn},
        {"gan": "GAN", "wgan-gp": "Wasserstein GAN with gradient penalty"},
        scales=("range",),
    )


def _reconstruction() -> Template:
    files = Choices(
        Source(_folder("images"), "picture", label="", dimensions=2),
        fit="resize",
        size=(128, 128),
        normalization="range",
        mirror=True,
        mode="denoise",
        epochs=50,
        batch_size=8,
    )
    pairs = Source(_folder("images", "targets"), "picture", dimensions=2)
    source = _shapes((32, 32), 256, "", ("disc", "square", "diamond"))
    drawn = replace(files, source=source, size=(32, 32), high=1.0, noise=0.3, epochs=5)
    return Template(
        "reconstruction",
        "Reconstruction",
        "Denoise images, or turn one kind of image into another.",
        reconstruction,
        (
            "mode",
            "noise",
            "size",
            "normalization",
            "low",
            "high",
            "augmentation",
            "mirror",
            "width",
            "epochs",
            "batch_size",
        ),
        {
            "a folder of pictures": files,
            "folders of images and targets": replace(files, source=pairs, mode="translate"),
            DRAWN: drawn,
        },
        {"denoise": "remove noise", "translate": "make another image of the case"},
    )


_ALL = (_segmentation_3d(), _segmentation_2d(), _classification(), _gan(), _reconstruction())

TEMPLATES: dict[str, Template] = {each.name: each for each in _ALL}
"""The templates by name."""


def template(name: str) -> Template:
    """Return a template.

    Raises:
        ArgumentError: If there is none of that name.

    Example:
        >>> template("gan").title
        'Generation (GAN)'
    """
    if name not in TEMPLATES:
        expected = nearest(name, TEMPLATES) or f"one of {', '.join(TEMPLATES)}"
        raise ArgumentError(f"there is no template '{name}'", expected=expected)
    return TEMPLATES[name]
