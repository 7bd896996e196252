"""Steps that run on whole batches, on the device where the batch is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from eisen._core.collate import collate, separate
from eisen._core.errors import ArgumentError, DataError, EisenError, StepError
from eisen._core.fields import shapes_of
from eisen._core.optional import is_torch
from eisen._core.random import late_step
from eisen._core.types import Batch, DataPoint, Step, meta_field
from eisen.transforms.base import RandomFieldStep, geometry_of
from eisen.transforms.compose import Compose

__all__ = ["BatchCompose"]


class BatchCompose(Compose):
    """Run steps on whole batches, where the batch is: augmentation on the GPU, behind the transfer.

    Every transform works here; it sees the elements of the batch as the data points they were, with tensors instead of
    arrays. Random steps draw once for each element, from (seed, epoch, sample, number of the step): what happens to a
    case does not depend on the other cases of its batch, on workers or on a resume. Steps with an `apply_batch`
    compute all elements in one go, the others one element after the other. Gradients are not recorded.

    Args:
        transforms: The steps, in order; each is called with data points and returns data points.
        places: Where each step stands in the configuration, e.g. ``"Training.BatchTransforms[0]"``; shown in errors.
        seed: First part of what the random numbers depend on; 0 or more.
        first_step: Number of the first step. With the number of steps that ran before on single cases, a step draws the
            same here as it would have there, at the end of that chain.

    Raises:
        ArgumentError: If a step cannot be called, or seed or first_step is below 0.

    Example:
        >>> import torch
        >>> from eisen.transforms import BatchCompose, RandomFlip
        >>> steps = BatchCompose([RandomFlip(["image", "label"], axes=(0,), p=1.0)])
        >>> batch = Batch({"image": torch.arange(2.0).reshape(1, 1, 2, 1, 1)}, ["#0"], samples=[0])
        >>> steps({**batch, "label": batch["image"]})["label"].flatten()
        tensor([1., 0.])
    """

    def __init__(
        self, transforms: Sequence[Step], places: Sequence[str] | None = None, *, seed: int = 0, first_step: int = 0
    ) -> None:
        super().__init__(transforms, places)
        for name, value in (("seed", seed), ("first_step", first_step)):
            if not isinstance(value, int) or value < 0:
                raise ArgumentError(f"BatchCompose: {name} is {value!r}", expected="a whole number, 0 or more")
        self.seed = seed
        self.first_step = first_step
        self.epoch = 0
        self._counted = 0
        self._elements = _Elements([], [])

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch the next batches belong to. Workflows do so by themselves.

        Args:
            epoch: 0 or more.
        """
        self.epoch = int(epoch)
        self._counted = 0

    def follow(self, data: DataPoint) -> Iterator[DataPoint]:
        """Yield the batch after each step; the one that came in is not changed.

        Args:
            data: A batch: tensors of shape (n, ...), lists of n values. A `Batch` knows the number of each sample in
                its data set; elements of any other dict are counted from the start of the epoch.
        """
        self._elements = self._identified(data)
        for result in super().follow(data):
            yield Batch(result, data.cases, data.samples) if isinstance(data, Batch) else result

    def call_step(self, index: int, data: DataPoint) -> DataPoint:
        """Return what one step makes of a batch."""
        import torch

        step, alone = self.transforms[index], self._runner(index, others=True)
        points = separate(data, len(self._elements.names))
        with torch.no_grad():
            if not _computes_batches(step) or not _is_plain(step, data, points):
                return _one_by_one(step, data, points, alone)
            try:
                at_once = _at_once(step, data, points, self._runner(index, others=False))
            except Exception:
                _one_by_one(step, data, points, alone)  # this way the error names the case
                raise
            return _one_by_one(step, data, points, alone) if at_once is None else at_once

    def _identified(self, data: DataPoint) -> _Elements:
        """Return names and numbers of the elements of a batch."""
        samples = list(getattr(data, "samples", ()))
        if not samples:
            n = _length(data)
            samples = list(range(self._counted, self._counted + n))
            self._counted += n
        names = [*getattr(data, "cases", ())] or [f"#{sample}" for sample in samples]
        return _Elements(samples, names)

    def _runner(self, index: int, *, others: bool) -> _Run:
        """Return a function that calls another one for an element, with the random numbers of element and step."""
        elements, number = self._elements, self.first_step + index

        def run(call: Callable[[DataPoint], Any], place: int, point: DataPoint) -> Any:
            where = (self.seed, self.epoch, elements.samples[place], number)
            try:
                with late_step(*where, others=others), _gpu_seeded(point) if others else nullcontext():
                    return call(point)
            except EisenError as error:
                error.note(case=elements.names[place], **_advice(error))
                raise
            except Exception as error:
                what = f"{type(self.transforms[index]).__name__} failed: {type(error).__name__}: {error}"
                raise StepError(what, case=elements.names[place], shapes=shapes_of(point)) from error

        return run

    def __repr__(self) -> str:
        return f"BatchCompose({self.transforms!r})"


def _advice(error: EisenError) -> dict[str, str]:
    """Return what to do about a step that wants the image of a library and gets a tensor."""
    if not isinstance(error.__cause__, AttributeError) or "'Tensor' object" not in str(error.__cause__):
        return {}
    return {"expected": "a step for tensors: a batch holds nothing else", "to_do": "move the step to Transforms"}


_Run = Callable[[Callable[[DataPoint], Any], int, DataPoint], Any]


@dataclass(frozen=True)
class _Elements:
    """The elements of a batch: their numbers in the data set, and what they are called."""

    samples: list[int]
    names: list[str]


def _one_by_one(step: Step, data: DataPoint, points: list[DataPoint], run: _Run) -> DataPoint:
    """Return the batch after a step that is called for every element; fields it did not touch stay the same objects."""
    results = [run(step, place, point) for place, point in enumerate(points)]
    for result in results:
        if not isinstance(result, dict):
            return result  # type: ignore[no-any-return]  # the chain says what is wrong with it
    names = [f"element {place}" for place in range(len(points))]
    pairs = list(zip(points, results, strict=True))
    same = {field for field in data if all(field in r and r[field] is p[field] for p, r in pairs)}
    fresh = collate([{field: r[field] for field in r if field not in same} for r in results], names) if results else {}
    device = _device(data)
    moved = {field: value.to(device) if is_torch(value) else value for field, value in fresh.items()}
    return {field: data[field] if field in same else moved[field] for field in [*results[0]]} if results else dict(data)


def _at_once(step: Any, data: DataPoint, points: list[DataPoint], run: _Run) -> DataPoint | None:
    """Return the batch after a random step that computes all elements in one go; None if it cannot, set up as it is."""
    drawn = [run(step.drawn, place, point) for place, point in enumerate(points)]
    chosen = [place for place, params in enumerate(drawn) if params is not None]
    data = dict(data)
    if not chosen:
        return data
    params = [drawn[place][0] for place in chosen]
    values = {field: data[field] for field in step.fields}
    parts = values if len(chosen) == len(points) else {field: value[chosen] for field, value in values.items()}
    results = step.apply_batch(parts, params)
    if results is None:
        return None
    for field, changed in results.items():
        beside = [step.entries_beside(field, points[p], own) for p, own in zip(chosen, params, strict=True)]
        data[field] = _put_back(values[field], chosen, changed)
        for name in {name for entries in beside for name in entries}:
            column = list(data[name])
            for place, entries in zip(chosen, beside, strict=True):
                column[place] = entries.get(name, column[place])
            data[name] = column
    return data


def _put_back(values: Any, chosen: list[int], changed: Any) -> Any:
    """Return the values with some elements replaced."""
    import torch

    if len(chosen) == len(values):
        return changed
    result = values.to(torch.promote_types(values.dtype, changed.dtype), copy=True)
    result[chosen] = changed.to(result.dtype)
    return result


def _computes_batches(step: Any) -> bool:
    """Tell whether a step can compute a whole batch, and nobody has overridden what it does to single elements."""
    if not isinstance(step, RandomFieldStep) or type(step).transform is not RandomFieldStep.transform:
        return False
    names = {"apply_batch", "apply_drawn", "change", "each_field"}
    owner = next(cls for cls in type(step).__mro__ if names & vars(cls).keys())
    return "apply_batch" in vars(owner)


def _is_plain(step: Any, data: DataPoint, points: list[DataPoint]) -> bool:
    """Tell whether the fields of a step are tensors with one entry per element, and their geometry is right."""
    if len(set(step.fields)) < len(step.fields):
        return False
    for field in step.fields:
        value: Any = data.get(field)
        if not is_torch(value) or not value.ndim or len(value) != len(points):
            return False
        if meta_field(field) in data and any(geometry_of(field, point) is None for point in points):
            return False
    return True


def _length(data: DataPoint) -> int:
    """Return the number of elements of a batch: the length of its first tensor, else of its first list."""
    tensors = [value for value in data.values() if is_torch(value) and value.ndim]
    lists = [value for value in data.values() if isinstance(value, list)]
    if not tensors and not lists:
        raise DataError(
            f"a batch with the fields {', '.join(data) or '(none)'} has no length",
            expected="at least one tensor of shape (n, ...)",
            to_do="let the data loader collate tensors, or leave the batch transforms out",
        )
    return len((tensors or lists)[0])


def _device(data: DataPoint) -> Any:
    """Return the device of a batch: that of its first tensor."""
    return next((value.device for value in data.values() if is_torch(value)), "cpu")


@contextmanager
def _gpu_seeded(point: DataPoint) -> Iterator[None]:
    """Seed the generator of the GPU like that of the CPU, for one step on one element, and put it back."""
    import torch

    device = torch.device(_device(point))
    if device.type != "cuda":
        yield
        return
    with torch.random.fork_rng(devices=[device]), torch.cuda.device(device):
        torch.cuda.manual_seed(torch.initial_seed())
        yield
