"""Which code a run used: a digest of every module of eisen and of the modules its configuration names."""

from __future__ import annotations

import ast
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from eisen._core.digest import file_digest
from eisen.experiments.provenance.digests import digest_of, short

__all__ = ["code_facts"]

_OURS = ("eisen", "eisen_cli")


def code_facts(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what identifies the code of a run.

    Modules outside of ``site-packages`` count with their content, and so do the modules beside them that they
    import; installed libraries count with their version.

    Args:
        config: The configuration; every text ``"type"`` in it names a class.

    Returns:
        ``{"digest", "files", "packages"}``: of everything, of each file by name, and versions by package.

    Example:
        >>> facts = code_facts({"General": {"Models": [{"type": "torch.nn.Linear"}]}})
        >>> "eisen/utils/wrappers.py" in facts["files"], list(facts["packages"])
        (True, ['torch'])
    """
    files = _own_files()
    packages: dict[str, str] = {}
    for dotted in sorted(set(_types(config))):
        top = dotted.partition(".")[0]
        if top in _OURS or top in sys.stdlib_module_names:
            continue
        if _is_installed(top):
            packages[top] = _version(top)
        else:
            files |= _user_files(dotted)
    return {"digest": digest_of([files, packages]), "files": files, "packages": packages}


def _types(value: Any) -> Iterator[str]:
    """Yield the dotted paths of classes, wherever in the configuration they stand."""
    if isinstance(value, Mapping):
        name = value.get("type")
        if isinstance(name, str) and "." in name.strip("."):
            yield name.strip(".")
        for item in value.values():
            yield from _types(item)
    elif isinstance(value, list):
        for item in value:
            yield from _types(item)


def _own_files() -> dict[str, str]:
    files: dict[str, str] = {}
    for name in _OURS:
        folder = _home(name)
        if folder is not None:
            files |= {f"{name}/{p.relative_to(folder).as_posix()}": _digest(p) for p in sorted(folder.rglob("*.py"))}
    return files


def _user_files(dotted: str) -> dict[str, str]:
    """Return the module a dotted path names and the modules of the same folder that it imports, on and on."""
    spec = _spec(dotted.partition(".")[0])
    origin = getattr(spec, "origin", None)
    if spec is None or origin is None:
        return {}
    is_package = bool(spec.submodule_search_locations)
    root = Path(origin).parent.parent if is_package else Path(origin).parent
    found: dict[str, Path] = {}
    todo = [".".join(dotted.split(".")[:n]) for n in range(1, dotted.count(".") + 2)]
    while todo:
        module = todo.pop()
        path = _module_file(root, module)
        if path is not None and module not in found:
            found[module] = path
            todo += _imports(path, module)
    return {path.relative_to(root).as_posix(): _digest(path) for _, path in sorted(found.items())}


def _module_file(root: Path, module: str) -> Path | None:
    base = root.joinpath(*module.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


def _imports(path: Path, module: str) -> Iterator[str]:
    """Yield the names of everything that may be a module in the imports of a file."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, OSError):
        return
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (part for alias in node.names for part in _with_parents(alias.name))
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from _with_parents(base)
            yield from (f"{base}.{alias.name}" if base else alias.name for alias in node.names)


def _with_parents(module: str) -> Iterator[str]:
    parts = module.split(".") if module else []
    yield from (".".join(parts[: n + 1]) for n in range(len(parts)))


def _digest(path: Path) -> str:
    try:
        return short(file_digest(path))
    except OSError:
        return "unreadable"


def _home(name: str) -> Path | None:
    spec = _spec(name)
    return Path(spec.origin).parent if spec is not None and spec.origin else None


def _spec(name: str) -> Any:
    try:
        return find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None


def _is_installed(name: str) -> bool:
    """Tell whether a package lies where packages are installed, and not where users write their own code."""
    origin = getattr(_spec(name), "origin", None)
    places = {sysconfig.get_path(key) for key in ("purelib", "platlib")}
    return origin is None or any(str(origin).startswith(str(place)) for place in places if place)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        owners = _distributions().get(name, [])
        return metadata.version(owners[0]) if owners else "unknown"


@cache
def _distributions() -> Mapping[str, list[str]]:
    """Return which installed project each package belongs to, e.g. ``skimage`` to ``scikit-image``."""
    return metadata.packages_distributions()
