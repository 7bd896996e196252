"""What only scripts for Eisen 0.0.5 use."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import nn

from eisen.utils.parallel import ModelParallel

__all__ = ["EisenAutoModelParallelModuleWrapper"]


class EisenAutoModelParallelModuleWrapper(ModelParallel):
    """Spread a network over several GPUs, with the arguments of Eisen 0.0.5. New code uses `ModelParallel`.

    Args:
        module: The network, or its class.
        number_gpus: How many GPUs to use; without any, the CPU computes.
        split_size: Cases per chunk.
        *args: If `module` is a class: what it is made with.
        **kwargs: The same, by name.

    Raises:
        ArgumentError: If there are not as many GPUs.
    """

    def __init__(self, module: Any, number_gpus: int, split_size: int, *args: Any, **kwargs: Any) -> None:
        new = "ModelParallel(network, split_size, device_ids)"
        warnings.warn(f"EisenAutoModelParallelModuleWrapper is now {new}", DeprecationWarning, stacklevel=2)
        network: nn.Module = module(*args, **kwargs) if isinstance(module, type) else module
        super().__init__(network, split_size, [*range(number_gpus)] if torch.cuda.is_available() else None)
