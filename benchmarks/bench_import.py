"""What starting costs: importing eisen, its help page, and the time until `eisen train` holds its first batch.

Every sample is a fresh interpreter. Targets: `import eisen` 0.1 s over an empty interpreter, `eisen --help` 0.3 s in
all, the first batch of `eisen train` 1 s after what `import torch` costs.

    python benchmarks/bench_import.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import nibabel
import numpy as np
from _harness import Result, measure, show

PEERS = ("torchvision", "ignite", "monai", "lightning")

PROBE = '''
import os
from torch import nn

class Probe(nn.Module):
    """Ends the program when the first batch arrives."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv3d(1, 1, 1)

    def forward(self, images):
        os._exit(42)
'''


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        train = make_experiment(Path(folder))
        contenders = {
            "empty interpreter": fresh("-c", "pass"),
            "import numpy": fresh("-c", "import numpy"),
            "import eisen": fresh("-c", "import eisen"),
            "eisen --help": fresh("-m", "eisen_cli", "--help"),
            "import torch": fresh("-c", "import torch"),
            "eisen train, first batch": fresh(*train, folder=folder, exit_code=42),
        }
        contenders |= {f"import {peer}": fresh("-c", f"import {peer}") for peer in PEERS if find_spec(peer)}
        results = measure(contenders, rounds=7)
    # The help page's target counts from nothing: give it the empty interpreter's time on top.
    help_target = 0.3 - results["empty interpreter"].median
    show(
        "Starting",
        results,
        unit="s",
        baseline="empty interpreter",
        targets={"import eisen": 0.1, "eisen --help": help_target},
        digits=2,
    )
    over_torch: dict[str, Result] = {n: r for n, r in results.items() if r.median >= results["import torch"].median}
    targets = {"eisen train, first batch": 1.0}
    show("Over import torch", over_torch, unit="s", baseline="import torch", targets=targets, digits=2)


def fresh(*arguments: str, folder: str | None = None, exit_code: int = 0) -> Callable[[], float]:
    """Return a contender that runs a fresh interpreter and returns the seconds it took."""
    return partial(_run, arguments, folder, exit_code)


def _run(arguments: Sequence[str], folder: str | None, exit_code: int) -> float:
    environment = {**os.environ, "PYTHONPATH": folder or ""}
    start = time.perf_counter()
    command = [sys.executable, *arguments]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode != exit_code:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return seconds


def make_experiment(folder: Path) -> list[str]:
    """Write four small volumes and an experiment whose network ends the program at its first batch."""
    rng = np.random.default_rng(0)
    entries = []
    for number in range(4):
        entry = {"image": f"image_{number}.nii.gz", "label": f"label_{number}.nii.gz"}
        for name, values in (("image", rng.normal(100, 20, (32, 32, 32))), ("label", rng.random((32, 32, 32)) > 0.7)):
            nibabel.save(nibabel.Nifti1Image(values.astype("int16"), np.eye(4)), folder / entry[name])
        entries.append(entry)
    (folder / "cases.json").write_text(json.dumps(entries))
    (folder / "first_batch.py").write_text(PROBE)
    (folder / "train.json").write_text(json.dumps(_configuration()))
    options = ["--data_dir", str(folder), "--artifact_dir", str(folder / "artifacts")]
    return ["-m", "eisen_cli", "train", str(folder / "train.json"), "1", *options]


def _configuration() -> dict[str, object]:
    fields = ["image", "label"]
    dice = {"weight": 1.0, "input_names": ["predictions", "label"], "output_names": ["dice_loss"]}
    network = {"input_names": ["image"], "output_names": ["predictions"]}
    return {
        "General": {
            "Models": [{"type": "first_batch.Probe", "params": network}],
            "Hyperparameters": [
                {"type": ".BatchSize", "params": {"value": 2}},
                {"type": ".NumWorkers", "params": {"value": 0}},
            ],
        },
        "Training": {
            "Datasets": [{"type": "eisen.datasets.JsonDataset", "params": {"json_file": "cases.json"}}],
            "Readers": [{"type": "eisen.io.LoadNiftiFromFilename", "params": {"fields": fields}}],
            "Transforms": [
                {"type": "eisen.transforms.NiftiToNumpy", "params": {"fields": fields}},
                {"type": "eisen.transforms.MapValues", "params": {"fields": ["image"]}},
                {"type": "eisen.transforms.AddChannelDimension", "params": {"fields": fields}},
            ],
            "Losses": [{"type": "eisen.ops.losses.DiceLoss", "params": dice}],
            "Metrics": [],
            "Optimizer": [{"type": "torch.optim.Adam", "params": {"lr": 0.001}}],
            "Workflow": [{"type": "eisen.utils.workflows.Training", "params": {"gpu": False}}],
            "Hooks": [],
        },
    }


if __name__ == "__main__":
    main()
