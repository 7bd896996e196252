"""JSON Schema of a whole configuration, derived from signatures and docstrings: completion and checks in an editor."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from pydantic import TypeAdapter

from eisen._core.legacy import RENAMED
from eisen.config import hints
from eisen.config.describe import ModuleInfo, ParameterInfo, describe
from eisen.config.discover import discover, spellings
from eisen.config.evaluation import evaluation_schema
from eisen.config.experiment import Hyperparameters
from eisen.config.injection import injected_names, settings_of
from eisen.config.locate import locate
from eisen.config.repair import DROPPED
from eisen.config.sections import ALIASES, ALSO, GENERAL, HYPER, PHASES, RESERVED, SAME, SECTIONS, SINGULAR, WIRED
from eisen.config.signature import signature_of
from eisen.config.split import split_schema
from eisen.config.windows import WindowSettings

__all__ = ["config_schema"]

_NAMES = {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1}
_PATH = r"^[^\W\d]\w*(\.[^\W\d]\w*)+$"


def config_schema(extra: Iterable[str] = ()) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a configuration.

    Every module that can be found has its parameters in it, with types, defaults, choices and help. Classes that
    were not found may still be named by their dotted path; their parameters are not checked.

    Args:
        extra: Further modules to include, e.g. ``["my_package.transforms"]``.

    Example:
        >>> sorted(config_schema()["properties"])[:4]
        ['$schema', 'Evaluation', 'General', 'Packaging']
    """
    found = discover(extra)
    definitions: dict[str, Any] = {"Hyperparameters": _hyperparameters()}
    for section in [section for section in found if section not in SAME]:
        paths = [path for role in (section, *ALSO.get(section, ())) for path in found[role]]
        modules = {f"{section}.{path}": _module(section, path) for path in dict.fromkeys(paths)}
        known = [name for module in modules.values() for name in module["properties"]["type"]["enum"]]
        definitions |= modules | {section: _section(section, list(modules), known)}
    parts: dict[str, Any] = {"General": _part(GENERAL, "What all phases share.")}
    parts |= (
        {"Split": split_schema()}
        | {phase: _phase(phase) for phase in PHASES}
        | {name: {"type": "object"} for name in RESERVED}
        | {"Evaluation": evaluation_schema()}
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An eisen experiment",
        "type": "object",
        "properties": {"$schema": {"type": "string"}, **parts},
        "additionalProperties": False,
        "$defs": definitions,
    }


def _part(sections: Iterable[str], words: str) -> dict[str, Any]:
    properties = {section: {"$ref": f"#/$defs/{SAME.get(section, section)}"} for section in sections}
    return {"type": "object", "description": words, "properties": properties, "additionalProperties": False}


def _phase(name: str) -> dict[str, Any]:
    part = _part(SECTIONS[name], f"The {name} phase.")
    part["properties"] |= {alias: part["properties"][section] for alias, section in ALIASES.items()}
    part["properties"]["Options"] = {"type": "object", "description": "Settings of the phase."}
    return part


def _section(section: str, names: list[str], known: list[str]) -> dict[str, Any]:
    """A list of modules: one of those we know, or a dotted path of somebody else."""
    wires = {"required": ["input_names", "output_names"]} if section in WIRED else {}
    stranger = {
        "type": "object",
        "properties": {
            "type": {"type": "string", "pattern": _PATH, "not": {"anyOf": [{"pattern": r"^eisen\."}, {"enum": known}]}},
            "params": {"type": "object", **wires},
        },
        "required": ["type", "params"],
    }
    ours = {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in names]}
    return {
        "type": "array",
        "description": f"Each entry is a {SINGULAR[section]}.",
        "items": {"anyOf": [ours, stranger] if names else [stranger]},
    }


def _module(section: str, path: str) -> dict[str, Any]:
    info, cls = describe(path), locate(path)
    signature = signature_of(cls)
    hidden = injected_names(section, signature, {})
    shown = [parameter for parameter in info.parameters if parameter.name not in hidden]
    properties = {parameter.name: _parameter(parameter) for parameter in shown}
    required = [parameter.name for parameter in shown if parameter.required]
    if section in WIRED:
        wires = {"input_names": "Fields it reads.", "output_names": "Fields it adds."}
        properties = {name: {**_NAMES, "description": words} for name, words in wires.items()} | properties
        required = [*wires, *required]
    properties |= {name: hints.json_schema(hint) for name, hint in settings_of(section, signature).items()}
    ignored = {name: why for name, why in DROPPED.get(cls.__name__, {}).items() if name not in properties}
    properties |= {name: {"deprecated": True, "description": why} for name, why in ignored.items()}
    return _object(path, info, properties, required)


def _object(path: str, info: ModuleInfo, properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    names = spellings(path)
    names += [old for old, new in RENAMED.items() if new in names and old not in names]
    params = {"type": "object", "properties": properties, "required": required, "additionalProperties": info.open}
    return {
        "type": "object",
        "title": path.rpartition(".")[2],
        "description": info.summary,
        "properties": {"type": {"enum": names, "description": info.summary}, "params": params},
        "required": ["type", "params"],
        "additionalProperties": False,
    }


def _parameter(parameter: ParameterInfo) -> dict[str, Any]:
    schema = hints.json_schema(parameter.hint)
    if parameter.choices and parameter.hint is str:
        schema = {"enum": list(parameter.choices)}
    if parameter.doc:
        schema["description"] = parameter.doc
    if not parameter.required:
        with suppress(TypeError, ValueError):  # a default that JSON does not know is not shown
            schema["default"] = json.loads(json.dumps(parameter.default))
    return schema


def _hyperparameters() -> dict[str, Any]:
    """Return the schema of a Hyperparameters section, from the types and the docstring of the settings."""
    types = TypeAdapter(Hyperparameters).json_schema()["properties"]
    help_texts = {parameter.name: parameter.doc for parameter in describe(Hyperparameters).parameters}
    entries = []
    for name, attribute in HYPER.items():
        if attribute == "sliding_window":
            entries.append(_hyperparameter(f".{name}", None, _windows()))
            continue
        value = {key: item for key, item in types[attribute].items() if key != "title"}
        value |= value.pop("anyOf", [{}])[0]  # the other kind is null, which stands for the default
        if value.get("default", 0) is None:
            del value["default"]
        if name == "NumWorker":
            value["deprecated"] = True
        entries.append(_hyperparameter(f".{name}", {**value, "description": help_texts[attribute]}))
    return {"type": "array", "description": "Settings that belong to no module.", "items": {"oneOf": entries}}


def _windows() -> dict[str, Any]:
    """Return the schema of the parameters of ``.SlidingWindow``, which has many instead of a value."""
    schema = TypeAdapter(WindowSettings).json_schema()
    for parameter in describe(WindowSettings).parameters:
        schema["properties"][parameter.name]["description"] = parameter.doc
    return {key: schema[key] for key in ("type", "properties", "required", "additionalProperties")}


def _hyperparameter(name: str, value: dict[str, Any] | None, params: dict[str, Any] | None = None) -> dict[str, Any]:
    params = params or {
        "type": "object",
        "properties": {"value": value},
        "required": ["value"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"type": {"const": name}, "params": params},
        "required": ["type", "params"],
        "additionalProperties": False,
    }
