"""How far generated images are from real ones, as distributions."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch import distributed as dist

from eisen._core.errors import ShapeError
from eisen.ops.layers.checks import check_counts

__all__ = ["SlicedWasserstein"]


class SlicedWasserstein(nn.Module):
    """How far generated images are from real ones, all together: 0 where the two cannot be told apart.

    Every image is reduced to one number, its product with a random direction, and the numbers of the generated images
    are compared with those of the real ones: both are sorted, and the mean distance between them is taken. That is the
    mean over many directions. Images are not compared in pairs, so it does not matter which generated image stands
    beside which real one.

    Directions have length 1, so the value is in units of intensity per pixel: if all generated images were brighter by
    b, about 0.8 b. It sees means, contrasts and correlations; it is no judgement of detail. A finite number of images
    is never at 0: compare with the value between two sets of real images.

    Args:
        n_directions: How many directions; more make the value less dependent on them.
        seed: Another number gives other directions.

    Raises:
        ArgumentError: If an argument is not a whole number from 1, or from 0 for the seed.

    Source:
        Rabin et al. 2012, Wasserstein barycenter and its application to texture mixing, LNCS 6667 (the distance);
        Karras et al. 2018, arXiv:1710.10196, section 5 (for generated images).

    Example:
        >>> metric = SlicedWasserstein(n_directions=500)
        >>> images = torch.randn(64, 1, 8, 8, generator=torch.Generator().manual_seed(0))
        >>> metric(images, images.flip(0)).item()
        0.0
        >>> round(metric(images + 0.5, images).item(), 1)
        0.4
    """

    def __init__(self, n_directions: int = 128, seed: int = 0) -> None:
        super().__init__()
        check_counts("SlicedWasserstein", n_directions=n_directions, **{"seed (plus 1)": seed + 1})
        self.n_directions = n_directions
        self.seed = seed
        self._directions: Tensor | None = None
        self._generated: list[Tensor] = []
        self._real: list[Tensor] = []

    def forward(self, generated: Tensor, real: Tensor) -> Tensor:
        """Add a batch, and return the distance for this batch alone.

        Args:
            generated: Generated images (N, C, ...).
            real: Real images (M, C, ...) of the same size.

        Raises:
            ShapeError: If they are of different size.
        """
        if generated.shape[1:] != real.shape[1:]:
            raise ShapeError(
                f"SlicedWasserstein: generated images are {tuple(generated.shape)}, real ones {tuple(real.shape)}",
                expected="the same number of channels and pixels",
                to_do="set image_size of the generator to the size of the images",
            )
        ours, theirs = self._projected(generated.detach()), self._projected(real.detach())
        self._generated.append(ours)
        self._real.append(theirs)
        return _distance(ours, theirs).float()

    def compute(self) -> Tensor:
        """Return the distance over all batches since `reset`, those of all processes included; NaN without any."""
        ours, theirs = (_gathered(values, self.n_directions) for values in (self._generated, self._real))
        if not (len(ours) and len(theirs)):
            return torch.tensor(torch.nan)
        return _distance(ours, theirs).float()

    def reset(self) -> None:
        """Forget all batches."""
        self._generated, self._real = [], []

    def _projected(self, images: Tensor) -> Tensor:
        """Return one number per image and direction, (N, n_directions), float64."""
        flat = images.flatten(1).double()
        directions = self._directions
        if directions is None or len(directions) != flat.shape[1]:
            random = torch.Generator().manual_seed(self.seed)
            drawn = torch.randn(flat.shape[1], self.n_directions, generator=random, dtype=torch.float64)
            directions = drawn / drawn.norm(dim=0)
        self._directions = directions = directions.to(flat.device)
        return flat @ directions


def _distance(ours: Tensor, theirs: Tensor) -> Tensor:
    """Return the mean over directions of the Wasserstein-1 distance between two samples, (N, P) and (M, P)."""
    ours, theirs = ours.sort(dim=0).values, theirs.sort(dim=0).values
    if len(ours) == len(theirs):
        return (ours - theirs).abs().mean()
    # The distance is the area between the two distribution functions, which are steps at the values.
    edges = torch.cat([ours, theirs]).sort(dim=0).values
    widths = edges.diff(dim=0).T.contiguous()
    before = edges[:-1].T.contiguous()
    below = [
        torch.searchsorted(values.T.contiguous(), before, right=True).double() / len(values)
        for values in (ours, theirs)
    ]
    return ((below[0] - below[1]).abs() * widths).sum(1).mean()


def _gathered(values: list[Tensor], n_directions: int) -> Tensor:
    """Return the values of all batches and processes, (N, P)."""
    # what a checkpoint brought back is on the CPU
    own = torch.cat([v.to(values[-1].device) for v in values]) if values else torch.empty(0, n_directions).double()
    if not (dist.is_available() and dist.is_initialized()):
        return own
    counts: list[int | None] = [None] * dist.get_world_size()
    dist.all_gather_object(counts, len(own))
    known = [count or 0 for count in counts]
    padded = own.new_zeros(max(known), n_directions)
    padded[: len(own)] = own
    parts = [torch.empty_like(padded) for _ in known]
    dist.all_gather(parts, padded)
    return torch.cat([part[:count] for part, count in zip(parts, known, strict=True)])
