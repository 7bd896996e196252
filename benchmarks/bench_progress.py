"""What telling the progress of a run costs: steps with and without it, in turn, in one process on one thread.

A step of a millisecond is the worst case, one of a small U-Net on patches of 64 x 64 x 64 voxels a usual one. Two
other processes stand for data workers, and the curve of the training is full: 500 points are written each time.
Every other step is counted, and its counting measured where it happens, after the step has filled the caches of the
processor; the ratio of the steps with and without must drown in their noise. Writing is measured by itself and counted
once a second, as it is done. The clock of `Timing` runs in all steps, so it is measured by itself, too. All is time of
the processor, for other jobs on the machine count less in it. Target: less than 1 % together.

    python benchmarks/bench_progress.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean, median
from types import SimpleNamespace
from typing import Any

import torch

from eisen._core.types import Batch
from eisen.experiments.artifacts import Artifacts
from eisen.experiments.progress.progress import Progress
from eisen.models import UNet3D
from eisen.ops.losses import DiceCELoss
from eisen.utils import EisenModuleWrapper
from eisen.utils.workflows import Training
from eisen.utils.workflows.timing import Timing


class Costed(Progress):
    """Keeps the processor time of each write."""

    def _write(self, *arguments: Any) -> None:
        started = time.process_time()
        super()._write(*arguments)
        self.writes = [*getattr(self, "writes", []), time.process_time() - started]


class Alternating:
    """Counts every other batch, and keeps the processor time of each step.

    Args:
        progress: What counts.
    """

    def __init__(self, progress: Costed) -> None:
        self.progress = progress
        self.steps: tuple[list[float], list[float]] = ([], [])
        self.counting: list[float] = []
        self._last = 0.0

    def on_batch_end(self, event: Any) -> None:
        """Count, or do not, and look at the clock; without the time of writing, which is told apart."""
        n_writes = len(self.progress.writes)
        idle, started = time.process_time(), time.process_time()
        if event.number % 2:
            self.progress.after_batch(event)
        now = time.process_time()
        writing = sum(self.progress.writes[n_writes:])
        if event.number % 2:
            self.counting.append(now - started - (started - idle) - writing)
        if self._last:
            self.steps[event.number % 2].append(now - self._last - writing)
        self._last = now


def tiny() -> Training:
    """Return a training whose step takes about a millisecond."""
    net = torch.nn.Sequential(torch.nn.Linear(256, 512), torch.nn.ReLU(), torch.nn.Linear(512, 8))
    x, y = torch.randn(64, 256), torch.randint(0, 8, (64,))
    return _training(net, torch.nn.CrossEntropyLoss(), {"image": x, "label": y}, 8000)


def small() -> Training:
    """Return a training of a small U-Net."""
    net = UNet3D(1, 3, n_filters=4, outputs_activation="none", normalization="instancenorm")
    x = torch.randn(1, 1, 64, 64, 64)
    return _training(net, DiceCELoss(), {"image": x, "label": (x > 1).to(torch.uint8)}, 20)


def _training(net: torch.nn.Module, loss: torch.nn.Module, batch: dict[str, Any], n_steps: int) -> Training:
    model = EisenModuleWrapper(net, ["image"], ["logits"])
    losses = [EisenModuleWrapper(loss, ["logits", "label"], ["loss"])]
    batch = Batch(batch, [str(i) for i in range(len(batch["image"]))])  # as the loader of eisen gives it
    training = Training(model, [batch] * 4, losses, torch.optim.SGD(net.parameters(), 1e-4), device="cpu")
    training.run()
    training.data_loader = [batch] * n_steps
    return training


def clock() -> float:
    """Return the seconds that `Timing` takes of a step."""
    timing, n = Timing(), 200_000
    started = time.process_time()
    for _ in range(n):
        timing.loaded()
        timing.moved()
        timing.computed()
    return (time.process_time() - started) / n


def measure(title: str, training: Training, folder: Path) -> None:
    """Run an epoch of one kind of step and print what came out."""
    part: Any = SimpleNamespace(
        name="Training", loader=training.data_loader, workflow=training, optimizers=training.optimizers
    )
    progress = Costed(Artifacts(folder), "train")
    progress.plan([part], 1000)
    for step in range(500):
        progress._curve.add(step, [{"loss": 1 / (step + 3)}])
    alternating = Alternating(progress)
    training.subscribe(alternating)
    progress.begin_pass(part, training.epoch)
    training.run()
    without, counted = (median(steps) for steps in alternating.steps)
    counting, ticking, per_write = median(alternating.counting), clock(), mean(progress.writes)
    size = (folder / "progress.json").stat().st_size
    print(f"{title}: {without * 1e3:.2f} ms of processor time, with counting {counted * 1e3:.2f} ms")
    print(f"  counting {1e6 * counting:8.1f} µs of each  {counting / without:8.3%}")
    print(f"  clock    {1e6 * ticking:8.1f} µs of each  {ticking / without:8.3%}")
    print(f"  writing  {1e3 * per_write:8.1f} ms a second   {per_write:8.3%}   ({size} bytes)")
    print(f"  together {(counting + ticking) / without + per_write:29.2%}\n")


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    sleepers = [subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"]) for _ in range(2)]
    try:
        with tempfile.TemporaryDirectory() as folder:
            measure("A step of a millisecond", tiny(), Path(folder))
            measure("A step of a small U-Net", small(), Path(folder))
    finally:
        for sleeper in sleepers:
            sleeper.kill()
            sleeper.wait()


if __name__ == "__main__":
    main()
