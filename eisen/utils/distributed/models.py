"""Models whose gradients, or whose weights, several processes share."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import nn

from eisen._core.errors import ArgumentError
from eisen.utils.wrappers import EisenModuleWrapper

__all__ = ["averaged", "blocks_of", "common_statistics", "data_parallel", "sharded"]

_BLOCK_WEIGHTS = 2**20
"""Parts of a model with about so many weights are fetched together, just before they are needed."""


def common_statistics(model: EisenModuleWrapper) -> EisenModuleWrapper:
    """Let batch normalisation compute its statistics over the cases of all processes, in place; PyTorch can on GPUs.

    Args:
        model: The wrapped network, on its GPU.
    """
    model.module = nn.SyncBatchNorm.convert_sync_batchnorm(model.module)  # type: ignore[no-untyped-call]  # so in torch
    return model


def data_parallel(model: EisenModuleWrapper, find_unused: bool) -> EisenModuleWrapper:
    """Return a wrapper around the same network that averages gradients over the processes.

    Args:
        model: The wrapped network.
        find_unused: Whether some weights take no part in the loss.
    """
    network = model.module
    device = next((weight.device for weight in network.parameters()), torch.device("cpu"))
    parallel = nn.parallel.DistributedDataParallel(
        network,
        device_ids=[device.index] if device.type == "cuda" else None,
        find_unused_parameters=find_unused,
    )
    return EisenModuleWrapper(parallel, model.input_names, model.output_names)


def averaged(weights: list[torch.Tensor], size: int) -> None:
    """Average gradients over all processes, in place, in one message per kind of number.

    Args:
        weights: The same weights in all processes. One that has a gradient in some of them counts as zero in others.
        size: How many processes there are.
    """
    weights = [weight for weight in weights if weight.requires_grad]
    used = torch.tensor([weight.grad is not None for weight in weights], dtype=torch.uint8)
    dist.all_reduce(used, dist.ReduceOp.MAX)
    kinds: dict[tuple[torch.dtype, torch.device], list[torch.Tensor]] = {}
    for weight, is_used in zip(weights, used.tolist(), strict=True):
        if is_used:
            weight.grad = torch.zeros_like(weight) if weight.grad is None else weight.grad
            kinds.setdefault((weight.grad.dtype, weight.grad.device), []).append(weight.grad)
    for gradients in kinds.values():
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        dist.all_reduce(flat)
        flat /= size
        parts = torch.split(flat, [gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))


def sharded(model: EisenModuleWrapper, device: torch.device, precision: str | None) -> EisenModuleWrapper:
    """Spread the weights of a model over the processes (FSDP2), in place.

    Args:
        model: The wrapped network, on the device where it computes.
        device: That device.
        precision: With ``"bf16"`` on a GPU weights travel in 16 bits; gradients are averaged in 32.

    Raises:
        ArgumentError: If the precision is ``"fp16"``, whose loss scale cannot look at weights that are spread.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    if precision == "fp16":
        raise ArgumentError(
            "precision 'fp16' does not go together with distribution 'fsdp'",
            expected="'bf16' or 'fp32'",
            to_do='set .Precision to "bf16", or .Distribution to "ddp"',
        )
    network = model.module
    mesh = init_device_mesh(device.type, (dist.get_world_size(),))
    reduced = precision == "bf16" and device.type == "cuda"
    policy = (
        MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
        if reduced
        else MixedPrecisionPolicy()
    )
    for block in blocks_of(network):
        fully_shard(block, mesh=mesh, mp_policy=policy)
    fully_shard(network, mesh=mesh, mp_policy=policy)
    return model


def blocks_of(network: nn.Module, limit: int = _BLOCK_WEIGHTS) -> list[nn.Module]:
    """Return the parts of a network that are fetched one by one: as large as possible, but within a limit.

    Args:
        network: The network.
        limit: How many weights a part may have; a single layer may have more.

    Example:
        >>> network = nn.Sequential(nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8)), nn.Linear(8, 2))
        >>> [type(block).__name__ for block in blocks_of(network, limit=100)]
        ['Linear', 'Linear', 'Linear']
    """
    found: list[nn.Module] = []
    for child in network.children():
        n_weights = sum(weight.numel() for weight in child.parameters())
        is_list = isinstance(child, (nn.ModuleList, nn.ModuleDict))  # they have no forward, so nobody would fetch them
        if n_weights and not is_list and (n_weights <= limit or not list(child.children())):
            found.append(child)
        else:
            found += blocks_of(child, limit)
    return found
