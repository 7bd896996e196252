"""The layers of docs/architecture.md, enforced: a module imports only what lies below it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# From the top floor to the ground. Rooms on one floor do not know each other.
FLOORS: list[set[str]] = [
    {"eisen_cli"},
    {"eisen_deploy"},
    {"eisen.experiments"},
    {"eisen.utils"},
    {"eisen.evaluation", "eisen.models", "eisen.datasets", "eisen.patches"},
    {"eisen.storage"},
    {"eisen.transforms"},
    {"eisen.io", "eisen.ops", "eisen.config"},
    {"eisen._core"},
]
LEVEL = {room: level for level, floor in enumerate(FLOORS) for room in floor}


def room_of(module: str) -> str | None:
    """Return the room a dotted module name lies in; None for `eisen` itself and for other people's packages."""
    parts = module.split(".")
    return next((room for room in (".".join(parts[:2]), parts[0]) if room in LEVEL), None)


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted module) of every import in a file, also those inside functions."""
    package = path.relative_to(ROOT).parent.as_posix().replace("/", ".")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, [base, node.module]))
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def violations(path: Path) -> Iterator[str]:
    """Yield one line per import that goes up, or sideways into a sibling."""
    home = room_of(path.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."))
    for line, module in imports_of(path):
        room = room_of(module)
        if home and room and room != home and LEVEL[room] <= LEVEL[home]:
            yield f"{path.relative_to(ROOT)}:{line} {home} must not import {module}"


def sources() -> list[Path]:
    packages = ("eisen", "eisen_cli", "eisen_deploy")
    return sorted(
        path for package in packages for path in (ROOT / package).rglob("*.py*") if path.suffix in (".py", ".pyi")
    )


def test_every_import_goes_down() -> None:
    found = [line for path in sources() for line in violations(path)]
    assert not found, "\n".join(["imports against the layers:", *found])


def test_every_room_has_a_floor() -> None:
    rooms = {f"eisen.{folder.name}" for folder in (ROOT / "eisen").iterdir() if (folder / "__init__.py").exists()}
    assert rooms <= set(LEVEL), f"rooms without a floor: {sorted(rooms - set(LEVEL))}"


@pytest.mark.parametrize(
    ("place", "line", "complaint"),
    [
        ("eisen/io/x.py", "from eisen.transforms import Compose", "eisen/io/x.py:1 eisen.io must not import"),
        ("eisen/io/x.py", "def f():\n    import eisen.utils.events", "eisen/io/x.py:2 eisen.io must not import"),
        ("eisen/models/x.py", "from eisen import datasets", "eisen/models/x.py:1 eisen.models must not import"),
        ("eisen/utils/x.py", "from ..experiments import Run", "eisen/utils/x.py:1 eisen.utils must not import"),
    ],
)
def test_an_import_that_goes_up_is_named(
    place: str, line: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_text(line)
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    assert [text for text in violations(path) if text.startswith(complaint)]
