"""Nothing from a file is executed: what has no business in a configuration is refused before it is imported."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eisen._core.errors import ConfigError, Problem
from eisen.config import Entry, build, locate

HOSTILE = [
    "os.system",
    "posix.system",
    "subprocess.Popen",
    "builtins.eval",
    "builtins.exec",
    "shutil.rmtree",
    "runpy.run_path",
    "antigravity.geohash",
    "pickle.loads",
    "ctypes.CDLL",
    "collections.Counter",
    "functools.partial",
    "importlib.import_module",
    "toys.Any.__class__",
    "toys.__loader__.exec_module",
    "toys.__dict__.clear",
    "torch.os.system",
    "torch.sys.exit",
    "torch.nn.functional.warnings.warn",
    "through.popen",
    "through.shell.Popen",
    "through.remove",
]

SECTIONS = ["Datasets", "Readers", "Transforms", "Losses", "Metrics", "Optimizer", "Scheduler", "Workflow", "Hooks"]


@pytest.fixture(autouse=True)
def through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that has imported what must not be reached through it."""
    code = "import subprocess as shell\nfrom os import popen, remove\n"
    (tmp_path / "through.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.parametrize("dotted", HOSTILE)
def test_the_standard_library_cannot_be_named(dotted: str) -> None:
    with pytest.raises(ConfigError) as caught:
        locate(dotted)
    (problem,) = caught.value.problems
    assert "standard library" in problem.what or "inside of Python" in problem.what
    assert problem.expected


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("dotted", HOSTILE[:6])
def test_it_cannot_be_named_in_any_section(
    good: dict[str, Any], problems: Callable[[Any], list[Problem]], section: str, dotted: str
) -> None:
    good["Training"][section] = [{"type": dotted, "params": {"input_names": ["a"], "output_names": ["b"]}}]
    assert f"Training.{section}[0].type" in [problem.where for problem in problems(good)]


def test_refused_modules_are_not_even_imported(tmp_path: Path, good: dict[str, Any]) -> None:
    good["Training"]["Hooks"] = [{"type": f"{name}.x", "params": {}} for name in ("antigravity", "this", "turtle")]
    config = tmp_path / "config.json"
    config.write_text(json.dumps(good))
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from eisen.config import read_config
try:
    read_config({str(config)!r})
except ValueError as error:
    assert len(error.problems) == 3, error
else:
    raise AssertionError
assert not {{"antigravity", "this", "turtle"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_reading_a_configuration_builds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good: dict[str, Any], read: Callable[..., Any]
) -> None:
    (tmp_path / "loud.py").write_text(
        "class Loud:\n"
        "    def __init__(self, path):\n        open(path, 'w').close()\n"
        "    def __call__(self, data):\n        return data\n"
    )
    trace = tmp_path / "trace"
    good["Training"]["Transforms"] = [{"type": "loud.Loud", "params": {"path": str(trace)}}]
    experiment = read(good)
    assert not trace.exists()
    build(experiment.phases["Training"].transforms[0], "Transforms")
    assert trace.exists()


def test_a_class_of_the_wrong_role_is_not_built(tmp_path: Path) -> None:
    (tmp_path / "cunning.py").write_text(
        "class Cunning:\n    def __init__(self, path):\n        open(path, 'w').close()\n"
    )
    trace = tmp_path / "trace"
    for role in ("Datasets", "Readers", "Transforms", "Models", "Losses", "Optimizer", "Scheduler", "Workflow"):
        with pytest.raises(ConfigError, match="is not a"):
            build(Entry("cunning.Cunning", {"path": str(trace)}, f"Training.{role}[0]"), role)
    assert not trace.exists()


@pytest.mark.parametrize("function", ["torch.load", "torch.hub.load", "torch.save", "torch.compile", "toys.number"])
def test_functions_that_make_no_network_are_not_models(function: str) -> None:
    with pytest.raises(ConfigError, match="is not a model"):
        build(Entry(function, {}, "General.Models[0]"), "Models")


def test_what_a_function_returns_is_checked(tmp_path: Path) -> None:
    folder = tmp_path / "zoo" / "models"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("def small():\n    return 3\n")
    with pytest.raises(ConfigError, match="returned int"):
        build(Entry("zoo.models.small", {}, "General.Models[0]"), "Models")


def test_a_module_that_cannot_be_imported_says_why(tmp_path: Path) -> None:
    (tmp_path / "broken_a.py").write_text("def (:\n")
    (tmp_path / "broken_b.py").write_text("import a_package_nobody_has\n")
    with pytest.raises(ConfigError, match="importing 'broken_a' failed: SyntaxError"):
        locate("broken_a.X")
    with pytest.raises(ConfigError, match="'broken_b' needs the package 'a_package_nobody_has'"):
        locate("broken_b.X")


def test_a_lazy_name_that_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    (tmp_path / "lazy_a.py").write_text("def __getattr__(name):\n    raise RuntimeError('no ' + name)\n")
    with pytest.raises(ConfigError, match="cannot be imported: RuntimeError: no X"):
        locate("lazy_a.X")


def test_a_base_class_cannot_be_used_itself(tmp_path: Path) -> None:
    code = "from abc import ABC, abstractmethod\nclass Base(ABC):\n"
    code += "    @abstractmethod\n    def __call__(self, data): ...\n"
    (tmp_path / "bases.py").write_text(code)
    with pytest.raises(ConfigError, match="is a base class"):
        build(Entry("bases.Base", {}, "x"), "Transforms")
