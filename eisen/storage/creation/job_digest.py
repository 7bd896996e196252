"""What tells one piece of work from another: an interrupted run goes on only with the same work."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from eisen._core.version import __version__
from eisen.storage.creation.layout_eisen import config_digest
from eisen.storage.creation.settings import LoadEntry, OnCase, StoreSettings

__all__ = ["job_digest"]


def job_digest(
    dataset: Any, settings: StoreSettings, config: Any, load: LoadEntry | None, on_case: OnCase | None
) -> str:
    """Return what tells this work from any other; functions are told apart by their address where nothing else can.

    Args:
        dataset: The data set.
        settings: How cases are written.
        config: What made the cases.
        load: The user's function, if there is one.
        on_case: Another one.
    """
    work = {
        "eisen": __version__,
        "settings": repr(settings),
        "config": config_digest(config),
        "chain": _chain(dataset),
        "load": _name_of(load),
        "on_case": _name_of(on_case),
        "cases": len(dataset),
    }
    return hashlib.sha256(json.dumps(work, sort_keys=True).encode()).hexdigest()


def _chain(dataset: Any) -> str:
    inner = getattr(dataset, "dataset", None)
    own = f"{type(dataset).__qualname__}({getattr(dataset, 'transform', None)!r})"
    return own if inner is None else f"{_chain(inner)} > {own}"


def _name_of(function: Any) -> str:
    code = getattr(function, "__code__", None)
    if function is None or code is None:
        return repr(function)
    return f"{function.__qualname__} {hashlib.sha256(code.co_code).hexdigest()} {code.co_consts!r}"
