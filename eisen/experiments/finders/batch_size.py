"""The largest and the fastest batch size of a training, by doing whole training steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from eisen._core.errors import ArgumentError, TrainingError
from eisen._core.types import Batch
from eisen.config import Experiment
from eisen.experiments.finders.memory import available_bytes, resident_bytes, resident_peak
from eisen.experiments.finders.sizes import SizeFinding, SizeTrial, largest_by_trying
from eisen.experiments.finders.steps import loss_of_step, training_parts, undisturbed

if TYPE_CHECKING:
    import torch

__all__ = ["find_batch_size", "repeated"]

_SAMPLES = 4
"""Cases that are read; larger batches repeat them."""

_USABLE = 0.8
"""Share of the free memory that a step may take: the data workers and everybody else need some too."""

_MARGIN = 1.1


def find_batch_size(
    experiment: Experiment,
    data_dir: str | Path = "./data",
    *,
    maximum: int = 256,
    seconds: float = 30.0,
    progress: Callable[[int], None] | None = None,
) -> SizeFinding:
    """Find the largest batch whose whole training step fits into memory, and the size that trains most cases a second.

    A step is forward, backward and optimizer, done several times, so its state is in memory too. On a GPU sizes are
    tried until one does not fit. On a CPU the memory of a larger batch is computed from those before, and it is only
    tried when there is room: the machine is never brought to its limit. Times are those of the step alone, with data
    that is there already.

    Args:
        experiment: The configuration, from `eisen.config.read_config`.
        data_dir: Folder of the data.
        maximum: The largest size to try; never more than there are training cases.
        seconds: On a CPU, sizes that would take longer than this are computed instead of measured.
        progress: Is told which size is tried.

    Raises:
        ArgumentError: If `maximum` is below 1.
        ConfigError: If the configuration has no Training phase, or lacks a part of it.
        TrainingError: If not even one case fits.
    """
    if maximum < 1 or seconds <= 0:
        raise ArgumentError(
            f"find-batch-size: the maximum is {maximum}, {seconds:g} s", expected="1 or more, above 0 s"
        )
    parts = training_parts(experiment, data_dir, "find-batch-size", batch_size=1, n_workers=0)
    n_cases = len(parts.loader.dataset)
    parts.loader.batch_size = min(_SAMPLES, n_cases)
    maximum = min(maximum, n_cases)
    steps = _Steps(parts.workflow, next(iter(parts.loader)), progress)
    with undisturbed(parts.workflow):
        parts.workflow.stepping.accumulate = 1  # every step shall reach the optimizer
        if steps.device.type == "cuda":
            trials, limit = largest_by_trying(steps.on_cuda, maximum), steps.cuda_bytes()
        else:
            limit = int(resident_bytes() + _USABLE * available_bytes())
            trials = _with_forecast(steps.on_cpu, maximum, limit, seconds)
    finding = SizeFinding(trials, str(steps.device), n_cases, limit, maximum)
    if not finding.largest:
        raise TrainingError(
            "find-batch-size: not even a batch of one case fits into memory",
            expected="room for one training step",
            to_do="use smaller patches, a smaller model, or bf16 precision",
        )
    return finding


class _Steps:
    """Whole training steps with batches of any size, and what they take."""

    def __init__(self, workflow: Any, batch: Any, progress: Callable[[int], None] | None) -> None:
        self.workflow, self.batch, self.progress = workflow, batch, progress
        self.device: torch.device = workflow.device

    def on_cpu(self, size: int) -> SizeTrial:
        """Do steps on the CPU, and watch the memory of the process."""
        with resident_peak() as peak:
            seconds = self._seconds(size)
        return SizeTrial(size, True, peak.n_bytes, seconds)

    def on_cuda(self, size: int) -> SizeTrial:
        """Do steps on the GPU; a size that does not fit is one."""
        import torch

        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(self.device)
        try:
            seconds = self._seconds(size)
        except RuntimeError as error:
            if not _is_out_of_memory(error):
                raise
            for parameter in self.workflow.model.parameters():
                parameter.grad = None
            return SizeTrial(size, False)
        return SizeTrial(size, True, int(torch.cuda.max_memory_reserved(self.device)), seconds)

    def cuda_bytes(self) -> int:
        """Return how much memory the GPU has."""
        import torch

        return int(torch.cuda.mem_get_info(self.device)[1])

    def _seconds(self, size: int) -> float:
        """Return the time of a step: the faster one of two, after one that warms up."""
        if self.progress is not None:
            self.progress(size)
        times = []
        for _ in range(3):
            batch = repeated(self.batch, size)
            self._wait()
            started = perf_counter()
            loss_of_step(self.workflow, batch)
            self._wait()
            times.append(perf_counter() - started)
        return min(times[1:])

    def _wait(self) -> None:
        if self.device.type == "cuda":
            import torch

            torch.cuda.synchronize(self.device)


def _is_out_of_memory(error: BaseException) -> bool:
    import torch

    cause = error.__cause__
    if isinstance(error, torch.OutOfMemoryError) or "out of memory" in str(error).lower():
        return True
    return cause is not None and _is_out_of_memory(cause)


def _with_forecast(attempt: Callable[[int], SizeTrial], maximum: int, limit: int, seconds: float) -> list[SizeTrial]:
    """Measure 1, 2, 4, ... as long as the next one will fit and not take too long; compute the rest.

    Memory grows by the same amount with every case; the amount is the largest of those seen.
    """
    attempt(1)  # the first step of all loads libraries, which are no part of a batch
    base = resident_bytes()
    trials = [attempt(1)]
    per_case = max((trials[0].peak_bytes or 0) - base, 1)
    while trials[-1].size < maximum:
        last = trials[-1]
        size = min(2 * last.size, maximum)
        needed = _forecast(last, size, per_case)
        if needed > limit or 3 * (last.seconds or 0) * size / last.size > seconds:
            return [*trials, *_computed(last, per_case, maximum, limit)]
        trials.append(attempt(size))
        grown = (trials[-1].peak_bytes or 0) - (last.peak_bytes or 0)
        per_case = max(math.ceil(grown / (size - last.size)), per_case // 2, 1)
    return trials


def _computed(last: SizeTrial, per_case: int, maximum: int, limit: int) -> list[SizeTrial]:
    """Return the largest size that will fit, and the first that will not."""
    room = limit - (last.peak_bytes or 0)
    largest = min(maximum, last.size + max(int(room / (per_case * _MARGIN)), 0))
    sizes = [size for size in (largest, largest + 1) if last.size < size <= maximum]
    return [
        SizeTrial(size, (needed := _forecast(last, size, per_case)) <= limit, needed, None, is_forecast=True)
        for size in sizes
    ]


def _forecast(last: SizeTrial, size: int, per_case: int) -> int:
    return int((last.peak_bytes or 0) + _MARGIN * per_case * (size - last.size))


def repeated(batch: Any, size: int) -> Batch:
    """Return a batch of any size made of the cases of another one, in turn.

    Args:
        batch: The batch.
        size: Cases in the new one.

    Example:
        >>> import torch
        >>> batch = Batch({"image": torch.zeros(2, 1, 4, 4), "name": ["a", "b"]}, ["#0", "#1"], [0, 1])
        >>> more = repeated(batch, 5)
        >>> tuple(more["image"].shape), more["name"], more.samples
        ((5, 1, 4, 4), ['a', 'b', 'a', 'b', 'a'], [0, 1, 2, 3, 4])
    """
    n = len(batch.cases)
    order = [place % n for place in range(size)]
    values = {field: _rows(value, order, n) for field, value in batch.items()}
    return Batch(values, [batch.cases[place] for place in order], range(size))


def _rows(value: Any, order: list[int], n: int) -> Any:
    import torch

    if isinstance(value, torch.Tensor) and value.ndim and len(value) == n:
        return value[order]
    if isinstance(value, dict):
        return {key: _rows(item, order, n) for key, item in value.items()}
    if isinstance(value, list) and len(value) == n and not any(isinstance(item, torch.Tensor) for item in value):
        return [value[place] for place in order]
    if isinstance(value, (list, tuple)):
        return type(value)(_rows(item, order, n) for item in value)
    return value
