"""The weights of a run as safetensors: numbers and their names, and nothing that could be executed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eisen._core.errors import ArgumentError, CorruptFileError
from eisen.config import Experiment

if TYPE_CHECKING:
    import torch

__all__ = ["packed_weights", "weight_shapes"]


def packed_weights(experiment: Experiment, files: Sequence[Path]) -> Iterator[bytes]:
    """Yield the weights of each file as safetensors, certain that the model of a configuration takes them.

    The numbers keep their type. Names are those of the network itself, without wrappers.

    Args:
        experiment: The configuration.
        files: Written by a training: weights, or whole checkpoints.

    Raises:
        MissingFileError: If a file is not there.
        CorruptFileError: If it cannot be read, or holds something else than numbers.
        TrainingError: If the weights are of another model.

    Example:
        >>> import tempfile, torch
        >>> from eisen.config import read_config
        >>> model = {"type": "torch.nn.Linear", "params": {"input_names": ["x"], "output_names": ["y"],
        ...          "in_features": 2, "out_features": 1}}
        >>> file = Path(tempfile.mkdtemp()) / "best.pt"
        >>> torch.save({"module.weight": torch.ones(1, 2), "module.bias": torch.zeros(1)}, file)
        >>> (content,) = packed_weights(read_config({"General": {"Models": [model]}}), [file])
        >>> content[8:80]
        b'{"__metadata__":{"format":"pt"},"bias":{"dtype":"F32","shape":[1],"data_'
    """
    from eisen.experiments.parts import build_model
    from eisen.experiments.weights import bare_module, load_into

    model = build_model(experiment)
    for file in files:
        load_into(model, file)
        yield _safe(_as_saved(file, bare_module(model).state_dict()), file)


def weight_shapes(content: bytes) -> list[tuple[int, ...]]:
    """Return the shapes of the weights in a safetensors file.

    Args:
        content: Of the file.

    Raises:
        CorruptFileError: If it is none.
    """
    import json

    try:
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        return [tuple(entry["shape"]) for name, entry in header.items() if name != "__metadata__"]
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptFileError(f"these are no safetensors: {error}") from error


def _as_saved(file: Path, loaded: dict[str, Any]) -> dict[str, Any]:
    """Return the weights of a file under the names of the network, in the type they were saved in."""
    from eisen.experiments.checkpoint import load_weights

    state = load_weights(file)
    state = state["model"] if "model" in state and "epoch" in state else state
    bare = state if set(state) & set(loaded) else {name.removeprefix("module."): v for name, v in state.items()}
    return {name: bare[name] for name in loaded}


def _safe(state: dict[str, torch.Tensor], file: Path) -> bytes:
    import torch
    from safetensors.torch import save

    strange = [name for name, value in state.items() if not isinstance(value, torch.Tensor)]
    if strange:
        raise CorruptFileError(
            f"{file.name} holds '{strange[0]}', which is no tensor",
            expected="numbers only: a package holds nothing that could be executed",
            file=str(file),
        )
    # weights that share memory are stored one by one: safetensors refuses to guess which of the names is right
    tensors = {name: state[name].detach().cpu().contiguous().clone() for name in sorted(state)}
    try:
        return bytes(save(tensors, {"format": "pt"}))
    except (KeyError, ValueError) as error:
        raise ArgumentError(f"{file.name} cannot be written as safetensors: {error}", file=str(file)) from error
