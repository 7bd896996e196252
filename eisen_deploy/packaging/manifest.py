"""``MAR-INF/MANIFEST.json``: what a server reads first, and what must not be in it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from eisen_deploy.packaging.names import problem_of

__all__ = ["BUILT_IN", "NAMED_MEMBERS", "problem_of_manifest", "strict_json"]

NAMED_MEMBERS = ("handler", "serializedFile", "modelFile", "requirementsFile", "configFile")
"""Entries of ``model`` that name members of the archive."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-.]{0,99}")
_RUNTIMES = ("python", "python3", "LSP")
BUILT_IN = frozenset({"base_handler", "image_classifier", "image_segmenter", "object_detector", "text_classifier"})
"""Handlers that come with TorchServe; every other one is a member."""


def problem_of_manifest(manifest: Any, names: Collection[str]) -> str:
    """Return what is wrong with a manifest, or an empty text.

    TorchServe joins some of its entries with the folder of the model without a look at them (``configFile: "../../x"``
    reads files of the server), so each must be a member.

    Args:
        manifest: The parsed JSON.
        names: Members of the archive.

    Example:
        >>> problem_of_manifest({"model": {"modelName": "liver", "handler": "../x.py"}}, ["handlers.py"])
        "model.handler is '../x.py': it leaves the folder"
    """
    model = manifest.get("model") if isinstance(manifest, Mapping) else None
    if not isinstance(model, Mapping):
        return "there is no model in it"
    name = model.get("modelName")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return f"model.modelName is {name!r}, not a name of letters, digits, '_', '-' and '.'"
    if manifest.get("runtime", "python") not in _RUNTIMES:
        return f"runtime is {manifest['runtime']!r}, not one of {', '.join(_RUNTIMES)}"
    if "handler" not in model:
        return "model.handler is missing"
    return next(filter(None, (_problem_of_entry(key, model[key], names) for key in NAMED_MEMBERS if key in model)), "")


def strict_json(content: bytes) -> Any:
    """Return what JSON from a stranger says; two entries of one name would mean one thing here and another there.

    Raises:
        ValueError: If it is not JSON in UTF-8, names an entry twice, or is nested too deep.

    Example:
        >>> strict_json(b'{"a": 1, "a": 2}')
        Traceback (most recent call last):
        ...
        ValueError: 'a' is there twice
    """
    try:
        return json.loads(content.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_number)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name[:80]!r} is there twice")
        found[name] = value
    return found


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number in JSON")


def _problem_of_entry(key: str, value: Any, names: Collection[str]) -> str:
    if not isinstance(value, str):
        return f"model.{key} is {value!r}, not the name of a member"
    file, _, function = value.partition(":") if key == "handler" else (value, "", "")
    if key == "handler" and (value in BUILT_IN or (function and not function.isidentifier())):
        return "" if value in BUILT_IN else f"model.handler is {value!r}: {function!r} is no function"
    if problem := problem_of(file):
        return f"model.{key} is {value!r}: {problem}"
    return "" if file in names else f"model.{key} is {value!r}, which is no member of the archive"
