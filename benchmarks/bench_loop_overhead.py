"""What a training loop costs per step over plain PyTorch: a tiny network, batches in memory, one thread.

Bare: only the loop. Full: with a metric, a log line per epoch and three hooks that hear every batch. The metric's
own arithmetic counts too. Targets: 15 µs bare, 50 µs full on a machine whose plain step takes 58 µs, and as much more
or less as this one takes more or less for the plain step; and less than every peer in the same run.
"ignite, own step" and Fabric leave the step to the user; the others do it for him, as eisen does.

    python benchmarks/bench_loop_overhead.py
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

import _loops
import torch
from _harness import measure, quiet, show

CONTENDERS: dict[str, tuple[str, Callable[[], _loops.Loop]]] = {
    "plain PyTorch": ("torch", _loops.bare),
    "eisen": ("eisen", _loops.eisen_loop),
    "eisen, full": ("eisen", partial(_loops.eisen_loop, full=True)),
    "ignite, own step": ("ignite", _loops.ignite_step),
    "ignite": ("ignite", _loops.ignite),
    "ignite, full": ("ignite", partial(_loops.ignite, full=True)),
    "Fabric": ("lightning", _loops.fabric),
    "MONAI": ("monai", _loops.monai),
    "MONAI, full": ("monai", partial(_loops.monai, full=True)),
    "Lightning": ("lightning", _loops.lightning),
    "Lightning, full": ("lightning", partial(_loops.lightning, full=True)),
}
PLAIN_STEP = 58.0
"""µs of the plain step on the machine that the targets were set on."""
TARGETS = {"eisen": 15.0, "eisen, full": 50.0}


def main() -> None:
    torch.set_num_threads(1)
    absent = sorted({package for package, _ in CONTENDERS.values() if not find_spec(package)})
    if absent:
        print(f"not installed, left out: {', '.join(absent)} (pip install 'eisen[bench]')")
    with quiet():
        loops = {name: make() for name, (package, make) in CONTENDERS.items() if package not in absent}
        gc.freeze()  # what the peers imported is not to be walked again in every collection
        results = measure(loops, rounds=25, warmups=2)
    pace = results["plain PyTorch"].median / PLAIN_STEP
    targets = {name: target * pace for name, target in TARGETS.items()}
    show("Training loop", results, unit="µs/step", baseline="plain PyTorch", targets=targets)


if __name__ == "__main__":
    main()
