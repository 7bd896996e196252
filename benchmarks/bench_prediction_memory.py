"""Label maps of a hundred classes within a budget of memory: the peak of a process, and that no voxel changes.

A volume of 384^3, windows of 64^3 with half overlap, a network that does next to nothing, a budget of 4 GB. The
probabilities would take 22.6 GB. First the result is compared with that without a budget, bit for bit, on a volume that
there is room for, resampled so that the way back interpolates; then the large one is decided in a process of its own.

    python benchmarks/bench_prediction_memory.py [--size 384] [--classes 100] [--memory 4GB]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch

from eisen._core.sizes import memory_bytes, memory_text
from eisen._core.types import Array, Geometry
from eisen.experiments.prediction.committee import Committee
from eisen.experiments.prediction.kinds import Meaning
from eisen.experiments.prediction.links import Link
from eisen.experiments.prediction.pending import Pending
from eisen.experiments.prediction.places import Volume
from eisen.experiments.prediction.slabwise import Decided, decided_in_slabs
from eisen.patches import SlidingWindow
from eisen.utils import EisenModuleWrapper


class Trivial(torch.nn.Module):
    """Logits that are multiples of the image, one per class."""

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.factors = torch.nn.Parameter(torch.linspace(-3, 3, n_classes).view(1, -1, 1, 1, 1))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return logits (cases, classes, ...)."""
        return image * self.factors


def committee_of(n_classes: int, window: int) -> Committee:
    """Return the network as `eisen predict` has it, with windows."""
    wrapper = EisenModuleWrapper(Trivial(n_classes), ["image"], ["logits"]).eval()
    committee = Committee([wrapper], lambda *_: Meaning("labels", Link("softmax")))
    committee.windows = SlidingWindow([window] * 3)
    return committee


def decide(image: torch.Tensor, geometry: Geometry, n_classes: int, window: int, memory: int) -> Decided:
    """Return the label map within a budget."""
    pending = Pending(committee_of(n_classes, window), (image,))
    return decided_in_slabs(pending, geometry, None, memory, pending.layout())


def naive(image: torch.Tensor, geometry: Geometry, n_classes: int, window: int) -> Array:
    """Return the label map with all probabilities in memory."""
    with torch.no_grad():
        likely = committee_of(n_classes, window).at_once((image,))[0]
    return Volume(geometry).labels(likely[0].numpy(), None)


def same_bits(n_classes: int = 20, size: int = 48) -> bool:
    """Tell whether a small volume gets the same labels either way."""
    native = Geometry.of(np.diag([0.9, 1.0, 1.1, 1.0]), (44, 50, 40))
    geometry = native.moved(np.eye(4), (size,) * 3, "Resample")
    image = torch.randn(1, 1, size, size, size)
    found = decide(image, geometry, n_classes, 16, 1_000_000)
    return found.n_blocks > 1 and np.array_equal(found.labels, naive(image, geometry, n_classes, 16))


def measured(size: int, n_classes: int, memory: int) -> None:
    """Decide a large volume and print blocks, seconds and the peak beyond what the process had before."""
    torch.set_num_threads(1)
    image = torch.randn(1, 1, size, size, size)
    decide(image[..., :64, :64, :64], Geometry.of(np.eye(4), (64, 64, 64)), 2, 32, memory)
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    before, start = _status("VmRSS"), time.perf_counter()
    found = decide(image, Geometry.of(np.eye(4), (size,) * 3), n_classes, 64, memory)
    print(found.n_blocks, time.perf_counter() - start, _status("VmHWM") - before)


def _status(key: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(f"{key}:"))) * 1000


def main() -> None:
    """Compare small, measure large."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--memory", default="4GB")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    memory = memory_bytes(options.memory)
    if options.measure:
        measured(options.size, options.classes, memory)
        return
    print(f"the same bits as without a budget: {same_bits()}")
    command = [sys.executable, __file__, "--measure", *sys.argv[1:]]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    blocks, seconds, peak = done.stdout.split()
    whole = options.classes * options.size**3 * 4
    verdict = "met" if float(peak) <= memory else "MISSED"
    print(
        f"{options.classes} classes on {options.size}^3: probabilities {memory_text(whole)}, peak "
        f"{memory_text(float(peak))} of a budget of {memory_text(memory)} ({verdict}), in {blocks} blocks, "
        f"{float(seconds):.0f} s"
    )


if __name__ == "__main__":
    main()
