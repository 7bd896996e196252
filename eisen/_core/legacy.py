"""The table of old names: what they were in the original Eisen, and what they are now.

`RENAMED` maps an old dotted path to the present one; importing it or naming it in a configuration works and warns.
`GONE` maps an old dotted path to the reason why it is no longer there; using it raises an error with that reason.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

__all__ = ["GONE", "RENAMED", "resolve_attribute"]

RENAMED: dict[str, str] = {
    "eisen.io.LoadNiftyFromFilename": "eisen.io.imaging.LoadNiftiFromFilename",
    "eisen.io.imaging.LoadNiftyFromFilename": "eisen.io.imaging.LoadNiftiFromFilename",
    "eisen.datasets.generic.JsonDataset": "eisen.datasets.json.JsonDataset",
    "eisen.utils.EisenAutoModelParallelModuleWrapper": "eisen.utils.ModelParallel",
    "torch.optim.SDG": "torch.optim.SGD",
}

GONE: dict[str, str] = {}


def resolve_attribute(module: str, name: str) -> Any:
    """Return what an old name of a module stands for today.

    Raises:
        AttributeError: If the module never had that name, or the name is gone; the message says which.
    """
    path = f"{module}.{name}"
    if path in RENAMED:
        new = RENAMED[path]
        warnings.warn(f"{path} is now {new}", DeprecationWarning, stacklevel=3)
        owner, _, attribute = new.rpartition(".")
        return getattr(import_module(owner), attribute)
    reason = f": {GONE[path]}" if path in GONE else ""
    raise AttributeError(f"module '{module}' has no attribute '{name}'{reason}")
