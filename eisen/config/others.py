"""What other libraries offer to a configuration, where they are installed: networks, losses, transforms, datasets."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import FunctionType, ModuleType
from typing import Any

from eisen._core.errors import EisenError
from eisen.config import hints
from eisen.config.injection import injected_names
from eisen.config.roles import is_a
from eisen.config.signature import Parameter, signature_of

__all__ = ["LIBRARIES", "Library", "entry_place", "holder_of", "names_of_libraries"]


@dataclass(frozen=True)
class Library:
    """A package of somebody else whose public names a configuration can use.

    Args:
        package: Its dotted name.
        section: The section that its parts go into.
        holder: The class of ours that such a part stands inside of; "": it stands in the section itself.
        base: The class that a part derives from; "": any.
        deep: Whether its parts are in the modules inside of it.
    """

    package: str
    section: str
    holder: str = ""
    base: str = ""
    deep: bool = False


_NETWORK = "torch.nn.Module"
_MAPPED = "monai.transforms.transform.MapTransform"

LIBRARIES = (
    Library("torchvision.models", "Models"),
    Library("torchvision.models.segmentation", "Models"),
    Library("torchvision.models.video", "Models"),
    Library("torchvision.transforms.v2", "Transforms", "eisen.utils.EisenTransformWrapper", _NETWORK),
    Library("torchvision.datasets", "Datasets", "eisen.utils.EisenDatasetWrapper", "torch.utils.data.Dataset"),
    Library("monai.networks.nets", "Models", base=_NETWORK),
    Library("monai.losses", "Losses", base=_NETWORK),
    Library("monai.transforms", "Transforms", "eisen.utils.interop.MONAIStep", _MAPPED),
    Library("torchio.transforms", "Transforms", "eisen.utils.interop.TorchIOStep", "torchio.Transform"),
    Library(
        "batchgeneratorsv2.transforms",
        "Transforms",
        "eisen.utils.interop.BatchgeneratorsStep",
        "batchgeneratorsv2.transforms.base.basic_transform.BasicTransform",
        deep=True,
    ),
)
"""Where the parts of the libraries are; which parts there are, and what they take, is read from the library itself."""

_SHORT = {"torchio.transforms": "torchio"}
"""Packages whose names are also those of a shorter package, as people write them."""


@cache
def names_of_libraries() -> dict[str, tuple[Library, Any]]:
    """Return the parts of all installed libraries: dotted path to the library and the class or function.

    The libraries are imported, which can take seconds. What is no part that a file could describe is left out.
    """
    found: dict[str, tuple[Library, Any]] = {}
    for library in LIBRARIES:
        for path, thing in _parts(library):
            if _is_describable(library.section, thing):
                found.setdefault(path, (library, thing))
    return found


def holder_of(path: str) -> str:
    """Return the class of ours that a part of another library stands inside of, or "" when it needs none.

    Example:
        >>> holder_of("torchio.RandomAffine"), holder_of("torchio.transforms.RandomAffine")
        ('eisen.utils.interop.TorchIOStep', 'eisen.utils.interop.TorchIOStep')
        >>> holder_of("torch.nn.L1Loss")
        ''
    """
    for library in LIBRARIES:
        packages = (library.package, _SHORT.get(library.package, library.package))
        if library.holder and any(_is_inside(path, package, library.deep) for package in packages):
            return library.holder
    return ""


def _is_inside(path: str, package: str, deep: bool) -> bool:
    return path.startswith(f"{package}.") and (deep or "." not in path.removeprefix(f"{package}."))


def entry_place(holder: Any) -> Parameter | None:
    """Return the parameter of a class in whose place entries stand: the transforms of a step, the dataset of a wrapper.

    Args:
        holder: The class.
    """
    parameters = signature_of(holder).parameters.values()
    steps = (parameter for parameter in parameters if hints.holds_steps(parameter.hint))
    others = (parameter for parameter in parameters if parameter.required and not parameter.expressible)
    return next(steps, None) or next(others, None)


def _parts(library: Library) -> Iterator[tuple[str, Any]]:
    for module in _modules(library):
        shown = _SHORT.get(module.__name__, module.__name__)
        for name, thing in sorted(vars(module).items()):
            if not name.startswith("_") and _is_part(library, module, name, thing):
                yield f"{shown}.{name}", thing


def _modules(library: Library) -> Iterator[ModuleType]:
    try:
        if find_spec(library.package.partition(".")[0]) is None:
            return
        package = import_module(library.package)
    except (ImportError, EisenError, ValueError, RuntimeError):  # broken, or made for another version of PyTorch
        return
    inside = pkgutil.walk_packages(package.__path__, f"{package.__name__}.") if library.deep else ()
    yield package
    for info in inside:
        try:
            yield import_module(info.name)
        except ImportError:
            continue


def _is_part(library: Library, module: ModuleType, name: str, thing: Any) -> bool:
    """Tell whether a name stands for a part: under its own name, of the package itself, and of the right family."""
    home = str(getattr(thing, "__module__", ""))
    if getattr(thing, "__name__", "") != name or not home.startswith(module.__name__ if library.deep else _top(module)):
        return False
    if isinstance(thing, FunctionType):
        return library.section == "Models" and not library.base and _returns_network(thing)
    is_base = library.base.endswith(f".{name}")
    return isinstance(thing, type) and bool(library.base) and not is_base and is_a(thing, library.base)


def _top(module: ModuleType) -> str:
    return ".".join(module.__name__.split(".")[:2])


def _returns_network(function: Any) -> bool:
    """Tell whether a function builds one certain network: what it returns is written down, and is one."""
    returned = function.__annotations__.get("return")
    found = function.__globals__.get(returned) if isinstance(returned, str) else returned
    return is_a(found, _NETWORK) and found.__module__ != "torch.nn.modules.module"


def _is_describable(section: str, thing: Any) -> bool:
    signature = signature_of(thing)
    given = injected_names(section, signature, {})
    if getattr(thing, "__abstractmethods__", None):
        return False
    needed = [p for p in signature.parameters.values() if p.required and p.name not in given and p.name != "root"]
    return all(parameter.expressible for parameter in needed)
