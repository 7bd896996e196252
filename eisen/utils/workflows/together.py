"""What a training has to be like for several processes to do it together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eisen._core.errors import ArgumentError
from eisen.utils.distributed import Distribution

if TYPE_CHECKING:
    from eisen.utils.workflows.optimising import Optimising

__all__ = ["calls_whole_model", "demand_trainable", "has_unused"]


def calls_whole_model(workflow: Optimising) -> bool:
    """Tell whether every step of a workflow is one call of its model, forward and backward.

    Otherwise, as with a generator and a discriminator that learn in turns, nobody but the workflow knows when all
    gradients are there, so they are averaged just before the weights change.

    Args:
        workflow: The workflow.
    """
    from eisen.utils.workflows.workflows import GenericWorkflow

    kind, base = type(workflow), GenericWorkflow
    own = ("__call__", "get_output_dictionary", "update", "_optimise")
    return all(getattr(kind, name) is getattr(base, name) for name in own)


def has_unused(model: Any, distribution: Distribution) -> bool:
    """Tell whether some weights took no part in the last loss, in any process.

    Args:
        model: The model, after a step.
        distribution: The processes.
    """
    return distribution.any_true(any(weight.requires_grad and weight.grad is None for weight in model.parameters()))


def demand_trainable(workflow: Optimising, distribution: Distribution) -> None:
    """Raise if weights that are spread over processes cannot be trained this way.

    Args:
        workflow: A workflow that trains.
        distribution: The processes.

    Raises:
        ArgumentError: If it keeps an average of the weights, or calls parts of the model.
    """
    if distribution.kind != "fsdp":
        return
    if workflow.average is not None:
        raise ArgumentError(
            f"{type(workflow.average).__name__} does not go together with distribution 'fsdp'",
            expected="no average of weights that are spread over processes",
            to_do='leave .EMA and .SWA out, or set .Distribution to "ddp"',
        )
    if not calls_whole_model(workflow):
        raise ArgumentError(
            f"{type(workflow).__name__} does not go together with distribution 'fsdp': it calls parts of the model",
            expected="a workflow that calls the whole model once per batch",
            to_do='set .Distribution to "ddp"',
        )
