"""The pages of the gallery: docs/gallery/*.rst and their pictures, written anew when the documentation is built."""

from __future__ import annotations

import inspect
import re
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import eisen.transforms
from gallery.drawing import columns, draw_panels, draw_small
from gallery.entry import Entry, Shown, json_code, python_code
from gallery.groups import GROUPS, all_entries

__all__ = ["reference_lines", "write_gallery"]

_INTRODUCTION = """Gallery of transforms
=====================

Every transform on a phantom, with the code that made the picture, in Python and for a configuration. The pictures
are made anew with each build of this documentation.

.. code-block:: python

   from eisen._core import random

   with random.sample(seed=0, epoch=0, index=1):  # "case 1"; a loader does so by itself
       data = step(data)
"""


def write_gallery(app: Any) -> None:
    """Write all pages and pictures; a file that did not change is left alone, so rebuilding is quick."""
    folder = Path(app.srcdir) / "gallery"
    for name in ("pictures", "small"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    index = [_INTRODUCTION]
    for name, group in GROUPS.items():
        shown = {entry.name: _shown(entry.name) for entry in group.ENTRIES}
        for title, result in shown.items():
            if result.panels:
                _write(folder / "pictures" / f"{title}.png", draw_panels(result.panels, result.n_columns))
                _write(folder / "small" / f"{title}.png", draw_small(result.panels[-1]))
        _write(folder / f"{name}.rst", _page(group, shown).encode())
        index.append(_summary(name, group))
    toctree = [".. toctree::", "   :hidden:", "", *(f"   {name}" for name in GROUPS), ""]
    _write(folder / "index.rst", "\n".join([*index, *toctree]).encode())


def reference_lines(name: str) -> list[str]:
    """Return what the reference shows of a transform: its picture and the way to the gallery; or nothing."""
    if name not in all_entries():
        return []
    return [*_image(name, _shown(name), "/gallery/pictures/"), f":ref:`{name} in the gallery <gallery-{name}>`", ""]


@cache
def _shown(name: str) -> Shown:
    """Return what an entry shows; the transform runs once per build."""
    return all_entries()[name].shown()


def _page(group: ModuleType, shown: dict[str, Shown]) -> str:
    head = [group.TITLE, "=" * len(group.TITLE), "", group.INTRODUCTION, ""]
    return "\n".join([*head, *(_section(entry, shown[entry.name]) for entry in group.ENTRIES)])


def _section(entry: Entry, shown: Shown) -> str:
    name = entry.name
    lines = [f".. _gallery-{name}:", "", name, "-" * len(name), "", _first_sentence(name), ""]
    lines += [entry.note, ""] if entry.note else []
    lines += _image(name, shown, "pictures/")
    lines += [shown.text, ""] if shown.text else []
    lines += _code("python", python_code(entry)) + _code("json", json_code(entry))
    lines += [f"All parameters: :class:`~eisen.transforms.{name}`", ""]
    return "\n".join(lines)


def _image(name: str, shown: Shown, folder: str) -> list[str]:
    """Return the directive that shows a picture; its panels have the same size on every page."""
    if not shown.panels:
        return []
    width = 25 * columns(shown.panels, shown.n_columns)
    words = ", ".join(f"{panel.title} ({panel.caption})" if panel.caption else panel.title for panel in shown.panels)
    options = [f"   :alt: {name}: {words}", f"   :width: {width}%", "   :class: gallery-picture"]
    return [f".. image:: {folder}{name}.png", *options, ""]


def _code(language: str, text: str) -> list[str]:
    language = "text" if language == "json" and not text.startswith("{") else language  # a section is no JSON by itself
    return [f".. code-block:: {language}", "", *(f"   {line}".rstrip() for line in text.rstrip().splitlines()), ""]


def _summary(name: str, group: ModuleType) -> str:
    """Return the lines of a group on the first page: small pictures that lead to the entries, and names."""
    lines = [f".. rubric:: :doc:`{group.TITLE} <{name}>`", "", ".. container:: gallery-wall", ""]
    for entry in group.ENTRIES:
        target = f"gallery-{entry.name}"
        if _shown(entry.name).panels:
            lines += [f"   .. figure:: small/{entry.name}.png", f"      :target: {name}.html#{target.lower()}"]
            lines += [f"      :alt: {entry.name}", "", f"      :ref:`{_breakable(entry.name)} <{target}>`", ""]
    plain = [entry.name for entry in group.ENTRIES if not _shown(entry.name).panels]
    links = ", ".join(f":ref:`{title} <gallery-{title}>`" for title in plain)
    return "\n".join([*(lines if len(plain) < len(group.ENTRIES) else lines[:2]), links, ""])


def _breakable(name: str) -> str:
    """Return a name that may be broken in front of its capitals, with spaces of no width."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "\u200b", name)


def _first_sentence(name: str) -> str:
    return (inspect.getdoc(getattr(eisen.transforms, name)) or "").split("\n\n")[0].replace("\n", " ")


def _write(path: Path, content: bytes) -> None:
    if not path.exists() or path.read_bytes() != content:
        path.write_bytes(content)
