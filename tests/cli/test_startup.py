"""What ``eisen train`` has to wait for before its first batch: torch, and hardly anything else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from .conftest import ROOT

PROGRAM = """
import sys, time
import torch
begin = time.process_time()
from eisen.config import read_config
from eisen.experiments import Observer, Run

class Stop(BaseException):
    pass

class Look(Observer):
    def on_phase_start(self, *_):
        late = ("torch._dynamo", "tensorboard", "scipy", "SimpleITK", "matplotlib", "pandas", "sympy", "PIL", "rich")
        print("SECONDS", time.process_time() - begin)
        print("LOADED", *(name for name in late if name in sys.modules))
        raise Stop

config, data, artifacts = sys.argv[1:]
try:
    Run(read_config(config), data, artifacts, observer=Look()).train(1)
except Stop:
    pass
"""


def test_the_first_batch_waits_for_torch_and_hardly_anything_else(config: Path, task: Path, tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", PROGRAM, str(config), str(task), str(tmp_path / "artifacts")]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=240, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    said = dict(line.partition(" ")[::2] for line in done.stdout.splitlines())
    assert said["LOADED"] == ""
    assert float(said["SECONDS"]) < 3, "1 second on a quiet machine, processor time is more on a busy one"
