"""One pass of a committee over the cases of a phase, case by case."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from eisen._core.errors import EisenError, MissingFieldError
from eisen._core.types import is_label_field
from eisen.config import Phase
from eisen.experiments.case_names import case_names
from eisen.experiments.parts import build_phase, seed_of
from eisen.experiments.prediction.committee import Committee
from eisen.experiments.session import Session
from eisen.experiments.windows import sliding_window

if TYPE_CHECKING:
    from eisen.utils import EisenModuleWrapper
    from eisen.utils.events import BatchEnd

__all__ = ["CasePass", "image_field", "undisturbed"]

_UNUSED = ("losses", "metrics", "optimizer", "scheduler", "sampler", "workflow", "hooks")
"""Sections that have no part in a pass over all cases in their order."""


class CasePass:
    """Sends the cases of a phase through a committee, one at a time: they may be of different size.

    Losses, metrics, sampler and hooks of the phase are left aside. A child implements `on_case`.

    Args:
        session: The frame of the run.
        phase: The phase.
        committee: The trained models.
        name: What the pass is called on the screen.
    """

    def __init__(self, session: Session, phase: Phase, committee: Committee, name: str) -> None:
        experiment = session.experiment
        self.session, self.committee, self.model = session, committee, committee.named()
        self.seed = seed_of(experiment)
        committee.windows = sliding_window(phase.hyper)
        bare = undisturbed(phase, name)
        self.parts = build_phase(
            experiment, bare, self.model, session.data_dir, None, distribution=session.distribution
        )
        self.dataset: Any = self.parts.loader.dataset
        self.names = case_names(self.dataset)

    def run(self) -> None:
        """Pass over all cases."""
        subscription = self.parts.workflow.subscribe(self)
        try:
            self.session.run_epoch(self.parts, 0)
        finally:
            subscription.remove()

    def on_batch_end(self, event: BatchEnd) -> None:
        """Handle a case, and tell an error which case it is about."""
        if not event.workflow.counts:
            return
        try:
            self.on_case(event.number, event.inputs, event.outputs)
        except EisenError as error:
            cases = getattr(event.inputs, "cases", [])
            raise error.note(case=cases[0] if cases else f"#{event.number}") from error.__cause__

    def on_case(self, number: int, batch: dict[str, Any], outputs: dict[str, Any]) -> None:
        """Handle what the committee says about a case."""


def undisturbed(phase: Phase, name: str) -> Phase:
    """Return a phase with what a pass over single cases needs; losses, metrics, sampler and hooks have no part in it.

    Args:
        phase: Of a configuration.
        name: What the pass is called.
    """
    alone = replace(phase.hyper, batch_size=1, sliding_window=None)
    unused: dict[str, Any] = {part: [] for part in _UNUSED}
    return replace(phase, name=name, hyper=alone, **unused)


def image_field(model: EisenModuleWrapper, batch: dict[str, Any]) -> str:
    """Return the field whose grid a prediction is on: the first image among the inputs of the model.

    Raises:
        MissingFieldError: If the batch has none.
    """
    inputs = [name for name in model.input_names if name in batch and hasattr(batch[name], "shape")]
    images = [name for name in inputs if not is_label_field(name) and batch[name].ndim >= 4]
    if not (images or inputs):
        raise MissingFieldError(f"the batch has none of the model's inputs {model.input_names}")
    return (images or inputs)[0]
