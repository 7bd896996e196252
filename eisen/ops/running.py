"""Mean and spread of tensors that come one after the other."""

from __future__ import annotations

import torch

from eisen._core.errors import ArgumentError, ShapeError

__all__ = ["RunningMean"]


class RunningMean:
    """Mean of tensors of one shape, and their standard deviation if it is wanted, without keeping them.

    The mean moves towards each new tensor by its share of the difference, so the mean of equal tensors is that tensor,
    bit by bit, and memory does not grow with their number.

    Args:
        spread: Whether the standard deviation will be asked for; takes the memory of one more tensor.

    Source: Welford 1962, Note on a method for calculating corrected sums of squares and products, Technometrics 4.

    Example:
        >>> mean = RunningMean(spread=True)
        >>> for value in (1.0, 2.0, 6.0):
        ...     mean.add(torch.tensor([value]))
        >>> mean.mean, mean.deviation
        (tensor([3.]), tensor([2.1602]))
    """

    def __init__(self, *, spread: bool = False) -> None:
        self.count = 0
        self._spread = spread
        self._mean: torch.Tensor | None = None
        self._squares: torch.Tensor | None = None

    def add(self, values: torch.Tensor) -> None:
        """Take one more tensor into account; it is not changed and not kept.

        Raises:
            ShapeError: If its shape is not that of the ones before.
        """
        self.count += 1
        if self._mean is None:
            self._mean = values.clone()
            self._squares = torch.zeros_like(values) if self._spread else None
            return
        if values.shape != self._mean.shape:
            raise ShapeError(
                f"results of shape {tuple(values.shape)} and {tuple(self._mean.shape)} have no mean",
                expected="the same shape from every model and every view, with the same number of classes",
            )
        difference = values - self._mean
        self._mean += difference / self.count
        if self._squares is not None:
            self._squares += difference.mul_(values - self._mean)

    @property
    def mean(self) -> torch.Tensor:
        """The mean of what was added.

        Raises:
            ArgumentError: If that is nothing.
        """
        if self._mean is None:
            raise ArgumentError("nothing has no mean", expected="at least one tensor", to_do="call add first")
        return self._mean

    @property
    def deviation(self) -> torch.Tensor:
        """The standard deviation of what was added (divided by their number); 0 after a single one."""
        if self._squares is None:
            return torch.zeros_like(self.mean)
        return (self._squares / self.count).clamp_min_(0).sqrt_()
