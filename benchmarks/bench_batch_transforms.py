"""What augmentation of a batch costs, one case after the other and all at once: 4 cases of 64^3 with labels.

Each step by itself and all of them, with `BatchCompose` in both ways and with `Compose` on single cases as a data
worker does it (one thread). On the CPU, and on the GPU where there is one.

    python benchmarks/bench_batch_transforms.py
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from unittest.mock import patch

import torch
from _harness import measure, show, timed

from eisen._core.collate import collate, separate
from eisen._core.types import Batch
from eisen.transforms import (
    BatchCompose,
    Compose,
    RandomAffine,
    RandomFlip,
    RandomGamma,
    RandomIntensityScaleShift,
    RandomNoise,
)
from eisen.transforms import batch as batch_module

BOTH = ["image", "label"]
STEPS = {
    "affine": [RandomAffine(BOTH)],
    "affine + elastic": [RandomAffine(BOTH, elastic_mm=3)],
    "flip": [RandomFlip(BOTH)],
    "noise": [RandomNoise(["image"])],
    "gamma": [RandomGamma(["image"])],
    "scale, shift": [RandomIntensityScaleShift(["image"])],
}
STEPS["all"] = [step for name, steps in STEPS.items() if name != "affine" for step in steps]
N, SIZE = 4, 64


def batch_on(device: str) -> Batch:
    """Return a batch of noise with labels."""
    shape = (N, 1, SIZE, SIZE, SIZE)
    values = {"image": torch.randn(shape), "label": torch.randint(0, 4, shape, dtype=torch.uint8)}
    moved = {name: value.to(device) for name, value in values.items()}
    return Batch(moved, [f"#{n}" for n in range(N)], range(N))


def contenders(steps: list[Any], device: str) -> dict[str, Callable[[], float]]:
    """Return the ways to augment a batch; each gives its cost in milliseconds."""
    batch, names = batch_on(device), [f"#{n}" for n in range(N)]
    cases = [{name: value.cpu().numpy() for name, value in case.items()} for case in separate(batch, N)]
    at_once, single = BatchCompose(steps), Compose(steps)

    def wait() -> None:
        if device != "cpu":
            torch.cuda.synchronize()

    def together() -> None:
        at_once(batch)
        wait()

    def one_by_one() -> None:
        with patch.object(batch_module, "_computes_batches", return_value=False):
            together()

    def like_a_worker() -> None:
        done = collate([single(case) for case in cases], names)
        for value in done.values():
            value.to(device)
        wait()

    return {
        "cases of a worker": partial(timed, like_a_worker, scale=1e3),
        "batch, one by one": partial(timed, one_by_one, scale=1e3),
        "batch, at once": partial(timed, together, scale=1e3),
    }


def main() -> None:
    torch.set_num_threads(1)
    for device in ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]:
        for name, steps in STEPS.items():
            results = measure(contenders(steps, device), rounds=9, warmups=2)
            title = f"{name}, {N} x {SIZE}^3 on {device}"
            show(title, results, unit="ms/batch", baseline="cases of a worker", digits=2)


if __name__ == "__main__":
    main()
