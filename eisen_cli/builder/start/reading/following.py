"""The experiment that follows from where cases come from and what they look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from eisen_cli.builder.start.choices import Choices
from eisen_cli.builder.start.reading.deciding import class_names, generating, restoring, segmenting, telling
from eisen_cli.builder.start.reading.looking import Look
from eisen_cli.builder.start.reading.start import Learned, Start
from eisen_cli.builder.start.source import Source

__all__ = ["follow", "follow_classes"]


def follow(
    title: str,
    folder: Path,
    source: Source,
    look: Look,
    declared: Mapping[int, str] | None,
    learned: Sequence[Learned],
) -> Start:
    """Return a segmentation where there are labels, and else a reconstruction.

    Args:
        title: What the data are called.
        folder: Folder that file names are relative to.
        source: Where cases come from.
        look: What they look like.
        declared: Label values and their names, if a list says them.
        learned: What was understood already.
    """
    source = replace(source, shape=look.shape if look.same_shape else None)
    if not source.label:
        choices, more = restoring(source, look, "denoise")
        text = "There are no labels, so the images themselves are learnt."
        facts = (*learned, Learned("assumed", text, "model"), *more)
        return Start(title, folder, "reconstruction", choices, facts, {"gan": generating(source, look)})
    names, mapping, why = class_names(declared, look)
    source = replace(source, values=mapping)
    choices, more = segmenting(source, look, names)
    name = f"segmentation-{look.dimensions}d"
    return Start(title, folder, name, choices, (*learned, why, *more), _without_labels(replace(source, label=""), look))


def _without_labels(source: Source, look: Look) -> dict[str, Choices]:
    """Return what could be done with the images alone."""
    plain = replace(source, values={}, datasets={p: d for p, d in source.datasets.items() if p != "Prediction"})
    return {"reconstruction": restoring(plain, look, "denoise")[0], "gan": generating(plain, look)}


def follow_classes(
    title: str,
    folder: Path,
    source: Source,
    look: Look,
    names: Sequence[str],
    learned: Sequence[Learned],
    counts: Sequence[int] = (),
    mode: str = "classes",
) -> Start:
    """Return a classification, or the estimation of a number.

    Args:
        title: What the data are called.
        folder: Folder that file names are relative to.
        source: Where cases come from.
        look: What they look like.
        names: Names of the classes.
        learned: What was understood already.
        counts: How many cases each class has; () where that is not known.
        mode: ``"classes"`` or ``"number"``.
    """
    source = replace(source, shape=look.shape if look.same_shape else None)
    choices, more = telling(source, look, names, mode)
    if counts and min(counts) * 3 < max(counts):
        choices = replace(choices, balance=True)
        text = f"Classes differ in size ({min(counts)} to {max(counts)} cases), so they are drawn equally often."
        more.append(Learned("understood", text, "balance"))
    others = _without_labels(replace(source, label=""), look)
    return Start(title, folder, "classification", choices, (*learned, *more), others)
