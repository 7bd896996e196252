"""The second half of a dry run: one batch through its batch transforms, the model, the losses and back."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from eisen._core.errors import EisenError
from eisen._core.fields import shapes_of
from eisen.experiments.describe_fields import describe_fields
from eisen.experiments.dry_watch import Stage, Watch
from eisen.experiments.records import StepReport
from eisen.transforms import Compose

__all__ = ["follow_batch", "forward_backward", "numbers"]


def follow_batch(workflow: Any, batch: Any, epoch: int, watch: Watch, element: int) -> tuple[Any, list[StepReport]]:
    """Return the batch on the device, behind its batch transforms, and a report on each of them.

    Args:
        workflow: Knows device and batch transform.
        batch: The batch as the loader gave it.
        epoch: Epoch whose random numbers are used, from 0.
        watch: Is told of every step.
        element: Which element of the batch the case is.
    """
    chain = workflow.batch_transform
    if not isinstance(chain, Compose):
        return workflow.prepare(batch), []
    from eisen.utils.workflows.device import place_on

    place_on(workflow.device, batch)
    if hasattr(chain, "set_epoch"):
        chain.set_epoch(epoch)
    reports: list[StepReport] = []
    names = [type(step).__name__ for step in chain.transforms]
    follow = chain.follow(batch)
    for number, (name, place) in enumerate(zip(names, chain.places, strict=True), start=1):
        watch.begins("batch step", name, place)
        started = perf_counter()
        after = next(follow)
        seconds = perf_counter() - started
        reports.append(StepReport(number, name, place, describe_fields(after, before=batch), seconds))
        watch.ended(Stage("batch step", name, place, reports[-1].fields, after, element, seconds))
        batch = after
    return batch, reports


def forward_backward(workflow: Any, batch: Any, *, trains: bool) -> tuple[Any, Any, Any, float | None]:
    """Compute outputs, losses and metrics; in training the norm of the gradients too, but no step of the optimizer.

    Args:
        workflow: The workflow.
        batch: A batch on its device.
        trains: Whether to compute gradients.
    """
    import torch

    workflow.model.train(trains)
    optimizer, workflow.optimizer = workflow.optimizer, None
    try:
        with torch.set_grad_enabled(trains):
            outputs, losses, metrics = workflow(batch)
        return outputs, losses, metrics, _gradient_norm(workflow, losses, batch) if trains else None
    except EisenError as error:
        raise error.note(case=", ".join(batch.cases), shapes=shapes_of(batch)) from error.__cause__
    finally:
        workflow.optimizer = optimizer


def _gradient_norm(workflow: Any, losses: list[dict[str, Any]], batch: Any) -> float | None:
    """Return the norm of the gradients of the sum of the losses, if it is a number that has gradients."""
    import torch

    from eisen.utils.workflows.guard import total_loss

    total = total_loss(losses)
    if total is None or not total.requires_grad:
        return None
    workflow.guard.check(total, losses, batch, 0, 0)
    workflow.guard.flush()
    total.backward()  # type: ignore[no-untyped-call]  # so in torch
    gradients = [p.grad for p in workflow.model.parameters() if p.grad is not None]
    return float(torch.nn.utils.get_total_norm(gradients)) if gradients else 0.0


def numbers(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Return the mean of every loss or metric by name; NaN does not count."""
    import torch

    return {name: float(torch.as_tensor(v).detach().float().nanmean()) for row in rows for name, v in row.items()}
