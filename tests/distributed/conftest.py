"""A small experiment in a folder, and starting it in several processes."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PARTS = HERE.parent / "experiments" / "parts"
sys.path += [str(PARTS), str(HERE)]

from experiment_parts import DICE, STEPS, entry, phase, save, scan  # noqa: E402

WIRES = {"input_names": ["predictions", "label"]}
MSE = entry("torch.nn.MSELoss", **WIRES, output_names=["mse"])
COUNTED = entry("eisen.ops.metrics.Sensitivity", n_classes=2, **WIRES, output_names=["sensitivity"])
ERROR = entry("eisen.ops.metrics.PSNR", **WIRES, output_names=["psnr"])
"""No metrics of torchmetrics: it takes every process ten seconds to load them, and test_gathering.py has them."""


def make_data(root: Path) -> None:
    """Write 11 small cases: 7 to train, in batches of 3, and 5 to validate, in batches of 2."""
    cases = []
    for number in range(12):
        image, label = scan((12, 10, 8), number)
        for name, array in (("images", image), ("labels", label)):
            save(root / f"{name}/case_{number}.nii.gz", array)
        cases.append({name[:-1]: f"{name}/case_{number}.nii.gz" for name in ("images", "labels")})
    (root / "train.json").write_text(json.dumps(cases[:7]), encoding="utf-8")
    (root / "val.json").write_text(json.dumps(cases[7:]), encoding="utf-8")


def make_config() -> dict[str, Any]:
    settings = {".BatchSize": 3, ".NumWorkers": 0, ".Seed": 3, ".Epochs": 2, ".Device": "cpu", ".Threads": 1}
    return {
        "General": {
            "Hyperparameters": [entry(name, value=value) for name, value in settings.items()],
            "Models": [entry("rank_parts.PlainNet", input_names=["image"], output_names=["predictions"])],
        },
        "Training": phase(
            "train.json",
            Transforms=[*copy.deepcopy(STEPS), entry("tiny_parts.RandomNoise", fields=["image"])],
            Losses=[MSE],
            Metrics=[DICE],
            Optimizer=[entry("torch.optim.Adam", lr=0.02)],
            Hooks=[entry("rank_parts.EpochFile")],
        ),
        "Validation": phase("val.json", Losses=[MSE], Metrics=[DICE, COUNTED, ERROR])
        | {"Hyperparameters": [entry(".BatchSize", value=2)]},
    }


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the experiment, which all tests of this package share."""
    root = tmp_path_factory.mktemp("ranks")
    make_data(root / "data")
    (root / "config.json").write_text(json.dumps(make_config()), encoding="utf-8")
    return root


def environment() -> dict[str, str]:
    """Return the environment of a process that a test starts: not the one of this test."""
    keep = {key: value for key, value in os.environ.items() if key not in ("RANK", "WORLD_SIZE", "LOCAL_RANK")}
    paths = os.pathsep.join([str(PARTS), str(HERE.parents[1])])
    return keep | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "EISEN_DISTRIBUTED_MINUTES": "3"}


@pytest.fixture(scope="session")
def do(folder: Path) -> Callable[..., list[dict[str, Any]]]:
    """Return a function that lets n processes do scenarios of rank_worker.py, and returns what each has found."""

    def start(n: int, *names: str) -> list[dict[str, Any]]:
        launcher = ["-m", "torch.distributed.run", "--standalone", "--local-addr=127.0.0.1", f"--nproc-per-node={n}"]
        command = [sys.executable, *(launcher if n > 1 else []), str(HERE / "rank_worker.py"), str(folder), *names]
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-6000:]
        files = [folder / f"found-{names[0]}-{n}-{rank}.json" for rank in range(n)]
        return [json.loads(file.read_text(encoding="utf-8")) for file in files]

    return start
