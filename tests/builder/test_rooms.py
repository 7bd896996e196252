"""The rooms of the builder: what has no page imports no NiceGUI, and nothing imports the serving side."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_layers import ROOT, imports_of

BUILDER = ROOT / "eisen_cli" / "builder"
FILES = sorted(BUILDER.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(BUILDER).as_posix())
def test_the_builder_never_imports_the_serving_side(path: Path) -> None:
    assert not [module for _, module in imports_of(path) if module.split(".")[0] == "eisen_deploy"]


@pytest.mark.parametrize("room", ["document", "parts"])
def test_what_has_no_page_knows_no_nicegui(room: str) -> None:
    files = list((BUILDER / room).rglob("*.py"))
    assert files
    found = [(path, module) for path in files for _, module in imports_of(path) if module.split(".")[0] == "nicegui"]
    assert not found


def test_the_command_line_loads_neither_pages_nor_torch() -> None:
    code = "import sys, eisen_cli.main, eisen_cli.commands.build, eisen_cli.commands.board; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"nicegui", "torch", "matplotlib"} & set(done.stdout.split())


def test_pages_are_there_before_torch_is_loaded() -> None:
    pages = ["canvas", "start.page", "board.pages", "viewer.page", "launch", "document.document"]
    code = f"import sys; {'; '.join(f'import eisen_cli.builder.{page}' for page in pages)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"torch", "monai", "torchvision"} & set(done.stdout.split())
