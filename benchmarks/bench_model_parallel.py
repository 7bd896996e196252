"""What `ModelParallel` gains on two GPUs, and what it costs where there is nothing to gain.

On two GPUs: a forward and backward pass of a U-Net over both, in chunks that overlap, against the same chunks one after
the other; without any loss n chunks take n + 1 steps of 2 n. On the CPU: the time of a U-Net in `ModelParallel` over
the CPU, once and twice, over that of the U-Net alone, with one chunk per batch.

    python benchmarks/bench_model_parallel.py
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from _harness import measure, show, timed
from torch import nn

from eisen.models import UNet
from eisen.utils import ModelParallel

N_CHUNKS = 8
Work = Callable[[], object]


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    on_the_cpu()
    if torch.cuda.device_count() < 2:
        print(f"The overlap needs two GPUs; this machine has {torch.cuda.device_count()}.")
    else:
        on_two_gpus()


def on_the_cpu() -> None:
    """Measure the overhead: the same work, one chunk."""
    net, batch = UNet(1, 2, n_filters=16), torch.randn(2, 1, 64, 64)
    models: dict[str, nn.Module] = {"UNet": net}
    models |= {f"ModelParallel, {n} x CPU": ModelParallel(copy.deepcopy(net), len(batch), ["cpu"] * n) for n in (1, 2)}
    contenders = {name: contender(step(model, batch)) for name, model in models.items()}
    show("Forward and backward", measure(contenders, rounds=15), unit="ms", baseline="UNet")


def on_two_gpus() -> None:
    """Measure the overlap: the same chunks, with and without waiting for each."""
    model = ModelParallel(UNet(1, 2, n_filters=64), 4, [0, 1])
    batch = torch.randn(4 * N_CHUNKS, 1, 256, 256, device=0)

    def one_after_the_other() -> None:
        for chunk in batch.split(4):
            step(model, chunk)()
            finished()

    works: dict[str, Work] = {"one after the other": one_after_the_other, "overlapping": step(model, batch)}
    contenders = {name: contender(work) for name, work in works.items()}
    results = measure(contenders, rounds=15, warmups=3)
    show(f"Two GPUs, {N_CHUNKS} chunks", results, unit="ms", baseline="one after the other")


def step(model: nn.Module, batch: torch.Tensor) -> Work:
    return lambda: model(batch).square().mean().backward()


def contender(work: Work) -> Callable[[], float]:
    """Return a function that does the work and returns its wall time in milliseconds."""

    def complete() -> None:
        work()
        finished()

    return lambda: timed(complete, scale=1000)


def finished() -> None:
    """Wait for all GPUs."""
    for number in range(torch.cuda.device_count()):
        torch.cuda.synchronize(number)


if __name__ == "__main__":
    main()
