"""What telling the progress of a run costs: steps with and without it, in turn, in one process on one thread.

A step of a millisecond is the worst case, one of a small U-Net on patches of 64 x 64 x 64 voxels a usual one. Two
other processes stand for data workers, and the curve of the training is full: 500 points are written each time.
The ratio is that of whole epochs. The share is what `Progress` and `Timing` measure of themselves, which the noise of
the machine does not hide: the part of each step, and a write each second. All is processor time. Target: less than 1 %.

    python benchmarks/bench_progress.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import torch
from _harness import measure, show

from eisen.experiments import Observer
from eisen.experiments.artifacts import Artifacts
from eisen.experiments.listening import PassListener
from eisen.experiments.progress.progress import Progress
from eisen.models import UNet3D
from eisen.ops.losses import DiceCELoss
from eisen.utils import EisenModuleWrapper
from eisen.utils.workflows import Training
from eisen.utils.workflows.timing import Timing

EPOCH_S, ROUNDS = 2.5, 7
N_EPOCHS = 100_000


class Costed(Progress):
    """Adds up the processor time it takes: in steps, and in writing."""

    in_steps = in_writes = 0.0
    n_steps = n_writes = 0

    def after_batch(self, event: Any) -> None:
        """Count a batch, and the time of counting it."""
        before, started, writing = time.process_time(), time.process_time(), self.in_writes
        super().after_batch(event)
        looking = started - before  # what looking at the clock takes
        self.in_steps += time.process_time() - started - looking - (self.in_writes - writing)
        self.n_steps += 1

    def _write(self, *arguments: Any) -> None:
        started = time.process_time()
        super()._write(*arguments)
        self.in_writes += time.process_time() - started
        self.n_writes += 1


def tiny() -> Training:
    """Return a training whose step takes about a millisecond."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(256, 512), torch.nn.ReLU(), torch.nn.Linear(512, 8))
    x, y = torch.randn(64, 256), torch.randint(0, 8, (64,))
    return _training(net, torch.nn.CrossEntropyLoss(), {"image": x, "label": y})


def small() -> Training:
    """Return a training of a small U-Net."""
    torch.manual_seed(0)
    net = UNet3D(1, 3, n_filters=4, outputs_activation="none", normalization="instancenorm")
    x = torch.randn(1, 1, 64, 64, 64)
    return _training(net, DiceCELoss(), {"image": x, "label": (x > 1).to(torch.uint8)})


def _training(net: torch.nn.Module, loss: torch.nn.Module, batch: dict[str, Any]) -> Training:
    model = EisenModuleWrapper(net, ["image"], ["logits"])
    losses = [EisenModuleWrapper(loss, ["logits", "label"], ["loss"])]
    training = Training(model, [batch] * 3, losses, torch.optim.SGD(net.parameters(), 1e-4), device="cpu")
    for _ in range(2):
        started = time.process_time()
        training.run()
        seconds = (time.process_time() - started) / 3
    training.data_loader = [batch] * max(3, round(EPOCH_S / seconds))
    return training


def epoch(training: Training, progress: Costed | None) -> float:
    """Return the microseconds of a step."""
    part: Any = SimpleNamespace(
        name="Training", loader=training.data_loader, workflow=training, optimizers=training.optimizers
    )
    count: Callable[[Any], None] = (lambda _event: None) if progress is None else progress.after_batch
    n_batches = len(part.loader)
    subscription = training.subscribe(PassListener(Observer(), n_batches, lambda _event: False, count))
    started = time.process_time()
    if progress is not None:
        progress.begin_pass(part, training.epoch)
    training.run()
    if progress is not None:
        progress.end_pass()
    seconds = time.process_time() - started
    subscription.remove()
    return seconds / n_batches * 1e6


def clock() -> float:
    """Return the microseconds that `Timing` takes of a step."""
    timing, n = Timing(), 200_000
    started = time.process_time()
    for _ in range(n):
        timing.loaded()
        timing.moved()
        timing.computed()
    return (time.process_time() - started) / n * 1e6


def compare(title: str, training: Training, folder: Path) -> None:
    """Measure one kind of step and print what came out."""
    progress = Costed(Artifacts(folder), "train")
    progress.plan([SimpleNamespace(name="Training", loader=training.data_loader)], N_EPOCHS)  # type: ignore[list-item]
    for step in range(500):
        progress._curve.add(step, [{"loss": 1 / (step + 3)}])
    progress.in_writes, progress.n_writes = 0.0, 0
    results = measure({"without": partial(epoch, training, None), "with": partial(epoch, training, progress)}, ROUNDS)
    show(title, results, unit="µs/step", baseline="without")
    pairs = zip(results["with"].samples, results["without"].samples, strict=True)
    step, per_step = results["without"].median, progress.in_steps / progress.n_steps * 1e6
    per_write = progress.in_writes / progress.n_writes
    size = (folder / "progress.json").stat().st_size
    print(f"{title}: ratio of epochs {median(ours / theirs for ours, theirs in pairs):.4f}")
    print(
        f"  per step {per_step:.1f} µs and the clock {clock():.2f} µs, per write {per_write * 1e3:.2f} ms, {size} bytes"
    )
    print(f"  share of the time {(per_step + clock()) / step + per_write:.2%}\n")


def main() -> None:
    torch.set_num_threads(1)
    sleepers = [subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"]) for _ in range(2)]
    try:
        with tempfile.TemporaryDirectory() as folder:
            compare("A step of a millisecond", tiny(), Path(folder))
            compare("A small U-Net", small(), Path(folder))
    finally:
        for sleeper in sleepers:
            sleeper.kill()
            sleeper.wait()


if __name__ == "__main__":
    main()
