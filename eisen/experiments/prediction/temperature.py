"""Temperature scaling: one number that makes probabilities as sure as they are right."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError, ShapeError

__all__ = ["LIMITS", "fit_temperature"]

LIMITS = (0.05, 20.0)
"""A fit that wants to go beyond has nothing to go by: all cases right, or all probabilities chance."""


def fit_temperature(logits: Any, targets: Any) -> float:
    """Return the temperature that logits must be divided by so that the truth becomes most likely.

    Above 1 the model was too sure of itself, below 1 not sure enough. The order of the classes does not change, so
    neither does any decision.

    Args:
        logits: (n, C), before softmax with whole numbers as targets, or before sigmoid with targets (n, C).
        targets: Class of each case (n,), or 0 and 1 (n, C).

    Returns:
        A number between 0.05 and 20; at a limit when the cases leave it open.

    Raises:
        ShapeError: If the shapes do not belong together.
        ArgumentError: If there is no case, or a value is not finite.

    Source: Guo et al. 2017, On calibration of modern neural networks, ICML, section 4.2.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> logits = 3 * rng.normal(size=(20000, 3))
        >>> classes = (logits + rng.gumbel(size=logits.shape)).argmax(1)  # drawn from softmax(logits)
        >>> round(fit_temperature(2.5 * logits, classes), 1)
        2.5
    """
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

    values, truth = torch.as_tensor(np.asarray(logits, np.float64)), torch.as_tensor(np.asarray(targets))
    _check(values, truth)
    exclusive = truth.ndim == 1
    truth = truth.long() if exclusive else truth.double()
    likelihood = cross_entropy if exclusive else binary_cross_entropy_with_logits
    low, high = (math.log(limit) for limit in LIMITS)
    exponent = torch.zeros((), dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS([exponent], lr=1, max_iter=100, tolerance_grad=1e-9, line_search_fn="strong_wolfe")

    def surprise() -> torch.Tensor:
        search.zero_grad()
        loss = likelihood(values * torch.exp(-exponent.clamp(2 * low, 2 * high)), truth)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    search.step(surprise)  # type: ignore[no-untyped-call]
    best = min(max(float(exponent.detach()), low), high)
    # the slope vanishes long before a limit when all cases are right: look there too
    return math.exp(min((best, low, high), key=lambda x: float(likelihood(values * math.exp(-x), truth))))


def _check(logits: Any, targets: Any) -> None:
    if logits.ndim != 2 or tuple(targets.shape) not in (tuple(logits.shape), tuple(logits.shape[:1])):
        raise ShapeError(
            f"logits of shape {tuple(logits.shape)} and targets of shape {tuple(targets.shape)} do not belong together",
            expected="(n, C) and (n,) or (n, C)",
        )
    if not len(logits) or not bool(logits.isfinite().all()):
        raise ArgumentError("there are no logits, or some are not finite", expected="at least one case, finite numbers")
