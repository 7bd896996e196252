"""The exported script gives what `eisen train` gives, bit for bit."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from eisen._core.errors import ConfigError, EisenError
from eisen.config import read_config
from eisen.datasets import make_phantoms
from eisen.experiments import Run
from eisen_cli.builder.start.script import export_python
from eisen_cli.builder.start.templates import TEMPLATES

EXAMPLES = Path(__file__).parents[2] / "examples"
CONFIGS = sorted(path for path in EXAMPLES.glob("*.json") if '"General"' in path.read_text(encoding="utf-8"))


def of(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return data


def short(data: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration with few cases, small images and no worker processes."""
    text = re.sub(r'("size": \[)48, 48, 32', r"\g<1>32, 32, 16", json.dumps(data))
    made: dict[str, Any] = json.loads(text)
    for phase in made.values():
        for entry in phase.get("Hyperparameters", []) if "metrics" not in phase else []:
            value = entry["params"].get("value")
            if entry["type"] in (".NumWorkers", ".BatchSize"):
                entry["params"]["value"] = 0 if entry["type"] == ".NumWorkers" else min(2, value)
        for entry in phase.get("Datasets", []) if "metrics" not in phase else []:
            if "n_cases" in entry["params"]:
                entry["params"]["n_cases"] = 4
    return made


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_phantoms(tmp_path_factory.mktemp("phantoms"), 2, 1, 1, size=44)


def trained(data: dict[str, Any], folder: Path, out: Path, epochs: int) -> list[tuple[str, dict[str, float]]]:
    rows = Run(read_config(data), folder, out).train(epochs).rows
    return [(row.phase.lower(), {**row.losses, **row.metrics}) for row in rows]


def scripted(script: str, folder: Path, out: Path, epochs: int) -> list[tuple[str, dict[str, float]]]:
    """Run a script and return what it prints about each pass."""
    out.mkdir()
    (out / "script.py").write_text(script, encoding="utf-8")
    printed, words = io.StringIO(), sys.argv
    sys.argv = ["script.py", str(folder), str(epochs), str(out / "output")]
    try:
        with contextlib.redirect_stdout(printed):
            runpy.run_path(str(out / "script.py"), run_name="__main__")
    finally:
        sys.argv = words
    lines = re.findall(r"^(training|validation) (?:\d+ )?(\{.*\})$", printed.getvalue(), re.MULTILINE)
    return [(name, eval(values, {"nan": float("nan")})) for name, values in lines]  # our own print


@pytest.mark.parametrize(
    ("name", "epochs"),
    [
        pytest.param("phantom", 1, marks=pytest.mark.slow),
        pytest.param("phantom_sliding_window", 1, marks=pytest.mark.slow),
        ("phantom_gpu_augmentation", 1),
        ("denoise_shapes", 2),
        ("gan_phantom_2d", 2),
        ("regress_radius", 2),
    ],
)
def test_script_gives_the_losses_of_eisen_train(name: str, epochs: int, phantoms: Path, tmp_path: Path) -> None:
    data = short(of(name))
    wanted = trained(data, phantoms, tmp_path / "run", epochs)
    found = scripted(export_python(data), phantoms, tmp_path / "script", epochs)
    assert found[: len(wanted)] == wanted
    assert (tmp_path / "script" / "output" / "model.pt").is_file()
    assert ("Prediction" in data) == (tmp_path / "script" / "output" / "predictions").is_dir()


def test_script_of_a_split_takes_the_cases_of_the_fold(tmp_path: Path) -> None:
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(0)
    for kind in ("image", "label"):
        (tmp_path / "data" / kind).mkdir(parents=True)
        for number in range(4):
            pixels = random.integers(0, 2, (32, 32)) * 255
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "data" / kind / f"s{number}.png")
    data = of("em_membrane")
    sizes = {"[320, 320]": "[32, 32]", "[256, 256]": "[32, 32]", '"n_filters": 16': '"n_filters": 4'}
    text = json.dumps(data)
    for old, new in sizes.items():
        text = text.replace(old, new)
    data = short(json.loads(text))
    from eisen.datasets import FolderDataset
    from eisen.experiments.splits import holdout, list_cases

    cases = FolderDataset(tmp_path / "data", {"image": "image/*.png", "label": "label/*.png"})
    splits = holdout(list_cases(cases), validation=0.25, no_group=True)
    for folder in (tmp_path, tmp_path / "script"):
        folder.mkdir(exist_ok=True)
        splits.save(folder / "em.split.json")
    data["Split"] = {"file": str(tmp_path / "em.split.json"), "fold": splits.folds[0].name}
    wanted = trained(data, tmp_path / "data", tmp_path / "run", 1)
    (tmp_path / "script" / "em.split.json").unlink()
    (tmp_path / "script").rmdir()
    assert scripted(export_python(data), tmp_path / "data", tmp_path / "script", 1) == wanted


def test_script_measures_case_by_case_where_the_configuration_asks_for_it(phantoms: Path, tmp_path: Path) -> None:
    data = short(of("phantom")) | {"Evaluation": {"metrics": ["DICE"]}}
    script = export_python(data)
    scripted(script, phantoms, tmp_path / "script", 1)
    values = (tmp_path / "script" / "output" / "evaluation" / "results.csv").read_text(encoding="utf-8")
    assert "liver" in values


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_scripts_of_all_examples_are_python(path: Path) -> None:
    script = export_python(json.loads(path.read_text(encoding="utf-8")), path)
    compile(script, path.stem, "exec")
    assert max(map(len, script.splitlines())) <= 120
    assert path.name in script.splitlines()[0]


def test_scripts_are_formatted_as_ruff_formats_them(tmp_path: Path) -> None:
    ruff = shutil.which("ruff") or str(Path(sys.executable).with_name("ruff"))
    if not Path(ruff).exists():
        pytest.skip("ruff is not installed")
    for path in CONFIGS:
        script = export_python(json.loads(path.read_text(encoding="utf-8")))
        (tmp_path / f"{path.stem}.py").write_text(script, encoding="utf-8")
    for kind in TEMPLATES.values():
        (tmp_path / f"{kind.name}.py").write_text(export_python(kind.make(kind.default()).data), encoding="utf-8")
    options = ["--isolated", "--line-length", "120", "--no-cache"]
    done = subprocess.run(
        [ruff, "format", "--check", *options, tmp_path], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout
    unused = [ruff, "check", "--select", "F,E7,I", *options, tmp_path]
    done = subprocess.run(unused, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_a_wrong_configuration_has_no_script() -> None:
    with pytest.raises(ConfigError, match="nothing to train"):
        export_python({"General": {}})
    with pytest.raises(ConfigError, match="NoSuchThing"):
        export_python({"General": {}, "Training": {"Losses": [{"type": "eisen.ops.NoSuchThing", "params": {}}]}})


def test_folds_over_several_datasets_are_left_to_run(phantoms: Path, tmp_path: Path) -> None:
    data = of("phantom") | {"Split": {"file": "some.split.json", "fold": "0"}}
    script = export_python(data)
    assert "Run(read_config(CONFIG)" in script
    assert "a fold over the cases of several datasets" in script
    compile(script, "script", "exec")


def test_what_a_file_says_never_becomes_code() -> None:
    evil = '"]); raise SystemExit("pwned") #'
    data = of("gan_phantom_2d")
    for entry, name in zip(data["Training"]["Optimizer"], (evil, "b"), strict=True):
        entry["params"]["name"] = name
    data["Training"]["Scheduler"] = [
        {"type": "torch.optim.lr_scheduler.StepLR", "params": {"step_size": 1, "optimizer_name": evil}}
    ]
    data["Split"] = {"file": evil, "fold": evil + "\n"}
    data["Validation"]["Metrics"][0]["params"]["output_names"] = [evil]
    tree = ast.parse(export_python(data, Path(f'a"""{evil}.json')))
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert "SystemExit" not in names
    data = of("gan_phantom_2d")
    data["Training"]["Workflow"][0]["params"][f"x={evil}"] = 1
    with pytest.raises(EisenError, match=r"name in Python|unknown parameter"):
        export_python(data)
