"""Mean and spread of tensors that come one after the other; they live in `eisen.ops.running`."""

from eisen.ops.running import RunningMean

__all__ = ["RunningMean"]
