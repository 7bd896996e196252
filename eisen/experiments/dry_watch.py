"""Looking on while a dry run goes step by step, so that what came before a failure is not lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Literal

from eisen.experiments.describe_fields import describe_fields
from eisen.experiments.records import FieldReport

__all__ = ["Kind", "Stage", "Watch", "watched"]

Kind = Literal["dataset", "step", "batch", "batch step", "model", "loss", "metric", "gradients"]


@dataclass(frozen=True)
class Stage:
    """One thing that a dry run does, and what came out of it.

    Args:
        kind: What it is.
        name: Its class.
        place: Where it stands in the configuration, e.g. ``"Training.Transforms[2]"``; empty for what the program does
            by itself.
        fields: A report on every field behind it.
        data: The fields themselves, not to be changed.
        element: Which element of the batch the case is.
        seconds: How long it took.
    """

    kind: Kind
    name: str
    place: str
    fields: list[FieldReport] = field(default_factory=list)
    data: Mapping[str, Any] = field(default_factory=dict)
    element: int = 0
    seconds: float = 0.0


class Watch:
    """Is told what a dry run does; override what you want to hear.

    What begins and does not end is what failed.
    """

    def opened(self, dataset: Any, index: int) -> None:
        """Hear of the data set and the number of the case, before the case is read."""

    def begins(self, kind: Kind, name: str, place: str) -> None:
        """Hear what is done next."""

    def ended(self, stage: Stage) -> None:
        """Hear what came out of it."""


@contextmanager
def watched(workflow: Any, watch: Watch, places: Mapping[int, str], element: int) -> Iterator[None]:
    """Tell a watch what a workflow computes from a batch: model, losses, metrics, gradients.

    Args:
        workflow: The workflow.
        watch: Is told.
        places: Where modules stand in the configuration, by the `id` of the module.
        element: Which element of the batch the case is.
    """
    if type(watch) is Watch:  # nobody listens, so nothing is done differently
        yield
        return
    line = _Line(workflow, watch, places, element)
    compute, measured = workflow.get_output_dictionary, (*workflow.losses, *workflow.metrics)

    def outputs(batch: Any) -> Any:
        result = compute(batch)
        line.step(result, {**batch, **result})
        return result

    workflow.get_output_dictionary = outputs
    handles = [m.register_forward_hook(lambda _m, _inputs, result: line.step(result, result)) for m in measured]
    try:
        line.begin()
        yield
        if workflow.trains:
            line.step({}, {})
    finally:
        del workflow.get_output_dictionary
        for handle in handles:
            handle.remove()


class _Line:
    """What is computed, in its order: the end of one is the beginning of the next."""

    def __init__(self, workflow: Any, watch: Watch, places: Mapping[int, str], element: int) -> None:
        self.watch, self.element, self.started = watch, element, perf_counter()
        parts: list[tuple[Kind, Any]] = [
            ("model", workflow.model),
            *(("loss", loss) for loss in workflow.losses),
            *(("metric", metric) for metric in workflow.metrics),
        ]
        self.parts = [(kind, type(part.module).__name__, places.get(id(part), "")) for kind, part in parts]
        if workflow.trains:
            self.parts.append(("gradients", "gradients", ""))

    def begin(self) -> None:
        self.started = perf_counter()
        if self.parts:
            self.watch.begins(*self.parts[0])

    def step(self, result: Any, data: Mapping[str, Any]) -> None:
        if not self.parts:  # a workflow that calls the model twice
            return
        seconds = perf_counter() - self.started
        fields = describe_fields(result) if isinstance(result, Mapping) else []
        self.watch.ended(Stage(*self.parts.pop(0), fields, data, self.element, seconds))
        self.begin()
