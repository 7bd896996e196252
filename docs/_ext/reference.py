"""Sphinx extension: write one reference page per package from its public names."""

from __future__ import annotations

import ast
import importlib
import inspect
from importlib.util import resolve_name
from pathlib import Path
from typing import Any

from gallery.pages import reference_lines

PAGES = {
    "eisen.io": "Readers and writers",
    "eisen.datasets": "Datasets",
    "eisen.datasets.doctor": "Looking through data",
    "eisen.storage": "Stores and the cache",
    "eisen.patches": "Patches",
    "eisen.transforms": "Transforms",
    "eisen.transforms.functional": "Transforms of plain arrays",
    "eisen.models": "Models",
    "eisen.ops.losses": "Losses",
    "eisen.ops.metrics": "Metrics",
    "eisen.ops.layers": "Layers",
    "eisen.evaluation": "Evaluation",
    "eisen.evaluation.metrics": "Metrics of evaluation",
    "eisen.utils": "Wrappers and helpers",
    "eisen.utils.interop": "Transforms of other libraries",
    "eisen.utils.workflows": "Workflows",
    "eisen.utils.events": "Events",
    "eisen.utils.logging": "Logging hooks",
    "eisen.utils.artifacts": "Artifact hooks",
    "eisen.config": "Configuration",
    "eisen.experiments": "Experiments",
    "eisen.experiments.campaigns": "Cross-validation and sweeps",
    "eisen.experiments.finders": "Finding settings",
    "eisen.experiments.reviews": "Reviewing cases",
    "eisen.experiments.runs": "Runs compared and repeated",
    "eisen.experiments.splits": "Splits",
    "eisen_deploy.packaging": "Packaging",
    "eisen_deploy.serving": "Serving",
    "eisen_deploy.client": "The client",
    "eisen_deploy.utils": "Messages",
    "eisen._core.errors": "Errors",
    "eisen._core.types": "Types",
}


def entry(package: str, name: str) -> str:
    """Return the directive that documents one name."""
    value = getattr(importlib.import_module(package), name)
    if inspect.isclass(value):
        options = [":members:", ":exclude-members: apply, apply_drawn, draw, transform", ":show-inheritance:"]
        picture = reference_lines(name) if package == "eisen.transforms" else []
        return "\n   ".join([f".. autoclass:: {package}.{name}", *options, "", *picture]) + "\n"
    if inspect.isroutine(value):
        return f".. autofunction:: {package}.{name}\n"
    return f".. autodata:: {home(package, name)}.{name}\n   :no-value:\n"


def home(module: str, name: str) -> str:
    """Return the module that defines a constant and documents it, not one that only hands it on."""
    found = importlib.import_module(module)
    file = Path(str(found.__file__))
    stub = file.with_suffix(".pyi")
    package = module if hasattr(found, "__path__") else module.rpartition(".")[0]
    for node in ast.walk(ast.parse((stub if stub.exists() else file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and name in [alias.name for alias in node.names]:
            return home(resolve_name("." * node.level + (node.module or ""), package), name)
    return module


def page(package: str, title: str, documented: dict[int, str]) -> str:
    """Return the reference page of one package; what another page documents already is only linked."""
    module = importlib.import_module(package)
    summary = (module.__doc__ or "").strip().split("\n\n")[0]
    lines = [title, "=" * len(title), "", f"``{package}`` – {summary}", ""]
    for name in module.__all__:
        value = getattr(module, name)
        if id(value) in documented:
            lines.append(f"``{name}``: see :py:obj:`~{documented[id(value)]}`.\n")
        else:
            documented[id(value)] = f"{package}.{name}"
            lines.append(entry(package, name))
    return "\n".join(lines)


def write_pages(app: Any) -> None:
    """Write docs/reference/*.rst; a page that did not change is left alone, so rebuilding is quick."""
    folder = Path(app.srcdir) / "reference"
    folder.mkdir(exist_ok=True)
    index = ["Reference", "=========", ""]
    index += ["Generated from the docstrings of every public name.", "", ".. toctree::", ""]
    documented: dict[int, str] = {}
    for package, title in PAGES.items():
        path = folder / f"{package}.rst"
        text = page(package, title, documented)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text)
        index.append(f"   {package}")
    (folder / "index.rst").write_text("\n".join([*index, ""]))


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True}
