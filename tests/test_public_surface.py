"""The public surface: closed, documented, and every old name accounted for."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import pytest

import eisen

PACKAGES = (
    "config",
    "datasets",
    "evaluation",
    "experiments",
    "io",
    "models",
    "ops",
    "patches",
    "storage",
    "transforms",
    "utils",
)


def modules(package: str) -> Iterator[ModuleType]:
    root = importlib.import_module(package)
    yield root
    for info in pkgutil.walk_packages(root.__path__, f"{package}."):
        if "__main__" not in info.name:
            yield importlib.import_module(info.name)


def public_names() -> list[str]:
    return [
        f"{m.__name__}.{name}" for p in ("eisen", "eisen_cli") for m in modules(p) for name in getattr(m, "__all__", ())
    ]


def resolve(path: str) -> object:
    owner, _, name = path.rpartition(".")
    return getattr(importlib.import_module(owner), name)


@pytest.mark.parametrize("module", list(modules("eisen")), ids=lambda m: m.__name__)
def test_a_module_says_what_is_public(module: ModuleType) -> None:
    assert hasattr(module, "__all__") or module.__name__ == "eisen._core", f"{module.__name__} has no __all__"
    assert all(hasattr(module, name) for name in getattr(module, "__all__", ()))
    assert module.__doc__, f"{module.__name__} does not say what it is"


def test_public_classes_and_functions_are_documented_and_typed() -> None:
    bare = []
    for path in public_names():
        value = resolve(path)
        if not getattr(value, "__module__", "").startswith("eisen"):
            continue
        if (inspect.isclass(value) or inspect.isfunction(value)) and not value.__doc__:
            bare.append(f"{path} has no docstring")
        if inspect.isfunction(value):
            hints = [name for name, p in inspect.signature(value).parameters.items() if p.annotation is p.empty]
            bare += [f"{path}: parameter {name} has no type" for name in hints if name != "self"]
    assert not bare, "\n".join(bare)


@pytest.mark.parametrize("package", PACKAGES)
def test_star_import_brings_only_what_is_meant(package: str) -> None:
    scope: dict[str, object] = {}
    exec(f"from eisen.{package} import *", scope)
    brought = set(scope) - {"__builtins__"}
    assert brought == set(importlib.import_module(f"eisen.{package}").__all__)
    assert not any(isinstance(scope[name], ModuleType) for name in brought), "a star import must not shadow modules"


def test_the_constants_of_the_original_are_unchanged() -> None:
    assert eisen.EPS == 1e-5
    assert eisen.EISEN_END_BATCH_EVENT == "eisen::end_batch"
    assert eisen.EISEN_END_EPOCH_EVENT == "eisen::end_epoch"
    assert eisen.EISEN_BEST_MODEL_LOSS == "eisen::best_model_loss"
    assert eisen.EISEN_BEST_MODEL_METRIC == "eisen::best_model_metric"
