"""One number for all weights of a model."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from eisen._core.errors import EisenError
from eisen.experiments.checkpoint import load_weights
from eisen.experiments.provenance.digests import digest_of, is_array

__all__ = ["saved_digests", "weights_digest"]


def weights_digest(state: Mapping[str, Any]) -> str:
    """Return the SHA-256 over names, types, shapes and bytes of all weights; it is the same on every device.

    Args:
        state: What `state_dict()` of a model returns, or a file of weights.

    Example:
        >>> import torch
        >>> one, other = torch.nn.Linear(2, 1).state_dict(), torch.nn.Linear(2, 1).state_dict()
        >>> weights_digest(one) == weights_digest(dict(reversed(one.items())))
        True
        >>> weights_digest(one) == weights_digest(other)
        False
    """
    total = hashlib.sha256()
    for name in sorted(state):
        value = state[name]
        if is_array(value):
            total.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
            total.update(_bytes(value))
        else:  # what modules keep beside their tensors
            total.update(f"{name} {digest_of(value)}\n".encode())
    return total.hexdigest()


def saved_digests(best: Path, checkpoint: Path) -> dict[str, str]:
    """Return the digests of the weights that a training left behind, as far as they can be read.

    Args:
        best: The file with the weights of the best epoch.
        checkpoint: The last checkpoint; its weights are called ``"final"``.

    Returns:
        ``{"best": ..., "final": ...}``.

    Example:
        >>> saved_digests(Path("nowhere.pt"), Path("nowhere.pt"))
        {}
    """
    digests = {}
    for name, path in (("best", best), ("final", checkpoint)):
        with suppress(EisenError):
            state = load_weights(path)
            digests[name] = weights_digest(state["model"] if name == "final" else state)
    return digests


def _bytes(value: Any) -> Any:
    import torch

    flat = torch.as_tensor(value).detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy()
