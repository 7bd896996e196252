"""The list of modules in the format of the original Eisen's builder."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import eisen
from eisen._core.atomic import atomic_write
from eisen.config.sections import HYPER
from eisen_cli.builder.parts.catalogue import Catalogue
from eisen_cli.builder.parts.fields import FieldSpec, plain_value
from eisen_cli.builder.parts.hyper import hyper_fields
from eisen_cli.builder.parts.part import Part

__all__ = ["old_builder_modules", "write_old_builder"]

_SECTIONS = {
    "transforms": "Transforms",
    "readers": "Readers",
    "models": "Models",
    "losses": "Losses",
    "metrics": "Metrics",
    "workflow": "Workflow",
    "datasets": "Datasets",
    "hooks": "Hooks",
    "optimizer": "Optimizer",
}
"""Keys of the file in their order, and the section each is about."""

_TYPES = {"integer": "int", "number": "float", "switch": "bool", "dict": "dict"}
_ITEMS = {"integer": "list:int", "number": "list:float"}
_HYPER = {"NumWorkers": ".NumWorker", "BatchSize": ".BatchSize", "Seed": ".Seed"}
"""The three hyperparameters that the old program knows, and how it spells them."""
_SEED = 42


def old_builder_modules(catalogue: Catalogue, found: dict[str, list[str]]) -> dict[str, list[dict[str, Any]]]:
    """Return the modules by the keys of the old builder, each with name, type and default of its parameters.

    Defaults are texts, as the old builder has them; a list of values is a drop-down. What the program fills in is not
    among the parameters.

    Args:
        catalogue: Describes the modules.
        found: The dotted paths of each section.

    Example:
        >>> made = old_builder_modules(Catalogue({}), {"Optimizer": ["torch.optim.Adam"]})
        >>> made["optimizer"][0]["params"][0]
        {'name': 'lr', 'type': 'float', 'value': '0.001'}
    """
    modules = {key: _modules(catalogue, section, found.get(section, ())) for key, section in _SECTIONS.items()}
    return {**modules, "hyperparameters": _hyperparameters()}


def write_old_builder(folder: Path, imports: Iterable[str] = ()) -> Path:
    """Write ``eisen_modules_v<version>.json`` into a folder and return its path.

    Args:
        folder: The folder; it is made if it is not there.
        imports: Further packages whose modules shall be in the list.

    Raises:
        ConfigError: If one of the packages cannot be imported.
    """
    from eisen.config.discover import discover

    found = discover(imports)
    modules = old_builder_modules(Catalogue(found), found)
    path = Path(folder) / f"eisen_modules_v{eisen.__version__}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write(json.dumps(modules, indent=4, ensure_ascii=False).encode("utf-8"))
    return path


def _modules(catalogue: Catalogue, section: str, paths: Iterable[str]) -> list[dict[str, Any]]:
    parts = sorted((catalogue.part(section, path) for path in paths), key=lambda part: part.name)
    return [{"type": part.path, "params": _params(part)} for part in parts if part.is_known]


def _params(part: Part) -> list[dict[str, Any]]:
    wires = part.new_entry()["params"]
    shown = [spec for spec in part.fields if spec.kind not in ("entry", "entries") and not spec.filled]
    return [
        _param(spec, wires.get(spec.name) if spec.name in ("input_names", "output_names") else None) for spec in shown
    ]


def _param(spec: FieldSpec, value: Any = None) -> dict[str, Any]:
    return {"name": spec.name, "type": _type(spec), "value": _value(spec, spec.default if value is None else value)}


def _type(spec: FieldSpec) -> str:
    """Return the nearest of the types that the old builder knows."""
    if spec.kind == "nested":
        return "list:list:string"
    if spec.kind in ("list", "names"):
        return "string" if spec.shape == "one" else _ITEMS.get(spec.item, "list:string")
    return _TYPES.get(spec.kind, "string")


def _value(spec: FieldSpec, value: Any) -> str | list[str]:
    """Return a default as text; of a choice all values, the default first."""
    if spec.kind == "choice":
        choices = sorted(spec.choices, key=lambda choice: choice != value)
        return [choice if isinstance(choice, str) else json.dumps(choice) for choice in choices]
    plain = plain_value(value)
    if plain is None:
        return ""
    return plain if isinstance(plain, str) else str(plain)


def _hyperparameters() -> list[dict[str, Any]]:
    known = {spec.name: spec for spec in hyper_fields()}
    assert set(_HYPER) <= set(HYPER)
    values = {name: _SEED if name == "Seed" else known[name].default for name in _HYPER}
    return [
        {"type": old, "params": [{"name": "value", "type": "int", "value": str(values[name])}]}
        for name, old in _HYPER.items()
    ]
