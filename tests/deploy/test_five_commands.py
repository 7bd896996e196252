"""The page 'From scan to served model in five commands' is run as it stands, with both engines."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from eisen.datasets import make_phantoms

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "serving-quickstart.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
SMALLER = {".Epochs": 6, ".ValidateEvery": 6, ".NumWorkers": 0}
LAYER = {"in_channels": 1, "out_channels": 3, "kernel_size": 3, "padding": 1}


def commands() -> list[str]:
    """Return the commands of the page, in its order."""
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    return [line for block in blocks for line in block.splitlines()]


def before_serving() -> list[str]:
    return [line for line in commands() if line.startswith("eisen")][:3]


def after_serving() -> list[str]:
    lines = commands()
    return lines[lines.index(serve_line()) + 1 :]


def serve_line() -> str:
    (line,) = [line for line in commands() if line.startswith("eisen serve")]
    return line


def surroundings(**more: str) -> dict[str, str]:
    """Return the environment of a shell that finds this eisen, and no proxy."""
    known = {name: value for name, value in os.environ.items() if "proxy" not in name.lower() and name != "EISEN_TOKEN"}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**known, "PATH": path, "OMP_NUM_THREADS": "1", "NO_COLOR": "1", **more}


def run(line: str, folder: Path, **more: str) -> str:
    done = subprocess.run(
        ["bash", "-c", line], cwd=folder, env=surroundings(**more), capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _write_config(path: Path) -> None:
    """Write the example of the hippocampus with a network that is quick to train and to pack."""
    config = json.loads((ROOT / "examples" / "msd_hippocampus.json").read_text(encoding="utf-8"))
    general = config["General"]
    for entry in general["Hyperparameters"]:
        entry["params"]["value"] = SMALLER.get(entry["type"], entry["params"]["value"])
    names = {"input_names": ["image"], "output_names": ["logits"]}
    general["Models"] = [{"type": "torch.nn.Conv3d", "params": {**names, **LAYER}}]
    config["Training"]["Optimizer"][0]["params"]["lr"] = 0.1
    del config["Training"]["Scheduler"]
    path.write_text(json.dumps(config), encoding="utf-8")


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the page asks for, after its first three commands."""
    folder = tmp_path_factory.mktemp("five")
    make_phantoms(folder / "data", 6, 0, 2, size=24)
    for path in (folder / "data" / "labelsTr").iterdir():
        label = nibabel.load(path)
        nibabel.save(nibabel.Nifti1Image(np.minimum(np.asarray(label.dataobj), 2), label.affine), path)
    shutil.copy(sorted((folder / "data" / "imagesTs").iterdir())[0], folder / "scan.nii.gz")
    _write_config(folder / "config.json")
    for line in before_serving():
        run(line, folder)
    return folder


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def served(line: str, folder: Path) -> Iterator[dict[str, Any]]:
    """Run the command that serves until it is ready; Ctrl-C ends it."""
    with (folder / "server.log").open("w", encoding="utf-8") as log:
        server = subprocess.Popen(
            line.split(), cwd=folder, env=surroundings(), stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        assert server.stdout is not None
        told = (json.loads(line) for line in server.stdout)
        ready = next((line for line in told if line["event"] == "ready"), None)
        assert ready, (folder / "server.log").read_text(encoding="utf-8")
        yield ready
        server.send_signal(signal.SIGINT)
        assert server.wait(60) == 0
    finally:
        server.kill()
        server.communicate()


def voxels(path: Path) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    image = nibabel.load(path)
    return np.asarray(image.dataobj), image.affine


def test_the_page_has_five_commands_and_a_check() -> None:
    names = [" ".join(line.split()[:2]) for line in commands()]
    five = [f"eisen {name}" for name in ("train", "predict", "pack", "serve", "call")]
    assert names == ["pip install", *five, "curl -fsS", "eisen call", "eisen evaluate"]


@pytest.mark.parametrize("engine", ["embedded", pytest.param("torchserve", marks=pytest.mark.slow)])
def test_the_five_commands_give_the_mask_of_eisen_predict(
    engine: str, workplace: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if engine == "torchserve":
        request.getfixturevalue("java")
    assert shutil.which("curl"), "the page uses curl"
    for name in ("data", "artifacts", "scan.nii.gz", "hippocampus.mar"):
        (tmp_path / name).symlink_to(workplace / name)
    port = str(free_port())
    with served(serve_line().replace("8080", port) + f" --engine {engine} --threads 1 --json", tmp_path) as ready:
        assert ready["url"] == f"http://127.0.0.1:{port}"
        for line in after_serving():
            run(line.replace("8080", port), tmp_path, EISEN_TOKEN=ready["token"])

    first = sorted((workplace / "data" / "imagesTs").iterdir())[0].name
    expected, affine = voxels(workplace / "artifacts" / "predictions" / first)
    assert set(np.unique(expected)) > {0}, "an empty mask proves nothing"
    assert (tmp_path / "mask.nii.gz").read_bytes() == (tmp_path / "curl.nii.gz").read_bytes()
    for answer in ("mask.nii.gz", f"masks/{first}"):
        mask, place = voxels(tmp_path / answer)
        np.testing.assert_array_equal(mask, expected)
        np.testing.assert_allclose(place, affine, atol=1e-6)
    assert len(list((tmp_path / "masks").iterdir())) == 2
    _all_dice_are_one(tmp_path / "compared")


def _all_dice_are_one(folder: Path) -> None:
    rows = (folder / "results.csv").read_text(encoding="utf-8").splitlines()
    header, *cases = [row.split(",") for row in rows]
    values = [row[header.index("value")] for row in cases if row[header.index("value")]]
    assert len(values) > 1
    assert {float(value) for value in values} == {1.0}
