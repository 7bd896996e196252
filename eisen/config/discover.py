"""Finding everything a configuration can name: our packages, installed extensions, and modules of the user."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any

from eisen._core.errors import ConfigError, EisenError, Problem
from eisen.config.catalogue import PACKAGES, WRAPPERS
from eisen.config.injection import injected_names
from eisen.config.others import names_of_libraries
from eisen.config.roles import is_a, misfit
from eisen.config.sections import SINGULAR, WIRED
from eisen.config.signature import signature_of

__all__ = ["discover", "spellings"]

_GROUP = "eisen.modules"
_TORCH = {
    "Optimizer": "torch.optim",
    "Scheduler": "torch.optim.lr_scheduler",
    "Losses": "torch.nn.modules.loss",
}


def discover(extra: Iterable[str] = (), *, others: bool = False) -> dict[str, list[str]]:
    """Return the dotted paths of everything a configuration can name, by section.

    Classes come from the public names (``__all__``) of our packages, of PyTorch's optimizers, schedulers and losses,
    of every package that registers itself under the entry-point group ``eisen.modules``, and of the modules named.

    Args:
        extra: Further modules, e.g. ``["my_package.transforms"]``.
        others: Include the parts of torchvision, MONAI, TorchIO and batchgeneratorsv2 where they are installed. They
            are imported for it, which takes seconds. Some stand inside of a step or wrapper of ours, see
            `eisen.config.others.holder_of`.

    Raises:
        ConfigError: If one of the further modules cannot be imported.

    Example:
        >>> "torch.optim.Adam" in discover()["Optimizer"]
        True
    """
    found: dict[str, dict[str, None]] = {section: {} for section in SINGULAR}
    for package, section in PACKAGES.items():
        for path, thing in _classes(_loaded(package)):
            _file(found, section, path, thing)
            _file(found, "Hooks", path, thing)
            _file(found, "Sampler", path, thing)
            _file(found, "Which", path, thing)
    for path, section in WRAPPERS.items():
        found[section][path] = None
    for section, package in _TORCH.items():
        for path, thing in _classes(import_module(package)):
            _file(found, section, path.replace("torch.nn.modules.loss.", "torch.nn."), thing)
    if others:
        for path, (library, _) in names_of_libraries().items():
            found[library.section][path] = None
    for module in [*_extensions(), *map(_demanded, extra)]:
        for path, thing in _classes(module):
            _file(found, _section_of(path, thing), path, thing)
    return {section: list(paths) for section, paths in found.items()}


def _file(found: dict[str, dict[str, None]], section: str | None, path: str, thing: Any) -> None:
    if section and misfit(section, thing, path) is None and _is_usable(section, thing):
        found[section][path] = None


def _is_usable(section: str, thing: Any) -> bool:
    """Tell whether a file can describe an object of a class; bases and containers of objects are not for files."""
    signature = signature_of(thing)
    given = injected_names(section, signature, {})
    if section == "Workflow" and not signature.accepts("data_loader"):
        return False
    if section == "Hooks" and not _listens(thing):
        return False
    if thing.__name__ in ("BatchCompose", "Choice", "LRScheduler", "Optimizer", "Which"):
        return False
    needed = [p for p in signature.parameters.values() if p.required and p.name not in given]
    return section in WIRED or all(p.expressible for p in needed)  # a loss may hold another loss


def _listens(thing: Any) -> bool:
    """Tell whether a class follows the hook convention, or has methods for our events."""
    names = list(signature_of(thing).parameters)[:3]
    return names[:1] == ["workflow_id"] and ("phase" in names or any(name.startswith("on_") for name in dir(thing)))


def spellings(path: str) -> list[str]:
    """Return all dotted paths under which a class can be named, the given one first.

    Files of the original name the module as well (``eisen.transforms.imaging.MapValues``); both are right.
    """
    package, _, name = path.rpartition(".")
    owner = _loaded(package)
    thing = getattr(owner, name)
    others = [f"{thing.__module__}.{thing.__qualname__}"]
    for info in pkgutil.iter_modules(getattr(owner, "__path__", ())):
        module = _loaded(f"{package}.{info.name}") if package.startswith("eisen.") else None
        if module is not None and name in getattr(module, "__all__", ()):
            others.append(f"{module.__name__}.{name}")
    return list(dict.fromkeys([path, *others]))


def _loaded(name: str) -> ModuleType | None:
    try:
        return import_module(name)
    except (ImportError, EisenError, ValueError):  # a package whose extra is not installed offers nothing
        return None


def _demanded(name: str) -> ModuleType:
    try:
        return import_module(name)
    except Exception as error:
        what = f"importing '{name}' failed: {type(error).__name__}: {error}"
        raise ConfigError([Problem(name, what, "a module that Python can import")]) from error


def _extensions() -> Iterator[ModuleType]:
    for point in entry_points(group=_GROUP):
        module = _loaded(point.value.partition(":")[0])
        if module is not None:
            yield module


def _classes(module: ModuleType | None) -> Iterator[tuple[str, Any]]:
    if module is None:
        return
    names = getattr(module, "__all__", None)
    own = [name for name, thing in vars(module).items() if getattr(thing, "__module__", None) == module.__name__]
    for name in sorted(names if names is not None else (name for name in own if not name.startswith("_"))):
        try:
            thing = getattr(module, name)
        except (ImportError, EisenError):
            continue
        if isinstance(thing, type):
            yield f"{module.__name__}.{name}", thing


def _section_of(path: str, thing: Any) -> str | None:
    """Return the section a class of somebody else goes into, from what it is and from its name."""
    fitting = [section for section in SINGULAR if misfit(section, thing, path) is None]
    lower = path.lower()
    if is_a(thing, "torch.nn.Module"):
        return "Losses" if "loss" in lower else "Metrics" if "metric" in lower else "Models"
    for section in ("Optimizer", "Scheduler", "Sampler", "Datasets", "Workflow"):
        if section in fitting:
            return section
    if "Hooks" in fitting and _listens(thing):
        return "Hooks"
    if "Transforms" in fitting:
        return "Readers" if "data_dir" in signature_of(thing).parameters else "Transforms"
    return None
